//! `infomax mi`.

use super::{CliError, mi_estimate};
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
}

pub(super) fn run(args: &MiArgs) -> Result<(), CliError> {
    match &args.verb {
        MiVerb::Estimate(args) => mi_estimate::run(args),
    }
}
