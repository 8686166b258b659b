//! One row with one seed: train, probe, and keep what came of it.

use super::error::io;
use super::fine_tune::fine_tuned;
use super::grid::read_json;
use super::{Compare, ExperimentError, Measures, PlannedRow};
use crate::data::{ImageSet, Source};
use crate::dim::{DimError, Model, build};
use crate::files::write_atomic;
use crate::train::{
    Checkpoint, LayerReport, Outcome, Progress, RunConfig, RunDir, TrainError, Trainer, check_images, evaluate_encoder,
};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// The images of a cell.
#[derive(Clone)]
pub struct Images {
    /// Those that are trained on.
    pub train: Source,
    /// Training images that probes see.
    pub probed: Arc<ImageSet>,
    /// Held-out images.
    pub test: Arc<ImageSet>,
}

/// Accuracies of the probes on one layer, in [0, 1].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerScore {
    /// `conv`, `fc` or `Y`.
    pub layer: String,
    /// Features.
    pub size: usize,
    /// Logistic regression, test images.
    pub linear: f64,
    /// The same on the images it learned from.
    pub linear_train: f64,
    /// 200 hidden units, test images.
    pub mlp: f64,
    /// The same on the images it learned from.
    pub mlp_train: f64,
    /// A support vector machine, test images, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub svm: Option<f64>,
    /// The same on the images it learned from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub svm_train: Option<f64>,
}

impl LayerScore {
    /// Test accuracy of a probe, if it was asked for.
    pub fn accuracy(&self, probe: Compare) -> Option<f64> {
        match probe {
            Compare::Linear => Some(self.linear),
            Compare::Svm => self.svm,
            Compare::Mlp => Some(self.mlp),
        }
    }
}

impl From<&LayerReport> for LayerScore {
    fn from(report: &LayerReport) -> Self {
        Self {
            layer: report.layer.to_owned(),
            size: report.size,
            linear: report.linear.test_accuracy,
            linear_train: report.linear.train_accuracy,
            mlp: report.mlp.test_accuracy,
            mlp_train: report.mlp.train_accuracy,
            svm: report.svm.as_ref().map(|s| s.test_accuracy),
            svm_train: report.svm.as_ref().map(|s| s.train_accuracy),
        }
    }
}

/// What came of a cell. It is a function of the settings, the seed and the build: no times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellResult {
    /// The row's `id`.
    pub row: String,
    /// The root seed.
    pub seed: u64,
    /// Epochs trained.
    pub epochs: u64,
    /// Images that were trained on.
    pub images: usize,
    /// Images whose labels the probes saw.
    pub labels: usize,
    /// Held-out images.
    pub test_images: usize,
    /// Learned numbers of the encoder.
    pub encoder_parameters: usize,
    /// The bound, nats: mean over the last epoch's training batches.
    pub nats: Option<f64>,
    /// conv, fc, Y; none when training diverged.
    pub layers: Vec<LayerScore>,
    /// What was measured beside the probes' accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<Measures>,
    /// Why training or fine-tuning diverged, if it did.
    pub diverged: Option<String>,
}

impl CellResult {
    /// The score of a layer.
    pub fn layer(&self, layer: &str) -> Option<&LayerScore> {
        self.layers.iter().find(|l| l.layer == layer)
    }
}

/// How long the part of a cell took that ended it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellTime {
    /// Training, seconds.
    pub train: f64,
    /// Features, probes and all other measures, seconds.
    pub probe: f64,
    /// Whether an earlier part was interrupted, whose time is not in these.
    pub resumed: bool,
}

/// Runs a cell in `folder`, or goes on with it. `None` when it was asked to stop.
pub(super) fn run_cell(
    folder: &Path,
    row: &PlannedRow,
    seed: u64,
    images: &Images,
    progress: &mut dyn Progress,
    stop: &AtomicBool,
) -> Result<Option<CellResult>, ExperimentError> {
    let config = RunConfig { seed, ..row.run.clone() };
    let began = Instant::now();
    let mut result = CellResult {
        row: row.id.clone(),
        seed,
        epochs: 0,
        images: 0,
        labels: row.probes.rows(images.probed.len()),
        test_images: images.test.len(),
        encoder_parameters: 0,
        nats: None,
        layers: Vec::new(),
        measures: None,
        diverged: None,
    };
    let mut time = CellTime { train: 0.0, probe: 0.0, resumed: false };
    if row.untrained {
        check_images(&config, &images.train)?;
        let model = build(&config.model, seed).map_err(TrainError::from)?;
        result.encoder_parameters = model.parameters()[0];
        if !measure((folder, &*model, "untrained"), row, images, &mut result, progress, stop)? {
            return Ok(None);
        }
    } else {
        let (dir, checkpoint) = open_run(folder, &config)?;
        time.resumed = checkpoint.is_some();
        let run = dir.path().to_owned();
        let online = config.online.is_some();
        let mut trainer = Trainer::new(config, images.train.clone(), dir, checkpoint)?;
        if online {
            trainer = trainer.probe_on([Arc::clone(&images.probed), Arc::clone(&images.test)])?;
        }
        result.encoder_parameters = trainer.model().parameters()[0];
        result.images = images.train.len();
        match trainer.run(progress, stop) {
            Ok(Outcome::Interrupted) => return Ok(None),
            Ok(Outcome::Finished) => {}
            Err(TrainError::Dim(e @ DimError::Diverged { .. })) => result.diverged = Some(e.to_string()),
            Err(e) => return Err(e.into()),
        }
        time.train = began.elapsed().as_secs_f64();
        let last = epochs(&run)?.pop();
        (result.epochs, result.nats) = last.map_or((0, None), |e| (e.epoch, Some(e.nats)));
        let model: &dyn Model = trainer.model();
        if result.diverged.is_none() && !measure((folder, model, "trained"), row, images, &mut result, progress, stop)?
        {
            return Ok(None);
        }
    }
    time.probe = began.elapsed().as_secs_f64() - time.train;
    // The result comes last: it is what makes the cell a finished one.
    write_json(&folder.join("time.json"), &time)?;
    write_json(&folder.join("result.json"), &result)?;
    Ok(Some(result))
}

/// Probes and all other measures; whether it came to the end, not having been asked to stop.
fn measure(
    (folder, model, encoder): (&Path, &dyn Model, &'static str),
    row: &PlannedRow,
    images: &Images,
    result: &mut CellResult,
    progress: &mut dyn Progress,
    stop: &AtomicBool,
) -> Result<bool, ExperimentError> {
    let Some(epochs) = row.probes.measures.and_then(|m| m.fine_tune_epochs) else {
        return probe(model, encoder, row, images, result, progress).map(|()| true);
    };
    // Fine-tuning may take long, and may be stopped: the probes before it are kept for the next time.
    let kept = folder.join("probed.json");
    if let Some(probed) = read_json(&kept)? {
        *result = probed;
    } else {
        probe(model, encoder, row, images, result, progress)?;
        write_json(&kept, &result)?;
    }
    match fine_tuned(model, row, result.seed, images, [epochs, result.labels], progress, stop) {
        Ok(None) => return Ok(false),
        Ok(score) => result.measures.get_or_insert_default().semi_supervised = score,
        Err(ExperimentError::Train(TrainError::Dim(e @ DimError::Diverged { .. }))) => {
            result.diverged = Some(format!("fine-tuning: {e}"));
        }
        Err(e) => return Err(e),
    }
    Ok(true)
}

fn probe(
    model: &dyn Model,
    encoder: &'static str,
    row: &PlannedRow,
    images: &Images,
    result: &mut CellResult,
    progress: &mut dyn Progress,
) -> Result<(), ExperimentError> {
    let sets = [&*images.probed, &*images.test];
    let mut config = row.probes.config(result.seed);
    config.more.noise = row.run.data.noise;
    let found = evaluate_encoder(encoder, model, sets, &config, progress)?;
    result.measures = Measures::of(&found.report);
    result.layers = found.report.layers.iter().map(LayerScore::from).collect();
    Ok(())
}

/// The cell's run with its newest checkpoint, or a new run. One that was killed while its folder was made is left alone.
pub(super) fn open_run(folder: &Path, config: &RunConfig) -> Result<(RunDir, Option<Checkpoint>), ExperimentError> {
    for run in runs(folder)?.into_iter().rev() {
        if let Ok((dir, saved, checkpoint, _)) = RunDir::resume(&run)
            && saved == *config
        {
            return Ok((dir, checkpoint));
        }
    }
    Ok((RunDir::create(folder, config)?, None))
}

/// The run folders of a cell, oldest first.
fn runs(folder: &Path) -> Result<Vec<PathBuf>, ExperimentError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(io("read", folder)(e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(io("read", folder))?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// An epoch of a run's loss history.
#[derive(Deserialize)]
pub(super) struct Epoch {
    kind: String,
    pub(super) epoch: u64,
    pub(super) nats: f64,
}

/// The epochs of a run.
fn epochs(run: &Path) -> Result<Vec<Epoch>, ExperimentError> {
    let file = run.join("metrics.jsonl");
    let text = fs::read_to_string(&file).map_err(io("read", &file))?;
    let entries = text.lines().filter_map(|line| serde_json::from_str::<Epoch>(line).ok());
    Ok(entries.filter(|e| e.kind == "epoch").collect())
}

/// The epochs of a cell's run; none for an untrained one.
pub(super) fn cell_epochs(folder: &Path) -> Result<Vec<Epoch>, ExperimentError> {
    let runs = runs(folder)?;
    let begun = runs.iter().rev().find(|run| run.join("metrics.jsonl").is_file());
    begun.map_or_else(|| Ok(Vec::new()), |run| epochs(run))
}

/// Writes a value as indented JSON, whole or not at all.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), ExperimentError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|e| ExperimentError::Grid { path: path.to_owned(), reason: e.to_string() })?;
    text.push(b'\n');
    write_atomic(path, &text).map_err(io("write", path))
}
