//! What can go wrong when a report is made.

use std::path::PathBuf;
use thiserror::Error;

/// A table, picture or file that cannot be made; each message names the value and the way out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file could not be written.
    #[error("{}: {source}; check that the folder exists, is writable and has room", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nothing to draw.
    #[error("{what} is empty: give at least one {item}")]
    Empty {
        /// What is empty.
        what: String,
        /// What it needs.
        item: &'static str,
    },
    /// A value that no axis can show.
    #[error("{what} has {value} at index {index}: leave such points out before plotting")]
    NonFinite {
        /// Name of the series or reference.
        what: String,
        /// Index of the point.
        index: usize,
        /// The value, written out.
        value: String,
    },
    /// A point that a logarithmic axis cannot show.
    #[error("series {series} has x = {value} at index {index}: a logarithmic axis needs x > 0")]
    LogRange {
        /// Name of the series.
        series: String,
        /// Index of the point.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A table row with too few or too many cells.
    #[error("row {row} has {got} cells where the table has {expected} columns: give one cell per column")]
    Cells {
        /// Index of the row.
        row: usize,
        /// Cells given.
        got: usize,
        /// Columns of the table.
        expected: usize,
    },
    /// Sizes of images or pictures that do not fit.
    #[error("{what} is {got}: {expected}")]
    Size {
        /// What has the size.
        what: String,
        /// The size, written out.
        got: String,
        /// What is needed.
        expected: String,
    },
    /// The drawing library refused.
    #[error("drawing failed: {0}; simplify the picture or report a bug")]
    Draw(String),
}
