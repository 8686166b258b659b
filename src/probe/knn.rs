//! The weighted nearest-neighbour classifier: nothing is trained.

use super::features::{argmax, check_labels};
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
    let predictions = knn_predict(train, train_labels, test, classes, config)?;
    check_labels(test.rows, test_labels, classes)?;
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
    let KnnConfig { k, temperature } = *config;
    if k == 0 || k > train.rows {
        let range = "at least 1 and at most the training rows";
        return Err(ProbeError::Setting { name: "k", value: k.to_string(), range });
    }
    if !(temperature > 0.0 && temperature.is_finite()) {
        let range = "positive and finite";
        return Err(ProbeError::Setting { name: "temperature", value: temperature.to_string(), range });
    }
    let (train, test) = (unit_rows(train), unit_rows(test));
    let votes = test.values.par_chunks(BLOCK * test.dim).map(|block| {
        let rows = block.len() / test.dim;
        let mut cosines = vec![0f32; rows * train.rows];
        let others = Mat::rows(&train.values, train.rows, train.dim).t();
        matmul(&mut cosines, train.rows, Mat::rows(block, rows, test.dim), others, false);
        let mut votes = Vec::with_capacity(rows * classes);
        for cosines in cosines.chunks_exact(train.rows) {
            votes.extend(vote(cosines, train_labels, classes, config));
        }
        votes
    });
    let votes: Vec<f32> = votes.flatten_iter().collect();
    Ok(argmax(&votes, classes).collect())
}

/// Share of the votes for each class, from the similarities with all training rows.
fn vote(cosines: &[f32], labels: &[u32], classes: usize, config: &KnnConfig) -> Vec<f32> {
    let mut rows: Vec<u32> = (0..cosines.len() as u32).collect();
    let order = |a: &u32, b: &u32| cosines[*b as usize].total_cmp(&cosines[*a as usize]).then(a.cmp(b));
    if config.k < rows.len() {
        rows.select_nth_unstable_by(config.k - 1, order);
        rows.truncate(config.k);
    }
    rows.sort_unstable_by(order);
    let largest = f64::from(cosines[rows[0] as usize]);
    let mut votes = vec![0f64; classes];
    for row in rows {
        // Relative to the nearest, so that no temperature makes it overflow.
        let weight = ((f64::from(cosines[row as usize]) - largest) / config.temperature).exp();
        votes[labels[row as usize] as usize] += weight;
    }
    votes.into_iter().map(|v| v as f32).collect()
}

/// Each row divided by its length; rows of zeros as they are.
fn unit_rows(x: &Features) -> Features {
    let mut unit = x.clone();
    unit.values.par_chunks_mut(x.dim).for_each(|row| {
        let length = row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        if length > 0.0 {
            row.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
        }
    });
    unit
}
