//! The hub's cache folder: `blobs/` holds contents by hash, `snapshots/<commit>/` names them by links, `refs/` says which
//! commit a branch was at.

use super::retry::Stop;
use super::{HubConfig, HubError};
use crate::files::write_atomic;
use hf_hub::{Cache, CacheRepo, Repo, RepoType};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The folder of one data set's repository.
pub(super) struct Store {
    files: CacheRepo,
    folder: PathBuf,
    locks: PathBuf,
}

impl Store {
    pub(super) fn new(config: &HubConfig, id: &str) -> Self {
        let (cache, repo) = (Cache::new(config.cache.clone()), Repo::new(id.to_owned(), RepoType::Dataset));
        let name = repo.folder_name();
        let folder = config.cache.join(&name);
        Self { files: cache.repo(repo), folder, locks: config.cache.join(".locks").join(name) }
    }

    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.files.blob_path(etag)
    }

    /// What has arrived of a blob so far.
    pub(super) fn partial(&self, etag: &str) -> PathBuf {
        self.files.blob_path(&format!("{etag}.incomplete"))
    }

    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.files.pointer_path(commit)
    }

    fn reference(&self, revision: &str) -> PathBuf {
        self.folder.join("refs").join(revision)
    }

    /// The commit that `revision` names here, if that is known.
    pub(super) fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let commit = fs::read_to_string(self.reference(revision)).ok()?.trim().to_owned();
        is_plain(&commit).then_some(commit)
    }

    /// Records that `revision` is at `commit`.
    pub(super) fn refer(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        if revision == commit || self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.reference(revision);
        write_atomic(&path, commit.as_bytes()).map_err(HubError::io("write", path))
    }

    /// The commits of which something is here, sorted.
    pub(super) fn commits(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.folder.join("snapshots")) else { return Vec::new() };
        let mut found: Vec<String> = entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
        found.sort();
        found
    }

    /// The files named under a commit, with `/` between folders, sorted; also those whose blob is gone.
    pub(super) fn names(&self, commit: &str) -> Result<Vec<String>, HubError> {
        let (root, mut found) = (self.snapshot(commit), Vec::new());
        let mut folders = vec![(root, String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(HubError::io("read", &folder))? {
                let entry = entry.map_err(HubError::io("read", &folder))?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let name = format!("{prefix}{name}");
                if entry.file_type().is_ok_and(|t| t.is_dir()) {
                    folders.push((entry.path(), format!("{name}/")));
                } else {
                    found.push(name);
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Names a blob under a commit: by a relative link as Python does, by a copy where links do not work. Whoever looks
    /// sees the old name or the new.
    pub(super) fn link(&self, etag: &str, commit: &str, name: &str) -> Result<PathBuf, HubError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (blob, named) = (self.blob(etag), self.snapshot(commit).join(name));
        let up = "../".repeat(name.split('/').count() + 1);
        let target = PathBuf::from(format!("{up}blobs/{etag}"));
        if fs::read_link(&named).is_ok_and(|t| t == target) {
            return Ok(named);
        }
        if let Some(folder) = named.parent() {
            fs::create_dir_all(folder).map_err(HubError::io("create", folder))?;
        }
        // Made outside of the snapshot, so that what a crash leaves behind is not taken for one of its files.
        let beside = format!(".link-{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let beside = self.folder.join(beside);
        let made = symlink(&target, &beside).or_else(|_| {
            fs::copy(&blob, &beside)?;
            File::open(&beside)?.sync_all()
        });
        if let Err(e) = made.and_then(|()| fs::rename(&beside, &named)) {
            let _ = fs::remove_file(&beside);
            return Err(HubError::io("write", named)(e));
        }
        Ok(named)
    }

    /// Waits until no other process works on this blob. `waits` is called once if that takes time.
    pub(super) fn lock(&self, etag: &str, stop: &Stop<'_>, waits: &dyn Fn()) -> Result<Lock, HubError> {
        let path = self.locks.join(format!("{etag}.lock"));
        fs::create_dir_all(&self.locks).map_err(HubError::io("create", &self.locks))?;
        let mut said = false;
        loop {
            // A lock file stays: removing it would let two processes hold locks on two files of one name.
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let file = file.map_err(HubError::io("open", &path))?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => return Ok(Lock { _file: file }),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    if !said {
                        waits();
                        said = true;
                    }
                    stop.sleep(Duration::from_millis(100))?;
                }
                Err(TryLockError::Error(e)) => return Err(HubError::io("lock", path)(e)),
            }
        }
    }
}

/// Held while one process works on a blob; the system gives it back also when the process is killed.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Whether the opened file is still the one that the path names; cleaning tools may remove lock files.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// Renames a finished blob and makes the name last.
pub(super) fn publish(partial: &Path, blob: &Path) -> Result<(), HubError> {
    fs::rename(partial, blob).map_err(HubError::io("rename to", blob))?;
    // Folders cannot be opened as files everywhere.
    if cfg!(unix)
        && let Some(folder) = blob.parent()
    {
        File::open(folder).and_then(|f| f.sync_all()).map_err(HubError::io("flush", folder))?;
    }
    Ok(())
}

/// The length of a file, if there is one.
pub(super) fn length(path: &Path) -> Result<Option<u64>, HubError> {
    match fs::metadata(path) {
        Ok(data) => Ok(Some(data.len())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(HubError::io("look at", path)(e)),
    }
}

/// Free bytes where `path` is or will be.
pub(super) fn free_space(path: &Path) -> Option<u64> {
    path.ancestors().find(|p| p.exists()).and_then(|p| fs4::available_space(p).ok())
}

/// A full commit hash.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Whether a hash or commit from a server can be a file name as it is.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Checks `org/name`.
pub(super) fn check_repo(repo: &str) -> Result<(), HubError> {
    let good = |part: &str| is_plain(part) && !part.contains("--") && !part.contains("..") && !part.starts_with('-');
    if repo.split('/').count() > 2 || repo.len() > 96 || !repo.split('/').all(good) {
        return Err(HubError::Repo { repo: repo.to_owned() });
    }
    Ok(())
}

/// Checks a branch, tag or commit, which becomes a path under `refs/`.
pub(super) fn check_revision(revision: &str) -> Result<(), HubError> {
    if !stays_inside(revision) {
        return Err(HubError::Revision { revision: revision.to_owned() });
    }
    Ok(())
}

/// Checks the name of a file in a repository, which becomes a path under `snapshots/`.
pub(super) fn check_name(repo: &str, name: &str) -> Result<(), HubError> {
    if !stays_inside(name) {
        return Err(HubError::UnsafeName { repo: repo.to_owned(), name: name.to_owned() });
    }
    Ok(())
}

/// Whether a name with `/` between its parts stays in the folder that it is joined to, on every system.
fn stays_inside(name: &str) -> bool {
    !name.is_empty()
        && !name.contains(['\\', ':', '\0'])
        && name.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && Path::new(name).components().all(|c| matches!(c, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside() {
        for name in ["a", "data/train-0.parquet", "a b/ü.png", "..a/b..", "refs/pr/1", ".gitattributes"] {
            assert!(check_name("o/n", name).is_ok(), "{name}");
        }
        for name in ["", "/etc/passwd", "../a", "a/../../b", "a//b", "a/", "./a", "a\\b", "C:/x", "..", "a\0b"] {
            assert!(check_name("o/n", name).is_err() && check_revision(name).is_err(), "{name}");
        }
        for repo in ["org/name", "name", "a.b/c_d-e"] {
            assert!(check_repo(repo).is_ok(), "{repo}");
        }
        for repo in ["", "/", "a/", "a/b/c", "../a", "a/..", "a/b--c", "a b/c", "-a/b", "a/.b"] {
            assert!(check_repo(repo).is_err(), "{repo}");
        }
        assert!(is_commit(&"0a".repeat(20)) && !is_commit("main") && !is_commit(&"0A".repeat(20)));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_relative_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(&HubConfig::new(folder.path()), "org/name");
        fs::create_dir_all(store.blob("x").parent().unwrap()).unwrap();
        fs::write(store.blob("x"), "old").unwrap();
        fs::write(store.blob("y"), "new").unwrap();
        let named = store.link("x", "c0", "a/b.txt").unwrap();
        assert_eq!(named, folder.path().join("datasets--org--name/snapshots/c0/a/b.txt"));
        assert_eq!(fs::read_link(&named).unwrap(), Path::new("../../../blobs/x"));
        assert_eq!(fs::read_to_string(&named).unwrap(), "old");
        assert_eq!(store.link("y", "c0", "a/b.txt").unwrap(), named);
        assert_eq!(fs::read_to_string(&named).unwrap(), "new");
        assert_eq!(fs::read_link(store.link("y", "c0", "c").unwrap()).unwrap(), Path::new("../../blobs/y"));
        assert_eq!(store.names("c0").unwrap(), ["a/b.txt", "c"]);
        store.refer("refs/pr/1", "c0").unwrap();
        assert_eq!(store.commit("refs/pr/1").as_deref(), Some("c0"));
        assert_eq!(store.commit("main"), None);
    }
}
