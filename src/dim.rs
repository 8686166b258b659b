//! Deep InfoMax: the objectives put together around an encoder.
//!
//! `α·global + β·local` bounds are maximised, and `γ·prior` pushes the global vectors towards a prior distribution
//! (Hjelm et al. 2019, eq. 8).

mod around;
pub(crate) mod build;
mod coordinates;
mod method;
mod model;
mod noise;
mod occlusion;
mod on_pool;
#[cfg(any(test, feature = "cuda"))]
mod own_thread;
pub(crate) mod part;
pub(crate) mod prior;
mod term;

pub use build::{CriticKind, DeviceKind, EncoderKind, ModelConfig, build};
pub use coordinates::{AbsoluteCoordinates, Axes, CoordinateLoss, RelativeCoordinates};
pub use method::Method;
pub use model::{BoxedModel, Dim, Model, StepInput, StepReport};
pub use noise::Noise;
pub use occlusion::occlude;
pub use prior::{Prior, PriorConfig, PriorNet, discriminator_loss, encoder_loss, gradient_penalty};
pub use term::{CoordinatePart, CriticPart, Term};

use serde::{Deserialize, Serialize};

/// Weights of the three terms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    /// Of the global objective, α.
    pub alpha: f64,
    /// Of the local objective, β.
    pub beta: f64,
    /// Of prior matching, γ.
    pub gamma: f64,
}

impl Default for Weights {
    /// DIM(L): α = 0, β = 1, γ = 0.1.
    fn default() -> Self {
        Self { alpha: 0.0, beta: 1.0, gamma: 0.1 }
    }
}

/// Weights of coordinate prediction; zero leaves a kind out. The paper's table has both kinds and does not state weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CoordinateWeights {
    /// Of [`AbsoluteCoordinates`].
    pub absolute: f64,
    /// Of [`RelativeCoordinates`].
    pub relative: f64,
}

/// What can go wrong in a model.
#[derive(Debug, thiserror::Error)]
pub enum DimError {
    /// A setting that cannot work.
    #[error("{0}")]
    Config(String),
    /// The device failed.
    #[error("the device failed: {0}; try a smaller --batch")]
    Device(String),
    /// A loss is no longer a number.
    #[error("the {term} term is {value} at step {step}: training has diverged; lower --lr")]
    Diverged {
        /// Which term.
        term: &'static str,
        /// Its value.
        value: f64,
        /// At which step.
        step: u64,
    },
    /// The saved tensors do not fit the model.
    #[error(transparent)]
    Restore(#[from] crate::nn::checkpoint::RestoreError),
}
