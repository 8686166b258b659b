//! What can go wrong in an experiment.

use super::Budget;
use crate::report::ReportError;
use crate::train::TrainError;
use std::path::PathBuf;

/// An experiment that is not known, settings that cannot be, or a grid's folder that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// No experiment of this name.
    #[error("there is no experiment {name:?}{}; they are {known}", meant(near.as_deref()))]
    Unknown {
        /// The name.
        name: String,
        /// A known one like it.
        near: Option<String>,
        /// All of them.
        known: String,
    },
    /// The experiment has no such budget.
    #[error("{experiment} has no {budget} budget; it has {known}")]
    NoBudget {
        /// The experiment.
        experiment: String,
        /// The budget.
        budget: Budget,
        /// Those it has.
        known: String,
    },
    /// The experiment has no such row.
    #[error("{experiment} runs no row {row:?}{}; its rows are {known}", meant(near.as_deref()))]
    NoRow {
        /// The experiment.
        experiment: String,
        /// The row.
        row: String,
        /// One like it.
        near: Option<String>,
        /// Those it runs.
        known: String,
    },
    /// A setting that does not exist.
    #[error("there is no setting `{key}`{}; `infomax experiment show` prints them all", meant(near.as_deref()))]
    Key {
        /// The dotted key.
        key: String,
        /// One like it.
        near: Option<String>,
    },
    /// A setting that cannot have this value.
    #[error("`{key}` cannot be {value}: {reason}{}", meant(near.as_deref()))]
    Value {
        /// The dotted key.
        key: String,
        /// What it was given.
        value: String,
        /// Why not.
        reason: String,
        /// An allowed value like it.
        near: Option<String>,
    },
    /// A setting that is made in another way.
    #[error("`{key}` cannot be set: {instead}")]
    Reserved {
        /// The dotted key.
        key: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// An override that is not `key=value`.
    #[error("{text:?} is not of the form key=value, such as epochs=5 or model.critic=concat")]
    Override {
        /// What was given.
        text: String,
    },
    /// A file of the registry, or a grid's copy of it, that cannot be used.
    #[error("the experiment {name} is malformed: {reason}")]
    Definition {
        /// The experiment.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// No task of this name.
    #[error("there is no task {name:?}{}; tasks are {known}", meant(near.as_deref()))]
    Task {
        /// The name.
        name: String,
        /// One like it.
        near: Option<String>,
        /// All of them.
        known: String,
    },
    /// A pretrained arm without a checkpoint that can be used.
    #[error("arm {arm} has no checkpoint to begin from: {reason}")]
    Arm {
        /// The arm.
        arm: String,
        /// Why not.
        reason: String,
    },
    /// Numbers of labels, arms or tasks that a study of utility cannot be made of.
    #[error("{0}")]
    Study(String),
    /// Utilities that cannot be computed.
    #[error(transparent)]
    Probe(#[from] crate::probe::ProbeError),
    /// A folder that is no grid, or a damaged one.
    #[error("{} is not a usable grid: {reason}", path.display())]
    Grid {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is no grid to go on with, or to report.
    #[error("there is no {what} of {name} in {}; begin one with: infomax experiment run {name}", root.display())]
    NoGrid {
        /// `unfinished grid` or `grid`.
        what: &'static str,
        /// The experiment.
        name: String,
        /// Where it was looked for.
        root: PathBuf,
    },
    /// Another process works in the folder.
    #[error("{} is being run by another process; wait for it, or stop it", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A run or its probes.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A table or a picture.
    #[error(transparent)]
    Report(#[from] ReportError),
}

impl ExperimentError {
    /// Whether what was asked for is at fault, and not the machine or the data.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Unknown { .. }
                | Self::NoBudget { .. }
                | Self::NoRow { .. }
                | Self::Key { .. }
                | Self::Value { .. }
                | Self::Reserved { .. }
                | Self::Override { .. }
        )
    }
}

fn meant(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

/// For `map_err`: an I/O error with what was tried and where.
pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> ExperimentError {
    let path = path.into();
    move |source| ExperimentError::Io { doing, path, source }
}
