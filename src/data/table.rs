//! Parquet files in the hub's layout.

use super::DataError;
use super::guard::guarded;
use super::pages::{Chunk, check};
use crate::files::write_atomic;
use polars::prelude::*;
use std::fs::File;
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
        guarded(|| Self::read_unguarded(path, image, label)).unwrap_or_else(|said| {
            let reason = format!("its reader gave up: {said}");
            Err(DataError::Parquet { path: path.to_owned(), reason })
        })
    }

    fn read_unguarded(path: &Path, image: Option<&str>, label: Option<&str>) -> Result<Self, DataError> {
        let file = File::open(path).map_err(DataError::io("open", path))?;
        let unreadable = |e: PolarsError| DataError::Parquet { path: path.to_owned(), reason: first_line(&e) };
        let damaged = |reason: String| DataError::Parquet { path: path.to_owned(), reason };
        let again = file.try_clone().map_err(DataError::io("open", path))?;
        let mut reader = ParquetReader::new(file);
        let schema = reader.schema().map_err(unreadable)?;
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
        const IMAGE: &str = "a struct with a binary field `bytes`, or a binary column";
        const LABEL: &str = "an integer";
        let image = named(image, ["image", "img"], IMAGE)?;
        let label = named(label, ["label", "fine_label"], LABEL)?;
        let metadata = reader.get_metadata().map_err(unreadable)?;
        let mut chunks = Vec::new();
        for group in &metadata.row_groups {
            let rows = group.num_rows();
            if rows > MAX_ROWS || metadata.num_rows > MAX_ROWS {
                return Err(damaged(format!("it says it has {rows} rows, more than the {MAX_ROWS} that are read")));
            }
            for column in group.parquet_columns() {
                let about = column.descriptor();
                if !about.path_in_schema.first().is_some_and(|n| *n == *image || *n == *label) {
                    continue;
                }
                if about.descriptor.max_rep_level == 0 && column.num_values() != rows as i64 {
                    return Err(damaged(format!("{} values in a group of {rows} rows", column.num_values())));
                }
                chunks.push(Chunk { bytes: column.byte_range(), values: column.num_values() });
            }
        }
        check(&again, &chunks).map_err(damaged)?;
        // Other columns are not read: they may be large.
        let frame = reader.with_columns(Some(vec![image.clone(), label.clone()])).finish().map_err(unreadable)?;
        let (image, label) = (frame.column(&image).map_err(unreadable)?, frame.column(&label).map_err(unreadable)?);
        let wrong = |column: &Column, expected| DataError::Column {
            path: path.to_owned(),
            column: column.name().to_string(),
            expected,
            found: found(),
        };
        let bytes = match image.struct_() {
            Ok(fields) => fields.field_by_name("bytes").ok(),
            Err(_) => Some(image.as_materialized_series().clone()),
        };
        let bytes = bytes.ok_or_else(|| wrong(image, IMAGE))?;
        let bytes = bytes.binary().map_err(|_| wrong(image, IMAGE))?;
        if !label.dtype().is_integer() {
            return Err(wrong(label, LABEL));
        }
        let label = label.strict_cast(&DataType::Int64).map_err(|_| wrong(label, "an integer below 2^63"))?;
        let label = label.i64().map_err(unreadable)?;
        let missing = |row, what| DataError::Missing { path: path.to_owned(), row, what };
        let images = bytes.iter().enumerate().map(|(row, b)| Ok(b.ok_or_else(|| missing(row, "image"))?.to_vec()));
        let labels = label.iter().enumerate().map(|(row, l)| l.ok_or_else(|| missing(row, "label")));
        Ok(Self {
            path: path.to_owned(),
            images: images.collect::<Result<_, DataError>>()?,
            labels: labels.collect::<Result<_, _>>()?,
        })
    }
}

/// Writes encoded images and labels as a parquet file in the hub's layout: whole, or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_parquet(
    path: &Path,
    image_column: &str,
    label_column: &str,
    images: &[&[u8]],
    labels: &[i64],
) -> Result<(), DataError> {
    let unwritable =
        |e: PolarsError| DataError::Io { doing: "write", path: path.to_owned(), source: std::io::Error::other(e) };
    let bytes = Series::new("bytes".into(), images);
    let names = Series::full_null("path".into(), images.len(), &DataType::String);
    let image =
        StructChunked::from_series(image_column.into(), images.len(), [bytes, names].iter()).map_err(unwritable)?;
    let label = Column::new(label_column.into(), labels);
    let mut frame = DataFrame::new(images.len(), vec![image.into_series().into(), label]).map_err(unwritable)?;
    let mut bytes = Vec::new();
    let writer = ParquetWriter::new(&mut bytes).with_compression(ParquetCompression::Uncompressed);
    writer.finish(&mut frame).map_err(unwritable)?;
    write_atomic(path, &bytes).map_err(DataError::io("write", path))
}

/// polars' errors can span lines; the first says what is wrong.
fn first_line(e: &PolarsError) -> String {
    e.to_string().lines().next().unwrap_or_default().to_owned()
}
