//! `infomax probe`.

use super::cache::CacheArgs;
use super::{CliError, bar, images, outcome};
use crate::dim::build;
use crate::probe::{KnnConfig, NdmConfig};
use crate::train::{
    Checkpoint, DataConfig, DecoderConfig, InformationConfig, MoreMeasures, ProbeConfig, TrainError, evaluate_encoder,
};
use clap::Args;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax probe runs/cifar10-20260131T120000Z-0
  infomax probe runs/NAME/checkpoints/best.safetensors --labels 10000 --json
  infomax probe runs/NAME --svm --knn --rank-me --ndm --ms-ssim    more ways to judge the features
  infomax probe runs/NAME --iterations 2000                   linear probes that have settled")]
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
    /// Passes of the MLP probe, for conv, fc and Y [default: 6,6,40]
    #[arg(long, value_name = "N,N,N", value_parser = parse_passes)]
    mlp_epochs: Option<Passes>,
    /// Share of the MLP probe's steps, the last ones, whose weights are averaged; 0 takes the last step's [default: 1/3]
    #[arg(long, value_name = "SHARE")]
    mlp_average: Option<f64>,
    /// Iterations of the linear probe at most. The default is scikit-learn's; layers of many features settle after several
    /// hundred
    #[arg(long, default_value = "100", value_name = "N")]
    iterations: NonZeroUsize,
    /// Also fit a support vector machine to each layer (squared hinge, one class against the rest, C = 1),
    /// until it settles: some thousand iterations, which take minutes on a layer of thousands of features
    #[arg(long)]
    svm: bool,
    /// Also classify by the nearest training images: votes of exp(cos/T) by --knn-k of them
    #[arg(long)]
    knn: bool,
    /// Neighbours that vote [default: 200]
    #[arg(long, value_name = "K", requires = "knn")]
    knn_k: Option<usize>,
    /// Temperature T of the votes [default: 0.1]
    #[arg(long, value_name = "T", requires = "knn")]
    knn_temperature: Option<f64>,
    /// Also measure the effective rank (RankMe) of layers of up to 2048 features
    #[arg(long)]
    rank_me: bool,
    /// Also measure how dependent the units of Y are (the paper's neural dependency measure, nats)
    #[arg(long)]
    ndm: bool,
    /// Steps of the network that measures it [default: 1000]
    #[arg(long, value_name = "STEPS", requires = "ndm")]
    ndm_steps: Option<usize>,
    /// Also train a decoder from Y to the images, and compare test images with what it makes of them (MS-SSIM)
    #[arg(long)]
    ms_ssim: bool,
    /// Passes of the decoder over the training images [default: 10]
    #[arg(long, value_name = "N", requires = "ms_ssim")]
    decoder_epochs: Option<usize>,
    /// Also estimate the mutual information of test images and Y (MINE, cross-fitted, nats)
    #[arg(long)]
    mine: bool,
    /// Test images that it is estimated on [default: 5000]
    #[arg(long, value_name = "IMAGES", requires = "mine")]
    mine_images: Option<usize>,
    /// Most steps of its critics [default: 2000]
    #[arg(long, value_name = "STEPS", requires = "mine")]
    mine_steps: Option<usize>,
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

/// Passes over the labels for conv, fc and Y.
pub(super) type Passes = [usize; 3];

pub(super) fn parse_passes(text: &str) -> Result<Passes, String> {
    let numbers: Option<Vec<usize>> = text.split(',').map(|n| n.trim().parse().ok().filter(|&n| n > 0)).collect();
    let three = numbers.and_then(|n| Passes::try_from(n).ok());
    three.ok_or_else(|| "it is three numbers of 1 or more with commas between them, as in 6,6,40".into())
}

impl ProbeArgs {
    fn more(&self) -> MoreMeasures {
        let knn = KnnConfig::default();
        let knn =
            KnnConfig { k: self.knn_k.unwrap_or(knn.k), temperature: self.knn_temperature.unwrap_or(knn.temperature) };
        let ndm = NdmConfig::default();
        let ndm = NdmConfig { steps: self.ndm_steps.unwrap_or(ndm.steps), ..ndm };
        let decoder = DecoderConfig::default();
        let decoder = DecoderConfig { epochs: self.decoder_epochs.unwrap_or(decoder.epochs), ..decoder };
        let mine = InformationConfig::default();
        let mine = InformationConfig {
            rows: self.mine_images.unwrap_or(mine.rows),
            steps: self.mine_steps.unwrap_or(mine.steps),
            ..mine
        };
        MoreMeasures {
            svm: self.svm,
            knn: self.knn.then_some(knn),
            rank_me: self.rank_me,
            ndm: self.ndm.then_some(ndm),
            decoder: self.ms_ssim.then_some(decoder),
            information: self.mine.then_some(mine),
            noise: None,
        }
    }
}

pub(super) fn run(args: ProbeArgs) -> Result<(), CliError> {
    let (checkpoint, config) = Checkpoint::find(&args.run)?;
    let mut model = build(&config.model.on_cpu(), config.seed).map_err(TrainError::from)?;
    model.restore_encoder(&checkpoint.arrays).map_err(TrainError::from)?;
    let source = args.data.as_ref().unwrap_or(&config.data.source);
    let dir = args.data_dir.as_deref().or(config.data.dir.as_deref());
    let noise = config.data.noise.filter(|_| args.data.is_none());
    let DataConfig { stream, fit, .. } = config.data;
    let dir = dir.map(Path::to_owned);
    let data = DataConfig { source: source.clone(), dir, stream, fit, images: None, unlabeled: false, noise };
    let test = images::held_out(&data, &args.cache)?;
    let train = images::open(&data, &args.cache)?;
    train.check_alike(&test)?;
    let train = images::probed(&train, config.seed)?;
    images::check_encoder(&*model, &train)?;
    let seed = args.seed.unwrap_or(config.seed);
    let (linear_iterations, labels) = (args.iterations.get(), args.labels);
    let usual = ProbeConfig::default();
    let mlp_epochs = args.mlp_epochs.unwrap_or(usual.mlp_epochs);
    let mlp_average = args.mlp_average.unwrap_or(usual.mlp_average);
    let probes = ProbeConfig { mlp_epochs, mlp_average, linear_iterations, labels, seed, more: args.more() };
    let mut progress = bar::progress(args.quiet);
    let mut reports = vec![evaluate_encoder("trained", &*model, [&train, &test], &probes, &mut *progress)?.report];
    if !args.no_untrained {
        let fresh = build(&config.model.on_cpu(), config.seed).map_err(TrainError::from)?;
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
        if let Some(knn) = probes.more.knn {
            writeln!(out, "kNN: {} neighbours in cosine similarity, votes of exp(cos/{})", knn.k, knn.temperature)?;
        }
        for (report, ndm) in reports.iter().filter_map(|r| Some((r, r.ndm?))) {
            let (name, sigmoid, linear) = (report.encoder, ndm.sigmoid, ndm.linear);
            writeln!(out, "NDM of the {name} encoder's Y, nats: {sigmoid:.3} with sigmoid, {linear:.3} without")?;
        }
        for (report, made) in reports.iter().filter_map(|r| Some((r, r.reconstructions.as_ref()?))) {
            let (name, similar, scales, window) = (report.encoder, made.ms_ssim, made.scales, made.window);
            writeln!(
                out,
                "MS-SSIM of images made of the {name} encoder's Y: {similar:.3} ({scales} scales, window {window}), \
                 squared error of a pixel {:.4}",
                made.squared_error
            )?;
        }
        for (report, mine) in reports.iter().filter_map(|r| Some((r, r.information?))) {
            let (name, rows, held_out, training) = (report.encoder, mine.rows, mine.held_out, mine.training);
            writeln!(
                out,
                "MINE of {rows} test images and the {name} encoder's Y, nats: {held_out:.2} held out, {training:.2} on those \
                 that critics learned from"
            )?;
        }
    }
    Ok(())
}
