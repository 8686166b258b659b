//! `infomax mi`.

use super::{CliError, mi_bench, mi_estimate};
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(super) struct MiArgs {
    #[command(subcommand)]
    verb: MiVerb,
}

#[derive(Debug, Subcommand)]
enum MiVerb {
    /// Estimate the mutual information of columns of a file
    Estimate(mi_estimate::EstimateArgs),
    /// Hold estimators against distributions whose mutual information is known
    Bench(mi_bench::BenchArgs),
}

pub(super) fn run(args: &MiArgs) -> Result<(), CliError> {
    match &args.verb {
        MiVerb::Estimate(args) => mi_estimate::run(args),
        MiVerb::Bench(args) => mi_bench::run(args),
    }
}
