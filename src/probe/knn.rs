//! The weighted nearest-neighbour classifier: nothing is trained.

use super::features::check_labels;
use super::{Features, ProbeError, accuracy};
use crate::nn::cpu::gemm::{Mat, matmul};
use rayon::prelude::*;
use serde::Serialize;
use std::time::Instant;

/// Test rows whose similarities are computed at a time.
const BLOCK: usize = 64;

/// Settings of [`knn_probe`]. Published figures differ by several points with them, so they belong beside each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct KnnConfig {
    /// Neighbours that vote.
    pub k: usize,
    /// Temperature T of the votes' weights `exp(cos / T)`.
    pub temperature: f64,
}

impl Default for KnnConfig {
    /// 200 neighbours and T = 0.1, as lightly's benchmarks; Wu et al. 2018 take T = 0.07.
    fn default() -> Self {
        Self { k: 200, temperature: 0.1 }
    }
}

impl KnnConfig {
    /// Rejects settings that cannot work with `rows` training rows.
    ///
    /// # Errors
    /// [`ProbeError::Setting`] unless `1 ≤ k ≤ rows` and the temperature is positive.
    pub fn check(&self, rows: usize) -> Result<(), ProbeError> {
        if self.k == 0 || self.k > rows {
            let range = "at least 1 and at most the training rows";
            return Err(ProbeError::Setting { name: "k", value: self.k.to_string(), range });
        }
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            let range = "positive and finite";
            return Err(ProbeError::Setting { name: "temperature", value: self.temperature.to_string(), range });
        }
        Ok(())
    }
}

/// What [`knn_probe`] found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KnnResult {
    /// Neighbours that voted.
    pub k: usize,
    /// Temperature of the votes' weights.
    pub temperature: f64,
    /// Training rows.
    pub train_rows: usize,
    /// Test rows.
    pub test_rows: usize,
    /// Features per row.
    pub dim: usize,
    /// Accuracy on the test rows, in [0, 1].
    pub test_accuracy: f64,
    /// Wall-clock time, in seconds.
    pub seconds: f64,
}

/// Classifies each test row by its `k` nearest training rows in cosine similarity, each with a vote of `exp(cos / T)` for
/// its class (Wu et al. 2018, arXiv 1805.01978, §3.4). Ties go to the lower row and the lower class; a row of zeros has
/// cosine 0 with every other.
///
/// # Errors
/// Shapes and labels; [`ProbeError::Setting`] unless `1 ≤ k ≤` the training rows and the temperature is positive.
pub fn knn_probe(
    train: &Features,
    train_labels: &[u32],
    test: &Features,
    test_labels: &[u32],
    classes: usize,
    config: &KnnConfig,
) -> Result<KnnResult, ProbeError> {
    let start = Instant::now();
    check_labels(test.rows, test_labels, classes)?;
    let predictions = knn_predict(train, train_labels, test, classes, config)?;
    Ok(KnnResult {
        k: config.k,
        temperature: config.temperature,
        train_rows: train.rows,
        test_rows: test.rows,
        dim: train.dim,
        test_accuracy: accuracy(&predictions, test_labels)?,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// The classes that [`knn_probe`] gives the test rows, `[N]`.
///
/// # Errors
/// As [`knn_probe`].
pub fn knn_predict(
    train: &Features,
    train_labels: &[u32],
    test: &Features,
    classes: usize,
    config: &KnnConfig,
) -> Result<Vec<u32>, ProbeError> {
    train.check()?;
    test.check_width(train.dim)?;
    check_labels(train.rows, train_labels, classes)?;
    config.check(train.rows)?;
    let scales: Vec<f32> = train.values.par_chunks_exact(train.dim).map(unit_scale).collect();
    let winners = test.values.par_chunks(BLOCK * test.dim).map(|block| {
        let rows = block.len() / test.dim;
        let mut block = block.to_vec();
        for row in block.chunks_exact_mut(test.dim) {
            let scale = unit_scale(row);
            row.iter_mut().for_each(|v| *v *= scale);
        }
        let mut cosines = vec![0f32; rows * train.rows];
        let others = Mat::rows(&train.values, train.rows, train.dim).t();
        matmul(&mut cosines, train.rows, Mat::rows(&block, rows, test.dim), others, false);
        let cosines_of_row = cosines.chunks_exact_mut(train.rows);
        cosines_of_row.for_each(|row| row.iter_mut().zip(&scales).for_each(|(cos, scale)| *cos *= scale));
        let mut neighbours = Vec::with_capacity(train.rows);
        let mut votes = vec![0.0; classes];
        let rows = cosines.chunks_exact(train.rows);
        rows.map(|cosines| winner(cosines, train_labels, config, &mut neighbours, &mut votes)).collect::<Vec<u32>>()
    });
    Ok(winners.flatten_iter().collect())
}

/// The class with most votes, the lowest of several, from the similarities with all training rows. `rows` and `votes` (a
/// place for each class) are scratch.
fn winner(cosines: &[f32], labels: &[u32], config: &KnnConfig, rows: &mut Vec<u32>, votes: &mut [f64]) -> u32 {
    rows.clear();
    rows.extend(0..cosines.len() as u32);
    let order = |a: &u32, b: &u32| cosines[*b as usize].total_cmp(&cosines[*a as usize]).then(a.cmp(b));
    if config.k < rows.len() {
        rows.select_nth_unstable_by(config.k - 1, order);
        rows.truncate(config.k);
    }
    rows.sort_unstable_by(order);
    let largest = f64::from(cosines[rows[0] as usize]);
    votes.fill(0.0);
    for &mut row in rows {
        // Relative to the nearest, so that no temperature makes it overflow.
        let weight = ((f64::from(cosines[row as usize]) - largest) / config.temperature).exp();
        votes[labels[row as usize] as usize] += weight;
    }
    (0..votes.len()).fold(0, |best, class| if votes[class] > votes[best] { class } else { best }) as u32
}

/// What a row is multiplied by to have length 1; 0 for a row of zeros.
fn unit_scale(row: &[f32]) -> f32 {
    let length = row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 { (1.0 / length).min(f64::from(f32::MAX)) as f32 } else { 0.0 }
}
