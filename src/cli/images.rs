//! The training images of a run: in memory, or streamed.

use super::CliError;
use super::cache::CacheArgs;
use crate::data::{ImageSet, Order, Source, Split, StreamSet};
use crate::dim::Model;
use crate::train::{DataConfig, RunConfig, TrainError};
use std::sync::Arc;

/// Images of a shuffle buffer, if nothing is said.
pub(super) const BUFFER: usize = 10_000;
/// The most training images that probes see of a streamed set: their features are in memory.
pub(super) const PROBED: usize = 10_000;

/// Opens the training split.
pub(super) fn open(data: &DataConfig, cache: &CacheArgs) -> Result<Source, CliError> {
    let dir = data.dir.as_deref();
    if data.stream {
        return Ok(Arc::new(StreamSet::open(&data.source, Split::Train, dir)?).into());
    }
    let load = |split| Ok::<_, CliError>(data.prepare(cache.load(&data.source, split, dir)?, split)?);
    let set = load(Split::Train)?;
    let set = match data.images {
        Some(n) => set.first(n)?,
        None => set,
    };
    let set = if data.unlabeled { set.with_unlabelled(&load(Split::Unlabeled)?)? } else { set };
    Ok(Arc::new(set).into())
}

/// Loads the held-out split.
pub(super) fn held_out(data: &DataConfig, cache: &CacheArgs) -> Result<ImageSet, CliError> {
    Ok(data.prepare(cache.load(&data.source, Split::Test, data.dir.as_deref())?, Split::Test)?)
}

/// The training images that probes see: all with labels of a set in memory, or [`PROBED`] of a streamed one, always the same
/// for a seed.
pub(super) fn probed(train: &Source, seed: u64) -> Result<Arc<ImageSet>, CliError> {
    Ok(match train {
        Source::Memory(set) if (1..set.len()).contains(&set.labels().len()) => Arc::new(set.first(set.labels().len())?),
        Source::Memory(set) => Arc::clone(set),
        Source::Stream(set) => Arc::new(set.draw(PROBED, seed)?),
    })
}

/// What is said of a streamed set before training.
pub(super) fn streamed(train: &Source, config: &RunConfig) -> Option<String> {
    let (Source::Stream(set), Order::Buffered(buffer)) = (train, config.order) else { return None };
    let probed = set.len().min(PROBED);
    Some(format!("streamed through a buffer of {buffer} images; probes use {probed} of the training images"))
}

/// Refuses images that a checkpoint's encoder does not take.
pub(super) fn check_encoder(model: &dyn Model, set: &ImageSet) -> Result<(), CliError> {
    let found = [set.channels, set.height, set.width];
    if found == model.image() {
        return Ok(());
    }
    Err(TrainError::Config(format!(
        "the checkpoint's encoder takes images of {:?} (channels, height, width), but {} has {found:?}, and the run was not made \
         with --fit",
        model.image(),
        set.name
    ))
    .into())
}
