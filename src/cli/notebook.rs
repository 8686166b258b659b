//! `infomax notebook`.

use super::{CliError, notebook_check, notebook_run, notebook_setup, notebook_warm};
use crate::ipynb::outline;
use clap::{Args, Subcommand};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct NotebookArgs {
    #[command(subcommand)]
    verb: NotebookVerb,
}

#[derive(Debug, Subcommand)]
enum NotebookVerb {
    /// Say what notebooks in Jupyter need and what of it is missing; install the kernel
    Setup(notebook_setup::SetupArgs),
    /// Compile once what notebooks link against
    Warm(notebook_warm::WarmArgs),
    /// Execute notebooks, without Jupyter
    Run(notebook_run::RunArgs),
    /// Execute notebooks and compare with the outputs in their files
    Check(notebook_check::CheckArgs),
    /// The process that executes cells
    #[command(hide = true)]
    Worker,
    /// What rust-analyzer asks of cargo
    #[command(hide = true)]
    Cargo {
        cargo: OsString,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

pub(super) fn run(args: &NotebookArgs) -> Result<ExitCode, CliError> {
    match &args.verb {
        NotebookVerb::Setup(args) => notebook_setup::run(args),
        NotebookVerb::Warm(args) => notebook_warm::run(args),
        NotebookVerb::Run(args) => notebook_run::run(args),
        NotebookVerb::Check(args) => notebook_check::run(args),
        #[cfg(feature = "notebook-run")]
        NotebookVerb::Worker => Ok(crate::ipynb::worker::serve()),
        #[cfg(not(feature = "notebook-run"))]
        NotebookVerb::Worker => executes().map(|()| ExitCode::FAILURE),
        NotebookVerb::Cargo { cargo, arguments } => Ok(outline::metadata(cargo, arguments)?),
    }
}

/// Which notebooks, and how long a cell may take.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Notebooks (.ipynb)
    #[arg(value_name = "FILE", required_unless_present = "all", conflicts_with = "all")]
    files: Vec<PathBuf>,
    /// The numbered notebooks that come with infomax
    #[arg(long)]
    all: bool,
    /// Seconds that a cell may take
    #[arg(long, value_name = "S", default_value_t = 1200, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
}

impl Which {
    pub(super) fn paths(&self) -> Result<Vec<PathBuf>, CliError> {
        if !self.all {
            return Ok(self.files.clone());
        }
        let folder = notebooks()?;
        let listed = std::fs::read_dir(&folder).map_err(|e| CliError::Failed(format!("{}: {e}", folder.display())))?;
        let mut paths: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).filter(|p| is_numbered(p)).collect();
        paths.sort();
        Ok(paths)
    }

    pub(super) fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

fn is_numbered(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(|c: char| c.is_ascii_digit()) && name.ends_with(".ipynb")
}

/// The folder with the notebooks of infomax: the one here, or the one of the sources that this program was built from.
pub(super) fn notebooks() -> Result<PathBuf, CliError> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks");
    let found =
        [PathBuf::from("notebooks"), PathBuf::from("."), built].into_iter().find(|f| f.join("kernel.py").is_file());
    let found = found.and_then(|f| std::path::absolute(f).ok());
    found.ok_or_else(|| {
        CliError::Failed("the folder `notebooks` of infomax is not here: go to its sources first".into())
    })
}

/// The folder that a notebook's cells work in: its own.
pub(super) fn place(path: &Path) -> PathBuf {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// Whether this build can execute cells.
///
/// # Errors
/// How to get one that can.
pub(super) fn executes() -> Result<(), CliError> {
    if cfg!(feature = "notebook-run") {
        return Ok(());
    }
    Err(CliError::Failed(
        "this build cannot execute notebooks (that brings rust-analyzer); one that can: \
         cargo run --release --features notebook-run -- notebook run …"
            .into(),
    ))
}
