//! Classical estimators: nearest neighbours, canonical correlations, counts.
//!
//! | what x and y are | estimator | exact for |
//! |---|---|---|
//! | numbers, few columns | [`ksg()`] | no model; biased down from about five columns |
//! | numbers, nearly Gaussian | [`gaussian_mi`], [`copula_mi`] after normal scores | Gaussians |
//! | numbers and labels | [`mixed_mi`] | no model |
//! | labels | [`discrete_mi`], [`histogram_mi`] after binning | no model; biased up when cells are empty |
//!
//! Everything is in nats. No estimate is clamped at 0: a negative value is noise around a small truth, and clamping it would
//! bias every mean over repetitions.

mod cca;
mod discrete;
mod entropy;
mod gaussian;
mod histogram;
mod ksg;
mod mixed;
mod neighbours;
mod ties;
mod warning;

pub use cca::{CcaConfig, CcaEstimate, Correction, copula_mi, gaussian_mi};
pub use discrete::{DiscreteEstimate, Labels, Table, discrete_mi, discrete_pointwise};
pub use entropy::{EntropyEstimate, knn_entropy};
pub use gaussian::{GaussianModel, Shrinkage};
pub use histogram::{Bins, Edges, bin, histogram_mi};
pub use ksg::{KsgConfig, KsgEstimate, KsgVariant, ksg};
pub use mixed::{MixedEstimate, mixed_mi};
pub use ties::Ties;
pub(super) use ties::{classes, distinct, few};
pub use warning::Warning;

/// How far apart two samples of one vector are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Norm {
    /// The largest difference of any column (Kraskov's choice).
    #[default]
    Max,
    /// The root of the sum of squared differences.
    Euclidean,
}
