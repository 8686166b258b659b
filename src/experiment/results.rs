//! Results of grids: of one as a mean over seeds, of all as rows of a table.

use super::{Budget, CellResult, CellTime, Compare, ExperimentError, Grid};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Mean and spread over seeds; of accuracies in %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The sample standard deviation; none for one seed.
    pub sd: Option<f64>,
    /// Seeds.
    pub seeds: usize,
}

/// The test accuracy of a row's cells on a layer, in %: mean and spread over seeds. `None` when none has one.
pub fn spread(results: &[CellResult], row: &str, layer: &str, probe: Compare) -> Option<Spread> {
    let values: Vec<f64> = results
        .iter()
        .filter(|r| r.row == row)
        .filter_map(|r| r.layer(layer)?.accuracy(probe))
        .map(|accuracy| 100.0 * accuracy)
        .collect();
    moments(values)
}

/// Mean and spread of values; `None` when there are none.
pub(super) fn moments(values: Vec<f64>) -> Option<Spread> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    Some(Spread { mean, sd: (n > 1).then(|| (squares / (n - 1) as f64).sqrt()), seeds: n })
}

/// A finished cell and where it is from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finished {
    /// The experiment.
    pub experiment: String,
    /// How much was spent.
    pub budget: Budget,
    /// The grid's folder.
    pub grid: PathBuf,
    /// The data set.
    pub data: String,
    /// What came of it.
    #[serde(flatten)]
    pub result: CellResult,
    /// How long it took.
    pub seconds: Option<CellTime>,
}

impl Grid {
    /// The finished cells, with their times.
    ///
    /// # Errors
    /// When a file is damaged.
    pub fn finished(&self) -> Result<Vec<Finished>, ExperimentError> {
        let mut found = Vec::new();
        for cell in self.cells() {
            if let Some(result) = self.result(cell)? {
                found.push(Finished {
                    experiment: self.plan.experiment.clone(),
                    budget: self.plan.budget,
                    grid: self.path().to_owned(),
                    data: cell.row.run.data.source.clone(),
                    result,
                    seconds: self.time(cell)?,
                });
            }
        }
        Ok(found)
    }
}

/// The finished cells of all grids under `root`, and what makes other grids unreadable.
///
/// # Errors
/// When `root` itself cannot be read.
pub fn all_results(root: &Path) -> Result<(Vec<Finished>, Vec<ExperimentError>), ExperimentError> {
    let (mut found, mut damaged) = (Vec::new(), Vec::new());
    for path in Grid::all(root)? {
        match Grid::open(&path).and_then(|grid| grid.finished()) {
            Ok(cells) => found.extend(cells),
            Err(e) => damaged.push(e),
        }
    }
    Ok((found, damaged))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::LayerScore;

    #[test]
    fn spread_is_mean_and_sample_deviation_in_percent() {
        let cell = |seed, mlp| CellResult {
            row: "a".into(),
            seed,
            epochs: 1,
            images: 1,
            labels: 1,
            test_images: 1,
            encoder_parameters: 1,
            nats: None,
            layers: vec![LayerScore {
                layer: "Y".into(),
                size: 64,
                linear: 0.25,
                linear_train: 0.5,
                mlp,
                mlp_train: 0.5,
                svm: None,
                svm_train: None,
            }],
            measures: None,
            diverged: None,
        };
        let results = [cell(0, 0.5), cell(1, 0.6), cell(2, 0.7)];
        let found = spread(&results, "a", "Y", Compare::Mlp).unwrap();
        assert!((found.mean - 60.0).abs() < 1e-12 && (found.sd.unwrap() - 10.0).abs() < 1e-12 && found.seeds == 3);
        let one = spread(&results[..1], "a", "Y", Compare::Linear).unwrap();
        assert_eq!((one.mean, one.sd), (25.0, None));
        assert_eq!(spread(&results, "b", "Y", Compare::Mlp), None);
    }
}
