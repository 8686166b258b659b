//! Semi-supervised learning: a cell's encoder learns on, with labels.

use super::{ExperimentError, Images, PlannedRow};
use crate::data::Split;
use crate::dim::Model;
use crate::train::{Progress, TrainError};
use crate::transfer::{Examples, Mode, Task, Transfer, TransferConfig, transfer};
use std::sync::atomic::AtomicBool;

const TASK: Task = Task::Classification;

/// Labelled images of both splits, and the settings.
fn settings(row: &PlannedRow, images: &Images, epochs: usize) -> Result<([Examples; 2], TransferConfig), TrainError> {
    let source = row.run.data.source.as_str();
    // Classes are of the images themselves: the folder and the map's side, the last two, are for other tasks.
    let load = |images, split| Examples::load(images, TASK, source, split, None, 1);
    let config = TransferConfig {
        mode: Mode::FineTuneConv,
        batch: row.run.batch,
        epochs: epochs as f64,
        steps: [1, usize::MAX],
        adam: row.run.model.adam,
    };
    Ok(([load(&images.probed, Split::Train)?, load(&images.test, Split::Test)?], config))
}

/// Says what would keep a row's encoder from being fine-tuned, before it is trained.
///
/// # Errors
/// When an image that it needs has no label, there is one label only, or there are more classes than heads have room for.
pub fn check_fine_tuning(row: &PlannedRow, images: &Images) -> Result<(), ExperimentError> {
    let Some(epochs) = row.probes.measures.and_then(|m| m.fine_tune_epochs) else { return Ok(()) };
    let ([train, test], config) = settings(row, images, epochs)?;
    let labels = row.probes.rows(images.probed.len());
    let encoder = row.run.model.encoder;
    let of = Transfer { encoder, start: None, task: TASK, train: &train, test: &test, config, seed: 0 };
    Ok(of.check(&(0..labels).collect::<Vec<_>>())?)
}

/// Test accuracy, in [0, 1], of the encoder and a small network on its last convolution, both trained on the labels that
/// the probes see, on images as they are, by the optimiser and in the precision of the row's run, on the CPU. `None` when it
/// was asked to stop.
///
/// # Errors
/// When training diverges, and what [`check_fine_tuning`] finds.
pub(super) fn fine_tuned(
    model: &dyn Model,
    row: &PlannedRow,
    seed: u64,
    images: &Images,
    [epochs, labels]: [usize; 2],
    progress: &mut dyn Progress,
    stop: &AtomicBool,
) -> Result<Option<f64>, ExperimentError> {
    let ([train, test], config) = settings(row, images, epochs)?;
    let (encoder, arrays) = (row.run.model.encoder, model.arrays());
    let start = Some(&arrays);
    let of = Transfer { encoder, start, task: TASK, train: &train, test: &test, config, seed };
    let rows: Vec<usize> = (0..labels).collect();
    let found = row.run.model.precision.scope(|| transfer(&of, &rows, progress, stop))?;
    Ok(found.map(|found| found.score))
}
