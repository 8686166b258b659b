//! Mutual information of binned numbers.

use super::ties::check_varies;
use super::{DiscreteEstimate, Labels, Table, discrete_mi};
use crate::mi::standardise::quantile;
use crate::mi::{MiError, Samples};

/// How many bins a column gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bins {
    /// This many, at least 2.
    Count(usize),
    /// Range over 2·IQR·N^(−1/3) (Freedman & Diaconis 1981), at most N.
    FreedmanDiaconis,
}

/// Where the borders of bins are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edges {
    /// At equal distances from the least to the largest value.
    EqualWidth,
    /// So that bins hold equally many rows; equal values stay together.
    EqualCount,
}

/// Labels of rows: those whose columns fall into the same bins share one.
///
/// # Errors
/// A constant column, fewer than two bins, or Freedman and Diaconis' rule on a column half of which is one value.
pub fn bin(samples: &Samples, bins: Bins, edges: Edges) -> Result<Labels, MiError> {
    check_varies(samples)?;
    let mut failed = None;
    let binned = samples.map_columns(|_, column| match bin_column(&column, bins, edges) {
        Ok(binned) => binned,
        Err(error) => {
            failed.get_or_insert(error);
            column
        }
    })?;
    match failed {
        Some(error) => Err(error),
        None => Ok(Labels::of_rows(&binned)),
    }
}

/// I(X;Y) of two paired vectors after binning every column, in nats; see [`discrete_mi`].
///
/// Cells multiply with every column, so this is for one column each, or two of few bins.
///
/// # Errors
/// As [`bin`], or fewer than ten rows, or unpaired ones.
pub fn histogram_mi(x: &Samples, y: &Samples, bins: Bins, edges: Edges) -> Result<DiscreteEstimate, MiError> {
    x.check_paired(y, 10)?;
    Ok(discrete_mi(&Table::of(&bin(x, bins, edges)?, &bin(y, bins, edges)?)?))
}

/// The bin of each number, from 0.
fn bin_column(column: &[f64], bins: Bins, edges: Edges) -> Result<Vec<f64>, MiError> {
    let n = column.len();
    let mut sorted = column.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted[0], sorted[n - 1]);
    let bad = |value: String, allowed| MiError::Setting { name: "bins", value, allowed };
    let count = match bins {
        Bins::Count(count) if count >= 2 => count,
        Bins::Count(count) => return Err(bad(count.to_string(), "at least 2")),
        Bins::FreedmanDiaconis => {
            let width = 2.0 * (quantile(&sorted, 0.75) - quantile(&sorted, 0.25)) / (n as f64).cbrt();
            if width <= 0.0 {
                return Err(bad("Freedman-Diaconis".into(), "a number when half of a column is one value"));
            }
            ((high - low) / width).ceil().clamp(2.0, n.max(2) as f64) as usize
        }
    };
    let last = (count - 1) as f64;
    Ok(match edges {
        Edges::EqualWidth => {
            // Halves: the range of finite numbers may overflow.
            let range = 0.5 * high - 0.5 * low;
            column.iter().map(|v| ((0.5 * v - 0.5 * low) / range * count as f64).floor().min(last)).collect()
        }
        Edges::EqualCount => column
            .iter()
            .map(|v| {
                let below = sorted.partition_point(|s| s < v);
                let upto = sorted.partition_point(|s| s <= v);
                // The middle of the ranks of equal values.
                (0.5 * (below + upto) as f64 / n as f64 * count as f64).floor().min(last)
            })
            .collect(),
    })
}
