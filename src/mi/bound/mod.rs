//! Bounds: functions of a critic's scores, maximised in training.
//!
//! Each bound is one plain function on a score array that returns its value and its gradient ([`Evaluated`]);
//! [`objective`] puts it on dfdx's tape, on any device. Values are in nats.

mod info_nce;
mod jsd;

pub use info_nce::info_nce;
pub use jsd::{jsd, mi_from_jsd};

use super::{Pairing, Scores};
use crate::nn::Real;
use dfdx::prelude::*;
use serde::{Deserialize, Serialize};

/// Sizes of a score array `[B, L, K]`, with `K` set by the pairing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreSizes {
    /// Images (and global vectors) in the batch, B.
    pub batch: usize,
    /// Locations of the feature map, L.
    pub locations: usize,
    /// Which pairs the columns are.
    pub pairing: Pairing,
}

impl ScoreSizes {
    /// Number of columns, K.
    pub fn columns(&self) -> usize {
        self.pairing.columns(self.batch)
    }

    /// The index of location `l` of image `i` scored with column `k`.
    pub fn index(&self, i: usize, l: usize, k: usize) -> usize {
        (i * self.locations + l) * self.columns() + k
    }
}

/// A bound's value and gradient at some scores.
#[derive(Clone, Debug)]
pub struct Evaluated<E> {
    /// What is maximised, nats.
    pub objective: f64,
    /// The mutual information that the scores vouch for, nats: a lower bound in expectation (on the data that the
    /// critic was not trained on; on training batches it is optimistic).
    pub nats: f64,
    /// The gradient of the objective with respect to each score, `[B, L, K]`.
    pub gradient: Vec<E>,
}

/// Which bound is maximised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BoundKind {
    /// Jensen-Shannon; see [`jsd`].
    Jsd,
    /// InfoNCE; see [`info_nce`].
    InfoNce,
}

impl BoundKind {
    /// Value and gradient of the bound.
    ///
    /// # Panics
    /// When `scores` has not the sizes it is said to have, or the pairing does not fit the batch.
    pub fn evaluate<E: Real>(self, scores: &[E], sizes: ScoreSizes) -> Evaluated<E> {
        match self {
            Self::Jsd => jsd(scores, sizes),
            Self::InfoNce => info_nce(scores, sizes),
        }
    }

    /// The largest value that [`Evaluated::nats`] can take in a batch of these sizes; infinite for Jensen-Shannon.
    pub fn ceiling(self, sizes: ScoreSizes) -> f64 {
        match self {
            Self::Jsd => f64::INFINITY,
            Self::InfoNce => (1.0 + sizes.pairing.marginals(sizes.batch, sizes.locations) as f64).ln(),
        }
    }
}

/// What [`objective`] returns.
pub struct Objective<E: Dtype, D: Storage<E>, T> {
    /// The objective as a scalar on the tape; maximise it.
    pub value: Tensor<Rank0, E, D, T>,
    /// The mutual information that it vouches for, nats; see [`Evaluated::nats`].
    pub nats: f64,
}

/// The bound of `scores [B, L, K]` on the tape.
///
/// The value and its gradient `g` are computed together; what goes on the tape is `Σ g·scores` plus the constant that
/// makes its value right. It has the bound's value and gradient, on any device.
///
/// # Errors
/// When the device fails.
///
/// # Panics
/// As [`BoundKind::evaluate`].
pub fn objective<E: Real, D: Device<E>, T: Tape<E, D>>(
    kind: BoundKind,
    scores: Scores<E, D, T>,
    pairing: Pairing,
) -> Result<Objective<E, D, T>, D::Err> {
    let shape = *scores.shape();
    let sizes = ScoreSizes { batch: shape.0, locations: shape.1, pairing };
    let values = scores.as_vec();
    let Evaluated { objective, nats, gradient } = kind.evaluate(&values, sizes);
    let linear: f64 = values.iter().zip(&gradient).map(|(v, g)| v.wide() * g.wide()).sum();
    let gradient = scores.device().try_tensor_from_vec(gradient, shape)?;
    let value = scores.try_mul(gradient)?.try_sum::<Rank0, _>()?.try_add(E::of(objective - linear))?;
    Ok(Objective { value, nats })
}

/// `log(1 + eᶻ)`, safe for any z.
pub(crate) fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// `1/(1 + e⁻ᶻ)`, safe for any z.
pub(crate) fn sigmoid(z: f64) -> f64 {
    if z >= 0.0 { 1.0 / (1.0 + (-z).exp()) } else { z.exp() / (1.0 + z.exp()) }
}
