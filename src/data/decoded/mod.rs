//! Decoded sets, kept as files: decoding is most of the work of loading a set, and its result is always the same.

mod file;
mod key;
mod place;

use super::source::Source;
use super::{DataError, ImageSet, Split};
use file::Header;
use key::Identity;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Sets that decode to less than this are not kept, unless [`DecodedCache::keeping_from`] says otherwise: they decode in
/// a fraction of a second.
const AT_LEAST: u64 = 1 << 24;
/// Ends of the names of files that are kept.
const SUFFIX: &str = ".images";
/// What a program that was killed while it wrote left behind is removed after this time.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A folder of decoded sets.
///
/// A set's file is found by what it was made from: the content of the parquet files (by the name that the hub's cache gives
/// it, which is its hash, or else by SHA-256), the columns, the image's size and channels, the classes, and the version of
/// the format. When any of these differ, another file is meant. It appears whole or not at all, and its checksum is
/// compared on every read; what is damaged is decoded anew and written again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedCache {
    folder: PathBuf,
    at_least: u64,
}

/// What a cache did for a load.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheUse {
    /// Nothing: the set is small, or of a format that is not encoded.
    None,
    /// The images were read from this file; nothing was decoded.
    Read(PathBuf),
    /// The images were decoded, and are kept in this file.
    Written {
        /// The file.
        file: PathBuf,
        /// What was wrong with the one that was there.
        damage: Option<String>,
    },
    /// The images were decoded and could not be kept; the set is whole all the same.
    NotKept {
        /// The file that there should be.
        file: PathBuf,
        /// Why there is none.
        reason: String,
    },
}

impl CacheUse {
    /// What a user should know of it, in one line; nothing when all went as it should.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::None | Self::Read(_) | Self::Written { damage: None, .. } => None,
            Self::Written { file, damage: Some(damage) } => Some(format!(
                "the decoded copy {} could not be used ({damage}); the images were decoded again and it was written anew",
                file.display()
            )),
            Self::NotKept { file, reason } => Some(format!(
                "the decoded copy {} could not be kept ({reason}); the images are decoded again next time",
                file.display()
            )),
        }
    }
}

/// A kept file, as its head describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CacheEntry {
    /// The file.
    pub file: PathBuf,
    /// Bytes.
    pub bytes: u64,
    /// The set's name; empty when the head cannot be read.
    pub name: String,
    /// The split's name.
    pub split: String,
    /// Images.
    pub images: usize,
    /// Channels, height and width.
    pub shape: [usize; 3],
    /// Why the file is of no use, if that is known without reading all of it.
    pub damage: Option<String>,
}

/// Where infomax keeps what it can make again.
pub(crate) fn home() -> Option<PathBuf> {
    place::home(|name| std::env::var_os(name), std::env::home_dir())
}

impl DecodedCache {
    /// The cache in this folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), at_least: AT_LEAST }
    }

    /// The folder `decoded` in `INFOMAX_HOME`, or else in `infomax` in the system's folder for caches: `XDG_CACHE_HOME` or
    /// `~/.cache` on Linux, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows. None when there is no such folder.
    pub fn from_env() -> Option<Self> {
        Some(Self::new(home()?.join("decoded")))
    }

    /// Keeps sets that decode to so many bytes or more, instead of 16 MiB.
    #[must_use]
    pub fn keeping_from(self, bytes: u64) -> Self {
        Self { at_least: bytes, ..self }
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is kept, by name. Heads are read, images are not.
    ///
    /// # Errors
    /// When the folder cannot be read; it is no error when there is none.
    pub fn entries(&self) -> Result<Vec<CacheEntry>, DataError> {
        let mut found = Vec::new();
        for path in self.files(SUFFIX)? {
            let bytes = std::fs::metadata(&path).map_or(0, |m| m.len());
            let mut entry = CacheEntry {
                file: path.clone(),
                bytes,
                name: String::new(),
                split: String::new(),
                images: 0,
                shape: [0; 3],
                damage: None,
            };
            match file::head(&path) {
                Ok(head) => {
                    entry.images = head.images();
                    entry.shape = head.shape;
                    (entry.name, entry.split) = (head.name, head.split);
                }
                Err(reason) => entry.damage = Some(reason),
            }
            found.push(entry);
        }
        found.sort_by(|a, b| (&a.name, &a.split, &a.file).cmp(&(&b.name, &b.split, &b.file)));
        Ok(found)
    }

    /// Removes the files of one set, or all of them, and what interrupted writes left; what was removed.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn clear(&self, name: Option<&str>) -> Result<Vec<CacheEntry>, DataError> {
        let mut entries = self.entries()?;
        entries.retain(|entry| name.is_none_or(|name| entry.name == name));
        for entry in &entries {
            std::fs::remove_file(&entry.file).map_err(DataError::io("remove", &entry.file))?;
        }
        if name.is_none() {
            self.remove_abandoned(Duration::ZERO);
        }
        Ok(entries)
    }

    /// The files whose names end so.
    fn files(&self, end: &str) -> Result<Vec<PathBuf>, DataError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(DataError::io("read", &self.folder)(e)),
        };
        let paths = entries.flatten().map(|e| e.path());
        Ok(paths.filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().ends_with(end))).collect())
    }

    /// Files beside their final place, of writes that ended too early.
    fn remove_abandoned(&self, age: Duration) {
        for path in self.files(".tmp").unwrap_or_default() {
            let written = path.metadata().and_then(|m| m.modified());
            let old = written.is_ok_and(|t| SystemTime::now().duration_since(t).is_ok_and(|d| d >= age));
            // Ours only: a hidden file named after one that is kept.
            let ours = path.file_name().map(|n| n.to_string_lossy().into_owned());
            if old && ours.is_some_and(|n| n.starts_with('.') && n.contains(SUFFIX)) {
                let _ = std::fs::remove_file(path);
            }
        }
    }

    fn file(&self, name: &str, split: Split, identity: &Identity) -> PathBuf {
        let stem = Path::new(name).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let plain: String =
            stem.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).take(40).collect();
        let key: String = identity.key.chars().take(24).collect();
        self.folder.join(format!("{plain}-{}-{key}{SUFFIX}", split.name()))
    }

    /// Writes a set's file; why it could not be, if so.
    fn keep(&self, path: &Path, set: &ImageSet, split: Split, identity: &Identity) -> Result<(), String> {
        if !identity.still_holds() {
            return Err("its files changed while they were read".into());
        }
        self.remove_abandoned(ABANDONED);
        std::fs::create_dir_all(&self.folder).map_err(|e| e.to_string())?;
        // A disk is not filled to its end for a copy: what is left must hold as much again.
        let needed = 2 * set.pixels.len() as u64;
        if let Some(free) = fs4::available_space(&self.folder).ok().filter(|&free| free < needed) {
            return Err(format!("{} MB are free, {} MB are asked for", free / 1_000_000, needed / 1_000_000));
        }
        let header = Header::of(set, split, identity);
        file::write(path, &header, set).map_err(|e| e.to_string())
    }
}

impl ImageSet {
    /// Loads a split as [`ImageSet::load`] does, which keeps nothing, but from a decoded copy in `cache` where there is one,
    /// and keeps one there where there is none. Sets of parquet files only: other formats are not encoded, or are many
    /// small files that may change one by one.
    ///
    /// # Errors
    /// As [`ImageSet::load`]. A cache that cannot be read or written is no error; [`CacheUse::note`] says it.
    pub fn load_cached(
        source: &str,
        split: Split,
        dir: Option<&Path>,
        cache: &DecodedCache,
    ) -> Result<(Self, CacheUse), DataError> {
        let found = Source::detect(source, dir)?;
        let Some(identity) = Identity::of(&found, split) else {
            return Ok((Self::decode(&found, source, split)?, CacheUse::None));
        };
        let name = found.name(source);
        let file = cache.file(&name, split, &identity);
        let damage = match file::read(&file, &identity.key) {
            Ok(Some(set)) => return Ok((Self { name, ..set }, CacheUse::Read(file))),
            Ok(None) => None,
            Err(damage) => Some(damage),
        };
        let set = Self::decode(&found, source, split)?;
        if damage.is_none() && (set.pixels.len() as u64) < cache.at_least {
            return Ok((set, CacheUse::None));
        }
        let used = match (cache.keep(&file, &set, split, &identity), damage) {
            (Ok(()), damage) => CacheUse::Written { file, damage },
            (Err(reason), None) => CacheUse::NotKept { file, reason },
            (Err(reason), Some(damage)) => CacheUse::NotKept { file, reason: format!("{damage}; {reason}") },
        };
        Ok((set, used))
    }
}
