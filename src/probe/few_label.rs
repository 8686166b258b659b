//! Accuracy against the number of labels.

use super::features::check_labels;
use super::{Features, LinearConfig, LinearProbe, ProbeError, accuracy};
use rand::seq::SliceRandom;
use serde::Serialize;

/// Accuracy of the linear probe at one label budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FewLabelPoint {
    /// Labelled rows of each class.
    pub per_class: usize,
    /// Labelled rows in all.
    pub labels: usize,
    /// Test accuracy of each seed, in [0, 1].
    pub accuracies: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation (n - 1); zero for a single seed.
    pub std: f64,
}

/// Linear probes on class-balanced subsets of the training rows, for each budget and seed.
///
/// The subsets of one seed are nested: a larger budget keeps the rows of the smaller. Features are taken as they are;
/// standardise them before, by all training rows (this uses no label).
///
/// # Errors
/// As [`LinearProbe::fit`]; [`ProbeError::FewRows`] when a class is smaller than a budget; [`ProbeError::Setting`] for a
/// budget of zero, no budget or no seed.
#[allow(clippy::too_many_arguments)] // two labelled sets and what to do with them
pub fn few_label_curve(
    train: &Features,
    train_labels: &[u32],
    test: &Features,
    test_labels: &[u32],
    classes: usize,
    per_class: &[usize],
    seeds: &[u64],
    config: &LinearConfig,
) -> Result<Vec<FewLabelPoint>, ProbeError> {
    train.check()?;
    test.check_width(train.dim)?;
    check_labels(train.rows, train_labels, classes)?;
    check_labels(test.rows, test_labels, classes)?;
    for (name, len) in [("per_class", per_class.len()), ("seeds", seeds.len())] {
        if len == 0 {
            return Err(ProbeError::Setting { name, value: "[]".into(), range: "a list of at least one" });
        }
    }
    let mut points = Vec::with_capacity(per_class.len());
    for &budget in per_class {
        let mut accuracies = Vec::with_capacity(seeds.len());
        for &seed in seeds {
            let rows = balanced_subset(train_labels, classes, budget, seed)?;
            let labels: Vec<u32> = rows.iter().map(|&r| train_labels[r]).collect();
            let probe = LinearProbe::fit(&train.select(&rows)?, &labels, classes, config)?;
            accuracies.push(accuracy(&probe.predict(test)?, test_labels)?);
        }
        let (mean, std) = mean_std(&accuracies);
        points.push(FewLabelPoint { per_class: budget, labels: budget * classes, accuracies, mean, std });
    }
    Ok(points)
}

/// Row indices of `per_class` examples of each class, in ascending order. For one seed, a larger subset contains the
/// smaller.
///
/// # Errors
/// [`ProbeError::Setting`] for zero, [`ProbeError::Label`] for a label at or over `classes`, [`ProbeError::FewRows`]
/// when a class is too small.
pub fn balanced_subset(labels: &[u32], classes: usize, per_class: usize, seed: u64) -> Result<Vec<usize>, ProbeError> {
    check_labels(labels.len(), labels, classes)?;
    if per_class == 0 {
        return Err(ProbeError::Setting { name: "per_class", value: "0".into(), range: "at least 1" });
    }
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.shuffle(&mut crate::seed::stream(seed, "subset", 0));
    let mut taken = vec![0; classes];
    let mut rows = Vec::new();
    for row in order {
        let count = &mut taken[labels[row] as usize];
        if *count < per_class {
            *count += 1;
            rows.push(row);
        }
    }
    if let Some(class) = taken.iter().position(|&t| t < per_class) {
        return Err(ProbeError::FewRows { class, have: taken[class], want: per_class });
    }
    rows.sort_unstable();
    Ok(rows)
}

fn mean_std(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() < 2 {
        return (mean, 0.0);
    }
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}
