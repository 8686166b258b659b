//! What can be wrong with a question about mutual information.

/// Why there is no estimate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MiError {
    /// No rows or no columns.
    #[error("there are no samples; give at least one column and ten rows")]
    Empty,
    /// The last row is not full.
    #[error("{numbers} numbers do not make full rows of {columns}")]
    Ragged {
        /// How many numbers came.
        numbers: usize,
        /// How many a row has.
        columns: usize,
    },
    /// NaN or infinite.
    #[error("column `{column}`, row {row}: {value} is no number to estimate from; drop or fill such rows")]
    NotFinite {
        /// Name of the column.
        column: String,
        /// Row, from 0.
        row: usize,
        /// What is there.
        value: f64,
    },
    /// Unpaired samples.
    #[error("x has {x} rows and y has {y}; each row of x must have its row of y")]
    Lengths {
        /// Rows of x.
        x: usize,
        /// Rows of y.
        y: usize,
    },
    /// Not enough to say anything.
    #[error("{rows} rows are too few; this takes at least {least}")]
    TooFew {
        /// Rows that came.
        rows: usize,
        /// Rows needed.
        least: usize,
    },
    /// A column that never changes carries no information and breaks scaling.
    #[error("column `{column}` is constant ({value}); leave it out")]
    Constant {
        /// Name of the column.
        column: String,
        /// Its value.
        value: f64,
    },
    /// A setting out of range.
    #[error("{name} = {value} is out of range; {allowed}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is allowed, in words.
        allowed: &'static str,
    },
    /// Few values, each many times: nearest neighbours would measure the ties.
    #[error(
        "{side} takes only {distinct} different values in {rows} rows and looks discrete; \
         use the discrete or the mixed estimator"
    )]
    Discrete {
        /// Which vector.
        side: &'static str,
        /// Values that it takes.
        distinct: usize,
        /// Rows.
        rows: usize,
    },
    /// Repeated rows.
    #[error("{repeated} of {rows} rows of {side} repeat another; drop the copies, or use the discrete estimator")]
    Repeated {
        /// Which vector.
        side: &'static str,
        /// Rows that repeat an earlier one.
        repeated: usize,
        /// Rows.
        rows: usize,
    },
    /// A column is a linear combination of others, such as a column named twice.
    #[error("column `{column}` is a linear combination of {of}; leave it out or use shrinkage")]
    Dependent {
        /// Name of the column.
        column: String,
        /// Names of the columns that make it up.
        of: String,
    },
    /// x determines y without noise.
    #[error(
        "as far as these rows show, `{y}` of y is a function of `{x}` of x, and mutual information has no end; \
         leave one of them out"
    )]
    Infinite {
        /// Column or columns of x.
        x: String,
        /// Column or columns of y.
        y: String,
    },
    /// More columns than the widest critic takes.
    #[error("{columns} columns are too many for a critic of vectors; {most} is the most: reduce them first")]
    TooWide {
        /// Columns of the wider of x and y.
        columns: usize,
        /// Most columns.
        most: usize,
    },
    /// No such distribution in [`known`](super::known).
    #[error("no known distribution is called `{name}`; near it: {near}")]
    UnknownDistribution {
        /// What was asked for.
        name: String,
        /// Names that are like it, with commas.
        near: String,
    },
    /// The device failed.
    #[error("the device failed: {0}; try smaller batches")]
    Device(String),
}
