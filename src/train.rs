//! Training runs: settings, the run's folder, checkpoints, and the loop that ties them.

mod checkpoint;
mod config;
mod decoded;
mod evaluate;
mod information;
mod noise_kept;
mod online;
mod progress;
mod run_dir;
mod trainer;

pub use checkpoint::{Checkpoint, Position};
pub use config::{DataConfig, RunConfig};
pub use decoded::{DecoderConfig, Reconstructions, reconstruct};
pub(crate) use evaluate::check_mlp;
pub use evaluate::{
    Dependency, EncoderReport, Evaluation, LAYERS, LayerReport, MoreMeasures, ProbeConfig, RANKED, encode,
    encode_layer, evaluate_encoder, few_label_report, pixel_features,
};
pub use information::{Information, InformationConfig, information};
pub use noise_kept::noise_kept;
pub use online::{OnlineProbes, OnlineReport, OnlineScore, probe_online};
pub use progress::{Progress, Quiet};
pub use run_dir::{Environment, RunDir};
#[cfg(feature = "report")]
pub(crate) use run_dir::{new_folder, utc};
pub use trainer::{EpochReport, Outcome, Trainer};
#[cfg(feature = "report")]
pub(crate) use trainer::{check_data, check_images};

use std::path::PathBuf;

/// What can go wrong in a run.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A setting that cannot work.
    #[error("{0}")]
    Config(String),
    /// A file could not be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried: "create", "write", "read".
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A checkpoint that cannot be used.
    #[error("{} is not a usable checkpoint: {reason}", path.display())]
    Checkpoint {
        /// Which file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The data.
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    /// The model.
    #[error(transparent)]
    Dim(#[from] crate::dim::DimError),
    /// The probes.
    #[error(transparent)]
    Probe(#[from] crate::probe::ProbeError),
    /// An estimate of mutual information.
    #[error(transparent)]
    Estimate(#[from] crate::mi::estimate::EstimateError),
}

/// For `map_err`: an I/O error with what was tried and where.
pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> TrainError {
    let path = path.into();
    move |source| TrainError::Io { doing, path, source }
}
