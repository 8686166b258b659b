//! The training loop.

use super::{
    Checkpoint, OnlineReport, Position, Progress, RunConfig, RunDir, TrainError, probe_online, run_dir::config_toml,
};
use crate::data::{BatchLoader, FlatBatch, ImageSet, ImageShape, Source, UNLABELLED};
use crate::dim::{BoxedModel, Method, Model, StepInput, StepReport, build};
use crate::seed::{child, stream};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A finished epoch.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct EpochReport {
    /// Its number, from 1.
    pub epoch: u64,
    /// Steps done so far.
    pub step: u64,
    /// Means over its steps.
    pub mean: StepReport,
    /// Images a second since it began (or was taken up again).
    pub images_per_second: f64,
    /// Share of that time spent waiting for data, in [0, 1].
    pub waiting: f64,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done.
    Finished,
    /// It was asked to stop; a checkpoint holds everything done.
    Interrupted,
}

/// An entry of the loss history.
#[derive(Serialize)]
struct Entry {
    kind: &'static str,
    epoch: u64,
    step: u64,
    #[serde(flatten)]
    mean: StepReport,
}

/// A run under way.
pub struct Trainer {
    config: RunConfig,
    config_toml: String,
    model: BoxedModel,
    data: Source,
    dir: RunDir,
    position: Position,
    probed: Option<[Arc<ImageSet>; 2]>,
}

impl Trainer {
    /// Begins a run, or goes on from `checkpoint`.
    ///
    /// # Errors
    /// When the settings, the data and the checkpoint do not fit each other.
    pub fn new(
        config: RunConfig,
        data: impl Into<Source>,
        dir: RunDir,
        checkpoint: Option<Checkpoint>,
    ) -> Result<Self, TrainError> {
        let data = data.into();
        config.check()?;
        check_data(&config, &data)?;
        let mut model = build(&config.model, config.seed)?;
        let mut position = Position::default();
        if let Some(saved) = checkpoint {
            model.restore(&saved.arrays, saved.position.step)?;
            position = saved.position;
        }
        let config_toml = config_toml(&config)?;
        Ok(Self { config, config_toml, model, data, dir, position, probed: None })
    }

    /// Images for [`RunConfig::online`]: those that its probes learn from, and those that they are judged on.
    ///
    /// # Errors
    /// When one of them has no labels or another size than the training images.
    pub fn probe_on(mut self, sets: [Arc<ImageSet>; 2]) -> Result<Self, TrainError> {
        for set in &sets {
            self.data.check_alike(set)?;
            if set.labels().len() < set.len() {
                return Err(TrainError::Config(format!(
                    "{} of the {} images of {} have no labels, and probes learn from them",
                    set.len() - set.labels().len(),
                    set.len(),
                    set.name
                )));
            }
        }
        self.probed = Some(sets);
        Ok(self)
    }

    /// The model, as it stands.
    pub fn model(&self) -> &(dyn Model + Send + Sync) {
        &*self.model
    }

    /// The run's folder.
    pub fn dir(&self) -> &RunDir {
        &self.dir
    }

    /// Steps in an epoch; the last, smaller batch is left out.
    fn steps_per_epoch(&self) -> u64 {
        (self.data.len() / self.config.batch) as u64
    }

    /// Trains to the end of the last epoch, or until `stop` is set.
    ///
    /// # Errors
    /// When a step fails or something cannot be written. What was saved stays.
    pub fn run(&mut self, progress: &mut dyn Progress, stop: &AtomicBool) -> Result<Outcome, TrainError> {
        let steps = self.steps_per_epoch();
        self.probe_if_due(progress)?;
        while self.position.epoch < self.config.epochs {
            let epoch = self.position.epoch;
            progress.epoch_begins(epoch + 1, self.config.epochs, self.position.batch, steps);
            let first = self.position.batch;
            let (loading, views) = (self.config.loading(), self.config.model.method.views());
            let mut loader = BatchLoader::with_views(self.data.clone(), &loading, views, epoch, first as usize)?;
            let began = Instant::now();
            for batch in loader.by_ref() {
                let report = self.step(batch?)?;
                progress.step(self.config.batch, &report);
                self.record(&report)?;
                if stop.load(Ordering::Relaxed) {
                    self.save(false)?;
                    return Ok(Outcome::Interrupted);
                }
                if self.position.batch < steps && self.position.step.is_multiple_of(self.config.checkpoint_every) {
                    self.save(false)?;
                }
            }
            let images = (self.position.batch - first) * self.config.batch as u64;
            let seconds = began.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
            let report = self.end_epoch(images as f64 / seconds, loader.waited().as_secs_f64() / seconds)?;
            progress.epoch_ends(&report);
            self.probe_if_due(progress)?;
        }
        Ok(Outcome::Finished)
    }

    /// Probes the encoder between two epochs when it is time and has not been done: a run that was killed in between does it
    /// when it is taken up again.
    fn probe_if_due(&mut self, progress: &mut dyn Progress) -> Result<(), TrainError> {
        let Some(online) = self.config.online else { return Ok(()) };
        let Position { epoch, step, batch, .. } = self.position;
        if batch != 0 || !epoch.is_multiple_of(online.every) || self.dir.probes()?.iter().any(|r| r.epoch == epoch) {
            return Ok(());
        }
        let Some([train, test]) = &self.probed else {
            let text = "the run is to be probed while it is trained, and no images were given for that";
            return Err(TrainError::Config(text.into()));
        };
        let layers = probe_online(&*self.model, [train, test], &online, self.config.seed, progress)?;
        let report = OnlineReport { epoch, step, layers };
        self.dir.log_probes(&report)?;
        progress.probed(&report);
        Ok(())
    }

    /// One step, with noise from the stream of this step.
    fn step(&mut self, batch: FlatBatch) -> Result<StepReport, TrainError> {
        let mut rng = stream(self.config.seed, "noise", self.position.step);
        let noise = self.model.noise().draw(self.config.batch, self.model.global_size(), &mut rng);
        let FlatBatch { pixels, labels, indices, .. } = batch;
        let seed = child(self.config.seed, "step", self.position.step);
        let input = StepInput { batch: self.config.batch, pixels, labels, indices, noise, seed };
        let report = self.model.step(input)?;
        self.position.step += 1;
        self.position.batch += 1;
        Ok(report)
    }

    /// Adds a step to the sums, and writes an entry when one is due.
    fn record(&mut self, report: &StepReport) -> Result<(), TrainError> {
        for sums in [&mut self.position.since_log, &mut self.position.since_epoch] {
            add(sums, report);
        }
        if self.position.step.is_multiple_of(self.config.log_every) {
            let mean = take_mean(&mut self.position.since_log);
            let entry = Entry { kind: "steps", epoch: self.position.epoch + 1, step: self.position.step, mean };
            self.position.history = self.dir.log(&entry)?;
        }
        Ok(())
    }

    fn end_epoch(&mut self, images_per_second: f64, waiting: f64) -> Result<EpochReport, TrainError> {
        let mean = take_mean(&mut self.position.since_epoch);
        self.position.epoch += 1;
        self.position.batch = 0;
        let (epoch, step) = (self.position.epoch, self.position.step);
        self.position.history = self.dir.log(&Entry { kind: "epoch", epoch, step, mean })?;
        let merit = self.config.model.method.merit(&mean);
        let best = self.position.best.is_none_or(|(_, best)| merit.is_none_or(|m| m > best));
        if best {
            self.position.best = Some((epoch, merit.unwrap_or(0.0)));
        }
        self.save(best)?;
        let report = EpochReport { epoch, step, mean, images_per_second, waiting };
        self.dir.log_timing(&report)?;
        Ok(report)
    }

    fn save(&self, best: bool) -> Result<(), TrainError> {
        let checkpoint = Checkpoint {
            arrays: self.model.arrays(),
            position: self.position.clone(),
            config: self.config_toml.clone(),
        };
        self.dir.save(&checkpoint, best)
    }
}

/// Rejects images and labels that the model cannot be trained on.
pub(crate) fn check_data(config: &RunConfig, data: &Source) -> Result<(), TrainError> {
    check_images(config, data)?;
    check_labels(config, data)
}

/// Rejects images that the encoder does not take.
pub(crate) fn check_images(config: &RunConfig, data: &Source) -> Result<(), TrainError> {
    let ImageShape { channels, height, width } = config.augment.check(data.shape())?;
    let found = [channels, height, width];
    let wanted = config.model.encoder.image();
    if found != wanted {
        return Err(TrainError::Config(format!(
            "encoder {} takes images of {wanted:?} (channels, height, width), but {} has {found:?}; data.fit (--fit) brings \
             images to a shape",
            config.model.encoder.name(),
            data.name()
        )));
    }
    Ok(())
}

/// Supervised training needs a label of every image.
fn check_labels(config: &RunConfig, data: &Source) -> Result<(), TrainError> {
    let Method::Supervised { classes } = config.model.method else { return Ok(()) };
    let labels = data.labels();
    if labels.len() < data.len() {
        return Err(TrainError::Config(format!(
            "{} of the {} images of {} have no labels, and supervised training learns from them; take another method, or images \
             with labels",
            data.len() - labels.len(),
            data.len(),
            data.name()
        )));
    }
    match labels.iter().position(|&l| l as usize >= classes) {
        Some(i) => Err(TrainError::Config(format!(
            "image {i} of {} has {}, and the model was set up for {classes} classes, 0 to {}",
            data.name(),
            if labels[i] == UNLABELLED { "no label".to_owned() } else { format!("label {}", labels[i]) },
            classes - 1
        ))),
        None => Ok(()),
    }
}

fn add((sum, count): &mut (StepReport, u64), report: &StepReport) {
    let mut report = *report;
    for ((_, sum), (_, value)) in sum.terms().into_iter().zip(report.terms()) {
        *sum += *value;
    }
    *count += 1;
}

fn take_mean(sums: &mut (StepReport, u64)) -> StepReport {
    let (mut mean, count) = std::mem::take(sums);
    for (_, value) in mean.terms() {
        *value /= count.max(1) as f64;
    }
    mean
}
