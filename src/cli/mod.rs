//! The command line, one file per verb.

mod bar;
mod cache;
mod data;
mod download;
mod download_bar;
mod embed;
mod experiment;
mod experiment_run;
mod experiment_runs;
mod experiment_utility;
mod experiment_utility_run;
mod export;
mod images;
mod info;
mod inspect;
mod mi;
mod mi_bench;
mod mi_bench_report;
mod mi_consistency;
mod mi_estimate;
mod mi_staircase;
mod mi_staircase_report;
mod notebook;
mod notebook_check;
mod notebook_run;
mod notebook_setup;
mod notebook_warm;
mod outcome;
mod patches;
mod probe;
mod scenes;
mod show;
mod stats;
mod train;
mod train_device;
mod train_method;
mod train_online;
mod train_structure;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Learn representations of images by maximising mutual information, and measure what they learned.
#[derive(Debug, Parser)]
#[command(name = "infomax", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  infomax train                                    train on the sample that ships, then probe
  infomax train --data cifar10 --epochs 20         on CIFAR-10, if it is on this machine
  infomax data download cifar10                    get it from the Hugging Face hub
  infomax train --resume runs/NAME                 go on with a run that was stopped
  infomax probe runs/NAME                          probe a run's newest checkpoint again
  infomax embed runs/NAME --out y.npy              its features of the test images, for other programs
  infomax experiment run table1-cifar10            a table of the paper, small, beside its figures
  infomax mi estimate table.csv --x a,b --y c      how much do a and b tell of c?
  infomax notebook setup                           what notebooks in Jupyter need";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Train Deep InfoMax and report what the encoder learned
    Train(Box<train::TrainArgs>),
    /// Probe the frozen encoder of a run, and the untrained one
    Probe(probe::ProbeArgs),
    /// Write the features that a run's encoder gives images, for other programs
    Embed(embed::EmbedArgs),
    /// Look at data sets and make smaller ones
    Data(data::DataArgs),
    /// Estimate mutual information, and hold estimators against known truths
    Mi(mi::MiArgs),
    /// Run the paper's tables and studies, and compare
    Experiment(experiment::ExperimentArgs),
    /// Set up, execute and check Rust notebooks
    Notebook(notebook::NotebookArgs),
    /// Say what this build has: version, features, processor, data sets
    Info(info::InfoArgs),
}

/// What a verb can fail with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Train(#[from] crate::train::TrainError),
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    #[error(transparent)]
    Numbers(#[from] crate::data::numbers::NumbersError),
    #[error(transparent)]
    Estimate(#[from] crate::mi::estimate::EstimateError),
    #[error(transparent)]
    Hub(#[from] crate::data::hub::HubError),
    #[error(transparent)]
    Report(#[from] crate::report::ReportError),
    #[error(transparent)]
    Experiment(crate::experiment::ExperimentError),
    #[error(transparent)]
    Mi(#[from] crate::mi::MiError),
    #[error(transparent)]
    Notebook(#[from] crate::ipynb::NotebookError),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Failed(String),
    #[error("cannot print: {0}")]
    Print(#[from] std::io::Error),
}

/// Exit code of a run that Ctrl-C ended, the shells' convention.
const INTERRUPTED: u8 = 130;

/// Parses the arguments, does what they say, and turns errors into one line. Exit codes: 0 done, 1 failed, 2 wrong
/// usage, 130 stopped by Ctrl-C.
pub fn main() -> ExitCode {
    // Before the threads start, which would take memory of their own.
    crate::nn::cpu::memory::keep();
    #[cfg(feature = "notebook-run")]
    if let Some(code) = crate::ipynb::worker::hook() {
        return code;
    }
    let cli = Cli::parse();
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !crate::data::is_guarded() {
            report(panic);
        }
    }));
    let done = match cli.verb {
        Verb::Train(args) => train::run(*args),
        Verb::Probe(args) => probe::run(args).map(|()| ExitCode::SUCCESS),
        Verb::Embed(args) => embed::run(&args).map(|()| ExitCode::SUCCESS),
        Verb::Data(args) => data::run(args).map(|()| ExitCode::SUCCESS),
        Verb::Mi(args) => mi::run(&args),
        Verb::Experiment(args) => experiment::run(args),
        Verb::Notebook(args) => notebook::run(&args),
        Verb::Info(args) => info::run(&args).map(|()| ExitCode::SUCCESS),
    };
    match done {
        Ok(code) => code,
        // A reader that has closed its end (`| head`) is no failure of ours.
        Err(CliError::Print(e)) if e.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(e @ CliError::Hub(crate::data::hub::HubError::Interrupted)) => {
            eprintln!("{e}");
            ExitCode::from(INTERRUPTED)
        }
        Err(e) => {
            eprintln!("error: {}", e.to_string().replace('\n', " "));
            ExitCode::from(if matches!(e, CliError::Usage(_)) { 2 } else { 1 })
        }
    }
}
