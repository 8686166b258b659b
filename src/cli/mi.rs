//! `infomax mi`.

use super::{CliError, mi_staircase};
use clap::{Args, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct MiArgs {
    #[command(subcommand)]
    verb: MiVerb,
}

#[derive(Debug, Subcommand)]
enum MiVerb {
    /// Train bounds while a known mutual information rises, and say how far off they are
    Staircase(mi_staircase::StaircaseArgs),
}

pub(super) fn run(args: MiArgs) -> Result<ExitCode, CliError> {
    match args.verb {
        MiVerb::Staircase(args) => mi_staircase::run(&args),
    }
}
