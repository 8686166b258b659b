//! From labelled images to a score.

use super::build::{CLASSES, build};
use super::learner::Learner;
use super::{Examples, Mode, Targets, Task};
use crate::data::epoch_order;
use crate::dim::EncoderKind;
use crate::nn::AdamConfig;
use crate::nn::checkpoint::Array;
use crate::probe::{
    DepthProbe, Features, LinearConfig, LinearProbe, accuracy, depth_scores, location_rows, standardise,
};
use crate::seed::child;
use crate::train::{Progress, TrainError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// How a task is learned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferConfig {
    /// How much of the encoder learns.
    pub mode: Mode,
    /// Images a step; all labelled ones if there are fewer.
    pub batch: usize,
    /// Passes over the labelled images, where that is between the fewest and the most steps.
    pub epochs: f64,
    /// The fewest and the most steps.
    pub steps: [usize; 2],
    /// Optimiser; its rate is the highest of the schedule.
    pub adam: AdamConfig,
}

impl TransferConfig {
    /// Steps with `labels` labelled images: the same for every encoder.
    pub fn steps_of(&self, labels: usize) -> usize {
        let passes = (self.epochs * labels as f64 / self.batch.min(labels).max(1) as f64).ceil() as usize;
        passes.clamp(self.steps[0], self.steps[1])
    }

    /// Rejects settings that cannot work.
    ///
    /// # Errors
    /// Names the setting, its value and what is allowed.
    pub fn check(&self) -> Result<(), TrainError> {
        let fail = |text: String| Err(TrainError::Config(text));
        if self.batch < 2 {
            return fail(format!("tune.batch is {}: batch norm needs at least 2 images", self.batch));
        }
        if !(self.epochs.is_finite() && self.epochs >= 0.0) {
            return fail(format!("tune.epochs is {}; it is a number of 0 or more", self.epochs));
        }
        let [least, most] = self.steps;
        if least == 0 || least > most {
            return fail(format!("tune.steps is [{least}, {most}]; it is the fewest, 1 or more, and the most"));
        }
        if !(self.adam.lr.is_finite() && self.adam.lr > 0.0) {
            return fail(format!("tune.adam.lr is {}; a learning rate is a number above 0", self.adam.lr));
        }
        Ok(())
    }

    /// The rate of step `step` of `steps`: up over the first twentieth, then down.
    fn rate(&self, step: usize, steps: usize) -> f64 {
        let up = steps.div_ceil(20);
        let share = if step < up {
            (step + 1) as f64 / (up + 1) as f64
        } else {
            (steps - step) as f64 / (steps - up).max(1) as f64
        };
        self.adam.lr * share.min(1.0)
    }
}

/// What came of a task, on held-out images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferScore {
    /// The task's score, in [0, 1]; see [`Task`].
    pub score: f64,
    /// For depth: the share of locations within a factor of 1.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_10: Option<f64>,
    /// For depth: root of the mean squared error, units of depth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
    /// Mean loss over the last tenth of the steps, or of the linear fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_loss: Option<f64>,
    /// Steps; none for a linear fit.
    pub steps: usize,
}

/// Images that are evaluated at a time.
const CHUNK: usize = 250;

/// An encoder and a task for it.
pub struct Transfer<'a> {
    /// The encoder.
    pub encoder: EncoderKind,
    /// Tensors that it begins from, named as [`Model::arrays`](crate::dim::Model::arrays) names them; without, it begins
    /// from scratch, with the weights that pretraining with this seed begins with.
    pub start: Option<&'a BTreeMap<String, Array>>,
    /// The task.
    pub task: Task,
    /// What is learned from.
    pub train: &'a Examples,
    /// What is scored.
    pub test: &'a Examples,
    /// How it is learned.
    pub config: TransferConfig,
    /// Root of the encoder's and the head's first weights and of the order of images.
    pub seed: u64,
}

impl Transfer<'_> {
    /// Rejects settings, images and labels that cannot work.
    ///
    /// # Errors
    /// Names what is wrong, and what is allowed.
    pub fn check(&self, labelled: &[usize]) -> Result<(), TrainError> {
        let Self { encoder, task, train, test, config, .. } = *self;
        config.check()?;
        let mode = config.mode;
        let fail = |text: String| Err(TrainError::Config(text));
        if task.is_dense() && mode == Mode::FineTuneConv {
            return fail(format!(
                "{mode} tells one class of an image, and {task} has a target at every location; take fine-tune"
            ));
        }
        for set in [&train.images, &test.images] {
            let (found, wanted) = ([set.channels, set.height, set.width], encoder.image());
            if found != wanted {
                return fail(format!(
                    "encoder {encoder:?} takes images of {wanted:?} (channels, height, width), but {} has {found:?}",
                    set.name
                ));
            }
        }
        if let Targets::Classes { classes, .. } = &train.targets
            && *classes > CLASSES
        {
            return fail(format!("{task} with {classes} classes: heads have room for {CLASSES}"));
        }
        if std::mem::discriminant(&train.targets) != std::mem::discriminant(&test.targets) {
            return fail(format!("{task}: training and test images have different kinds of targets"));
        }
        if labelled.len() < 2 || labelled.iter().any(|&row| row >= train.images.len()) {
            return fail(format!(
                "{task} from {} labelled images of {}: it takes 2 or more of those there are",
                labelled.len(),
                train.images.len()
            ));
        }
        Ok(())
    }
}

/// Learns the task from the rows `labelled` of its training images and scores it on its test images. `None` when it was
/// asked to stop.
///
/// # Errors
/// When a setting cannot work, the tensors are of another encoder, the images are others, or training diverges.
pub fn transfer(
    of: &Transfer<'_>,
    labelled: &[usize],
    progress: &mut dyn Progress,
    stop: &AtomicBool,
) -> Result<Option<TransferScore>, TrainError> {
    let Transfer { encoder, start, task, train, test, config, seed } = *of;
    of.check(labelled)?;
    let middle = match train.targets(labelled) {
        Targets::Depths(depths) => (depths.iter().map(|&d| f64::from(d)).sum::<f64>() / depths.len() as f64) as f32,
        Targets::Classes { .. } => 0.0,
    };
    let mut learner = build(encoder, task, config.mode, middle, config.adam, seed)?;
    if let Some(arrays) = start {
        learner.begin_from(arrays)?;
    }
    if config.mode == Mode::Linear {
        return linear(&*learner, task, [train, test], labelled, encoder.map_side()).map(Some);
    }
    let steps = config.steps_of(labelled.len());
    progress.task_begins(task.name(), steps as u64);
    let mut late = (0.0, 0usize);
    let mut order =
        Order { rows: labelled, seed: child(seed, "labelled", labelled.len() as u64), epoch: 0, left: vec![] };
    for step in 0..steps {
        let rows = order.take(config.batch.min(labelled.len()));
        learner.set_rate(config.rate(step, steps));
        let loss = learner.step(rows.len(), train.pixels(&rows), &train.targets(&rows), step as u64 + 1)?;
        if step >= steps - steps.div_ceil(10) {
            late = (late.0 + loss, late.1 + 1);
        }
        progress.task_advances(1);
        if stop.load(Ordering::Relaxed) {
            progress.task_ends();
            return Ok(None);
        }
    }
    progress.task_ends();
    let mut told = Vec::new();
    let all: Vec<usize> = (0..test.images.len()).collect();
    for rows in all.chunks(CHUNK) {
        let (outputs, width) = learner.outputs(rows.len(), test.pixels(rows))?;
        told.extend(outputs.chunks_exact(width).flat_map(|row| tell(row, &test.targets)));
    }
    let score = score(&told, &test.targets)?;
    Ok(Some(TransferScore { train_loss: Some(late.0 / late.1.max(1) as f64), steps, ..score }))
}

/// Batches from one shuffled pass after the other, so that few images fill whole batches too.
struct Order<'a> {
    rows: &'a [usize],
    seed: u64,
    epoch: u64,
    left: Vec<usize>,
}

impl Order<'_> {
    fn take(&mut self, count: usize) -> Vec<usize> {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count {
            if self.left.is_empty() {
                self.left = epoch_order(self.rows.len(), self.seed, self.epoch);
                self.left.reverse();
                self.epoch += 1;
            }
            let wanted = (count - taken.len()).min(self.left.len());
            taken.extend(self.left.drain(self.left.len() - wanted..).rev().map(|i| self.rows[i]));
        }
        taken
    }
}

/// What is told by a row of outputs: the likeliest class, or the depth.
fn tell(row: &[f32], targets: &Targets) -> Option<f32> {
    match targets {
        Targets::Depths(_) => row.first().copied(),
        Targets::Classes { classes, .. } => {
            let logits = row.iter().take(*classes).enumerate();
            logits.max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0))).map(|(class, _)| class as f32)
        }
    }
}

fn score(told: &[f32], truth: &Targets) -> Result<TransferScore, TrainError> {
    let empty = TransferScore { score: 0.0, within_10: None, rmse: None, train_loss: None, steps: 0 };
    match truth {
        Targets::Classes { values, .. } => {
            let told: Vec<u32> = told.iter().map(|&c| c as u32).collect();
            Ok(TransferScore { score: accuracy(&told, values)?, ..empty })
        }
        Targets::Depths(depths) => {
            let found = depth_scores(told, depths)?;
            let (within_10, rmse) = (Some(found.within_10), Some(found.rmse));
            Ok(TransferScore { score: found.within_25, within_10, rmse, ..empty })
        }
    }
}

/// A linear map on frozen features, standardised by the labelled images.
fn linear(
    learner: &dyn Learner,
    task: Task,
    [train, test]: [&Examples; 2],
    labelled: &[usize],
    side: usize,
) -> Result<TransferScore, TrainError> {
    let read = |examples: &Examples, rows: &[usize]| -> Result<Features, TrainError> {
        let mut values = Vec::new();
        for rows in rows.chunks(CHUNK) {
            values.extend(learner.features(rows.len(), examples.pixels(rows))?);
        }
        let width = values.len() / rows.len();
        Ok(if task.is_dense() {
            location_rows(&values, width / (side * side), side)?
        } else {
            Features::try_new(rows.len(), width, values)?
        })
    };
    let all: Vec<usize> = (0..test.images.len()).collect();
    let (mut seen, mut held) = (read(train, labelled)?, read(test, &all)?);
    standardise(&mut seen, &mut held)?;
    let (told, loss) = match train.targets(labelled) {
        Targets::Classes { values, classes } => {
            let probe = LinearProbe::fit(&seen, &values, classes, &LinearConfig::default())?;
            (probe.predict(&held)?.into_iter().map(|c| c as f32).collect(), Some(probe.train_loss()))
        }
        Targets::Depths(depths) => (DepthProbe::fit(&seen, &depths, 1.0)?.predict(&held)?, None),
    };
    Ok(TransferScore { train_loss: loss, ..score(&told, &test.targets)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_over_a_twentieth_and_fall_to_nothing() {
        let adam = AdamConfig { lr: 2.0, ..AdamConfig::default() };
        let config = TransferConfig { mode: Mode::FineTune, batch: 4, epochs: 1.0, steps: [100, 100], adam };
        let rates: Vec<f64> = (0..100).map(|step| config.rate(step, 100)).collect();
        let highest = rates.iter().copied().fold(0.0, f64::max);
        assert_eq!((highest, rates[5]), (2.0, 2.0));
        assert!(rates[..6].windows(2).all(|w| w[0] < w[1]) && rates[5..].windows(2).all(|w| w[0] > w[1]));
        assert!(rates[0] > 0.0 && (rates[99] - 2.0 / 95.0).abs() < 1e-12);
        assert!((1..4).all(|steps| (0..steps).all(|step| config.rate(step, steps) > 0.0)));
    }

    #[test]
    fn few_images_fill_whole_batches_and_each_pass_sees_all() {
        let rows = [10, 11, 12, 13, 14];
        let mut order = Order { rows: &rows, seed: 3, epoch: 0, left: Vec::new() };
        let seen: Vec<usize> = (0..5).flat_map(|_| order.take(4)).collect();
        for pass in seen.chunks(5) {
            let mut pass = pass.to_vec();
            pass.sort_unstable();
            assert_eq!(pass, rows);
        }
        assert_ne!(seen[..5], seen[5..10]);
    }

    #[test]
    fn the_likeliest_of_the_known_classes_is_told() {
        let classes = Targets::Classes { values: vec![0], classes: 3 };
        assert_eq!(tell(&[0.5, 1.0, 1.0, 9.0], &classes), Some(1.0));
        assert_eq!(tell(&[0.5, 1.0], &Targets::Depths(vec![1.0])), Some(0.5));
    }
}
