//! The binary files of CIFAR-10 and CIFAR-100: records of label bytes and 3,072 bytes of planes (Krizhevsky 2009).

use super::files::{MAX_BINARY, class_names, numbered, read};
use super::{Images, Part, Records, SourceError};
use crate::data::decode::ImageShape;
use crate::data::{DataError, Split};
use std::path::{Path, PathBuf};

/// Bytes of an image, `[3, 32, 32]`.
const IMAGE: usize = 3 * 32 * 32;
const FORM: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

/// Which of the two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cifar {
    /// Ten classes; one label byte.
    Ten,
    /// A hundred classes; a coarse label byte, which is left out, and a fine one.
    Hundred,
}

impl Cifar {
    /// Number of classes.
    pub fn classes(self) -> usize {
        match self {
            Self::Ten => 10,
            Self::Hundred => 100,
        }
    }

    fn label_bytes(self) -> usize {
        match self {
            Self::Ten => 1,
            Self::Hundred => 2,
        }
    }

    /// The file of class names.
    fn names(self) -> &'static str {
        match self {
            Self::Ten => "batches.meta.txt",
            Self::Hundred => "fine_label_names.txt",
        }
    }

    /// The files of a split.
    fn files(self, split: Split) -> Vec<String> {
        match self {
            Self::Ten if split == Split::Train => (1..=5).map(|i| format!("data_batch_{i}.bin")).collect(),
            Self::Ten => vec![format!("{}_batch.bin", split.name())],
            Self::Hundred => vec![format!("{}.bin", split.name())],
        }
    }

    /// Which set a folder holds, by its files' names.
    pub(super) fn detect(folder: &Path) -> Option<Self> {
        [Self::Ten, Self::Hundred].into_iter().find(|kind| {
            [Split::Train, Split::Test].iter().flat_map(|&s| kind.files(s)).any(|f| folder.join(f).is_file())
        })
    }
}

/// Labels and planes `[N, 3, 32, 32]` of the content of one file; `path` is for messages.
///
/// # Errors
/// When the length is no whole number of records, or a label names no class.
pub fn parse(path: &Path, bytes: &[u8], kind: Cifar) -> Result<(Vec<i64>, Vec<u8>), DataError> {
    let record = kind.label_bytes() + IMAGE;
    if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
        let expected = format!("a whole number of records of {record} bytes");
        return Err(SourceError::Length { path: path.to_owned(), bytes: bytes.len() as u64, expected }.into());
    }
    let rows = bytes.len() / record;
    let (mut labels, mut pixels) = (Vec::with_capacity(rows), Vec::with_capacity(rows * IMAGE));
    for (row, record) in bytes.chunks_exact(record).enumerate() {
        let (head, image) = record.split_at(kind.label_bytes());
        let label = i64::from(head.last().copied().unwrap_or_default());
        if label >= kind.classes() as i64 {
            return Err(DataError::Label { path: path.to_owned(), row, label, classes: kind.classes() });
        }
        labels.push(label);
        pixels.extend_from_slice(image);
    }
    Ok((labels, pixels))
}

/// The files of a split; all of them must be there.
pub(super) fn load(folder: &Path, kind: Cifar, split: Split) -> Result<Records, DataError> {
    let files: Vec<PathBuf> = kind.files(split).iter().map(|f| folder.join(f)).collect();
    if !files.iter().any(|f| f.exists()) {
        let looked = kind.files(split).join(", ");
        return Err(SourceError::NoSplit { path: folder.to_owned(), split: split.name(), looked }.into());
    }
    let parts = files.into_iter().map(|path| {
        let (labels, pixels) = parse(&path, &read(&path, MAX_BINARY)?, kind)?;
        Ok(Part { path, images: Images::Planes(FORM, pixels), labels })
    });
    let classes = class_names(&folder.join(kind.names()), kind.classes())?;
    Ok(Records {
        parts: parts.collect::<Result<_, DataError>>()?,
        classes: Some(classes.unwrap_or_else(|| numbered(kind.classes()))),
        ..Records::default()
    })
}
