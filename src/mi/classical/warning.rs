//! What to know about an estimate before believing it.

use std::fmt;

/// A reason to doubt an estimate.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// Rows were repeated and have been moved apart by noise.
    Jittered {
        /// Which vector: `x`, `y`, or `x and y`.
        side: &'static str,
        /// Rows that repeat an earlier row of that vector.
        repeated: usize,
        /// Half-width of the noise, in standard deviations of each column.
        amplitude: f64,
    },
    /// Too many columns for nearest neighbours.
    Dimension {
        /// Columns of x and y together.
        columns: usize,
        /// Rows.
        rows: usize,
    },
    /// The estimate is near the largest value that the estimator can return.
    NearCeiling {
        /// The estimate, nats.
        nats: f64,
        /// The largest possible value, nats.
        ceiling: f64,
    },
    /// The estimate grows with the number of rows, as that of a function does.
    Growing {
        /// The estimate, nats.
        nats: f64,
        /// What it has more than every other row alone gives, nats; ln 2 for a function.
        growth: f64,
    },
    /// A class of one row has no neighbour of its own and was left out.
    SingleRows {
        /// How many such rows there were.
        rows: usize,
    },
    /// Cells that hold few counts each: the plug-in is biased up.
    Sparse {
        /// Cells that hold anything.
        cells: usize,
        /// Rows.
        rows: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jittered { side, repeated, amplitude } => write!(
                f,
                "{repeated} rows of {side} repeat others; noise of {amplitude:e} standard deviations has set them apart"
            ),
            Self::Dimension { columns, rows } => write!(
                f,
                "{columns} columns are many for nearest neighbours in {rows} rows; the estimate is likely too low"
            ),
            Self::NearCeiling { nats, ceiling } => {
                write!(
                    f,
                    "{nats:.2} nats is near {ceiling:.2}, the most this many rows can show; the truth may be larger"
                )
            }
            Self::Growing { nats, growth } => write!(
                f,
                "{growth:.2} of the {nats:.2} nats came with the second half of the rows, and more may come with more: of a \
                 function of the other vector it would never end"
            ),
            Self::SingleRows { rows } => write!(f, "{rows} rows are the only one of their class and were left out"),
            Self::Sparse { cells, rows } => {
                write!(f, "{cells} cells share {rows} rows; the estimate is likely too high")
            }
        }
    }
}
