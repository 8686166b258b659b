//! `infomax notebook setup`: what Jupyter needs to run the notebooks.

use super::CliError;
use super::notebook::notebooks;
use crate::files::write_atomic;
use crate::ipynb::{NotebookError, folder, outline};
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// The kernel's name in Jupyter.
pub(super) const KERNEL: &str = "infomax";

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct SetupArgs {
    /// Write the kernel's description without asking
    #[arg(long)]
    write: bool,
    #[command(flatten)]
    python: PythonArg,
}

/// Which Python has Jupyter.
#[derive(Debug, Args)]
pub(super) struct PythonArg {
    /// The Python that has Jupyter
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: PathBuf,
}

const AFTER: &str = "\
Looks for cargo, evcxr_jupyter, Jupyter and the kernel `infomax (Rust)`, and says how to get what is missing. The kernel's \
description is one file, kernel.json, in Jupyter's own folder for kernels; it is shown before it is written, and written with \
--write or after a yes. Nothing is written to evcxr's own files. Under INFOMAX_HOME or the system's folder for caches, a folder \
notebook/cargo-home of links to yours spares rust-analyzer crates that no notebook's types are made of: first cells take half \
the time.";

/// Prints as JSON what a Python has: itself, Jupyter, where kernels belong, and ours.
const PROBE: &str = r#"
import json, sys
said = {"program": sys.executable}
try:
    import jupyter_client, nbclient, zmq
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_core.paths import jupyter_data_dir
    own = sys.prefix + "/share/jupyter" if sys.prefix != sys.base_prefix else jupyter_data_dir()
    said["jupyter"] = {"client": jupyter_client.__version__, "nbclient": nbclient.__version__, "data": own,
                       "kernel": KernelSpecManager().find_kernel_specs().get("infomax")}
except ImportError as e:
    said["missing"] = e.name
print(json.dumps(said))
"#;

/// What a Python has.
#[derive(Debug, Deserialize)]
pub(super) struct Python {
    /// Itself.
    pub program: PathBuf,
    /// What of Jupyter it has, if it has what is needed.
    pub jupyter: Option<Jupyter>,
    missing: Option<String>,
}

/// A Jupyter.
#[derive(Debug, Deserialize)]
pub(super) struct Jupyter {
    client: String,
    nbclient: String,
    data: PathBuf,
    /// The folder of our kernel, if it is installed.
    pub kernel: Option<PathBuf>,
}

impl PythonArg {
    /// Asks it; nothing when it does not answer.
    pub(super) fn ask(&self) -> Option<Python> {
        let said =
            Command::new(&self.python).args(["-c", PROBE]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        serde_json::from_slice(&said.stdout).ok()
    }

    /// How to install Jupyter into it.
    fn install(&self) -> String {
        format!("{} -m pip install jupyter      (or name a Python that has it: --python)", self.python.display())
    }
}

pub(super) fn run(args: &SetupArgs) -> Result<ExitCode, CliError> {
    let mut out = std::io::stdout();
    let mut missing = Vec::new();
    let mut tell = |name: &str, found: Option<String>, how: String| {
        let said = writeln!(out, "{name:<16}{}", found.as_deref().unwrap_or("missing"));
        if found.is_none() {
            missing.push(how);
        }
        said
    };
    let shown = |path: PathBuf| path.display().to_string();
    tell("cargo", program("cargo", None).map(shown), "install Rust: https://rustup.rs".into())?;
    let evcxr = program("evcxr_jupyter", Some("EVCXR_JUPYTER")).map(shown);
    tell("evcxr_jupyter", evcxr, "cargo install evcxr_jupyter --locked      (some 10 minutes on two cores)".into())?;
    let python = args.python.ask();
    let jupyter = python.as_ref().and_then(|p| Some((p, p.jupyter.as_ref()?)));
    let found = jupyter.map(|(python, jupyter)| {
        format!("client {}, nbclient {} in {}", jupyter.client, jupyter.nbclient, python.program.display())
    });
    let lacking = python.as_ref().and_then(|p| p.missing.as_ref()).map(|name| format!("; {name} is missing"));
    tell("Jupyter", found, args.python.install() + &lacking.unwrap_or_default())?;
    let how = "infomax notebook setup --write".to_owned();
    let Some((python, jupyter)) = jupyter else {
        tell("kernel", None, how)?;
        return told(&missing);
    };
    let text = description(&python.program, &notebooks()?.join("kernel.py"));
    let installed = jupyter.kernel.as_ref().map(|folder| folder.join("kernel.json"));
    let old = installed.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
    if old.as_deref() == Some(&text) {
        tell("kernel", installed.map(shown), how)?;
        links()?;
        return told(&missing);
    }
    let file = jupyter.data.join("kernels").join(KERNEL).join("kernel.json");
    writeln!(std::io::stdout(), "kernel          {}", if old.is_some() { "another is installed" } else { "missing" })?;
    writeln!(std::io::stdout(), "\n{}:\n{text}", file.display())?;
    if args.write || agreed()? {
        let wrong = |reason| NotebookError::Write { path: file.clone(), reason };
        write_atomic(&file, text.as_bytes()).map_err(wrong)?;
        writeln!(std::io::stdout(), "written")?;
        links()?;
    } else {
        missing.push(how);
    }
    told(&missing)
}

/// Makes what cells are compiled with: settings, and the cargo home of notebooks.
pub(super) fn links() -> Result<(), CliError> {
    let root = folder::root()?;
    let wrong = |reason| NotebookError::Write { path: root.clone(), reason };
    folder::settings(&root).and_then(|()| outline::home(&root)).map_err(wrong)?;
    Ok(())
}

/// Prints what to do.
fn told(missing: &[String]) -> Result<ExitCode, CliError> {
    let mut out = std::io::stdout();
    if missing.is_empty() {
        writeln!(out, "\nAll is here. Next: infomax notebook warm (minutes, once), then: jupyter lab notebooks")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "\nMissing. In this order:")?;
    for how in missing {
        writeln!(out, "  {how}")?;
    }
    Ok(ExitCode::FAILURE)
}

/// Asks whether to write, where somebody can answer.
fn agreed() -> Result<bool, CliError> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Ok(false);
    }
    write!(std::io::stdout(), "Write it? [y/N] ")?;
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// The kernel's description for Jupyter.
fn description(python: &Path, kernel: &Path) -> String {
    let description = json!({
        "argv": [python, kernel, "{connection_file}"],
        "display_name": "infomax (Rust)",
        "language": "rust",
        "interrupt_mode": if cfg!(target_os = "linux") { "signal" } else { "message" },
    });
    format!("{description:#}\n")
}

/// Where a program is: what a variable says, on the path, or where cargo installs.
fn program(name: &str, variable: Option<&str>) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let told = variable.and_then(std::env::var_os).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path)
        .chain(outline::cargo_home().map(|c| c.join("bin")))
        .map(|folder| folder.join(&file));
    told.into_iter().chain(on_path).find(|p| p.is_file())
}
