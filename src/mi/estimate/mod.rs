//! The mutual information of samples.

mod fit;
mod folds;
mod inputs;
mod neural;
mod objective;
mod read_out;

pub use objective::NeuralBound;

use super::MiError;

/// Why there is no estimate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EstimateError {
    /// The samples do not allow one.
    #[error(transparent)]
    Samples(#[from] MiError),
    /// The device failed.
    #[error("the device failed: {0}")]
    Device(String),
}

/// A point of a learning curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Steps done.
    pub step: usize,
    /// Value on the validation rows, nats.
    pub nats: f64,
}

/// Which network scores pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Two perceptrons and a dot product.
    Separable,
    /// One perceptron on both.
    Joint,
}

/// How critics are trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Learning {
    /// Network.
    pub architecture: Architecture,
    /// Folds; each row reports in one.
    pub folds: usize,
    /// Share of a fold's other rows that stops the training.
    pub validation: f64,
    /// Pairs in a step.
    pub batch: usize,
    /// Learning rate of Adam.
    pub lr: f64,
    /// Decay of the weights (AdamW).
    pub decay: f64,
    /// Most steps.
    pub steps: usize,
    /// Steps between checks on the validation rows.
    pub check: usize,
    /// Checks without gain after which training stops.
    pub patience: usize,
    /// Critics for each fold, their scores averaged.
    pub restarts: usize,
    /// Share of the old average kept at each step in the average of the weights.
    pub average: f64,
}

impl Default for Learning {
    fn default() -> Self {
        Self {
            architecture: Architecture::Separable,
            folds: 5,
            validation: 0.125,
            batch: 256,
            lr: 1e-3,
            decay: 0.0,
            steps: 5000,
            check: 25,
            patience: 12,
            restarts: 1,
            average: 0.98,
        }
    }
}

#[doc(hidden)]
pub fn trial(
    x: &super::Samples,
    y: &super::Samples,
    kind: NeuralBound,
    scaling: super::Scaling,
    gaussian: bool,
    learning: &Learning,
    seed: u64,
) -> Result<(f64, f64, f64, f64, usize, f64), EstimateError> {
    let r = neural::cross_fit(x, y, kind, scaling, gaussian, learning, seed)?;
    let n = r.influence.len() as f64;
    let sd = (r.influence.iter().map(|v| v * v).sum::<f64>() / n).sqrt();
    Ok((r.nats, sd / n.sqrt(), r.start, r.best, r.steps, r.training))
}
