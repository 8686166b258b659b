//! NumPy's `.npy`, version 1.0: a line of text with type and shape, then the values.

use super::rows::Rows;
use super::{ExportedFile, check_free, unwritable};
use crate::data::DataError;
use crate::files::NewFile;
use std::io::Write;
use std::path::{Path, PathBuf};

pub(super) fn write(rows: &Rows<'_>, out: &Path, overwrite: bool) -> Result<Vec<ExportedFile>, DataError> {
    let integers = rows.integers();
    let beside: Vec<PathBuf> = integers.iter().map(|(which, _)| beside(out, which.name())).collect();
    for path in std::iter::once(out).chain(beside.iter().map(PathBuf::as_path)) {
        check_free(path, overwrite)?;
    }
    let mut pixels = NewFile::create(out).map_err(unwritable(out))?;
    let shape = rows.shape();
    pixels.write_all(&header("|u1", &shape)).map_err(unwritable(out))?;
    for block in rows.blocks() {
        pixels.write_all(&rows.pixels(block)?).map_err(unwritable(out))?;
    }
    let mut done = vec![ExportedFile { path: out.to_owned(), content: vec![format!("uint8 {shape:?}")] }];
    for ((which, shape), path) in integers.iter().zip(beside) {
        let mut file = NewFile::create(&path).map_err(unwritable(&path))?;
        let written = file.write_all(&header("<i8", shape)).and_then(|()| rows.write_integers(*which, &mut file));
        written.and_then(|()| file.commit()).map_err(unwritable(&path))?;
        done.push(ExportedFile { path, content: vec![format!("int64 {shape:?}")] });
    }
    // Last, so that whoever finds the pixels finds what belongs to them.
    pixels.commit().map_err(unwritable(out))?;
    Ok(done)
}

/// `set.npy` → `set.labels.npy`.
pub(super) fn beside(out: &Path, name: &str) -> PathBuf {
    let stem = if out.extension().is_some_and(|e| e == "npy") { out.with_extension("") } else { out.to_owned() };
    let mut path = stem.into_os_string();
    path.push(format!(".{name}.npy"));
    PathBuf::from(path)
}

/// The header of an array in C order. The values begin at a multiple of 64 bytes, as the format asks.
pub(super) fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}", sizes.trim_end());
    const BEFORE: usize = 10;
    while !(BEFORE + text.len() + 1).is_multiple_of(64) {
        text.push(' ');
    }
    text.push('\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    // At most six sizes of 20 digits: far below the 65,535 that two bytes can say.
    out.extend((text.len() as u16).to_le_bytes());
    out.extend(text.as_bytes());
    out
}
