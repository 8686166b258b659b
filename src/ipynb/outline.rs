//! What rust-analyzer reads of a notebook's dependencies.
//!
//! evcxr asks it for the types of variables, and it reads every crate that `cargo metadata` names; in a notebook's first
//! cells that takes longer than all else, though no type of a variable is made of most of them. It asks the cargo in
//! `$CARGO_HOME/bin`. So notebooks have a cargo home of their own, made of links to the user's, but for a `cargo` whose
//! `metadata` leaves those crates out. Whatever compiles sees all of them.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

/// The cargo home, beside the folders that cells are compiled in.
const HOME: &str = "cargo-home";

/// What a package is left of its dependencies: those that types of variables are made of.
const KEPT: [(&str, &[&str]); 5] = [
    ("infomax-notebook", &["infomax"]),
    ("infomax-notebook-data", &["infomax", "image"]),
    ("infomax", &["dfdx"]),
    ("dfdx", &[]),
    ("image", &[]),
];

/// The user's cargo home.
pub(crate) fn cargo_home() -> Option<PathBuf> {
    match std::env::var_os("CARGO_HOME").filter(|told| !told.is_empty()) {
        Some(told) => std::path::absolute(told).ok(),
        None => Some(std::env::home_dir()?.join(".cargo")),
    }
}

/// Makes the cargo home in `root`, or brings it up to date. Nothing where there are no such links, or no cargo.
///
/// # Errors
/// When it cannot be written.
#[cfg(unix)]
pub(crate) fn home(root: &Path) -> io::Result<Option<PathBuf>> {
    use std::os::unix::fs::PermissionsExt;
    let home = root.join(HOME);
    let of_user = || Some(std::env::home_dir()?.join(".cargo"));
    let Some(own) = cargo_home().filter(|own| *own != home).or_else(of_user) else { return Ok(None) };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut programs = std::iter::once(own.join("bin")).chain(std::env::split_paths(&path)).map(|f| f.join("cargo"));
    let Some(cargo) = programs.find(|program| program.is_file() && !program.starts_with(&home)) else {
        return Ok(None);
    };
    let bin = home.join("bin");
    std::fs::create_dir_all(&bin)?;
    // What cargo would make in a home of its own, which is then the user's in both.
    for folder in ["registry", "git"] {
        std::fs::create_dir_all(own.join(folder))?;
    }
    for file in [".package-cache", ".package-cache-mutate"] {
        std::fs::File::options().create(true).truncate(false).write(true).open(own.join(file))?;
    }
    links(&own, &home, "bin")?;
    if own.join("bin").is_dir() {
        links(&own.join("bin"), &bin, "cargo")?;
    }
    let script = script(&std::env::current_exe()?, &cargo);
    let file = bin.join("cargo");
    if std::fs::read(&file).ok().as_deref() != Some(script.as_bytes()) {
        let beside = bin.join(format!(".cargo-{}", std::process::id()));
        std::fs::write(&beside, script)?;
        std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o755))?;
        std::fs::rename(beside, file)?;
    }
    Ok(Some(home))
}

/// Elsewhere rust-analyzer reads everything.
#[cfg(not(unix))]
pub(crate) fn home(_: &Path) -> io::Result<Option<PathBuf>> {
    Ok(None)
}

/// Links everything in a folder but `but` into another.
#[cfg(unix)]
fn links(from: &Path, to: &Path, but: &str) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (path, link) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == but || std::fs::read_link(&link).is_ok_and(|old| old == path) {
            continue;
        }
        // An old link, or a file that cargo put here; never a folder.
        let _ = std::fs::remove_file(&link);
        match std::os::unix::fs::symlink(&path, &link) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => (),
        }
    }
    Ok(())
}

/// The `cargo` of notebooks; without this program it is the user's.
fn script(program: &Path, cargo: &Path) -> String {
    let [program, cargo] = [program, cargo].map(|p| format!("'{}'", p.to_string_lossy().replace('\'', r"'\''")));
    format!(
        "#!/bin/sh\n# Made by infomax: rust-analyzer need not read crates that no type in a notebook is made of.\n\
         if [ \"$1\" = metadata ] && [ -x {program} ]; then exec {program} notebook cargo {cargo} \"$@\"; fi\n\
         exec {cargo} \"$@\"\n"
    )
}

/// Runs a `cargo metadata`, and prints what it says without what is left out.
///
/// # Errors
/// When it cannot be run, or what it says cannot be printed.
pub(crate) fn metadata(cargo: &OsStr, arguments: &[OsString]) -> io::Result<ExitCode> {
    let said = Command::new(cargo).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let left = serde_json::from_slice(&said.stdout).ok().and_then(outlined);
    let text = left.map_or(said.stdout, |left| left.to_string().into_bytes());
    io::stdout().write_all(&text)?;
    Ok(code(said.status))
}

fn code(status: ExitStatus) -> ExitCode {
    ExitCode::from(status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1))
}

/// What is left; nothing when all is.
fn outlined(mut metadata: Value) -> Option<Value> {
    let id = |of: &Value| of.as_str().map(str::to_owned);
    let packages = metadata.get("packages")?.as_array()?;
    let names: BTreeMap<String, String> =
        packages.iter().filter_map(|p| Some((id(p.get("id")?)?, id(p.get("name")?)?))).collect();
    if !names.values().any(|name| name == "infomax") {
        return None;
    }
    let mut left: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in metadata.pointer_mut("/resolve/nodes")?.as_array_mut()? {
        let own = id(node.get("id")?)?;
        let kept = KEPT.iter().find(|(name, _)| names.get(&own).is_some_and(|n| n == name)).map(|(_, kept)| *kept);
        let stays = |of: &str| kept.is_none_or(|kept| names.get(of).is_some_and(|name| kept.contains(&name.as_str())));
        node.get_mut("deps")?.as_array_mut()?.retain(|d| d.get("pkg").and_then(Value::as_str).is_some_and(stays));
        let all = node.get_mut("dependencies")?.as_array_mut()?;
        all.retain(|d| d.as_str().is_some_and(stays));
        left.insert(own, all.iter().filter_map(id).collect());
    }
    let mut found = BTreeSet::new();
    let mut next: Vec<String> = metadata.get("workspace_members")?.as_array()?.iter().filter_map(id).collect();
    while let Some(package) = next.pop() {
        next.extend(left.get(&package).into_iter().flatten().filter(|d| !found.contains(*d)).cloned());
        found.insert(package);
    }
    let is_found = |of: &Value| of.get("id").and_then(Value::as_str).is_some_and(|id| found.contains(id));
    metadata.pointer_mut("/resolve/nodes")?.as_array_mut()?.retain(is_found);
    metadata.get_mut("packages")?.as_array_mut()?.retain(is_found);
    Some(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(edges: &[(&str, &[&str])]) -> Value {
        let (mut packages, mut nodes) = (Vec::new(), Vec::new());
        for (name, to) in edges {
            let deps: Vec<Value> = to.iter().map(|d| json!({"pkg": d})).collect();
            packages.push(json!({"id": name, "name": name}));
            nodes.push(json!({"id": name, "dependencies": to, "deps": deps}));
        }
        json!({"packages": packages, "workspace_members": ["ctx"], "resolve": {"root": "ctx", "nodes": nodes}})
    }

    #[test]
    fn what_no_type_is_made_of_is_left_out() {
        let left = outlined(said(&[
            ("ctx", &["infomax-notebook-data", "ndarray"]),
            ("infomax-notebook-data", &["infomax", "image"]),
            ("infomax", &["dfdx", "polars", "rand"]),
            ("image", &["png"]),
            ("dfdx", &["gemm", "rand"]),
            ("gemm", &[]),
            ("polars", &["gemm"]),
            ("png", &[]),
            // What the notebook names itself is read whole.
            ("ndarray", &["rand"]),
            ("rand", &[]),
        ]));
        let wanted = said(&[
            ("ctx", &["infomax-notebook-data", "ndarray"]),
            ("infomax-notebook-data", &["infomax", "image"]),
            ("infomax", &["dfdx"]),
            ("image", &[]),
            ("dfdx", &[]),
            ("ndarray", &["rand"]),
            ("rand", &[]),
        ]);
        assert_eq!(left, Some(wanted));
        assert_eq!(outlined(said(&[("ctx", &["rand"]), ("rand", &[])])), None);
        assert_eq!(outlined(json!({"packages": [{"id": "a", "name": "infomax"}], "resolve": null})), None);
    }

    #[cfg(unix)]
    #[test]
    fn the_home_is_the_users_but_for_cargo() {
        let root = tempfile::TempDir::new().unwrap();
        let home = home(root.path()).unwrap().expect("cargo, which runs this");
        assert_eq!(super::home(root.path()).unwrap(), Some(home.clone()));
        let link = std::fs::read_link(home.join("registry")).unwrap();
        assert!(link.ends_with("registry") && !link.starts_with(root.path()));
        let ask = |argument: &str| Command::new(home.join("bin/cargo")).arg(argument).output().unwrap().stdout;
        assert!(ask("--version").starts_with(b"cargo 1."));
    }

    #[test]
    fn a_script_holds_any_path() {
        let text = script(Path::new("/a b/it's"), Path::new("/c/cargo"));
        assert!(text.contains(r"exec '/a b/it'\''s' notebook cargo '/c/cargo' "), "{text}");
    }
}
