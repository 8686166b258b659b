//! `infomax train`.

use super::cache::CacheArgs;
use super::outcome::{self, Encoders};
use super::train_device::{Place, Rounding};
use super::train_method::MethodArgs;
use super::train_online::OnlineArgs;
use super::train_structure::StructureArgs;
use super::{CliError, INTERRUPTED, bar, images};
use crate::data::augment::{Augment, Crop, Jitter};
use crate::data::{Fit, ImageShape, Order, Source};
use crate::dim::{CriticKind, EncoderKind, Method, ModelConfig, Weights, build};
use crate::mi::Pairing;
use crate::mi::bound::BoundKind;
use crate::nn::{AdamConfig, Precision};
use crate::train::{DataConfig, Outcome, ProbeConfig, RunConfig, RunDir, Trainer, check_data, evaluate_encoder};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Examples:
  infomax train                                        the Fashion-MNIST sample, 8 epochs, local InfoNCE
  infomax train --data cifar10 --data-dir DIR --epochs 20 --lr 2e-4
  infomax train --critic concat --bound jsd --negatives 1
  infomax train --prior sphere --gradient-penalty 1    another prior of the global vectors
  infomax train --coordinates both --occlude 10   the paper's extra structure
  infomax train --data tiny_imagenet --encoder alexnet64 --units 1024   an encoder of the paper's Table 2
  infomax train --encoder resnet19 --fit               images of another shape, resized
  infomax train --precision bf16                       faster steps on processors with AMX or AVX512-BF16
  infomax train --method vae                           a baseline: the same encoder, trained by something else
  infomax train --method simclr --batch 256            two views of an image, by SimCLR's crops, flips and colours
  infomax train --probe-every 2 --probe-knn            accuracy of the encoder while it learns
  infomax train --data DIR --stream --buffer 20000     a set larger than memory
  infomax train --resume runs/fashion_mnist-20260131T120000Z-0"
)]
pub(super) struct TrainArgs {
    /// Data set: a name (see `infomax data list`), a card (.toml), or a path to images (parquet, CSV, image folder, CIFAR,
    /// STL-10, MNIST)
    #[arg(long, default_value = "fashion_mnist_sample")]
    data: String,
    /// Where to look for a named data set first
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Read the training images as they are needed: for a set larger than memory. Batches are those of --buffer
    #[arg(long)]
    stream: bool,
    /// Train on the first so many of the training images [default: all]
    #[arg(long, value_name = "IMAGES")]
    images: Option<usize>,
    /// Train on the set's unlabeled images too (STL-10 has 100,000)
    #[arg(long)]
    unlabeled: bool,
    /// Shuffle through a buffer of so many images, whose pieces are read in random order [default: all images at random;
    /// with --stream 10000]
    #[arg(long, value_name = "IMAGES", value_parser = parse_buffer)]
    buffer: Option<usize>,
    #[command(flatten)]
    cache: CacheArgs,
    /// Passes over the training images
    #[arg(long, default_value_t = 8)]
    epochs: u64,
    /// Images a step
    #[arg(long, default_value_t = 64)]
    batch: usize,
    #[command(flatten)]
    method: MethodArgs,
    /// Encoder [default: dcgan28, dcgan32 or dcgan64, by the images' size]
    #[arg(long, value_name = "NAME", value_parser = encoders())]
    encoder: Option<EncoderKind>,
    /// Bring images to the shape that the encoder takes: resize them, cut out the middle, repeat grey in three channels or
    /// take colour to grey
    #[arg(long, requires = "encoder")]
    fit: bool,
    /// Local critic
    #[arg(long, value_enum, default_value_t = Critic::Dot)]
    critic: Critic,
    /// Width of the critic: 256, 512, 1024 or 2048
    #[arg(long, default_value_t = 256)]
    units: usize,
    /// Bound that is maximised
    #[arg(long, value_enum, default_value_t = Bound::InfoNce)]
    bound: Bound,
    /// Marginal pairs: `all` in the batch, or so many rotations of it
    #[arg(long, default_value = "all", value_parser = parse_pairing)]
    negatives: Pairing,
    /// Weight of the global objective
    #[arg(long, default_value_t = 0.0)]
    alpha: f64,
    /// Weight of the local objective
    #[arg(long, default_value_t = 1.0)]
    beta: f64,
    /// Weight of prior matching
    #[arg(long, default_value_t = 0.1)]
    gamma: f64,
    #[command(flatten)]
    structure: StructureArgs,
    /// Learning rate of Adam
    #[arg(long, default_value_t = 2e-4)]
    lr: f64,
    /// Probe and export a moving average of the encoder's weights, which keeps this share of itself at each step (0.999 is a
    /// good one); 0 for the weights of the last step
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    average: f64,
    /// Precision of the matrix products of a training step
    #[arg(long, value_enum, default_value_t = Rounding::Fp32)]
    precision: Rounding,
    /// Where the model is trained. Deep InfoMax alone, in fp32, runs on an NVIDIA device, in a program built with
    /// `--features cuda`; where none answers, the CPU trains
    #[arg(long, value_enum, default_value_t = Place::Cpu)]
    device: Place,
    /// Mirror images left to right at random. --method simclr has its paper's augmentation (crops of 8 to 100 % of the area,
    /// flips, jitter of 0.5, grey by 0.2) unless --flip, --shift or --jitter is given
    #[arg(long)]
    flip: bool,
    /// Move images by up to so many pixels at random (a crop of the padded image)
    #[arg(long, value_name = "PIXELS")]
    shift: Option<usize>,
    /// Change brightness, contrast, saturation and hue at random, by this strength (0.5 is SimCLR's for small images)
    #[arg(long, value_name = "STRENGTH")]
    jitter: Option<f64>,
    /// Root seed of everything random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Steps between checkpoints (one is also written after each epoch)
    #[arg(long, default_value_t = 250, value_name = "STEPS")]
    checkpoint_every: u64,
    /// Steps between entries of the loss history
    #[arg(long, default_value_t = 50, value_name = "STEPS")]
    log_every: u64,
    /// Folder that runs are made in
    #[arg(long, default_value = "runs", value_name = "DIR")]
    runs: PathBuf,
    /// Name of the run [default: the data set's]
    #[arg(long)]
    name: Option<String>,
    /// Go on with a run; its own settings hold, and other options are ignored
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
    #[command(flatten)]
    online: OnlineArgs,
    /// Leave out the probes and pictures at the end
    #[arg(long)]
    no_probe: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Critic {
    /// Concat and convolve
    Concat,
    /// Encode and dot product
    Dot,
    /// Encode and dot product, with shortcuts and layer norm
    DotResidual,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Bound {
    /// Jensen-Shannon
    Jsd,
    /// InfoNCE
    InfoNce,
}

fn encoders() -> impl TypedValueParser<Value = EncoderKind> {
    let named = |name: String| EncoderKind::ALL.into_iter().find(|e| e.name() == name).ok_or("no such encoder");
    PossibleValuesParser::new(EncoderKind::ALL.map(EncoderKind::name)).try_map(named)
}

fn parse_pairing(text: &str) -> Result<Pairing, String> {
    if text == "all" {
        return Ok(Pairing::All);
    }
    match text.parse() {
        Ok(n) if n > 0 => Ok(Pairing::Rolled(n)),
        _ => Err("it is `all` or a number of rotations, 1 or more".into()),
    }
}

fn parse_buffer(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| "it is a number of images, 1 or more".into())
}

impl TrainArgs {
    fn data(&self) -> DataConfig {
        let fit = self.encoder.filter(|_| self.fit).map(|e| Fit::to(e.image()));
        let (source, dir) = (self.data.clone(), self.data_dir.clone());
        let Self { stream, images, unlabeled, .. } = *self;
        DataConfig { source, dir, stream, fit, images, unlabeled, noise: None }
    }

    fn order(&self) -> Order {
        let buffer = self.buffer.or_else(|| self.stream.then_some(images::BUFFER));
        buffer.map_or(Order::Shuffled, Order::Buffered)
    }

    /// What is asked for; SimCLR has its paper's when nothing is.
    fn augment(&self, image: ImageShape, method: &Method) -> Augment {
        let size = image.height.min(image.width);
        if matches!(method, Method::Simclr { .. }) && !self.flip && self.shift.is_none() && self.jitter.is_none() {
            return Augment::simclr(size);
        }
        let shift = self.shift.map(|padding| Crop::Random { size, padding });
        let jitter = self.jitter.map(Jitter::of_strength);
        Augment { crop: shift, flip: if self.flip { 0.5 } else { 0.0 }, jitter, ..Augment::default() }
    }

    fn config(&self, set: &Source) -> Result<RunConfig, CliError> {
        let shape = set.shape();
        let image = [shape.channels, shape.height, shape.width];
        let encoder = self.encoder.or_else(|| EncoderKind::for_image(image)).ok_or_else(|| {
            CliError::Usage(format!(
                "{} has images of {image:?} (channels, height, width); encoders take [3, 64, 64], [3, 32, 32] or [1, 28, 28]; \
                 name one by --encoder, and --fit resizes images to its size",
                set.name()
            ))
        })?;
        let critic = match self.critic {
            Critic::Concat => CriticKind::Concat,
            Critic::Dot => CriticKind::Dot,
            Critic::DotResidual => CriticKind::DotResidual,
        };
        let bound = match self.bound {
            Bound::Jsd => BoundKind::Jsd,
            Bound::InfoNce => BoundKind::InfoNce,
        };
        let folder = std::path::Path::new(set.name()).file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let folder = match folder.trim_start_matches('.') {
            "" => "run",
            name => name,
        };
        let method = self.method.method(set.classes().len())?;
        Ok(RunConfig {
            name: self.name.clone().unwrap_or_else(|| folder.to_owned()),
            seed: self.seed,
            epochs: self.epochs,
            batch: self.batch,
            log_every: self.log_every,
            checkpoint_every: self.checkpoint_every,
            data: self.data(),
            order: self.order(),
            augment: self.augment(shape, &method),
            model: ModelConfig {
                method,
                encoder,
                critic,
                units: self.units,
                bound,
                pairing: self.negatives,
                weights: Weights { alpha: self.alpha, beta: self.beta, gamma: self.gamma },
                prior: self.structure.prior(),
                coordinates: self.structure.coordinates(),
                occlusion: self.structure.occlude,
                adam: AdamConfig { lr: self.lr, ..AdamConfig::default() },
                average: self.average,
                precision: self.precision.precision(),
                device: self.device.device(),
            },
            online: self.online.probes(),
        })
    }
}

pub(super) fn run(args: TrainArgs) -> Result<ExitCode, CliError> {
    let mut progress = bar::progress(args.quiet);
    let (dir, config, checkpoint, train) = match &args.resume {
        Some(run) => {
            let (dir, config, checkpoint, damaged) = RunDir::resume(run)?;
            for error in damaged {
                eprintln!("warning: {error}; using an older one");
            }
            let train = images::open(&config.data, &args.cache)?;
            (dir, config, checkpoint, train)
        }
        None => {
            let train = images::open(&args.data(), &args.cache)?;
            let config = args.config(&train)?;
            config.check()?;
            check_batch(&config, &train)?;
            check_data(&config, &train)?;
            build(&config.model, config.seed).map_err(crate::train::TrainError::from)?;
            (RunDir::create(&args.runs, &config)?, config, None, train)
        }
    };
    // The held-out images are read before training, so that what is wrong with them is said before the work is done.
    let probed = if args.no_probe && config.online.is_none() {
        None
    } else {
        let test = images::held_out(&config.data, &args.cache)?;
        train.check_alike(&test)?;
        Some([images::probed(&train, config.seed)?, Arc::new(test)])
    };
    let mut trainer = Trainer::new(config.clone(), train.clone(), dir, checkpoint)?;
    if let (Some(sets), Some(_)) = (&probed, config.online) {
        trainer = trainer.probe_on(sets.clone())?;
    }
    if !args.quiet {
        let [encoder, rest] = trainer.model().parameters();
        let (images, name, model) = (train.len(), train.name(), config.model);
        let kind = model.encoder;
        if model.method.is_dim() {
            let (critic, units) = (model.critic, model.units);
            eprintln!(
                "{images} {name} images, {kind:?} ({encoder} parameters) with {critic:?} critic of {units} units ({rest} \
                 with the prior's)"
            );
        } else {
            let method = model.method.name();
            eprintln!("{images} {name} images, {kind:?} ({encoder} parameters) trained by {method} ({rest} more)");
        }
        if model.precision == Precision::Bf16 {
            match Precision::bf16_unit() {
                Some(unit) => eprintln!("products of bf16 by {unit}"),
                None => eprintln!("this processor has neither AMX nor AVX512-BF16: products are fp32"),
            }
        }
        if let Some(streamed) = images::streamed(&train, &config) {
            eprintln!("{streamed}");
        }
        eprintln!("run: {}", trainer.dir().path().display());
    }
    let stop = stop_on_ctrl_c("stopping after this step; Ctrl-C again to stop at once");
    let began = std::time::Instant::now();
    if trainer.run(&mut *progress, &stop)? == Outcome::Interrupted {
        eprintln!(
            "stopped; everything so far is saved. Go on with: infomax train --resume {}",
            trainer.dir().path().display()
        );
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let seconds = began.elapsed().as_secs_f64();
    let Some(sets) = probed.filter(|_| !args.no_probe) else {
        outcome::print_run(trainer.dir().path(), seconds, args.json)?;
        return Ok(ExitCode::SUCCESS);
    };
    let probes = ProbeConfig { seed: config.seed, ..ProbeConfig::default() };
    let work = outcome::Work { images: train.len(), seconds };
    let sets = sets.each_ref().map(|set| &**set);
    let trained = evaluate_encoder("trained", trainer.model(), sets, &probes, &mut *progress)?;
    let fresh = build(&config.model.on_cpu(), config.seed).map_err(crate::train::TrainError::from)?;
    let untrained = evaluate_encoder("untrained", &*fresh, sets, &probes, &mut *progress)?;
    let encoders = Encoders { trained, untrained: Some(untrained) };
    outcome::write_and_print(trainer.dir(), &config, encoders, sets, work, args.json)?;
    Ok(ExitCode::SUCCESS)
}

fn check_batch(config: &RunConfig, train: &Source) -> Result<(), CliError> {
    if config.batch > train.len() {
        let (batch, images, name) = (config.batch, train.len(), train.name().to_owned());
        return Err(crate::data::DataError::Batch { batch, images, name }.into());
    }
    Ok(())
}

/// A flag that the first Ctrl-C sets, which says `stopping`; the second ends the program at once.
pub(super) fn stop_on_ctrl_c(stopping: &'static str) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        eprintln!("\n{stopping}");
    });
    if let Err(e) = handler {
        eprintln!("warning: Ctrl-C will stop at once, without saving ({e})");
    }
    stop
}
