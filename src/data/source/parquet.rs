//! Parquet files without a card: a folder of them, or one.

use super::files::{MAX_BINARY, entries};
use super::shards::all_shards;
use super::{Images, Part, Records, SourceError, split_names};
use crate::data::table::{Labels, TableImages};
use crate::data::{Card, DataError, Split};
use std::path::{Path, PathBuf};

/// Where the files are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parquet {
    /// In the folder and the folders in it.
    Folder(PathBuf),
    /// Beside the file that was named after a split: the files of that folder only.
    Beside(PathBuf),
    /// A file of another name: all of it is the training split.
    Single(PathBuf),
}

impl Parquet {
    /// A file that a user named. `train-00000-of-00002.parquet` or `test.parquet` stand for all files of their splits in
    /// the folder; a file of any other name stands for itself.
    pub(super) fn file(path: &Path) -> Self {
        if Split::ALL.iter().flat_map(|&s| split_names(s)).any(|name| belongs(path, name)) {
            return Self::Beside(path.parent().unwrap_or(Path::new("")).to_owned());
        }
        Self::Single(path.to_owned())
    }

    /// Whether a folder, or a folder in it, holds files that are named after splits.
    pub(super) fn detect(folder: &Path) -> Result<Option<Self>, DataError> {
        let found = Self::Folder(folder.to_owned());
        for split in Split::ALL {
            match found.files(split) {
                Ok(files) if files.is_empty() => {}
                // A split that is here in part is told of when it is asked for.
                Ok(_) | Err(DataError::MissingShard { .. }) => return Ok(Some(found)),
                Err(e) => return Err(e),
            }
        }
        Ok(None)
    }

    /// The files of a split, in order; of the first folder and the first of the split's names that has any.
    pub(super) fn files(&self, split: Split) -> Result<Vec<PathBuf>, DataError> {
        let folders = match self {
            Self::Single(path) if split == Split::Train => return Ok(vec![path.clone()]),
            Self::Single(_) => return Ok(Vec::new()),
            Self::Beside(folder) if folder.as_os_str().is_empty() => vec![PathBuf::from(".")],
            Self::Beside(folder) => vec![folder.clone()],
            Self::Folder(folder) => {
                let mut folders = vec![folder.clone()];
                folders.extend(entries(folder)?.into_iter().filter(|p| p.is_dir()));
                folders
            }
        };
        let listed = folders.iter().map(|f| entries(f)).collect::<Result<Vec<_>, _>>()?;
        for name in split_names(split) {
            for files in &listed {
                let found: Vec<PathBuf> = files.iter().filter(|p| belongs(p, name) && !p.is_dir()).cloned().collect();
                if !found.is_empty() {
                    return all_shards(found, split);
                }
            }
        }
        Ok(Vec::new())
    }

    pub(super) fn load(&self, split: Split) -> Result<Records, DataError> {
        let files = self.files(split)?;
        if files.is_empty() {
            let (path, looked) = match self {
                Self::Folder(path) => {
                    (path, format!("{}-*.parquet in it and in its folders", split_names(split).join("-*, ")))
                }
                Self::Beside(path) => (path, format!("{}-*.parquet", split_names(split).join("-*, "))),
                Self::Single(path) => (path, "a file train-*.parquet with test-*.parquet beside it".into()),
            };
            return Err(SourceError::NoSplit { path: path.clone(), split: split.name(), looked }.into());
        }
        tables(&files, None, split)
    }
}

/// Whether a file is `name.parquet` or `name-….parquet`.
fn belongs(path: &Path, name: &str) -> bool {
    let stem = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".parquet"));
    stem.and_then(|s| s.strip_prefix(name)).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Reads files of a split, by a card's columns if there is one.
pub(super) fn tables(files: &[PathBuf], card: Option<&Card>, split: Split) -> Result<Records, DataError> {
    let mut parts = Vec::with_capacity(files.len());
    for path in files {
        let known = std::fs::metadata(path).map_err(DataError::io("open", path))?;
        if !known.is_file() {
            return Err(SourceError::NotAFile { path: path.clone() }.into());
        }
        if known.len() > MAX_BINARY {
            let path = path.clone();
            return Err(SourceError::TooLarge { path, bytes: known.len(), limit: MAX_BINARY }.into());
        }
        let (image, label) = (card.map(|c| c.image_column.as_str()), card.map(|c| c.label_column.as_str()));
        let labels = if split == Split::Unlabeled { Labels::None } else { Labels::Column(label) };
        let (images, labels) = TableImages::open(path, image, labels)?;
        parts.push(Part { path: path.clone(), images: Images::Table(images), labels });
    }
    Ok(Records { parts, ..Records::default() })
}
