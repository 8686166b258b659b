//! `infomax notebook warm`: compiles what cells link against, so that first cells take seconds.

use super::CliError;
use super::notebook::notebooks;
use super::notebook_run::Printer;
use super::notebook_setup::{KERNEL, PythonArg, links};
use crate::ipynb::document::Document;
use crate::ipynb::execute::MUST_FAIL;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// A first compilation on a slow machine.
const LIMIT: Duration = Duration::from_secs(2 * 3600);

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct WarmArgs {
    /// Without data sets (no polars): enough for notebooks 02 and 04
    #[arg(long)]
    light: bool,
    #[command(flatten)]
    python: PythonArg,
}

const AFTER: &str = "\
Runs three cells as a notebook would: by evcxr where this build has it (feature notebook-run), or else by the kernel `infomax \
(Rust)` in Jupyter. Both compile into the same folder, under INFOMAX_HOME or the system's folder for caches.";

pub(super) fn run(args: &WarmArgs) -> Result<ExitCode, CliError> {
    let folder = notebooks()?;
    links()?;
    let mut told = Printer::new(false, false);
    for lib in if args.light { &["lib"][..] } else { &["lib", "lib-data"] } {
        let package = format!("infomax-notebook{}", lib.trim_start_matches("lib"));
        let dep = format!(
            ":dep infomax = {{ path = \"{lib}\", package = \"{package}\" }}\nuse infomax::notebook::prelude::*;"
        );
        // A cell that does not compile is checked by a second way of compiling, which has libraries of its own.
        let cells: [(&str, &[&str]); 3] =
            [(&dep, &[]), ("let noise = Cpu::seed_from_u64(0);", &[]), ("let a_mistake: u8 = \"\";", &[MUST_FAIL])];
        let mut document = Document::of(&cells, KERNEL);
        let path = folder.join(format!("warm {lib}"));
        if cfg!(feature = "notebook-run") {
            let (ran, took) = told.run(&mut document, &path, LIMIT)?;
            told.say(&format!("{:.1} s", took.as_secs_f64()))?;
            if ran.iter().any(|r| r.failure.is_some()) {
                return Ok(ExitCode::FAILURE);
            }
        } else {
            told.say(&path.display().to_string())?;
            by_jupyter(&document, &folder, &args.python)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Executes a notebook in `folder` by the kernel in Jupyter.
fn by_jupyter(document: &Document, folder: &Path, python: &PythonArg) -> Result<(), CliError> {
    let missing =
        || CliError::Failed("there is no Jupyter with the kernel `infomax (Rust)`: infomax notebook setup".into());
    let python = python.ask().filter(|p| p.jupyter.as_ref().is_some_and(|j| j.kernel.is_some())).ok_or_else(missing)?;
    let file = Removed(folder.join(format!(".warm-{}.ipynb", std::process::id())));
    let unable = |e: std::io::Error| CliError::Failed(format!("{}: {e}", file.0.display()));
    std::fs::write(&file.0, document.to_bytes()).map_err(unable)?;
    let mut execute = Command::new(&python.program);
    execute.args(["-c", "from nbclient.cli import main; main()", "--startup_timeout=600"]).arg(&file.0);
    match execute.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(CliError::Failed("Jupyter could not compile; what it said is above".into())),
        Err(e) => Err(CliError::Failed(format!("{}: {e}", python.program.display()))),
    }
}

/// A file that does not stay.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
