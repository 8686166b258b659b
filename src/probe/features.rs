//! The matrix that a probe sees, and what it reports.

use super::ProbeError;
use rayon::prelude::*;
use serde::Serialize;

/// Frozen features: `[rows, dim]`, row-major, one row per example.
///
/// The fields are public for in-place work; [`Features::try_new`] is the checked way in.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// Number of examples N.
    pub rows: usize,
    /// Number of features F.
    pub dim: usize,
    /// `[N, F]` row-major.
    pub values: Vec<f32>,
}

impl Features {
    /// Checks sizes and that every value is finite.
    ///
    /// # Errors
    /// [`ProbeError::Empty`], [`ProbeError::Size`], [`ProbeError::NonFinite`].
    pub fn try_new(rows: usize, dim: usize, values: Vec<f32>) -> Result<Self, ProbeError> {
        let features = Self { rows, dim, values };
        features.check()?;
        let bad = features
            .values
            .par_chunks(1 << 16)
            .enumerate()
            .find_map_first(|(c, chunk)| chunk.iter().position(|v| !v.is_finite()).map(|i| (c << 16) + i));
        match bad {
            Some(i) => {
                Err(ProbeError::NonFinite { row: i / dim, column: i % dim, value: features.values[i].to_string() })
            }
            None => Ok(features),
        }
    }

    /// Row `i`, `[F]`.
    ///
    /// # Panics
    /// When `i` is not below `rows`.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.dim..(i + 1) * self.dim]
    }

    /// A copy of the rows of these indices, in that order: `[indices.len(), F]`.
    ///
    /// # Errors
    /// [`ProbeError::Query`] for an index at or over `rows`, [`ProbeError::Empty`] for no index.
    pub fn select(&self, indices: &[usize]) -> Result<Self, ProbeError> {
        self.check()?;
        if indices.is_empty() {
            return Err(ProbeError::Empty { rows: 0, dim: self.dim });
        }
        if let Some(&row) = indices.iter().find(|&&i| i >= self.rows) {
            return Err(ProbeError::Query { row, rows: self.rows });
        }
        let values = indices.iter().flat_map(|&i| self.row(i)).copied().collect();
        Ok(Self { rows: indices.len(), dim: self.dim, values })
    }

    /// Sizes only: cheap, done on entry of every public function, as the fields are public.
    pub(super) fn check(&self) -> Result<(), ProbeError> {
        let (rows, dim, len) = (self.rows, self.dim, self.values.len());
        if rows == 0 || dim == 0 {
            return Err(ProbeError::Empty { rows, dim });
        }
        if rows.checked_mul(dim) != Some(len) {
            return Err(ProbeError::Size { rows, dim, len });
        }
        Ok(())
    }

    pub(super) fn check_width(&self, expected: usize) -> Result<(), ProbeError> {
        self.check()?;
        if self.dim != expected {
            return Err(ProbeError::Width { got: self.dim, expected });
        }
        Ok(())
    }
}

/// Checks the number of labels and their range.
pub(super) fn check_labels(rows: usize, labels: &[u32], classes: usize) -> Result<(), ProbeError> {
    if classes < 2 {
        return Err(ProbeError::Setting { name: "classes", value: classes.to_string(), range: "at least 2" });
    }
    if labels.len() != rows {
        return Err(ProbeError::LabelCount { rows, labels: labels.len() });
    }
    match labels.iter().position(|&l| l as usize >= classes) {
        Some(row) => Err(ProbeError::Label { row, label: labels[row], classes }),
        None => Ok(()),
    }
}

/// Fraction of predictions equal to the labels, in [0, 1].
///
/// # Errors
/// [`ProbeError::LabelCount`] when the numbers differ, [`ProbeError::Empty`] when there are none.
pub fn accuracy(predictions: &[u32], labels: &[u32]) -> Result<f64, ProbeError> {
    if predictions.len() != labels.len() {
        return Err(ProbeError::LabelCount { rows: predictions.len(), labels: labels.len() });
    }
    if labels.is_empty() {
        return Err(ProbeError::Empty { rows: 0, dim: 1 });
    }
    let right = predictions.iter().zip(labels).filter(|(p, l)| p == l).count();
    Ok(right as f64 / labels.len() as f64)
}

/// What a probe found, with what is needed to read the number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProbeResult {
    /// `"linear"`, `"svm"` or `"mlp"`.
    pub probe: &'static str,
    /// Training rows.
    pub train_rows: usize,
    /// Test rows.
    pub test_rows: usize,
    /// Features per row.
    pub dim: usize,
    /// Number of classes.
    pub classes: usize,
    /// Accuracy on the training rows, in [0, 1].
    pub train_accuracy: f64,
    /// Accuracy on the test rows, in [0, 1].
    pub test_accuracy: f64,
    /// L-BFGS iterations (linear, svm) or epochs (mlp).
    pub iterations: usize,
    /// Whether the stopping rule was met (linear, svm); a probe with a fixed number of epochs says true.
    pub converged: bool,
    /// Mean loss over the training rows, without the penalty: nats per example at the optimum found (linear) or over the
    /// last epoch, with dropout (mlp); the sum of squared hinges per example (svm).
    pub train_loss: f64,
    /// Wall-clock time of fitting, in seconds.
    pub seconds: f64,
}

/// Index of the largest score of each row of `[rows, classes]`; the first of equals.
pub(super) fn argmax(scores: &[f32], classes: usize) -> impl Iterator<Item = u32> + '_ {
    scores.chunks_exact(classes).map(|row| {
        let best = row.iter().enumerate().fold((0, f32::NEG_INFINITY), |b, (i, &v)| if v > b.1 { (i, v) } else { b });
        best.0 as u32
    })
}
