//! Reading files that nobody vouches for.

use super::SourceError;
use crate::data::DataError;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The most that is read of a binary file of images, 16 GiB.
pub(super) const MAX_BINARY: u64 = 1 << 34;
/// The most that is read of a text file of names or a card, 1 MiB.
pub(super) const MAX_NAMES: u64 = 1 << 20;

/// The content of an ordinary file of at most `limit` bytes.
///
/// Pipes and devices are refused, since reading them may never end; memory is asked for once, and a refusal is an error.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, DataError> {
    // The kind is asked for first: opening a pipe would wait for its other end.
    let known = std::fs::metadata(path).map_err(DataError::io("read", path))?;
    if !known.is_file() {
        return Err(SourceError::NotAFile { path: path.to_owned() }.into());
    }
    let too_large = |bytes| SourceError::TooLarge { path: path.to_owned(), bytes, limit };
    if known.len() > limit {
        return Err(too_large(known.len()).into());
    }
    let file = File::open(path).map_err(DataError::io("open", path))?;
    let mut bytes = Vec::new();
    reserve(&mut bytes, known.len(), path)?;
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(DataError::io("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(too_large(bytes.len() as u64).into());
    }
    Ok(bytes)
}

/// Makes room for `more` bytes, or says that there is none.
pub(crate) fn reserve(bytes: &mut Vec<u8>, more: u64, path: &Path) -> Result<(), SourceError> {
    let refused = || SourceError::Memory { path: path.to_owned(), bytes: more };
    let more = usize::try_from(more).map_err(|_| refused())?;
    bytes.try_reserve_exact(more).map_err(|_| refused())
}

/// What is in a folder, sorted by path; hidden entries are left out.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(DataError::io("read", folder))? {
        let entry = entry.map_err(DataError::io("read", folder))?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The lines of a text file of class names: `expected` of them, or `None` when there is no such file.
pub(super) fn class_names(path: &Path, expected: usize) -> Result<Option<Vec<String>>, DataError> {
    if !path.exists() {
        return Ok(None);
    }
    parse_class_names(path, &read(path, MAX_NAMES)?, expected).map(Some)
}

fn parse_class_names(path: &Path, bytes: &[u8], expected: usize) -> Result<Vec<String>, DataError> {
    let names: Vec<String> =
        utf8(path, bytes)?.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    if names.len() != expected {
        return Err(SourceError::Names { path: path.to_owned(), found: names.len(), expected }.into());
    }
    Ok(names)
}

/// The names of classes that have none.
pub(crate) fn numbered(classes: usize) -> Vec<String> {
    (0..classes).map(|i| format!("class {i}")).collect()
}

/// The text, without a byte order mark; the error names the line.
pub(super) fn utf8<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, SourceError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|e| {
        let before = bytes.get(..e.valid_up_to()).unwrap_or_default();
        SourceError::Text { path: path.to_owned(), line: 1 + line_ends(before, 0..before.len()) }
    })
}

/// Line ends that end in a part of `text`: LF, CR LF, or CR alone.
pub(super) fn line_ends(text: &[u8], part: Range<usize>) -> u64 {
    let ends = |&i: &usize| match text.get(i) {
        Some(b'\n') => true,
        Some(b'\r') => text.get(i + 1) != Some(&b'\n'),
        _ => false,
    };
    part.filter(ends).count() as u64
}
