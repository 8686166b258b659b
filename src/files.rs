//! Files that appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes `bytes` to a new file beside `path`, flushes it to the disk and renames it over `path`.
///
/// Whoever reads `path` sees the old content or the new, also after a crash. The parent folder is made when missing.
///
/// # Errors
/// When any of it fails; the file beside is removed then, and whatever was at `path` is untouched.
pub fn write_atomic(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let mut file = NewFile::create(path)?;
    file.write_all(bytes)?;
    file.commit()
}

/// A file that is written piece by piece beside its final place and appears there, whole, by [`commit`](Self::commit).
///
/// Dropped before that, it leaves nothing behind, and whatever was in its place is untouched.
#[derive(Debug)]
pub struct NewFile {
    file: BufWriter<File>,
    beside: PathBuf,
    path: PathBuf,
    committed: bool,
}

impl NewFile {
    /// Opens a new file beside `path`. The parent folder is made when missing.
    ///
    /// # Errors
    /// When `path` names no file, or the folder or the file cannot be made.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let (beside, file) = beside(&path, |beside| OpenOptions::new().write(true).create_new(true).open(beside))?;
        Ok(Self { file: BufWriter::new(file), beside, path, committed: false })
    }

    /// Flushes the file to the disk and renames it to its final place, over what is there.
    ///
    /// # Errors
    /// When any of it fails; the file beside is removed then.
    pub fn commit(mut self) -> Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        fs::rename(&self.beside, &self.path)?;
        self.committed = true;
        // The rename itself; folders cannot be opened as files everywhere.
        if cfg!(unix) {
            File::open(folder_of(&self.path))?.sync_all()?;
        }
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_file(&self.beside);
        }
    }
}

/// A folder that is filled beside its final place and appears there, whole, by [`commit`](Self::commit).
///
/// Dropped before that, it leaves nothing behind.
#[derive(Debug)]
pub struct NewFolder {
    beside: PathBuf,
    path: PathBuf,
    committed: bool,
}

impl NewFolder {
    /// Makes an empty folder beside `path`. The parent folder is made when missing.
    ///
    /// # Errors
    /// When something is at `path` already, it names no folder, or the folder cannot be made.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        if path.try_exists()? {
            return Err(Error::from(ErrorKind::AlreadyExists));
        }
        let (beside, ()) = beside(&path, |beside| fs::create_dir(beside))?;
        Ok(Self { beside, path, committed: false })
    }

    /// Where to write what shall have this name in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.beside.join(name)
    }

    /// Renames the folder to its final place.
    ///
    /// # Errors
    /// When it cannot; what was made is removed then.
    pub fn commit(mut self) -> Result<()> {
        fs::rename(&self.beside, &self.path)?;
        self.committed = true;
        if cfg!(unix) {
            File::open(folder_of(&self.path))?.sync_all()?;
        }
        Ok(())
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_dir_all(&self.beside);
        }
    }
}

/// What `make` makes at a hidden name beside `path`, and that name; the parent folder is made when missing. A name that a
/// process which was killed left behind is passed over.
fn beside<T>(path: &Path, make: impl Fn(&Path) -> Result<T>) -> Result<(PathBuf, T)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name =
        path.file_name().ok_or_else(|| Error::new(ErrorKind::InvalidInput, "not the name of a file or folder"))?;
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    loop {
        let mut beside = std::ffi::OsString::from(".");
        beside.push(name);
        beside.push(format!(".{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        let beside = folder.join(beside);
        match make(&beside) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => (),
            made => return made.map(|made| (beside, made)),
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
