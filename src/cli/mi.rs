//! `infomax mi`.

use super::{CliError, mi_bench, mi_consistency, mi_estimate, mi_staircase};
use clap::{Args, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct MiArgs {
    #[command(subcommand)]
    verb: MiVerb,
}

#[derive(Debug, Subcommand)]
enum MiVerb {
    /// Estimate the mutual information of columns of a file
    Estimate(Box<mi_estimate::EstimateArgs>),
    /// Hold estimators against distributions whose mutual information is known
    Bench(mi_bench::BenchArgs),
    /// Ask whether estimators agree with themselves on images
    Consistency(mi_consistency::ConsistencyArgs),
    /// Train bounds while a known mutual information rises, and say how far off they are
    Staircase(mi_staircase::StaircaseArgs),
}

pub(super) fn run(args: &MiArgs) -> Result<ExitCode, CliError> {
    match &args.verb {
        MiVerb::Estimate(args) => mi_estimate::run(args).map(|()| ExitCode::SUCCESS),
        MiVerb::Bench(args) => mi_bench::run(args).map(|()| ExitCode::SUCCESS),
        MiVerb::Consistency(args) => mi_consistency::run(args).map(|()| ExitCode::SUCCESS),
        MiVerb::Staircase(args) => mi_staircase::run(args),
    }
}
