//! NumPy's `.npy`: a line of text with type and shape, then the values.

use super::{Columns, NumbersError};
use std::io::Read;
use std::path::Path;

/// The longest header that is read, bytes.
const LONGEST: usize = 1 << 16;

/// A matrix `[N, d]`, or a vector `[N]` as one column.
pub(super) struct Npy {
    columns: usize,
    /// Row-major.
    values: Vec<f64>,
}

impl Npy {
    pub fn open(path: &Path) -> Result<Self, NumbersError> {
        let mut bytes = Vec::new();
        let mut file = std::fs::File::open(path).map_err(NumbersError::read(path))?;
        file.read_to_end(&mut bytes).map_err(NumbersError::read(path))?;
        Self::parse(&bytes).map_err(|reason| NumbersError::damaged(path, reason))
    }

    /// The content of a file; the error is what is wrong.
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("it does not begin as a .npy file does")?;
        let (&[major, _minor], rest) = rest.split_first_chunk::<2>().ok_or("it ends in its header")?;
        let (length, rest) = if major == 1 {
            let (length, rest) = rest.split_first_chunk::<2>().ok_or("it ends in its header")?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        } else {
            let (length, rest) = rest.split_first_chunk::<4>().ok_or("it ends in its header")?;
            (u32::from_le_bytes(*length) as usize, rest)
        };
        if length > LONGEST || length > rest.len() {
            return Err(format!("its header of {length} bytes does not end"));
        }
        let (header, data) = rest.split_at(length);
        let header = std::str::from_utf8(header).map_err(|_| "its header is no text")?;
        let kind = entry(header, "descr").ok_or("its header names no type")?.trim_matches(['\'', '"']);
        if entry(header, "fortran_order").is_some_and(|v| v.starts_with("True")) {
            return Err("it is in Fortran order; save numpy.ascontiguousarray of it".into());
        }
        let shape = header.split_once("'shape'").and_then(|(_, s)| Some(s.split_once('(')?.1.split_once(')')?.0));
        let shape: Vec<usize> = shape
            .ok_or("its header names no shape")?
            .split(',')
            .map(str::trim)
            .filter(|s| !s.is_empty())
            .map(|s| s.parse().map_err(|_| format!("`{s}` is no size")))
            .collect::<Result<_, String>>()?;
        let columns = match shape[..] {
            [_] => 1,
            [_, columns] => columns,
            _ => return Err(format!("its shape is {shape:?}; a matrix [rows, columns] is needed")),
        };
        let (size, read): (usize, fn(&[u8]) -> f64) = match kind {
            "<f8" => (8, |b| f64::from_le_bytes(fixed(b))),
            "<f4" => (4, |b| f64::from(f32::from_le_bytes(fixed(b)))),
            "<i8" => (8, |b| i64::from_le_bytes(fixed(b)) as f64),
            "<i4" => (4, |b| f64::from(i32::from_le_bytes(fixed(b)))),
            "<i2" => (2, |b| f64::from(i16::from_le_bytes(fixed(b)))),
            "|i1" => (1, |b| f64::from(i8::from_le_bytes(fixed(b)))),
            "|u1" | "|b1" => (1, |b| f64::from(b[0])),
            other => return Err(format!("its type is {other}; save it as float64 or float32")),
        };
        let numbers = shape.iter().try_fold(1usize, |n, &s| n.checked_mul(s));
        if numbers.and_then(|n| n.checked_mul(size)) != Some(data.len()) {
            return Err(format!("{} bytes of data do not make {shape:?} numbers of {size} bytes", data.len()));
        }
        Ok(Self { columns, values: data.chunks_exact(size).map(read).collect() })
    }
}

/// The first bytes of a chunk that is as long as asked for.
fn fixed<const N: usize>(b: &[u8]) -> [u8; N] {
    b.first_chunk().copied().unwrap_or([0; N])
}

/// What the header's dictionary holds under `key`, up to the next comma.
fn entry<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, after) = header.split_once(&format!("'{key}'"))?;
    let (_, value) = after.split_once(':')?;
    Some(value.split(',').next()?.trim())
}

impl Columns for Npy {
    fn names(&self) -> Vec<String> {
        (0..self.columns).map(|c| c.to_string()).collect()
    }

    fn read(&mut self, places: &[usize]) -> Result<Vec<Vec<f64>>, NumbersError> {
        let column = |&c: &usize| self.values[c..].iter().step_by(self.columns).copied().collect();
        Ok(places.iter().map(|c| if self.values.is_empty() { Vec::new() } else { column(c) }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut out = b"\x93NUMPY\x01\x00".to_vec();
        out.extend((header.len() as u16).to_le_bytes());
        out.extend(header.as_bytes());
        out.extend(data);
        out
    }

    #[test]
    fn matrices_and_vectors_of_several_types() {
        let data: Vec<u8> = [1f32, 2.0, 3.0, 4.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let mut matrix = Npy::parse(&file("<f4", "(2, 2)", &data)).unwrap();
        assert_eq!(matrix.names(), ["0", "1"]);
        assert_eq!(matrix.read(&[1, 0]).unwrap(), [[2.0, 4.0], [1.0, 3.0]]);
        let mut bytes = Npy::parse(&file("|u1", "(3,)", &[7, 0, 255])).unwrap();
        assert_eq!(bytes.read(&[0]).unwrap(), [[7.0, 0.0, 255.0]]);
    }

    #[test]
    fn damage_is_named() {
        let reason = |bytes: &[u8]| Npy::parse(bytes).err().unwrap();
        assert!(reason(b"PK").contains("does not begin"));
        assert!(reason(&file("<f8", "(2, 2)", &[0; 31])).contains("31 bytes"));
        assert!(reason(&file("<c16", "(1, 1)", &[0; 16])).contains("<c16"));
        assert!(reason(&file("<f8", "(1, 1, 1)", &[0; 8])).contains("matrix"));
        assert!(reason(&file("<f8", "(99999999999, 99999999999)", &[0; 8])).contains("do not make"));
        assert!(reason(&file("<f8", "(1,)", &[0; 8])[..20]).contains("does not end"));
    }
}
