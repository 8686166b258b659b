//! Where images come from: one file for each format, all of them to one form.
//!
//! | what a user points at | what is read |
//! |---|---|
//! | a card's name, or a card `*.toml` | the parquet files it names |
//! | `*.parquet` | that file, as training images; or, when it is named after a split, the files of the splits beside it |
//! | `*.csv` | a list of paths and labels, see [`csv::parse`] |
//! | a folder with `train-*.parquet`, also one folder down | those, and `test-*.parquet` |
//! | a folder with `data_batch_1.bin`, … | CIFAR-10, binary version |
//! | a folder with `train.bin`, … | CIFAR-100, binary version; the fine labels |
//! | a folder with `train_X.bin`, … | STL-10 |
//! | a folder with `train-images-idx3-ubyte`, … | MNIST and its likes; also `.gz` |
//! | a folder with `train/CLASS/*.png` | PNG and JPEG files, classes by folder; hidden files are left out |
//!
//! The first row that fits counts. The held-out split is called `test` (MNIST: `t10k`); where there is no `test`, then
//! `valid`, `validation` or `val` is held out.

pub mod cifar;
pub mod csv;
mod error;
pub(crate) mod files;
mod folder;
pub mod idx;
mod named;
mod parquet;
mod records;
mod shards;
pub mod stl10;

pub use error::SourceError;
pub(crate) use files::numbered;
pub(crate) use named::Named;
pub(crate) use records::{ImageFile, Images, Part, Records};
#[cfg(feature = "cli")]
pub(crate) use shards::missing as missing_shard;

use super::{Card, DataError, Split};
use cifar::Cifar;
use parquet::Parquet;
use std::path::{Path, PathBuf};

/// The most classes of a set without a card.
pub const MAX_CLASSES: usize = 1 << 16;

/// The names that a split goes by, the one that is taken first first.
fn split_names(split: Split) -> &'static [&'static str] {
    match split {
        Split::Train => &["train"],
        Split::Validation => &["valid", "validation", "val"],
        Split::Test => &["test", "valid", "validation", "val"],
        Split::Unlabeled => &["unlabeled"],
    }
}

/// What a name or path stands for.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Named(Box<Named>),
    Parquet(Parquet),
    Csv(PathBuf),
    Cifar(PathBuf, Cifar),
    Stl10(PathBuf),
    Idx(PathBuf),
    Folder(PathBuf),
}

impl Source {
    /// Decides by the table at the head of this module; nothing but names of files is looked at.
    ///
    /// # Errors
    /// When nothing fits.
    pub(crate) fn detect(source: &str, dir: Option<&Path>) -> Result<Self, DataError> {
        if let Some(card) = Card::named(source)? {
            return Ok(Self::Named(Box::new(Named::shipped(card, dir))));
        }
        let path = Path::new(source);
        if path.is_dir() {
            return Self::of_folder(path);
        }
        if !path.exists() {
            let known = Card::names().collect::<Vec<_>>().join(", ");
            return Err(DataError::Unknown { name: source.to_owned(), known });
        }
        match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("toml") => Ok(Self::Named(Box::new(Named::own(path, dir)?))),
            Some("parquet") => Ok(Self::Parquet(Parquet::file(path))),
            Some("csv") => Ok(Self::Csv(path.to_owned())),
            _ => {
                let reason = "a file whose name ends in none of .toml, .parquet and .csv (of CIFAR, STL-10 and MNIST, \
                              name the folder)";
                Err(SourceError::Format { path: path.to_owned(), reason: reason.into() }.into())
            }
        }
    }

    fn of_folder(path: &Path) -> Result<Self, DataError> {
        if let Some(parquet) = Parquet::detect(path)? {
            return Ok(Self::Parquet(parquet));
        }
        let folder = path.to_owned();
        if let Some(kind) = Cifar::detect(path) {
            return Ok(Self::Cifar(folder, kind));
        }
        if stl10::detect(path) {
            return Ok(Self::Stl10(folder));
        }
        if idx::detect(path) {
            return Ok(Self::Idx(folder));
        }
        if folder::detect(path)? {
            return Ok(Self::Folder(folder));
        }
        Err(SourceError::Format { path: folder, reason: "the folder has none of the files that are looked for".into() }
            .into())
    }

    /// The set's name: its card's, or the path.
    pub(crate) fn name(&self, source: &str) -> String {
        match self {
            Self::Named(named) => named.card.name.clone(),
            _ => source.to_owned(),
        }
    }

    /// The files of a split that is a table of encoded images, and their card if they have one.
    pub(crate) fn tables(&self, split: Split) -> Option<(Vec<PathBuf>, Option<&Card>)> {
        let (files, card) = match self {
            Self::Named(named) => (named.files(split).ok()?, Some(&named.card)),
            Self::Parquet(parquet) => (parquet.files(split).ok()?, None),
            _ => return None,
        };
        (!files.is_empty()).then_some((files, card))
    }

    /// Reads a split.
    ///
    /// # Errors
    /// When there is no such split or its files are damaged.
    pub(crate) fn load(&self, split: Split) -> Result<Records, DataError> {
        match self {
            Self::Named(named) => named.load(split),
            Self::Parquet(parquet) => parquet.load(split),
            Self::Csv(path) => csv::load(path, split),
            Self::Cifar(folder, kind) => cifar::load(folder, *kind, split),
            Self::Stl10(folder) => stl10::load(folder, split),
            Self::Idx(folder) => idx::load(folder, split),
            Self::Folder(folder) => folder::load(folder, split),
        }
    }
}
