//! The idx files of MNIST (LeCun, Cortes & Burges): a magic number, big-endian dimensions, bytes; also gzipped.

use super::files::{MAX_BINARY, numbered, read, reserve};
use super::{Images, Part, Records, SourceError};
use crate::data::decode::{ImageShape, MAX_SIDE};
use crate::data::{DataError, Split};
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Deflate packs at most 1,032 bytes into one: a header that asks for more than that lies.
const MOST_PACKED: u64 = 1032;

/// The bytes of an idx file, with their dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct Idx<'a> {
    /// Outermost first; 1 to 4 of them.
    pub dims: Vec<usize>,
    /// As many as the product of `dims`.
    pub data: &'a [u8],
}

/// Reads the content of an idx file of bytes; `path` is for messages.
///
/// # Errors
/// When it does not begin as one, or has fewer or more bytes than its dimensions ask for.
pub fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<Idx<'a>, SourceError> {
    let (dims, wanted) = header(path, bytes)?;
    let data = bytes.get(4 + 4 * dims.len()..).unwrap_or_default();
    if data.len() as u64 != wanted {
        let expected = format!("the {} that its dimensions {dims:?} ask for", wanted + 4 + 4 * dims.len() as u64);
        return Err(SourceError::Length { path: path.to_owned(), bytes: bytes.len() as u64, expected });
    }
    Ok(Idx { dims, data })
}

/// The dimensions, and the number of bytes that follow them.
fn header(path: &Path, bytes: &[u8]) -> Result<(Vec<usize>, u64), SourceError> {
    let wrong = |reason: String| SourceError::Idx { path: path.to_owned(), reason };
    let Some(&[zero, zero2, kind, rank]) = bytes.first_chunk::<4>() else {
        return Err(wrong(format!("it has {} bytes", bytes.len())));
    };
    if [zero, zero2] != [0, 0] || !(1..=4).contains(&rank) {
        return Err(wrong(format!("it begins with {zero:02x} {zero2:02x} {kind:02x} {rank:02x}, not with 00 00 08")));
    }
    if kind != 8 {
        return Err(wrong(format!("its values are of type {kind:#04x}, where bytes (0x08) are read")));
    }
    let sizes = bytes.get(4..4 + 4 * usize::from(rank)).ok_or_else(|| wrong("it ends in its header".into()))?;
    let dims: Vec<u32> = sizes.as_chunks::<4>().0.iter().map(|&d| u32::from_be_bytes(d)).collect();
    let wanted = dims.iter().try_fold(1u64, |n, &d| n.checked_mul(u64::from(d))).filter(|&n| n <= MAX_BINARY);
    let wanted =
        wanted.ok_or_else(|| wrong(format!("its dimensions {dims:?} are larger than any file that is read")))?;
    Ok((dims.into_iter().map(|d| d as usize).collect(), wanted))
}

/// Unpacks the content of a gzipped idx file, no further than its header asks for; `path` is for messages.
///
/// # Errors
/// When it is no gzip, or no idx file is inside.
pub fn unpack(path: &Path, packed: &[u8]) -> Result<Vec<u8>, DataError> {
    let wrong =
        |e: std::io::Error| SourceError::Idx { path: path.to_owned(), reason: format!("it does not unpack ({e})") };
    let mut reader = MultiGzDecoder::new(packed);
    let mut bytes = Vec::new();
    // The longest header.
    (&mut reader).take(20).read_to_end(&mut bytes).map_err(wrong)?;
    let (dims, wanted) = header(path, &bytes)?;
    let total = 4 + 4 * dims.len() as u64 + wanted;
    if total > MOST_PACKED.saturating_mul(packed.len() as u64) {
        let reason = format!("its dimensions {dims:?} ask for more than {} packed bytes hold", packed.len());
        return Err(SourceError::Idx { path: path.to_owned(), reason }.into());
    }
    reserve(&mut bytes, total, path)?;
    // One byte more than asked for shows that there is too much.
    let rest = (total + 1).saturating_sub(bytes.len() as u64);
    reader.take(rest).read_to_end(&mut bytes).map_err(wrong)?;
    Ok(bytes)
}

/// MNIST's word for a split.
fn word(split: Split) -> &'static str {
    if split == Split::Test { "t10k" } else { split.name() }
}

/// The file of `what` (`images-idx3`, `labels-idx1`), under the names it is found by.
fn file(folder: &Path, split: Split, what: &str) -> Option<PathBuf> {
    let dashed = format!("{}-{what}-ubyte", word(split));
    let dotted = dashed.replace("-idx", ".idx");
    [dashed.clone(), dotted.clone(), dashed + ".gz", dotted + ".gz"].iter().map(|f| folder.join(f)).find(|p| p.exists())
}

/// Whether a folder holds the files.
pub(super) fn detect(folder: &Path) -> bool {
    [Split::Train, Split::Test].iter().any(|&s| file(folder, s, "images-idx3").is_some())
}

fn content(path: &Path) -> Result<Vec<u8>, DataError> {
    let bytes = read(path, MAX_BINARY)?;
    if path.extension().is_some_and(|e| e == "gz") { unpack(path, &bytes) } else { Ok(bytes) }
}

fn labels(path: &Path) -> Result<Vec<i64>, DataError> {
    let bytes = content(path)?;
    let idx = parse(path, &bytes)?;
    if idx.dims.len() != 1 {
        let reason = format!("labels have one dimension, these have {:?}", idx.dims);
        return Err(SourceError::Idx { path: path.to_owned(), reason }.into());
    }
    Ok(idx.data.iter().map(|&b| i64::from(b)).collect())
}

/// The files of a split. There are as many classes as the largest label of both splits asks for.
pub(super) fn load(folder: &Path, split: Split) -> Result<Records, DataError> {
    let missing = |what: &str| SourceError::NoSplit {
        path: folder.to_owned(),
        split: split.name(),
        looked: format!("{}-{what}-ubyte, plain or .gz", word(split)),
    };
    let path = file(folder, split, "images-idx3").ok_or_else(|| missing("images-idx3"))?;
    let beside = file(folder, split, "labels-idx1").ok_or_else(|| missing("labels-idx1"))?;
    let mut bytes = content(&path)?;
    let idx = parse(&path, &bytes)?;
    let side = 1..=MAX_SIDE as usize;
    let (images, form) = match idx.dims[..] {
        [n, height, width] if side.contains(&height) && side.contains(&width) => {
            (n, ImageShape { channels: 1, height, width })
        }
        _ => {
            let reason =
                format!("images have three dimensions with sides of 1 to {MAX_SIDE}, these have {:?}", idx.dims);
            return Err(SourceError::Idx { path, reason }.into());
        }
    };
    bytes.drain(..4 + 4 * 3);
    let labels_here = labels(&beside)?;
    if images != labels_here.len() {
        return Err(SourceError::Counts { path, images, beside, labels: labels_here.len() }.into());
    }
    let mut largest = labels_here.iter().copied().max().unwrap_or(0);
    for other in [Split::Train, Split::Test].into_iter().filter(|&s| s != split) {
        if let Some(path) = file(folder, other, "labels-idx1") {
            largest = largest.max(labels(&path)?.into_iter().max().unwrap_or(0));
        }
    }
    Ok(Records {
        parts: vec![Part { path, images: Images::Planes(form, bytes), labels: labels_here }],
        classes: Some(numbered(largest as usize + 1)),
        ..Records::default()
    })
}
