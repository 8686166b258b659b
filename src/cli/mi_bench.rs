//! `infomax mi bench`.

use super::mi_bench_report::Report;
use super::{CliError, bar};
use crate::mi::benchmark::{Trial, trial};
use crate::mi::estimate::{EstimateConfig, Estimator};
use crate::mi::known::{self, Known};
use crate::report::{Align, Table};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use wildmatch::WildMatch;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax mi bench                                             the 40 distributions of \"Beyond Normal\", automatic choice
  infomax mi bench --estimators auto,ksg,cca,infonce --seeds 3 --out bench
  infomax mi bench --tasks 'spiral*,student*' --rows 1000,3000,10000 --json
  infomax mi bench --list                                      all distributions and their truths

Each finished estimate is a line of OUT/trials.jsonl; the same command goes on where it stopped. OUT/table.md holds the
tables, OUT/errors-ROWS.png the errors as colours, and with several numbers of rows OUT/error-by-rows.png the errors
against them. MAE is the mean of |estimate − truth| over draws and distributions.")]
pub(super) struct BenchArgs {
    /// Distributions: names with commas, `*` and `?`; the 40 of "Beyond Normal" (Czyż et al. 2023) if not given
    #[arg(long)]
    tasks: Option<String>,
    /// Estimators, with commas
    #[arg(long, default_value = "auto", value_delimiter = ',')]
    pub(super) estimators: Vec<Estimator>,
    /// Rows of each draw; several, with commas, for the error against the number of rows
    #[arg(long, default_value = "10000", value_delimiter = ',')]
    pub(super) rows: Vec<usize>,
    /// Draws of each distribution
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) seeds: u64,
    /// First seed
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,
    /// Folder of the results
    #[arg(long, value_name = "DIR", default_value = "runs/mi-bench")]
    pub(super) out: PathBuf,
    /// List the distributions and stop
    #[arg(long)]
    list: bool,
    /// Print one JSON object for each estimate
    #[arg(long)]
    json: bool,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

/// A line of the file of trials: what was asked for, and what came of it.
#[derive(Serialize, Deserialize)]
struct Line {
    version: String,
    config: EstimateConfig,
    #[serde(flatten)]
    trial: Trial,
}

pub(super) fn run(args: &BenchArgs) -> Result<(), CliError> {
    let tasks = tasks(args)?;
    let mut out = std::io::stdout().lock();
    if args.list {
        let mut table = Table::new(&[
            ("distribution", Align::Left),
            ("x", Align::Right),
            ("y", Align::Right),
            ("nats", Align::Right),
        ]);
        for task in &tasks {
            let ([x, y], truth) = (<[usize; 2]>::from(task.dims()), task.truth());
            let error = truth.error.map_or(String::new(), |e| format!(" ± {e:.4}"));
            table.push([task.name(), x.to_string(), y.to_string(), format!("{:.4}{error}", truth.nats)])?;
        }
        return Ok(write!(out, "{}", table.to_text())?);
    }
    let config = EstimateConfig::default();
    let failed = |doing: &str, path: &Path| {
        let path = path.display().to_string();
        let doing = doing.to_owned();
        move |e: std::io::Error| CliError::Failed(format!("cannot {doing} {path}: {e}"))
    };
    std::fs::create_dir_all(&args.out).map_err(failed("make", &args.out))?;
    let path = args.out.join("trials.jsonl");
    let mut known_trials = finished(&path, &config)?;
    let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed("open", &path))?;
    // A line that was cut short stays alone.
    let whole = std::fs::read(&path).map_err(failed("read", &path))?;
    if whole.last().is_some_and(|&b| b != b'\n') {
        file.write_all(b"\n").map_err(failed("write", &path))?;
    }
    let mut progress = bar::progress(args.quiet);
    let total = (tasks.len() * args.rows.len() * args.estimators.len()) as u64 * args.seeds;
    progress.task_begins("estimates", total);
    let mut trials = Vec::new();
    for task in &tasks {
        for (&rows, &estimator) in args.rows.iter().flat_map(|r| args.estimators.iter().map(move |e| (r, e))) {
            for seed in args.seed..args.seed + args.seeds {
                let same =
                    |t: &Trial| (t.task.as_str(), t.estimator, t.seed, t.rows) == (&task.name(), estimator, seed, rows);
                let done = match known_trials.iter().position(same) {
                    Some(at) => known_trials.swap_remove(at),
                    None => {
                        let trial = trial(&**task, estimator, rows, seed, &config);
                        let version = env!("CARGO_PKG_VERSION").to_owned();
                        let line = Line { version, config: config.clone(), trial };
                        let text = serde_json::to_string(&line).map_err(|e| CliError::Print(e.into()))?;
                        file.write_all(format!("{text}\n").as_bytes()).map_err(failed("write", &path))?;
                        line.trial
                    }
                };
                progress.task_advances(1);
                if args.json {
                    writeln!(out, "{}", serde_json::to_string(&done).map_err(|e| CliError::Print(e.into()))?)?;
                    out.flush()?;
                }
                trials.push(done);
            }
        }
    }
    progress.task_ends();
    file.sync_all().map_err(failed("write", &path))?;
    let report = Report { tasks: &tasks, args, trials: &trials };
    let text = report.write()?;
    if !args.json {
        writeln!(out, "{text}\n{}", args.out.display())?;
    }
    Ok(())
}

/// The distributions that are asked for.
fn tasks(args: &BenchArgs) -> Result<Vec<Box<dyn Known>>, CliError> {
    let Some(patterns) = &args.tasks else {
        return Ok(if args.list { known::all() } else { known::beyond_normal() });
    };
    let mut found = Vec::new();
    for pattern in patterns.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let wild = WildMatch::new(pattern);
        let before = found.len();
        found.extend(known::all().into_iter().filter(|t| wild.matches(&t.name())));
        if found.len() == before {
            found.push(known::by_name(pattern).map_err(|e| CliError::Usage(e.to_string()))?);
        }
    }
    Ok(found)
}

/// Trials of earlier calls with the same version and settings. Lines that cannot be read, such as one that was cut short,
/// are counted on standard error and estimated again.
fn finished(path: &Path, config: &EstimateConfig) -> Result<Vec<Trial>, CliError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(CliError::Failed(format!("cannot read {}: {e}", path.display()))),
    };
    let (mut trials, mut unreadable) = (Vec::new(), 0);
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|e| CliError::Failed(format!("cannot read {}: {e}", path.display())))?;
        match serde_json::from_str::<Line>(&line) {
            Ok(l) if l.version == env!("CARGO_PKG_VERSION") && l.config == *config => trials.push(l.trial),
            Ok(_) => {}
            Err(_) => unreadable += usize::from(!line.trim().is_empty()),
        }
    }
    if unreadable > 0 {
        eprintln!("note: {unreadable} lines of {} cannot be read; what they held is estimated again", path.display());
    }
    Ok(trials)
}
