//! The page headers of a parquet file, held against its footer before polars trusts them: a damaged number of values
//! would make it ask for all memory there is, which ends the program.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::Range;

/// What a file may unpack to, whatever its length: 1 GiB, ...
const UNPACKED: u64 = 1 << 30;
/// ... and so many times its length. Images are packed already, and labels are small.
const RATIO: u64 = 100;
/// Structs within structs; a page header has three.
const DEEPEST: usize = 8;

/// A column's pages in a group of rows, as the footer has them.
pub(super) struct Chunk {
    /// Where they lie in the file.
    pub bytes: Range<u64>,
    /// Values in all of them.
    pub values: i64,
}

/// Checks the headers of all pages: they follow each other to the end, have as many values as the footer says, and do not
/// unpack to far more than the file. The error is what is wrong.
pub(super) fn check(file: &File, chunks: &[Chunk]) -> Result<(), String> {
    let io = |e: std::io::Error| e.to_string();
    let length = file.metadata().map_err(io)?.len();
    let most = UNPACKED.saturating_add(length.saturating_mul(RATIO));
    let mut unpacked = 0u64;
    for chunk in chunks {
        let Range { start, end } = chunk.bytes;
        if start > end || end > length {
            return Err(format!("bytes {start} to {end} of a file of {length}"));
        }
        let mut from = BufReader::new(file);
        from.seek(SeekFrom::Start(start)).map_err(io)?;
        let mut pages = Pages { from, left: end - start };
        let mut seen = 0i64;
        while seen < chunk.values {
            let page = pages.header()?;
            let (packed, values) = (page.packed, page.values);
            if !(0..=i64::from(i32::MAX)).contains(&values) || packed < 0 || page.unpacked < 0 {
                return Err(format!("a page of {values} values in {packed} bytes"));
            }
            if page.is_data {
                seen += values;
            } else if values > page.unpacked {
                return Err(format!("a dictionary of {values} values in {} bytes", page.unpacked));
            }
            unpacked = unpacked.saturating_add(page.unpacked.unsigned_abs());
            if unpacked > most {
                return Err(format!("{unpacked} bytes and more packed in {length}; is it a decompression bomb?"));
            }
            pages.skip(packed.unsigned_abs())?;
        }
        if seen != chunk.values {
            return Err(format!("pages of {seen} values where the footer says {}", chunk.values));
        }
    }
    Ok(())
}

/// What matters of a page header.
#[derive(Default)]
struct Header {
    is_data: bool,
    unpacked: i64,
    packed: i64,
    values: i64,
}

/// Thrift's compact protocol, of bytes that end.
struct Pages<'a> {
    from: BufReader<&'a File>,
    left: u64,
}

impl Pages<'_> {
    fn byte(&mut self) -> Result<u8, String> {
        let mut byte = [0];
        self.left = self.left.checked_sub(1).ok_or("a page beyond its column")?;
        self.from.read_exact(&mut byte).map_err(|e| e.to_string())?;
        Ok(byte[0])
    }

    fn skip(&mut self, bytes: u64) -> Result<(), String> {
        self.left = self.left.checked_sub(bytes).ok_or("a page beyond its column")?;
        let bytes = i64::try_from(bytes).map_err(|e| e.to_string())?;
        self.from.seek_relative(bytes).map_err(|e| e.to_string())
    }

    /// Seven bits a byte, lowest first.
    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err("a number without an end".into())
    }

    fn int(&mut self) -> Result<i64, String> {
        let zigzag = self.varint()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    /// Calls `field` with the number and type of each field of a struct; it must read what it is called with.
    fn fields(&mut self, mut field: impl FnMut(&mut Self, i64, u8) -> Result<(), String>) -> Result<(), String> {
        let mut number = 0i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            number = match head >> 4 {
                0 => self.int()?,
                delta => number.wrapping_add(i64::from(delta)),
            };
            field(self, number, head & 0x0f)?;
        }
    }

    fn header(&mut self) -> Result<Header, String> {
        let mut header = Header::default();
        self.fields(|pages, number, kind| {
            match (number, kind) {
                (2, 5) => header.unpacked = pages.int()?,
                (3, 5) => header.packed = pages.int()?,
                // The header of a data page, a dictionary, or a data page of version 2: the values come first.
                (5 | 7 | 8, 12) => {
                    header.is_data = number != 7;
                    pages.fields(|pages, number, kind| match (number, kind) {
                        (1, 5) => pages.int().map(|values| header.values = values),
                        _ => pages.pass(kind, 2),
                    })?;
                }
                _ => pages.pass(kind, 1)?,
            }
            Ok(())
        })?;
        Ok(header)
    }

    /// Passes over a value.
    fn pass(&mut self, kind: u8, depth: usize) -> Result<(), String> {
        if depth > DEEPEST {
            return Err("a page header nested too deep".into());
        }
        match kind {
            // Of a field, the type is the truth value.
            1 | 2 => Ok(()),
            3 => self.skip(1),
            4..=6 => self.varint().map(drop),
            7 => self.skip(8),
            8 => {
                let bytes = self.varint()?;
                self.skip(bytes)
            }
            12 => self.fields(|pages, _, kind| pages.pass(kind, depth + 1)),
            _ => Err(format!("a page header with a field of type {kind}")),
        }
    }
}
