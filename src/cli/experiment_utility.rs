//! `infomax experiment utility`.

use super::CliError;
use crate::probe::{Trial, UtilityConfig, utility};
use crate::report::{score_chart, utility_chart, utility_reading, utility_table};
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax experiment utility trials.csv
  infomax experiment utility trials.csv --baseline supervised --level 0.9 --out utility --json

The table has the columns arm, labels, seed and score (more is better: negate errors), and for every arm a score at each of
its numbers of labels with each of its seeds. Utility is n̂/n − 1: the share of labels more that the baseline would need to do
as well (Newell & Deng 2020). Double the number of labels from row to row, with three seeds or more.")]
pub(super) struct UtilityArgs {
    /// A .csv file of trials
    table: PathBuf,
    /// The arm that was trained from scratch
    #[arg(long, value_name = "ARM", default_value = "scratch")]
    baseline: String,
    /// Probability that an interval holds the true value
    #[arg(long, default_value_t = UtilityConfig::default().level)]
    level: f64,
    /// Seed of the intervals
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Also draw the curves: STEM.svg, STEM.png, STEM-scores.svg, STEM-scores.png
    #[arg(long, value_name = "STEM")]
    out: Option<PathBuf>,
    /// Print as JSON, with the table of trials
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &UtilityArgs) -> Result<(), CliError> {
    let trials = read(&args.table)?;
    let config = UtilityConfig { level: args.level, seed: args.seed, ..UtilityConfig::default() };
    let wrong = |e: crate::probe::ProbeError| CliError::Failed(format!("{}: {e}", args.table.display()));
    let report = utility(&trials, &args.baseline, &config).map_err(wrong)?;
    let mut pictures = Vec::new();
    if let Some(stem) = &args.out {
        let mut scores = stem.as_os_str().to_owned();
        scores.push("-scores");
        pictures.extend(utility_chart(&report).write(stem)?);
        pictures.extend(score_chart(&report).write(scores)?);
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        let value = serde_json::json!({ "report": report, "reading": utility_reading(&report), "pictures": pictures });
        writeln!(out, "{value}")?;
        return Ok(());
    }
    writeln!(out, "{}\n{}", utility_table(&report)?.to_text(), utility_reading(&report))?;
    for path in pictures {
        writeln!(out, "{}", path.display())?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<Trial>, CliError> {
    let wrong = |e: csv::Error| {
        let what = e.to_string().replace('\n', " ");
        CliError::Failed(format!("{}: {what} (the columns are arm, labels, seed, score)", path.display()))
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(wrong)?;
    reader.deserialize().collect::<Result<_, _>>().map_err(wrong)
}
