//! Zero mean and unit variance per feature, by the training rows.

use super::{Features, ProbeError};
use rayon::prelude::*;

/// Added to every standard deviation.
const FLOOR: f64 = 1e-5;
/// Row chunks of the sums at most; their size depends on the number of rows alone.
const CHUNKS: usize = 32;

/// Per-feature shift and scale learnt from training rows.
///
/// A feature that is constant over the training rows carries nothing a probe could learn, so it becomes zero everywhere
/// (dividing by the floor would blow up the slightest change on test rows, as with a unit that never fired).
#[derive(Debug, Clone, PartialEq)]
pub struct Standardiser {
    mean: Vec<f32>,
    scale: Vec<f32>,
}

impl Standardiser {
    /// Mean and standard deviation (n - 1 in the denominator, as PyTorch's `std`) of each column, summed in double
    /// precision.
    ///
    /// # Errors
    /// [`ProbeError::Empty`], [`ProbeError::Size`].
    pub fn fit(train: &Features) -> Result<Self, ProbeError> {
        train.check()?;
        let (n, dim) = (train.rows, train.dim);
        let mut mean = column_sums(train, |sum, _, value| *sum += value);
        mean.iter_mut().for_each(|m| *m /= n as f64);
        let squares = column_sums(train, |sum, column, value| {
            let d = value - mean[column];
            *sum += d * d;
        });
        let first = train.row(0);
        let constant: Vec<bool> = train
            .values
            .par_chunks(dim * n.div_ceil(CHUNKS))
            .map(|rows| {
                let mut same = vec![true; dim];
                for row in rows.chunks_exact(dim) {
                    same.iter_mut().zip(row).zip(first).for_each(|((s, a), b)| *s &= a == b);
                }
                same
            })
            .reduce(|| vec![true; dim], |a, b| a.iter().zip(&b).map(|(x, y)| x & y).collect());
        let scale = squares
            .iter()
            .zip(&constant)
            .map(|(s, &c)| if c { 0.0 } else { (1.0 / ((s / (n - 1) as f64).sqrt() + FLOOR)) as f32 })
            .collect();
        Ok(Self { mean: mean.iter().map(|&m| m as f32).collect(), scale })
    }

    /// `(x - mean) / (std + 1e-5)`, in place.
    ///
    /// # Errors
    /// [`ProbeError::Width`] when the columns differ from those of the training rows.
    pub fn apply(&self, features: &mut Features) -> Result<(), ProbeError> {
        features.check_width(self.mean.len())?;
        let dim = features.dim;
        features.values.par_chunks_mut(dim * 64).for_each(|rows| {
            for row in rows.chunks_exact_mut(dim) {
                for ((v, m), s) in row.iter_mut().zip(&self.mean).zip(&self.scale) {
                    *v = (*v - m) * s;
                }
            }
        });
        Ok(())
    }

    /// Mean of each feature, `[F]`.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }
}

/// Standardises both matrices in place by the statistics of the first.
///
/// # Errors
/// As [`Standardiser::fit`] and [`Standardiser::apply`].
pub fn standardise(train: &mut Features, test: &mut Features) -> Result<(), ProbeError> {
    test.check_width(train.dim)?;
    let standardiser = Standardiser::fit(train)?;
    standardiser.apply(train)?;
    standardiser.apply(test)
}

/// Folds every column in double precision: row chunks in parallel, added in order.
fn column_sums(x: &Features, fold: impl Fn(&mut f64, usize, f64) + Sync) -> Vec<f64> {
    let dim = x.dim;
    let partial: Vec<Vec<f64>> = x
        .values
        .par_chunks(dim * x.rows.div_ceil(CHUNKS))
        .map(|rows| {
            let mut sums = vec![0.0; dim];
            for row in rows.chunks_exact(dim) {
                for (column, (sum, &value)) in sums.iter_mut().zip(row).enumerate() {
                    fold(sum, column, f64::from(value));
                }
            }
            sums
        })
        .collect();
    let mut total = vec![0.0; dim];
    for part in partial {
        total.iter_mut().zip(part).for_each(|(t, p)| *t += p);
    }
    total
}
