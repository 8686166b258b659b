//! `infomax probe`.

use super::cache::CacheArgs;
use super::{CliError, bar, images, outcome};
use crate::data::Split;
use crate::dim::build;
use crate::train::{Checkpoint, DataConfig, ProbeConfig, TrainError, evaluate_encoder};
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax probe runs/cifar10-20260131T120000Z-0
  infomax probe runs/NAME/checkpoints/best.safetensors --labels 10000 --json")]
pub(super) struct ProbeArgs {
    /// A run's folder (its newest checkpoint) or a checkpoint file
    run: PathBuf,
    /// Data set to probe on [default: the run's]
    #[arg(long)]
    data: Option<String>,
    /// Where to look for a named data set first [default: the run's]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Use the labels of the first so many training images only
    #[arg(long)]
    labels: Option<usize>,
    /// Passes of the MLP probe, for conv, fc and Y
    #[arg(long, value_delimiter = ',', num_args = 3, default_values_t = [6, 6, 20], value_name = "N,N,N")]
    mlp_epochs: Vec<usize>,
    /// Leave out the untrained encoder
    #[arg(long)]
    no_untrained: bool,
    /// Root seed of the probes [default: the run's]
    #[arg(long)]
    seed: Option<u64>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    cache: CacheArgs,
}

pub(super) fn run(args: ProbeArgs) -> Result<(), CliError> {
    let (checkpoint, config) = Checkpoint::find(&args.run)?;
    let mut model = build(&config.model, config.seed).map_err(TrainError::from)?;
    model.restore_encoder(&checkpoint.arrays).map_err(TrainError::from)?;
    let source = args.data.as_ref().unwrap_or(&config.data.source);
    let dir = args.data_dir.as_deref().or(config.data.dir.as_deref());
    let data = DataConfig { source: source.clone(), dir: dir.map(Path::to_owned), stream: config.data.stream };
    let test = args.cache.load(source, Split::Test, dir)?;
    let train = images::open(&data, &args.cache)?;
    train.check_alike(&test)?;
    let train = images::probed(&train, config.seed)?;
    let found = [train.channels, train.height, train.width];
    if found != model.image() {
        return Err(TrainError::Config(format!(
            "the checkpoint's encoder takes images of {:?} (channels, height, width), but {} has {found:?}",
            model.image(),
            train.name
        ))
        .into());
    }
    let mlp_epochs = [args.mlp_epochs[0], args.mlp_epochs[1], args.mlp_epochs[2]];
    let probes = ProbeConfig { mlp_epochs, labels: args.labels, seed: args.seed.unwrap_or(config.seed) };
    let mut progress = bar::progress(args.quiet);
    let mut reports = vec![evaluate_encoder("trained", &*model, [&train, &test], &probes, &mut *progress)?.report];
    if !args.no_untrained {
        let fresh = build(&config.model, config.seed).map_err(TrainError::from)?;
        reports.push(evaluate_encoder("untrained", &*fresh, [&train, &test], &probes, &mut *progress)?.report);
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        let text = serde_json::to_string_pretty(&reports).map_err(|e| CliError::Print(e.into()))?;
        writeln!(out, "{text}")?;
    } else {
        let table = outcome::probe_table(&reports.iter().collect::<Vec<_>>())?;
        let step = checkpoint.position.step;
        writeln!(out, "Test accuracy, %, of probes on frozen features (step {step}):\n\n{}", table.to_text())?;
    }
    Ok(())
}
