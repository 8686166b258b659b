//! Parquet files in the hub's layout.

use super::DataError;
use crate::files::write_atomic;
use polars::prelude::*;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The encoded images and labels of one parquet file.
#[derive(Clone, Debug)]
pub struct Table {
    /// The file.
    pub path: PathBuf,
    /// Each row's encoded image.
    pub images: Vec<Vec<u8>>,
    /// Each row's label, as it stands.
    pub labels: Vec<i64>,
    /// Each row's number in the file, from 0.
    pub rows: Vec<usize>,
}

impl Table {
    /// Reads the two columns. Names that are `None` are guessed: `image` or `img`, and `label` or `fine_label`.
    ///
    /// # Errors
    /// When the file is missing, cut off or no parquet, or a column is missing, of another type, or has holes.
    pub fn read(path: &Path, image: Option<&str>, label: Option<&str>) -> Result<Self, DataError> {
        Self::read_rows(path, image, label, 0, usize::MAX)
    }

    /// Number of rows of a file, from its footer.
    ///
    /// # Errors
    /// When the file is missing, cut off or no parquet.
    pub fn count(path: &Path) -> Result<usize, DataError> {
        let file = File::open(path).map_err(DataError::io("open", path))?;
        ParquetReader::new(file).num_rows().map_err(unreadable(path))
    }

    /// Reads `count` rows from row `first` on, or as many as there are; as [`Table::read`].
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn read_rows(
        path: &Path,
        image: Option<&str>,
        label: Option<&str>,
        first: usize,
        count: usize,
    ) -> Result<Self, DataError> {
        let file = File::open(path).map_err(DataError::io("open", path))?;
        let unreadable = unreadable(path);
        let frame = ParquetReader::new(file).with_slice(Some((first, count))).finish().map_err(&unreadable)?;
        let found = || frame.get_column_names().iter().map(|n| n.as_str()).collect::<Vec<_>>().join(", ");
        let column = |wanted: Option<&str>, guesses: [&str; 2], expected: &'static str| {
            let names = wanted.map_or(guesses.to_vec(), |w| vec![w]);
            names.iter().find_map(|n| frame.column(n).ok()).ok_or_else(|| DataError::Column {
                path: path.to_owned(),
                column: names.join("` or `"),
                expected,
                found: found(),
            })
        };
        const IMAGE: &str = "a struct with a binary field `bytes`";
        const LABEL: &str = "an integer or a yes-or-no";
        let image = column(image, ["image", "img"], IMAGE)?;
        let label = column(label, ["label", "fine_label"], LABEL)?;
        let wrong = |column: &Column, expected| DataError::Column {
            path: path.to_owned(),
            column: column.name().to_string(),
            expected,
            found: found(),
        };
        let bytes = image.struct_().ok().and_then(|s| s.field_by_name("bytes").ok());
        let bytes = bytes.ok_or_else(|| wrong(image, IMAGE))?;
        let bytes = bytes.binary().map_err(|_| wrong(image, IMAGE))?;
        if !label.dtype().is_integer() && !label.dtype().is_bool() {
            return Err(wrong(label, LABEL));
        }
        let label = label.cast(&DataType::Int64).map_err(&unreadable)?;
        let label = label.i64().map_err(&unreadable)?;
        let missing = |row, what| DataError::Missing { path: path.to_owned(), row: first + row, what };
        let images = bytes.iter().enumerate().map(|(row, b)| Ok(b.ok_or_else(|| missing(row, "image"))?.to_vec()));
        let labels = label.iter().enumerate().map(|(row, l)| l.ok_or_else(|| missing(row, "label")));
        Ok(Self {
            path: path.to_owned(),
            images: images.collect::<Result<_, DataError>>()?,
            labels: labels.collect::<Result<_, _>>()?,
            rows: (first..first + frame.height()).collect(),
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

/// For `map_err`: what makes a file no readable parquet.
fn unreadable(path: &Path) -> impl Fn(PolarsError) -> DataError {
    let path = path.to_owned();
    move |e| DataError::Parquet { path: path.clone(), reason: first_line(&e) }
}

/// polars' errors can span lines; the first says what is wrong.
fn first_line(e: &PolarsError) -> String {
    e.to_string().lines().next().unwrap_or_default().to_owned()
}
