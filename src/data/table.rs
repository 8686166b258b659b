//! Parquet files in the hub's layout.

use super::DataError;
use super::guard::guarded;
use super::pages::{Chunk, check};
use crate::files::NewFile;
use polars::prelude::*;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The most rows of a file.
const MAX_ROWS: usize = 1 << 27;

/// The encoded images and labels of one parquet file.
#[derive(Clone, Debug)]
pub struct Table {
    /// The file.
    pub path: PathBuf,
    /// Each row's encoded image.
    pub images: Vec<Vec<u8>>,
    /// Each row's label, as it stands.
    pub labels: Vec<i64>,
}

impl Table {
    /// Reads the two columns. Names that are `None` are guessed: `image` or `img`, and `label` or `fine_label`.
    ///
    /// # Errors
    /// When the file is missing, cut off or no parquet, or a column is missing, of another type, or has holes.
    pub fn read(path: &Path, image: Option<&str>, label: Option<&str>) -> Result<Self, DataError> {
        let (images, labels) = TableImages::open(path, image, Labels::Column(label))?;
        Ok(Self { path: path.to_owned(), images: images.rows(0..labels.len())?, labels })
    }
}

/// Which labels of a parquet file are read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Labels<'a> {
    /// Those of the column of this name, or of a guessed one.
    Column(Option<&'a str>),
    /// None; each is −1.
    None,
}

const IMAGE: &str = "a struct with a binary field `bytes`, or a binary column";
const LABEL: &str = "an integer or a yes-or-no";

/// The images of a parquet file, which are read when they are asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TableImages {
    path: PathBuf,
    column: String,
}

impl TableImages {
    /// Finds the columns, and reads the labels.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub(super) fn open(path: &Path, image: Option<&str>, labels: Labels) -> Result<(Self, Vec<i64>), DataError> {
        reading(path, || Self::open_unguarded(path, image, labels))
    }

    fn open_unguarded(path: &Path, image: Option<&str>, labels: Labels) -> Result<(Self, Vec<i64>), DataError> {
        let file = File::open(path).map_err(DataError::io("open", path))?;
        let unreadable = unreadable(path);
        let mut reader = ParquetReader::new(file);
        let schema = reader.schema().map_err(&unreadable)?;
        let found = || schema.iter_names().map(|n| n.as_str()).collect::<Vec<_>>().join(", ");
        let named = |wanted: Option<&str>, guesses: [&str; 2], expected: &'static str| {
            let names = wanted.map_or(guesses.to_vec(), |w| vec![w]);
            let there = names.iter().find(|n| schema.contains(n)).map(|n| (*n).to_owned());
            there.ok_or_else(|| DataError::Column {
                path: path.to_owned(),
                column: names.join("` or `"),
                expected,
                found: found(),
            })
        };
        let images = Self { path: path.to_owned(), column: named(image, ["image", "img"], IMAGE)? };
        let label = match labels {
            Labels::Column(label) => Some(named(label, ["label", "fine_label"], LABEL)?),
            Labels::None => None,
        };
        check_pages(path, &mut reader, [Some(&images.column), label.as_ref()])?;
        let Some(label) = label else {
            let rows = reader.num_rows().map_err(&unreadable)?;
            return Ok((images, vec![-1; rows]));
        };
        let frame = reader.with_columns(Some(vec![label.clone()])).finish().map_err(&unreadable)?;
        let label = frame.column(&label).map_err(&unreadable)?;
        let wrong = |expected| DataError::Column {
            path: path.to_owned(),
            column: label.name().to_string(),
            expected,
            found: found(),
        };
        if !label.dtype().is_integer() && !label.dtype().is_bool() {
            return Err(wrong(LABEL));
        }
        let label = label.strict_cast(&DataType::Int64).map_err(|_| wrong("an integer below 2^63"))?;
        let label = label.i64().map_err(&unreadable)?;
        let missing = |row| DataError::Missing { path: path.to_owned(), row, what: "label" };
        let labels = label.iter().enumerate().map(|(row, l)| l.ok_or_else(|| missing(row)));
        Ok((images, labels.collect::<Result<_, _>>()?))
    }

    /// The encoded images of some rows.
    ///
    /// # Errors
    /// As [`Table::read`]; also when the file has fewer rows.
    pub(super) fn rows(&self, rows: Range<usize>) -> Result<Vec<Vec<u8>>, DataError> {
        reading(&self.path, || self.rows_unguarded(rows))
    }

    fn rows_unguarded(&self, rows: Range<usize>) -> Result<Vec<Vec<u8>>, DataError> {
        let file = File::open(&self.path).map_err(DataError::io("open", &self.path))?;
        let unreadable = unreadable(&self.path);
        // Other columns are not read: they may be large.
        let reader = ParquetReader::new(file).with_columns(Some(vec![self.column.clone()]));
        let frame = reader.with_slice(Some((rows.start, rows.len()))).finish().map_err(&unreadable)?;
        let column = frame.column(&self.column).map_err(&unreadable)?;
        let wrong = || DataError::Column {
            path: self.path.clone(),
            column: self.column.clone(),
            expected: IMAGE,
            found: column.dtype().to_string(),
        };
        let bytes = match column.struct_() {
            Ok(fields) => fields.field_by_name("bytes").map_err(|_| wrong())?,
            Err(_) => column.as_materialized_series().clone(),
        };
        let bytes = bytes.binary().map_err(|_| wrong())?;
        if bytes.len() != rows.len() {
            let reason = format!("{} rows from row {} on, where {} were", bytes.len(), rows.start, rows.len());
            return Err(DataError::Parquet { path: self.path.clone(), reason });
        }
        let missing = |row| DataError::Missing { path: self.path.clone(), row, what: "image" };
        bytes.iter().zip(rows).map(|(b, row)| Ok(b.ok_or_else(|| missing(row))?.to_vec())).collect()
    }
}

/// Checks what the file says of the size of these columns' pages before anything is unpacked.
fn check_pages(path: &Path, reader: &mut ParquetReader<File>, columns: [Option<&String>; 2]) -> Result<(), DataError> {
    let damaged = |reason: String| DataError::Parquet { path: path.to_owned(), reason };
    let metadata = reader.get_metadata().map_err(unreadable(path))?;
    let mut chunks = Vec::new();
    for group in &metadata.row_groups {
        let rows = group.num_rows();
        if rows > MAX_ROWS || metadata.num_rows > MAX_ROWS {
            return Err(damaged(format!("it says it has {rows} rows, more than the {MAX_ROWS} that are read")));
        }
        for column in group.parquet_columns() {
            let about = column.descriptor();
            let wanted = |n: &str| columns.iter().flatten().any(|c| c.as_str() == n);
            if !about.path_in_schema.first().is_some_and(|n| wanted(n.as_str())) {
                continue;
            }
            if about.descriptor.max_rep_level == 0 && column.num_values() != rows as i64 {
                return Err(damaged(format!("{} values in a group of {rows} rows", column.num_values())));
            }
            chunks.push(Chunk { bytes: column.byte_range(), values: column.num_values() });
        }
    }
    let file = File::open(path).map_err(DataError::io("open", path))?;
    check(&file, &chunks).map_err(damaged)
}

/// Reads from a parquet file; a panic of the reader is an error, too.
fn reading<T>(path: &Path, work: impl FnOnce() -> Result<T, DataError>) -> Result<T, DataError> {
    guarded(work).unwrap_or_else(|said| {
        Err(DataError::Parquet { path: path.to_owned(), reason: format!("its reader gave up: {said}") })
    })
}

/// For `map_err`: what makes a file no readable parquet.
fn unreadable(path: &Path) -> impl Fn(PolarsError) -> DataError {
    let path = path.to_owned();
    move |e| DataError::Parquet { path: path.clone(), reason: first_line(&e) }
}

/// Writes encoded images and labels as a parquet file in the hub's layout: whole, or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_parquet(
    path: &Path,
    image_column_name: &str,
    label_column: &str,
    images: &[&[u8]],
    labels: &[i64],
) -> Result<(), DataError> {
    let unwritable =
        |e: PolarsError| DataError::Io { doing: "write", path: path.to_owned(), source: std::io::Error::other(e) };
    let image = image_column(image_column_name, images).map_err(unwritable)?;
    let label = Column::new(label_column.into(), labels);
    let frame = DataFrame::new(images.len(), vec![image, label]).map_err(unwritable)?;
    write_blocks(path, std::iter::once(Ok(frame))).map(|_| ())
}

/// Encoded images as a column of the hub's layout.
pub(super) fn image_column(name: &str, images: &[&[u8]]) -> PolarsResult<Column> {
    let bytes = Series::new("bytes".into(), images);
    let path = Series::full_null("path".into(), images.len(), &DataType::String);
    Ok(StructChunked::from_series(name.into(), images.len(), [bytes, path].iter())?.into_series().into())
}

/// Writes a parquet file block by block: whole, or not at all. Returns its rows and the names of its columns.
///
/// # Errors
/// When a block is one, or it cannot be written.
pub(super) fn write_blocks(
    path: &Path,
    blocks: impl Iterator<Item = Result<DataFrame, DataError>>,
) -> Result<(usize, Vec<String>), DataError> {
    let refused = |e: PolarsError| DataError::io("write", path)(std::io::Error::other(e));
    let mut file = NewFile::create(path).map_err(DataError::io("write", path))?;
    let (mut writer, mut rows, mut columns) = (None, 0, Vec::new());
    for block in blocks {
        let block = block?;
        rows += block.height();
        if writer.is_none() {
            columns = block.get_column_names().iter().map(ToString::to_string).collect();
            let plain = ParquetWriter::new(&mut file).with_compression(ParquetCompression::Uncompressed);
            writer = Some(plain.batched(block.schema()).map_err(refused)?);
        }
        if let Some(writer) = &mut writer {
            writer.write_batch(&block).map_err(refused)?;
        }
    }
    if let Some(writer) = writer {
        writer.finish().map_err(refused)?;
    }
    file.commit().map_err(DataError::io("write", path))?;
    Ok((rows, columns))
}

/// polars' errors can span lines; the first says what is wrong.
fn first_line(e: &PolarsError) -> String {
    e.to_string().lines().next().unwrap_or_default().to_owned()
}
