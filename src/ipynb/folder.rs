//! Where cells are compiled: kept from one notebook to the next, and shared with the kernel (`notebooks/kernel.py`), so that
//! what they depend on is compiled once. Who works at the same time has a folder of its own.

use super::NotebookError;
use crate::files::write_atomic;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// How many may work at the same time.
pub(crate) const SLOTS: usize = 16;

/// What tells evcxr of its folder.
pub(super) const FOLDER: &str = "EVCXR_TMPDIR";

/// The folders, in the order in which they are tried.
///
/// # Errors
/// When there is no place for them.
pub(super) fn all() -> Result<impl Iterator<Item = PathBuf>, NotebookError> {
    let root = root()?;
    Ok((0..SLOTS).map(move |slot| root.join(slot.to_string())))
}

/// The folder of all of them.
///
/// # Errors
/// When there is no place for it.
pub(crate) fn root() -> Result<PathBuf, NotebookError> {
    let home = crate::data::home().and_then(|home| std::path::absolute(home).ok());
    let none = || NotebookError::Session("there is no home folder to compile in; set INFOMAX_HOME to a folder".into());
    Ok(home.ok_or_else(none)?.join("notebook"))
}

/// What cargo is told of all that cells link against.
const SETTINGS: &str = "\
# Not optimised, these two compile in minutes less, and nothing is slower: see infomax's own Cargo.toml.
[profile.dev.package.polars-core]
opt-level = 0
[profile.dev.package.polars-ops]
opt-level = 0
";

/// Writes the settings that cargo finds in `root` when it compiles below it.
///
/// # Errors
/// When they cannot be written.
pub(crate) fn settings(root: &Path) -> std::io::Result<()> {
    let file = root.join(".cargo").join("config.toml");
    let is_there = std::fs::read(&file).is_ok_and(|old| old == SETTINGS.as_bytes());
    if is_there { Ok(()) } else { write_atomic(&file, SETTINGS.as_bytes()) }
}

/// What evcxr is told, so that it compiles as it does for the kernel.
pub(super) fn environment(folder: &Path) -> Vec<(&'static str, std::ffi::OsString)> {
    let mut told = vec![(FOLDER, folder.into()), ("INFOMAX_DISPLAY", "1".into())];
    let defaults = [
        // Checks for the kernel's own development, which its profile would compile into all dependencies.
        ("CARGO_PROFILE_DEV_DEBUG_ASSERTIONS", "false"),
        ("CARGO_PROFILE_DEV_OVERFLOW_CHECKS", "false"),
        // A gigabyte for infomax alone, which a notebook does not change.
        ("CARGO_INCREMENTAL", "0"),
    ];
    for (name, value) in defaults {
        told.push((name, std::env::var_os(name).unwrap_or_else(|| value.into())));
    }
    // Without it cells run as well; their variables' types take longer to find.
    if let Some(root) = folder.parent() {
        // Without these settings too, only slower to compile.
        let _ = settings(root);
        if let Some(home) = super::outline::home(root).ok().flatten() {
            told.push(("CARGO_HOME", home.into()));
        }
    }
    told
}

/// Whether `cargo run` sets this variable for the program that it runs. Build scripts look at those (ring's does) and run
/// again when they are others, and all above them is compiled again: cells are compiled without them.
pub(super) fn is_cargos(name: &OsStr) -> bool {
    const BEGINNINGS: [&str; 6] =
        ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_CRATE_", "CARGO_BIN_", "CARGO_PRIMARY_", "OUT_DIR"];
    BEGINNINGS.iter().any(|b| name.as_encoded_bytes().starts_with(b.as_bytes()))
}

/// Tells cargo which versions to take: those of infomax's own `Cargo.lock`. evcxr forgets them at every start, and would fetch
/// and compile what has come out since. Cargo drops those that a notebook does not need.
#[cfg(feature = "notebook-run")]
pub(super) fn keep_versions(folder: &Path) {
    // Without the sources that this program was built from, cargo chooses.
    let _ = std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"), folder.join("Cargo.lock"));
}

/// Takes a folder for this process, as long as the file is open; nothing when another has it.
///
/// # Errors
/// When it cannot be made.
#[cfg(feature = "notebook-run")]
pub(super) fn claim(folder: &Path) -> std::io::Result<Option<std::fs::File>> {
    use std::fs::{File, TryLockError};
    std::fs::create_dir_all(folder)?;
    let lock = File::options().create(true).truncate(false).write(true).open(folder.with_extension("lock"))?;
    match lock.try_lock() {
        Ok(()) => (),
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(e)) => return Err(e),
    }
    let first = folder.with_file_name("0");
    if first != folder {
        take_over(&first, folder);
    }
    for target in children(&folder.join("target")) {
        for old in children(&target.join("debug").join("deps")) {
            if old.file_name().is_some_and(|n| n.to_string_lossy().starts_with("libcode_")) {
                let _ = std::fs::remove_file(old);
            }
        }
    }
    Ok(Some(lock))
}

/// Brings what the first folder has compiled and this one has not; what cannot be brought is compiled again.
///
/// Libraries are linked, not copied: the compiler replaces them and never writes into them. What says that a library is
/// complete comes first, in case the first folder's owner is compiling just now.
#[cfg(feature = "notebook-run")]
fn take_over(first: &Path, folder: &Path) {
    let mut files = Vec::new();
    let mut folders = vec![first.join("target")];
    while let Some(next) = folders.pop() {
        for path in children(&next) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let own = ["ctx-", "libctx", "libcode_"].iter().any(|o| name.starts_with(o)) || name == "incremental";
            match path.is_dir() {
                _ if own => (),
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files.sort_by_key(|path| !path.iter().any(|part| part == ".fingerprint"));
    for path in files {
        let Ok(inner) = path.strip_prefix(first) else { continue };
        let copy = folder.join(inner);
        if copy.exists() {
            continue;
        }
        if let Some(parent) = copy.parent() {
            let _ = std::fs::create_dir_all(parent);
        }
        let library = path.extension().is_some_and(|e| ["rlib", "rmeta", "so"].iter().any(|l| e == *l));
        // It may have been there for a moment only.
        let _ = match library {
            true => std::fs::hard_link(&path, &copy),
            false => copied(&path, &copy),
        };
    }
}

/// A copy with the same time, which cargo compares.
#[cfg(feature = "notebook-run")]
fn copied(path: &Path, copy: &Path) -> std::io::Result<()> {
    let time = std::fs::metadata(path)?.modified()?;
    std::fs::copy(path, copy)?;
    std::fs::File::options().write(true).open(copy)?.set_modified(time)
}

#[cfg(feature = "notebook-run")]
fn children(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_run_adds_is_known() {
        let is = |name: &&str| is_cargos(OsStr::new(name));
        assert!(["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "OUT_DIR"].iter().all(is));
        assert!(!["CARGO_HOME", "PATH", "CARGO_PROFILE_DEV_DEBUG"].iter().any(is));
    }

    #[test]
    fn what_is_not_optimised_is_not_in_the_program_either() {
        let whole = include_str!("../../Cargo.toml");
        let packages: Vec<_> = SETTINGS.lines().filter_map(|l| l.strip_prefix("[profile.dev.package.")).collect();
        assert_eq!(packages.len(), 2);
        assert!(
            packages
                .iter()
                .all(|p| whole.contains(&format!("[profile.release.package.{p}\ndebug = false\nopt-level = 0")))
        );
    }

    #[cfg(feature = "notebook-run")]
    #[test]
    fn nobody_shares_one() {
        use std::fs;
        let root = tempfile::TempDir::new().unwrap();
        let [zero, one] = ["0", "1"].map(|slot| root.path().join(slot));
        let first = claim(&zero).unwrap().unwrap();
        assert!(claim(&zero).unwrap().is_none());
        let deps = zero.join("target/x86/debug/deps");
        fs::create_dir_all(&deps).unwrap();
        for name in ["liba.rlib", "a.d", "libctx.so", "libcode_1.so"] {
            fs::write(deps.join(name), name).unwrap();
        }
        let second = claim(&one).unwrap().unwrap();
        let taken = one.join("target/x86/debug/deps");
        let mut names: Vec<_> = children(&taken).iter().map(|p| p.file_name().unwrap().to_owned()).collect();
        names.sort();
        assert_eq!(names, ["a.d", "liba.rlib"]);
        let time = |path: PathBuf| fs::metadata(path).unwrap().modified().unwrap();
        assert_eq!(time(taken.join("a.d")), time(deps.join("a.d")));
        fs::write(deps.join("a.d"), "changed").unwrap();
        assert_eq!(fs::read_to_string(taken.join("a.d")).unwrap(), "a.d");
        drop((first, second));
        assert!(claim(&zero).unwrap().is_some());
        assert!(!deps.join("libcode_1.so").exists() && deps.join("libctx.so").exists());
    }
}
