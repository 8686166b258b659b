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
    /// No such distribution in [`known`](super::known).
    #[error("no known distribution is called `{name}`; near it: {near}")]
    UnknownDistribution {
        /// What was asked for.
        name: String,
        /// Names that are like it, with commas.
        near: String,
    },
}
