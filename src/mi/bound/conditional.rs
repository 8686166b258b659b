//! Bounds on conditional log-densities `log q(y|x)`, from a network that is a density of `y` and not a critic.
//!
//! The entry of image `i` with global vector `j` is `log q(y_j|x_i)`, in nats; sizes and pairings are those of scores.

use super::pairs::{by_global, exponentials_of_both, fill_joint, from_by_global, in_pieces, joint_mean, own};
use super::{Evaluated, EvaluatedPair, ScoreSizes};
use crate::mi::Pairing;
use crate::nn::Real;

/// The bound of Barber & Agakov (2003): `h(Y) + E_joint[log q(y|x)]`.
///
/// A lower bound where `entropy`, the differential entropy of `Y` in nats, is known. The objective is the mean
/// log-likelihood, so that this is also how `q` is fitted for the other bounds here; only joint pairs matter. No
/// ceiling.
///
/// # Panics
/// When `log_q` is not `[B, L, K]`, or the pairing does not fit the batch.
pub fn barber_agakov<E: Real>(log_q: &[E], sizes: ScoreSizes, entropy: f64) -> Evaluated<E> {
    sizes.check(log_q.len());
    let objective = joint_mean(log_q, sizes);
    let mut gradient = vec![E::zero(); log_q.len()];
    fill_joint(&mut gradient, sizes, 1.0 / sizes.joint_count());
    Evaluated { objective, nats: entropy + objective, gradient }
}

/// The leave-one-out bound (Poole et al. 2019, eq. 13; Cheng et al. 2020, eq. 5):
/// `E_joint[log q(y_i|x_i) − log mean_{j≠i} q(y_i|x_j)]`.
///
/// An **upper** bound when `q` is the true conditional density; with a fitted `q`, neither. The value and its gradient
/// are for minimising information once `q` is fitted by [`barber_agakov`]. No ceiling.
///
/// # Panics
/// As [`barber_agakov`].
pub fn l1_out<E: Real>(log_q: &[E], sizes: ScoreSizes) -> Evaluated<E> {
    sizes.check(log_q.len());
    let locations = sizes.locations;
    let count = sizes.joint_count();
    let log_others = ((sizes.columns() - 1) as f64 * locations as f64).ln();
    let mut grouped = by_global(log_q, sizes);
    let parts = in_pieces(&mut grouped, sizes.columns() * locations, &|j, group| {
        let (head, rest) = group.split_at_mut(own(sizes, j) * locations);
        let (joint, tail) = rest.split_at_mut(locations);
        let sum = exponentials_of_both(head, tail);
        let total: f64 = joint.iter().map(|v| v.wide() - (sum.ln() - log_others)).sum();
        joint.fill(E::of(1.0 / count));
        let factor = E::of(-(locations as f64) / (sum.sum * count));
        head.iter_mut().chain(tail).for_each(|g| *g *= factor);
        total
    });
    let objective = parts.into_iter().sum::<f64>() / count;
    Evaluated { objective, nats: objective, gradient: from_by_global(&grouped, sizes) }
}

/// The variational contrastive log-ratio upper bound (vCLUB; Cheng et al. 2020, eq. 12):
/// `E_joint[log q(y|x)] − mean over all pairs of log q(y_j|x_i)`, the joint ones among them, as in the paper.
///
/// An **upper** bound when `q` is the true conditional density or near it; with a poor `q` it may lie below the truth,
/// and below zero. The joint pairs in the second mean make it smaller by a factor of `1 − 1/B`. The value and its
/// gradient are for minimising information once `q` is fitted by [`barber_agakov`]. No ceiling.
///
/// # Panics
/// As [`barber_agakov`], and when the pairing is not [`Pairing::All`].
pub fn v_club<E: Real>(log_q: &[E], sizes: ScoreSizes) -> Evaluated<E> {
    assert_eq!(sizes.pairing, Pairing::All, "vCLUB takes all pairs; CLUB-sample takes any");
    let share = 1.0 - 1.0 / sizes.batch as f64;
    let mut found = club_sample(log_q, sizes);
    found.gradient.iter_mut().for_each(|g| *g *= E::of(share));
    Evaluated { objective: share * found.objective, nats: share * found.nats, gradient: found.gradient }
}

/// CLUB-sample (Cheng et al. 2020, §3.2): `E_joint[log q(y|x)] − E_marginal[log q(y|x)]` over the marginal pairs that
/// the pairing names; the paper's is [`Pairing::Rolled`] with one of them for each joint pair.
///
/// Unlike the paper's random partners these are never the joint one, so that the second mean is unbiased. An **upper**
/// bound as [`v_club`] is, of a higher variance.
///
/// # Panics
/// As [`barber_agakov`].
pub fn club_sample<E: Real>(log_q: &[E], sizes: ScoreSizes) -> Evaluated<E> {
    sizes.check(log_q.len());
    let (joint, marginal) = (sizes.joint_count(), sizes.marginal_count());
    let mut work = log_q.to_vec();
    fill_joint(&mut work, sizes, 0.0);
    let sums = in_pieces(&mut work, 1 << 13, &|_, piece| piece.iter().map(|v| v.wide()).sum::<f64>());
    let objective = joint_mean(log_q, sizes) - sums.into_iter().sum::<f64>() / marginal;
    work.fill(E::of(-1.0 / marginal));
    fill_joint(&mut work, sizes, 1.0 / joint);
    Evaluated { objective, nats: objective, gradient: work }
}

/// The difference of entropies (DoE; McAllester & Stratos 2020): `H_q(Y) − H_q(Y|X)`, two cross-entropies of networks
/// each fitted by likelihood, from `log q(y_i|x_i)` and `log q(y_i)`, both `[B]`.
///
/// **Neither a lower nor an upper bound**, since each cross-entropy is one from above; but there is no ceiling, and the
/// error falls as `1/√B` where that of distribution-free lower bounds cannot. The objective is the sum of the two mean
/// log-likelihoods; [`EvaluatedPair::second`] is the gradient of `log_marginal`.
///
/// # Panics
/// When the two are not of one length, or empty.
pub fn doe<E: Real>(log_conditional: &[E], log_marginal: &[E]) -> EvaluatedPair<E> {
    let n = log_conditional.len();
    assert!(n > 0 && n == log_marginal.len(), "{n} conditional and {} marginal densities", log_marginal.len());
    let mean = |x: &[E]| x.iter().map(|v| v.wide()).sum::<f64>() / n as f64;
    let (conditional, marginal) = (mean(log_conditional), mean(log_marginal));
    let gradient = vec![E::of(1.0 / n as f64); n];
    EvaluatedPair {
        objective: conditional + marginal,
        nats: conditional - marginal,
        second: gradient.clone(),
        gradient,
    }
}
