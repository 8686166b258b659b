//! `infomax mi consistency`.

use super::cache::CacheArgs;
use super::{CliError, bar};
use crate::data::{ImageSet, ImageShape, Split};
use crate::mi::Samples;
use crate::mi::consistency::{Comparison, Comparisons, Pictures, Test};
use crate::mi::estimate::{EstimateConfig, Estimator};
use crate::report::{Align, LineChart, Series, Table};
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax mi consistency
  infomax mi consistency --estimators infonce,smile --images 5000 --kept 0,7,14,21,28
  infomax mi consistency --data cifar10 --data-dir DIR --shrink 4 --json

Y is what is left of an image X when all but its top rows are hidden. Baseline: I(X;Y)/I(X;X) rises from 0 to 1. Data
processing: I(X,X;Y,h(Y))/I(X;Y) is 1. Additivity, of two independent images: I(X1,X2;Y1,Y2)/I(X;Y) is 2. True values are
larger than any estimator can show of so few images; the ratios tell whether an estimator agrees with itself.")]
pub(super) struct ConsistencyArgs {
    /// Data set
    #[arg(long, default_value = "fashion_mnist_sample")]
    data: String,
    /// Where to look for a named data set first
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Use the first so many training images
    #[arg(long, default_value_t = 2000)]
    images: usize,
    /// Average squares of so many pixels a side first
    #[arg(long, default_value_t = 2)]
    shrink: usize,
    /// Rows of the (smaller) image that are kept, with commas [default: none, quarters, all]
    #[arg(long, value_delimiter = ',')]
    kept: Vec<usize>,
    /// Estimators, with commas
    #[arg(long, default_value = "infonce", value_delimiter = ',')]
    estimators: Vec<Estimator>,
    /// Everything random flows from it
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Write the ratios' pictures into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON object for each comparison
    #[arg(long)]
    json: bool,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    cache: CacheArgs,
}

pub(super) fn run(args: &ConsistencyArgs) -> Result<(), CliError> {
    let images = images(args)?;
    let height = images.height();
    let quarters = || (0..=4).map(|q| q * height / 4).collect();
    let kept: Vec<usize> = if args.kept.is_empty() { quarters() } else { args.kept.clone() };
    let mut progress = bar::progress(args.quiet);
    progress.task_begins("comparisons", (args.estimators.len() * Test::ALL.len() * kept.len()) as u64);
    let mut out = std::io::stdout().lock();
    let mut found: Vec<(Estimator, Comparison)> = Vec::new();
    for &estimator in &args.estimators {
        let config = EstimateConfig { estimator, seed: args.seed, ..EstimateConfig::default() };
        let mut comparisons = Comparisons::new(&images, &config);
        for test in Test::ALL {
            for &rows in &kept {
                // With nothing left of Y there is nothing to divide by.
                if rows > 0 || test == Test::Baseline {
                    let comparison = comparisons.compare(test, rows)?;
                    if args.json {
                        let mut line = serde_json::to_value(&comparison).map_err(|e| CliError::Print(e.into()))?;
                        line["estimator"] = json!(estimator);
                        line["expected"] = json!(test.expected(rows, height));
                        writeln!(out, "{line}")?;
                        out.flush()?;
                    }
                    found.push((estimator, comparison));
                }
                progress.task_advances(1);
            }
        }
    }
    progress.task_ends();
    if !args.json {
        write!(out, "{}", table(&found, height)?.to_text())?;
    }
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder)
            .map_err(|e| CliError::Failed(format!("cannot make {}: {e}", folder.display())))?;
        for test in Test::ALL {
            let name = test.to_string().replace(' ', "-");
            for path in chart(test, &found, args)?.write(folder.join(name))? {
                if !args.json {
                    writeln!(out, "{}", path.display())?;
                }
            }
        }
    }
    Ok(())
}

/// The first images, made smaller.
fn images(args: &ConsistencyArgs) -> Result<Pictures, CliError> {
    let set = args.cache.load(&args.data, Split::Train, args.data_dir.as_deref())?;
    let ImageShape { channels, height, width } = set.shape();
    let side = args.shrink;
    if side == 0 || side > height.min(width) {
        return Err(CliError::Usage(format!("--shrink is {side}: images are {width} x {height} pixels")));
    }
    let count = args.images.min(set.len());
    let (small, wide) = (height / side, width / side);
    let mut values = Vec::with_capacity(count * channels * small * wide);
    for i in 0..count {
        values.extend(shrink(&set, i, side));
    }
    let samples = Samples::new(values, channels * small * wide).map_err(|e| CliError::Failed(e.to_string()))?;
    Pictures::new(samples, small, wide).map_err(|e| CliError::Failed(e.to_string()))
}

/// Means over squares of `side` pixels; what does not fill a square is left out.
fn shrink(set: &ImageSet, index: usize, side: usize) -> Vec<f64> {
    let ImageShape { channels, height, width } = set.shape();
    let (image, area) = (set.image(index), (side * side) as f64);
    let mut out = Vec::with_capacity(channels * (height / side) * (width / side));
    for channel in 0..channels {
        for row in 0..height / side {
            for column in 0..width / side {
                let at = |k: usize| (channel * height + row * side + k / side) * width + column * side + k % side;
                out.push((0..side * side).map(|k| f64::from(image[at(k)])).sum::<f64>() / area);
            }
        }
    }
    out
}

fn table(found: &[(Estimator, Comparison)], height: usize) -> Result<Table, CliError> {
    let mut table = Table::new(&[
        ("estimator", Align::Left),
        ("test", Align::Left),
        ("rows kept", Align::Right),
        ("nats", Align::Right),
        ("against", Align::Right),
        ("ratio", Align::Right),
        ("must be", Align::Right),
        ("ceiling", Align::Right),
    ]);
    for (estimator, c) in found {
        table.push([
            estimator.to_string(),
            c.test.to_string(),
            format!("{}/{height}", c.rows),
            format!("{:.3}", c.nats),
            format!("{:.3}", c.against),
            format!("{:.3}", c.ratio),
            c.test.expected(c.rows, height).map_or_else(|| "rising".into(), |e| format!("{e:.0}")),
            c.ceiling.map_or_else(|| "-".into(), |v| format!("{v:.2}")),
        ])?;
    }
    Ok(table)
}

fn chart(test: Test, found: &[(Estimator, Comparison)], args: &ConsistencyArgs) -> Result<LineChart, CliError> {
    let mut chart = LineChart::new(format!("Self-consistency: {test}"), "rows kept", "ratio").include_y(0.0);
    for &estimator in &args.estimators {
        let own = found.iter().filter(|(e, c)| *e == estimator && c.test == test && c.ratio.is_finite());
        let points: Vec<(f64, f64)> = own.map(|(_, c)| (c.rows as f64, c.ratio)).collect();
        if !points.is_empty() {
            chart = chart.series(Series::new(estimator.to_string(), points));
        }
    }
    Ok(match test {
        Test::Baseline => chart.reference(1.0, "I(X;X)"),
        Test::DataProcessing => chart.reference(1.0, "consistent"),
        Test::Additivity => chart.reference(2.0, "consistent"),
    })
}
