//! Bounds: functions of a critic's scores, maximised in training.
//!
//! Each bound is one plain function on a score array that returns what is maximised, its gradient, and the mutual
//! information that is read from it ([`Evaluated`]); these are not the same for all of them. [`objective`] puts it on
//! dfdx's tape, on any device. Values are in nats. Scores must be finite; NaN among them makes the value NaN.
//!
//! | bound | gradient path | read-out | bound? | ceiling |
//! |---|---|---|---|---|
//! | [`dv`] | its own | its own | lower | none |
//! | [`Mine`] | DV with a moving average | DV | no | none |
//! | [`nwj()`], [`tuba`] | its own | its own | lower | none |
//! | [`jsd()`] | its own | [`mi_from_jsd`] | lower | none |
//! | [`js_nwj`] | JSD | NWJ at f + 1 | lower | none |
//! | [`smile`] | JSD | DV, clipped | no | none |
//! | [`f_dime_gan`], [`f_dime_kl`] | JSD, NWJ at f + 1 | joint mean | no | none |
//! | [`info_nce()`], [`info_nce_rows`], [`info_nce_symmetric`] | its own | its own + log K | lower | log K |
//! | [`flat_nce`] | FlatNCE | InfoNCE, rows | lower | log K |
//! | [`i_alpha()`] | its own | its own | lower | 1 + log((K − 1)/α) |
//! | [`flo()`] | its own | its own | lower | none |
//! | [`barber_agakov`] | likelihood | h(Y) + likelihood | lower | none |
//! | [`l1_out`], [`v_club`], [`club_sample`] | its own | its own | upper, for the true density | none |
//! | [`doe`] | two likelihoods | their difference | no | none |
//!
//! [`BoundKind`] names those that take scores alone, [`TrainedBound`] all that train a critic. [`PairStatistics`] reads
//! a critic over all pairs of a set too large for one score matrix.

mod conditional;
mod donsker_varadhan;
mod flo;
mod i_alpha;
mod info_nce;
mod jsd;
mod kind;
mod nwj;
mod pairs;
mod statistics;
mod trained;

pub use conditional::{barber_agakov, club_sample, doe, l1_out, v_club};
pub use donsker_varadhan::{Mine, dv};
pub use flo::flo;
pub use i_alpha::i_alpha;
pub use info_nce::{flat_nce, info_nce, info_nce_rows, info_nce_symmetric};
pub use jsd::{f_dime_gan, js_nwj, jsd, mi_from_jsd, smile};
pub use kind::BoundKind;
pub use nwj::{f_dime_kl, nwj, tuba};
pub use statistics::PairStatistics;
pub(crate) use trained::objective_beside;
pub use trained::{SecondInput, TrainedBound, objective_with};

use super::{Pairing, Scores};
use crate::nn::{Backend, Real};
use dfdx::prelude::*;

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
    /// Of the `[N, N]` matrix of `n` vectors with `n` others, joint pairs on the diagonal.
    pub fn matrix(n: usize) -> Self {
        Self { batch: n, locations: 1, pairing: Pairing::All }
    }

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
    /// The mutual information that the scores vouch for, nats: a lower bound in expectation, unless the bound's
    /// documentation says otherwise (on the data that the critic was not trained on; on training batches it is
    /// optimistic).
    pub nats: f64,
    /// The gradient of the objective with respect to each score, `[B, L, K]`.
    pub gradient: Vec<E>,
}

/// The same for a bound with a second input.
#[derive(Clone, Debug)]
pub struct EvaluatedPair<E> {
    /// What is maximised, nats.
    pub objective: f64,
    /// The mutual information that the scores vouch for; see [`Evaluated::nats`].
    pub nats: f64,
    /// The gradient of the objective with respect to each score, `[B, L, K]`.
    pub gradient: Vec<E>,
    /// The gradient of the objective with respect to each number of the second input; empty without one.
    pub second: Vec<E>,
}

impl<E> EvaluatedPair<E> {
    /// With the second input held constant.
    pub fn without_second(self) -> Evaluated<E> {
        Evaluated { objective: self.objective, nats: self.nats, gradient: self.gradient }
    }
}

impl<E> From<Evaluated<E>> for EvaluatedPair<E> {
    fn from(e: Evaluated<E>) -> Self {
        Self { objective: e.objective, nats: e.nats, gradient: e.gradient, second: Vec::new() }
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
/// The value and its gradient are computed together, beside the tape. A value beyond the largest number of type `E` becomes
/// that; where a score is no finite number, neither is the value.
///
/// # Errors
/// When the device fails.
///
/// # Panics
/// As [`BoundKind::evaluate`].
pub fn objective<E: Real, D: Backend<E>, T: Tape<E, D>>(
    kind: BoundKind,
    scores: Scores<E, D, T>,
    pairing: Pairing,
) -> Result<Objective<E, D, T>, D::Err> {
    let shape = *scores.shape();
    let sizes = ScoreSizes { batch: shape.0, locations: shape.1, pairing };
    on_tape(scores, None, |scores| kind.evaluate(scores, sizes).into())
}

/// Puts on the tape of `scores` what `evaluate` says of them and of `second`.
pub(crate) fn on_tape<E: Real, D: Backend<E>, T: Tape<E, D>>(
    scores: Scores<E, D, T>,
    second: Option<&Tensor<(usize,), E, D>>,
    evaluate: impl FnOnce(&[E]) -> EvaluatedPair<E>,
) -> Result<Objective<E, D, T>, D::Err> {
    let most = E::max_value().wide();
    let (value, (nats, of_second)) = D::with_gradient(scores, |scores| {
        let found = evaluate(scores);
        let finite = scores.iter().map(|s| u64::from(!s.is_finite())).sum::<u64>() == 0;
        let objective = if finite { found.objective.clamp(-most, most) } else { f64::NAN };
        (E::of(objective), found.gradient, (found.nats, found.second))
    })?;
    let Some(second) = second else { return Ok(Objective { value, nats }) };
    // Its gradient alone: the value is of both.
    let (value, tape) = value.split_tape();
    let (zero, ()) = D::with_gradient(second.clone().put_tape(tape), |_| (E::zero(), of_second, ()))?;
    Ok(Objective { value: zero.try_add(value)?, nats })
}
