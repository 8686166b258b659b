//! `infomax embed`.

use super::cache::CacheArgs;
use super::export::Format;
use super::{CliError, bar, images};
use crate::data::{FeatureExport, Split};
use crate::dim::build;
use crate::train::{Checkpoint, DataConfig, LAYERS, TrainError, encode_layer};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Which layer.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Layer {
    /// The last convolution
    Conv,
    /// The last hidden layer
    Fc,
    /// The global vector
    Y,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Features are those of the frozen encoder, batch norm by its running statistics, images as they are (no augmentation).

Examples:
  infomax embed runs/NAME --out y.npy                         Y of the run's test images, and y.labels.npy
  infomax embed runs/NAME --split train --layer fc --out fc.parquet
  infomax embed runs/NAME --data cifar10 --out cifar10.safetensors")]
pub(super) struct EmbedArgs {
    /// A run's folder (its newest checkpoint) or a checkpoint file
    run: PathBuf,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What to write; the ending of FILE says it if not given
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Layer whose features are written
    #[arg(long, value_enum, ignore_case = true, default_value_t = Layer::Y)]
    layer: Layer,
    /// Data set [default: the run's]
    #[arg(long)]
    data: Option<String>,
    /// Where to look for a named data set first [default: the run's]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Split of the data set
    #[arg(long, default_value = "test", value_parser = super::inspect::parse_split)]
    split: Split,
    /// Only the first ROWS images
    #[arg(long)]
    rows: Option<usize>,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    cache: CacheArgs,
}

pub(super) fn run(args: &EmbedArgs) -> Result<(), CliError> {
    let format = Format::or_ending(args.format, &args.out)?;
    FeatureExport::check(&args.out, format, args.force)?;
    let (checkpoint, config) = Checkpoint::find(&args.run)?;
    let mut model = build(&config.model.on_cpu(), config.seed).map_err(TrainError::from)?;
    model.restore_encoder(&checkpoint.arrays).map_err(TrainError::from)?;
    let source = args.data.as_ref().unwrap_or(&config.data.source);
    let dir = args.data_dir.as_deref().or(config.data.dir.as_deref());
    let mut set = args.cache.load(source, args.split, dir)?;
    let noise = config.data.noise.filter(|_| args.data.is_none());
    set = DataConfig { noise, ..config.data.clone() }.prepare(set, args.split)?;
    images::check_encoder(&*model, &set)?;
    let rows = args.rows.unwrap_or(set.len());
    if rows == 0 || rows > set.len() {
        return Err(crate::data::DataError::Rows { rows, images: set.len(), name: set.name.clone() }.into());
    }
    let mut progress = bar::progress(args.quiet);
    progress.task_begins("features", rows as u64);
    let layer = args.layer as usize;
    let features = encode_layer(&*model, &set, rows, layer, &mut *progress)?;
    progress.task_ends();
    let labels: Vec<u32> = (0..rows).map(|i| set.label(i)).collect();
    let about =
        format!("{} of {} ({}), step {}", LAYERS[layer], set.name, args.run.display(), checkpoint.position.step);
    let files = FeatureExport { features: &features, labels: &labels, about: &about, format, overwrite: args.force }
        .write(&args.out)?;
    super::export::print(&files, rows, args.json)
}
