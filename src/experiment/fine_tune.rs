//! Semi-supervised learning: a cell's encoder learns on, with labels.

use super::{ExperimentError, Images, PlannedRow};
use crate::data::Split;
use crate::dim::Model;
use crate::train::Progress;
use crate::transfer::{Examples, Mode, Task, Transfer, TransferConfig, transfer};
use std::sync::atomic::AtomicBool;

/// Test accuracy, in [0, 1], of the encoder and a small network on its last convolution, both trained on the labels that
/// the probes see, by the optimiser of the row's run. `None` when it was asked to stop.
///
/// # Errors
/// When training diverges, or there are more classes than [`transfer`] has room for.
pub(super) fn fine_tuned(
    model: &dyn Model,
    row: &PlannedRow,
    seed: u64,
    images: &Images,
    [epochs, labels]: [usize; 2],
    progress: &mut dyn Progress,
    stop: &AtomicBool,
) -> Result<Option<f64>, ExperimentError> {
    let (task, source) = (Task::Classification, row.run.data.source.as_str());
    // Classes are of the images themselves: the folder and the map's side, the last two, are for other tasks.
    let train = Examples::load(&images.probed, task, source, Split::Train, None, 1)?;
    let test = Examples::load(&images.test, task, source, Split::Test, None, 1)?;
    let config = TransferConfig {
        mode: Mode::FineTuneConv,
        batch: row.run.batch,
        epochs: epochs as f64,
        steps: [1, usize::MAX],
        adam: row.run.model.adam,
    };
    let arrays = model.arrays();
    let of = Transfer {
        encoder: row.run.model.encoder,
        start: Some(&arrays),
        task,
        train: &train,
        test: &test,
        config,
        seed,
    };
    let rows: Vec<usize> = (0..labels).collect();
    Ok(transfer(&of, &rows, progress, stop)?.map(|found| found.score))
}
