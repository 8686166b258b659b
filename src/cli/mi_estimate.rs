//! `infomax mi estimate`.

use super::{CliError, bar};
use crate::data::numbers::read_columns;
use crate::mi::estimate::{
    Architecture, Estimate, EstimateConfig, EstimateError, Estimator, Learning, estimate, estimate_conditional,
};
use crate::mi::{MiError, Samples, Scaling, permutation_test};
use crate::report::{Align, Table};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax mi estimate table.parquet --x 'x*' --y 'y*'
  infomax mi estimate table.csv --x age,height --y income --estimator all --json
  infomax mi estimate codes.npy --x 0,1,2 --y 3 --estimator ksg --neighbours 5
  infomax mi estimate table.csv --x a --y b --estimator ksg --permutations 199
  infomax mi estimate table.csv --x a --y b --given c,d

Nats throughout; --bits prints bits. The interval is for the true value, as far as the estimator can tell; `bound` is the
value on rows that the critics never saw. --json prints one object a line: estimator, nats, interval, n, ceiling,
warnings, and more.")]
pub(super) struct EstimateArgs {
    /// A .parquet, .csv, .tsv or .npy file
    file: PathBuf,
    /// Columns of x: names with commas, `*` and `?` as in file names
    #[arg(long, value_name = "COLUMNS")]
    x: String,
    /// Columns of y
    #[arg(long, value_name = "COLUMNS")]
    y: String,
    /// Columns of z, for the mutual information of x and y given z
    #[arg(long, value_name = "COLUMNS")]
    given: Option<String>,
    /// auto, all, infonce, dv, mine, nwj, jsd, smile, ksg, lmi, cca, copula, discrete or mixed
    #[arg(long, default_value = "auto", value_parser = parse_which)]
    estimator: Which,
    /// How columns are brought to a common scale
    #[arg(long, value_enum, default_value_t = ScalingArg::NormalScores)]
    scaling: ScalingArg,
    /// Neighbours of ksg, lmi and mixed
    #[arg(long, default_value_t = 3)]
    neighbours: usize,
    /// Use at most so many rows, drawn by the seed
    #[arg(long)]
    rows: Option<usize>,
    /// Folds of the neural estimators
    #[arg(long, default_value_t = Learning::default().folds)]
    folds: usize,
    /// Critics for each fold
    #[arg(long, default_value_t = Learning::default().restarts)]
    restarts: usize,
    /// Pairs in a training step
    #[arg(long, default_value_t = Learning::default().batch)]
    batch: usize,
    /// Learning rate
    #[arg(long, default_value_t = Learning::default().lr)]
    lr: f64,
    /// Most steps of a critic
    #[arg(long, default_value_t = Learning::default().steps)]
    steps: usize,
    /// Network of the neural estimators
    #[arg(long, value_enum, default_value_t = CriticArg::Separable)]
    critic: CriticArg,
    /// Let critics start from nothing, not from a Gaussian fitted to the training rows
    #[arg(long)]
    no_gaussian: bool,
    /// Probability that the interval is made for
    #[arg(long, default_value_t = EstimateConfig::default().confidence)]
    confidence: f64,
    /// p-value by so many shufflings of y (ksg, cca, copula, discrete and mixed; lmi learns anew for each; neural ones always have one)
    #[arg(long, default_value_t = 0, conflicts_with = "given")]
    permutations: usize,
    /// Everything random flows from it
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print bits
    #[arg(long, conflicts_with = "json")]
    bits: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

/// One estimator, or all that take numbers.
#[derive(Clone, Copy, Debug)]
enum Which {
    All,
    One(Estimator),
}

fn parse_which(s: &str) -> Result<Which, String> {
    if s == "all" { Ok(Which::All) } else { s.parse().map(Which::One).map_err(|e: crate::mi::MiError| e.to_string()) }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ScalingArg {
    /// As they are
    None,
    /// Mean 0, standard deviation 1
    ZScore,
    /// asinh of the distance from the median in interquartile ranges
    Robust,
    /// Ranks from 0 to 1
    Uniform,
    /// Ranks as quantiles of a standard normal
    NormalScores,
}

impl From<ScalingArg> for Scaling {
    fn from(s: ScalingArg) -> Self {
        match s {
            ScalingArg::None => Self::None,
            ScalingArg::ZScore => Self::ZScore,
            ScalingArg::Robust => Self::Robust,
            ScalingArg::Uniform => Self::Uniform,
            ScalingArg::NormalScores => Self::NormalScores,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CriticArg {
    /// Two networks and a dot product
    Separable,
    /// One network on both
    Joint,
}

/// A line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    /// What was asked for; `auto` is estimated by another.
    asked: Estimator,
    #[serde(flatten)]
    estimate: &'a Estimate,
    seconds: f64,
    seed: u64,
}

/// A line of `--json` for an estimator that does not work on these samples.
#[derive(Serialize)]
struct Failure {
    asked: Estimator,
    estimator: Estimator,
    error: String,
}

pub(super) fn run(args: &EstimateArgs) -> Result<(), CliError> {
    let mut groups = vec![args.x.as_str(), &args.y];
    groups.extend(args.given.as_deref());
    let mut samples = drawn(read_columns(&args.file, &groups)?, args)?;
    let given = if args.given.is_some() { samples.pop() } else { None };
    let [x, y] = &samples[..] else { return Err(CliError::Failed("x and y were not read".into())) };
    let config = EstimateConfig {
        estimator: Estimator::Auto,
        scaling: args.scaling.into(),
        gaussian: !args.no_gaussian,
        learning: Learning {
            architecture: match args.critic {
                CriticArg::Separable => Architecture::Separable,
                CriticArg::Joint => Architecture::Joint,
            },
            folds: args.folds,
            restarts: args.restarts,
            batch: args.batch,
            lr: args.lr,
            steps: args.steps,
            ..Learning::default()
        },
        neighbours: args.neighbours,
        confidence: args.confidence,
        seed: args.seed,
    };
    let which = match args.estimator {
        Which::All => std::iter::once(Estimator::Auto).chain(Estimator::for_numbers()).collect(),
        Which::One(one) => vec![one],
    };
    let single = which.len() == 1;
    let mut progress = bar::progress(args.quiet);
    progress.task_begins("estimators", which.len() as u64);
    let mut found = Vec::new();
    let mut out = std::io::stdout().lock();
    for estimator in which {
        let began = std::time::Instant::now();
        let config = EstimateConfig { estimator, ..config.clone() };
        let estimate = match &given {
            Some(z) => estimate_conditional(x, y, z, &config),
            None => with_p_value(x, y, &config, args.permutations),
        };
        let seconds = began.elapsed().as_secs_f64();
        progress.task_advances(1);
        let line = match &estimate {
            Ok(estimate) => serde_json::to_string(&Line { asked: estimator, estimate, seconds, seed: args.seed }),
            Err(e) if single => return Err(e.clone().into()),
            Err(e) => serde_json::to_string(&Failure { asked: estimator, estimator, error: e.to_string() }),
        };
        if args.json {
            writeln!(out, "{}", line.map_err(|e| CliError::Print(e.into()))?)?;
            out.flush()?;
        }
        found.push((estimator, estimate, seconds));
    }
    progress.task_ends();
    if !args.json {
        print(&mut out, &found, [x, y], args.scaling.into(), args.bits)?;
    }
    if found.iter().all(|(_, estimate, _)| estimate.is_err()) {
        return Err(CliError::Failed("no estimator works on these samples; what each says is above".into()));
    }
    Ok(())
}

/// At most `--rows` of the rows.
fn drawn(samples: Vec<Samples>, args: &EstimateArgs) -> Result<Vec<Samples>, CliError> {
    let there = samples.first().map_or(0, Samples::rows);
    match args.rows {
        Some(0) => Err(CliError::Usage("--rows 0 leaves nothing; give at least 10".into())),
        Some(rows) if rows < there => {
            let mut rng = crate::seed::stream(args.seed, "rows", 0);
            let mut kept = rand::seq::index::sample(&mut rng, there, rows).into_vec();
            kept.sort_unstable();
            Ok(samples.iter().map(|s| s.select(&kept)).collect())
        }
        _ => Ok(samples),
    }
}

/// An estimate, with a permutation test if asked for where the estimator has no p-value of its own.
fn with_p_value(
    x: &Samples,
    y: &Samples,
    config: &EstimateConfig,
    permutations: usize,
) -> Result<Estimate, EstimateError> {
    let mut found = estimate(x, y, config)?;
    if permutations > 0 && !matches!(found.estimator, Estimator::Neural(_)) {
        let config = EstimateConfig { estimator: found.estimator, ..config.clone() };
        let nats = |x: &Samples, y: &Samples| match estimate(x, y, &config) {
            Ok(found) => Ok(found.nats),
            Err(EstimateError::Samples(e)) => Err(e),
            Err(EstimateError::Device(e)) => Err(MiError::Device(e)),
        };
        found.p_value = Some(permutation_test(x, y, permutations, config.seed, nats)?.p_value);
    }
    Ok(found)
}

/// The table, and what to know before believing it.
fn print(
    out: &mut impl Write,
    found: &[(Estimator, Result<Estimate, EstimateError>, f64)],
    [x, y]: [&Samples; 2],
    scaling: Scaling,
    bits: bool,
) -> Result<(), CliError> {
    let (unit, scale) = if bits { ("bits", std::f64::consts::LN_2.recip()) } else { ("nats", 1.0) };
    writeln!(out, "{} rows; columns: x {}, y {}; scaling: {scaling}\n", x.rows(), x.columns(), y.columns())?;
    let number = |v: Option<f64>| v.map_or(String::new(), |v| format!("{:.4}", v * scale));
    let mut table = Table::new(&[
        ("estimator", Align::Left),
        (unit, Align::Right),
        ("interval", Align::Right),
        ("bound", Align::Right),
        ("ceiling", Align::Right),
        ("p", Align::Right),
        ("seconds", Align::Right),
    ]);
    for (estimator, estimate, seconds) in found {
        match estimate {
            Ok(e) => {
                let chosen = if *estimator == Estimator::Auto {
                    format!("auto: {}", e.estimator)
                } else {
                    e.estimator.to_string()
                };
                let interval = e
                    .interval
                    .map_or(String::new(), |[low, high]| format!("{:.4} to {:.4}", low * scale, high * scale));
                let p = e.p_value.map_or(String::new(), |p| format!("{p:.3}"));
                table.push([
                    chosen,
                    number(Some(e.nats)),
                    interval,
                    number(e.bound),
                    number(e.ceiling),
                    p,
                    format!("{seconds:.1}"),
                ])?;
            }
            Err(_) => {
                let none = String::new;
                table.push([
                    estimator.to_string(),
                    "none".into(),
                    none(),
                    none(),
                    none(),
                    none(),
                    format!("{seconds:.1}"),
                ])?;
            }
        }
    }
    write!(out, "{}", table.to_text())?;
    for (estimator, estimate, _) in found {
        match estimate {
            Ok(e) => {
                if let Some(why) = &e.why {
                    writeln!(out, "\n{} was chosen: {why}.", e.estimator)?;
                }
                if let Some([x, y]) = e.components {
                    writeln!(out, "{}: critics saw {x} principal components of x and {y} of y", e.estimator)?;
                }
                if e.scaling != scaling {
                    writeln!(out, "{}: scaling is {}, whatever is asked for", e.estimator, e.scaling)?;
                }
                for warning in &e.warnings {
                    writeln!(out, "{}: {warning}", e.estimator)?;
                }
            }
            Err(e) => writeln!(out, "{estimator}: {e}")?,
        }
    }
    Ok(())
}
