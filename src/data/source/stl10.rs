//! The binary files of STL-10 (Coates, Ng & Lee 2011): images of 3 planes of 96x96, column after column; labels 1 to 10.

use super::files::{MAX_BINARY, class_names, numbered, read};
use super::{Images, Part, Records, SourceError};
use crate::data::decode::ImageShape;
use crate::data::{DataError, Split};
use std::path::Path;

const SIDE: usize = 96;
const PLANE: usize = SIDE * SIDE;
/// Number of classes.
const CLASSES: u8 = 10;
const FORM: ImageShape = ImageShape { channels: 3, height: SIDE, width: SIDE };

/// Turns the content of a file of images into planes `[N, 3, 96, 96]`, in place; `path` is for messages.
///
/// # Errors
/// When the length is no whole number of images.
pub fn parse_images(path: &Path, mut bytes: Vec<u8>) -> Result<Vec<u8>, DataError> {
    if bytes.is_empty() || !bytes.len().is_multiple_of(3 * PLANE) {
        let expected = format!("a whole number of images of {} bytes", 3 * PLANE);
        return Err(SourceError::Length { path: path.to_owned(), bytes: bytes.len() as u64, expected }.into());
    }
    for plane in bytes.chunks_exact_mut(PLANE) {
        for row in 0..SIDE {
            for column in row + 1..SIDE {
                plane.swap(row * SIDE + column, column * SIDE + row);
            }
        }
    }
    Ok(bytes)
}

/// Labels 0 to 9 of the content of a file of labels 1 to 10; `path` is for messages.
///
/// # Errors
/// When a label is out of range.
pub fn parse_labels(path: &Path, bytes: &[u8]) -> Result<Vec<i64>, DataError> {
    let label = |(row, &label): (usize, &u8)| match label {
        1..=CLASSES => Ok(i64::from(label) - 1),
        _ => Err(SourceError::FromOne { path: path.to_owned(), row, label, classes: CLASSES }.into()),
    };
    bytes.iter().enumerate().map(label).collect()
}

/// Whether a folder holds the files.
pub(super) fn detect(folder: &Path) -> bool {
    ["train_X.bin", "test_X.bin", "unlabeled_X.bin"].iter().any(|f| folder.join(f).is_file())
}

/// The files of a split.
pub(super) fn load(folder: &Path, split: Split) -> Result<Records, DataError> {
    let path = folder.join(format!("{}_X.bin", split.name()));
    if !path.exists() {
        let looked = format!("{0}_X.bin and {0}_y.bin", split.name());
        return Err(SourceError::NoSplit { path: folder.to_owned(), split: split.name(), looked }.into());
    }
    let beside = folder.join(format!("{}_y.bin", split.name()));
    let pixels = parse_images(&path, read(&path, MAX_BINARY)?)?;
    let images = pixels.len() / (3 * PLANE);
    let labels = match split {
        Split::Unlabeled => vec![-1; images],
        _ => parse_labels(&beside, &read(&beside, MAX_BINARY)?)?,
    };
    if images != labels.len() {
        return Err(SourceError::Counts { path, images, beside, labels: labels.len() }.into());
    }
    let classes = class_names(&folder.join("class_names.txt"), CLASSES.into())?;
    Ok(Records {
        parts: vec![Part { path, images: Images::Planes(FORM, pixels), labels }],
        classes: Some(classes.unwrap_or_else(|| numbered(CLASSES.into()))),
        ..Records::default()
    })
}
