//! Probes while the encoder is trained.

use super::evaluate::{check_mlp, probed_rows};
use super::{LAYERS, Progress, TrainError, encode, io};
use crate::data::ImageSet;
use crate::dim::Model;
use crate::files::write_atomic;
use crate::probe::{KnnConfig, LinearConfig, MlpConfig, knn_probe, linear_probe, mlp_probe, standardise};
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// When and how the encoder is probed while it is trained, beside the probes at the end. The training is the same with and
/// without, to the bit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnlineProbes {
    /// Epochs from one time to the next; the first is before any training.
    pub every: u64,
    /// Also train the probe of 200 hidden units.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mlp: bool,
    /// Its passes over the labels, for conv, fc and Y; 6, 6 and 20 if `None`, as runs had them before there was a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlp_epochs: Option<[usize; 3]>,
    /// Share of its steps, the last ones, whose weights are averaged; those of the last step alone count if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlp_average: Option<f64>,
    /// Also classify by nearest neighbours: [`KnnConfig::default`], of all neighbours where there are fewer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub knn: bool,
    /// Use the first so many training images only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<usize>,
    /// Judge on the first so many held-out images only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<usize>,
}

impl OnlineProbes {
    /// Passes of the MLP probe, and the share of its steps that is averaged.
    fn mlp_settings(&self) -> ([usize; 3], f64) {
        (self.mlp_epochs.unwrap_or([6, 6, 20]), self.mlp_average.unwrap_or(0.0))
    }

    /// Rejects settings that cannot work.
    ///
    /// # Errors
    /// [`TrainError::Config`].
    pub fn check(&self) -> Result<(), TrainError> {
        if self.every == 0 || self.labels == Some(0) || self.held_out == Some(0) {
            let all = |number: Option<usize>| number.map_or("all".to_owned(), |n| n.to_string());
            return Err(TrainError::Config(format!(
                "online probes every {} epochs with {} labels on {} held-out images; all three are 1 or more",
                self.every,
                all(self.labels),
                all(self.held_out)
            )));
        }
        let (epochs, average) = self.mlp_settings();
        check_mlp(epochs, average)
    }
}

/// Accuracies on the held-out images of probes on one layer, in [0, 1].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnlineScore {
    /// `conv`, `fc` or `Y`.
    pub layer: String,
    /// Logistic regression.
    pub linear: f64,
    /// 200 hidden units, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlp: Option<f64>,
    /// Nearest neighbours, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knn: Option<f64>,
}

/// The probes at one time: a line of `probes.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnlineReport {
    /// Epochs done; 0 is the encoder as it was initialised.
    pub epoch: u64,
    /// Steps done.
    pub step: u64,
    /// conv, fc, Y.
    pub layers: Vec<OnlineScore>,
}

/// Probes the encoder of `model` as it is: it learns from the labels of the first set, and is judged on the second.
///
/// # Errors
/// When the device fails, or the labels do not allow a probe.
pub fn probe_online(
    model: &dyn Model,
    [train, test]: [&ImageSet; 2],
    config: &OnlineProbes,
    seed: u64,
    progress: &mut dyn Progress,
) -> Result<Vec<OnlineScore>, TrainError> {
    let (rows, test_rows) = (probed_rows(config.labels, train)?, probed_rows(config.held_out, test)?);
    progress.task_begins("probes: features", (rows + test_rows) as u64);
    let train_features = encode(model, train, rows, progress)?;
    let test_features = encode(model, test, test_rows, progress)?;
    progress.task_ends();
    progress.task_begins("probes", LAYERS.len() as u64);
    let labels = &train.labels()[..rows];
    let (test_labels, classes) = (&test.labels()[..test_rows], train.classes.len());
    let mut scores = Vec::with_capacity(LAYERS.len());
    for (i, (mut x, mut test_x)) in train_features.into_iter().zip(test_features).enumerate() {
        let knn = KnnConfig { k: KnnConfig::default().k.min(rows), ..KnnConfig::default() };
        let knn = config.knn.then(|| knn_probe(&x, labels, &test_x, test_labels, classes, &knn)).transpose()?;
        standardise(&mut x, &mut test_x)?;
        let linear = linear_probe(&x, labels, &test_x, test_labels, classes, &LinearConfig::default())?.1;
        let (epochs, average) = config.mlp_settings();
        let settings = MlpConfig { epochs: epochs[i], average, seed, ..MlpConfig::default() };
        let mlp = config.mlp.then(|| mlp_probe(&x, labels, &test_x, test_labels, classes, &settings)).transpose()?;
        scores.push(OnlineScore {
            layer: LAYERS[i].to_owned(),
            linear: linear.test_accuracy,
            mlp: mlp.map(|m| m.1.test_accuracy),
            knn: knn.map(|k| k.test_accuracy),
        });
        progress.task_advances(1);
    }
    progress.task_ends();
    Ok(scores)
}

/// Of a run's folder.
const FILE: &str = "probes.jsonl";

/// The probes that a run has written, oldest first; a line that was cut off is left out.
pub(super) fn read(run: &Path) -> Result<Vec<OnlineReport>, TrainError> {
    let file = run.join(FILE);
    match fs::read_to_string(&file) {
        Ok(text) => Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(io("read", file)(e)),
    }
}

fn line(report: &OnlineReport) -> Result<String, TrainError> {
    let text = serde_json::to_string(report).map_err(|e| TrainError::Config(e.to_string()))?;
    Ok(text + "\n")
}

/// Appends one time's probes.
pub(super) fn append(run: &Path, report: &OnlineReport) -> Result<(), TrainError> {
    let file = run.join(FILE);
    let mut out = OpenOptions::new().append(true).create(true).open(&file).map_err(io("open", &file))?;
    out.write_all(line(report)?.as_bytes()).and_then(|()| out.sync_all()).map_err(io("write", file))
}

/// Leaves out what is later than `epoch`, and lines that were cut off.
pub(super) fn cut_back(run: &Path, epoch: u64) -> Result<(), TrainError> {
    let file = run.join(FILE);
    if !file.exists() {
        return Ok(());
    }
    let kept = read(run)?.iter().filter(|r| r.epoch <= epoch).map(line).collect::<Result<String, _>>()?;
    write_atomic(&file, kept.as_bytes()).map_err(io("write", file))
}
