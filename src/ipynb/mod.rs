//! Notebooks without Jupyter: files of nbformat 4, run by [evcxr](https://github.com/evcxr/evcxr) as a library, and compared.
//!
//! * [`document`]: a notebook's file; what is not known of it is kept as it is;
//! * [`parameters`]: `--set name=value`;
//! * [`session`]: a process of this program that executes cells (`worker`, feature `notebook-run`), in a build folder that
//!   the kernel shares (`folder`);
//! * [`outline`]: what rust-analyzer reads of the crates that a notebook depends on;
//! * [`outputs`]: what a cell gave, as a notebook holds it;
//! * [`execute`]: a whole notebook;
//! * [`compare`]: whether fresh outputs are those that were committed.

pub(crate) mod compare;
pub(crate) mod document;
pub(crate) mod execute;
pub(crate) mod folder;
pub(crate) mod outline;
mod outputs;
pub(crate) mod parameters;
#[cfg(feature = "notebook-run")]
mod relay;
#[cfg(feature = "notebook-run")]
mod report;
pub(crate) mod session;
#[cfg(feature = "notebook-run")]
pub(crate) mod worker;

use std::path::PathBuf;

/// Why a notebook cannot be read or executed at all. What its cells do wrong is [`execute::Failure`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotebookError {
    #[error("{path}: {reason}", path = .path.display())]
    Read { path: PathBuf, reason: std::io::Error },
    #[error("{path}: this is no notebook: {reason}", path = .path.display())]
    Malformed { path: PathBuf, reason: String },
    #[error("--set {setting}: {reason}")]
    Parameter { setting: String, reason: String },
    #[error("cells cannot be executed: {0}")]
    Session(String),
    #[error("cannot write {path}: {reason}", path = .path.display())]
    Write { path: PathBuf, reason: std::io::Error },
}
