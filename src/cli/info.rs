//! `infomax info`.

use super::CliError;
use crate::data::Card;
use clap::Args;
use std::io::Write;

#[derive(Debug, Args)]
pub(super) struct InfoArgs {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &InfoArgs) -> Result<(), CliError> {
    let environment = crate::train::Environment::read();
    let mut out = std::io::stdout().lock();
    if args.json {
        let text = serde_json::json!({ "environment": environment, "data": Card::names().collect::<Vec<_>>() });
        writeln!(out, "{text}")?;
        return Ok(());
    }
    writeln!(out, "infomax {}", environment.infomax)?;
    writeln!(out, "features   {}", environment.features.join(", "))?;
    writeln!(out, "system     {}, {}", environment.os, environment.architecture)?;
    writeln!(out, "processor  {}", environment.processor.as_deref().unwrap_or("unknown"))?;
    writeln!(out, "threads    {} (set RAYON_NUM_THREADS to change)", environment.threads)?;
    writeln!(out, "data sets  {}", Card::names().collect::<Vec<_>>().join(", "))?;
    Ok(())
}
