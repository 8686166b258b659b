//! Bounds that are linear in the marginal expectation: NWJ and TUBA.

use super::pairs::{capped_exp, exponentials, fill_joint, in_pieces, joint_mean, log_shrink, masked, scale};
use super::{Evaluated, EvaluatedPair, ScoreSizes};
use crate::mi::Pairing;
use crate::nn::Real;

/// The bound of Nguyen, Wainwright & Jordan (2010), also known as f-GAN KL and MINE-f:
/// `E_joint[f] − E_marginal[e^{f−1}]`.
///
/// A lower bound, unbiased for a given critic; its variance grows as `e^MI`. No ceiling. The best critic is one plus
/// the logarithm of the density ratio: of all constants added to the scores one is right.
///
/// Where the weight of a marginal score, `e^{f−1}` over their number, is above e³⁰ (in `f32`; e²⁵⁰ in `f64`) the gradient
/// is scaled down as a whole, so that it and its square stay finite. The value saturates at −1e304.
///
/// # Panics
/// When `scores` is not `[B, L, K]`, or the pairing does not fit the batch.
pub fn nwj<E: Real>(scores: &[E], sizes: ScoreSizes) -> Evaluated<E> {
    sizes.check(scores.len());
    let joint = joint_mean(scores, sizes);
    linear(joint, masked(scores, sizes), sizes, 1.0)
}

/// f-DIME with the Kullback-Leibler divergence (Letizia, Novello & Tonello 2024): a positive network `D = eᶠ` trained
/// by `1 + E_joint[log D] − E_marginal[D]`, which is [`nwj()`] at `f + 1`; the read-out is
/// `E_joint[log D] = E_joint[f]`.
///
/// **Neither a lower nor an upper bound**: it is exact for the best critic, `f = log r`, and no exponential is averaged
/// in the read-out, but nothing holds it below the truth. No ceiling.
///
/// # Panics
/// As [`nwj()`].
pub fn f_dime_kl<E: Real>(scores: &[E], sizes: ScoreSizes) -> Evaluated<E> {
    sizes.check(scores.len());
    let joint = joint_mean(scores, sizes);
    let found = linear(joint, masked(scores, sizes), sizes, 0.0);
    Evaluated { objective: 1.0 + found.objective, nats: joint, gradient: found.gradient }
}

/// The bound of the tractable unnormalised Barber-Agakov family (Poole et al. 2019, eq. 7) with a learned baseline
/// `a(y)`: `1 + E_joint[f − log a] − E_marginal[eᶠ/a]`.
///
/// `log_baseline` is `[B]`, `log a(y_j)` of each global vector; [`EvaluatedPair::second`] is its gradient. A lower
/// bound for any positive baseline; the best is `E_x[e^{f(x, y)}]`. With `a = e` it is [`nwj()`], with one constant for
/// all `y` the best one makes it [`dv`](super::dv). Variance, ceiling and saturation as [`nwj()`].
///
/// # Panics
/// When `scores` is not `[B, L, K]` or `log_baseline` not `[B]`, or the pairing does not fit the batch.
pub fn tuba<E: Real>(scores: &[E], log_baseline: &[E], sizes: ScoreSizes) -> EvaluatedPair<E> {
    let ScoreSizes { batch, locations, pairing } = sizes;
    sizes.check(scores.len());
    assert_eq!(log_baseline.len(), batch, "a baseline for each global vector");
    let columns = sizes.columns();
    let mut work = scores.to_vec();
    in_pieces(&mut work, columns, &|row, scores| match pairing {
        Pairing::All => scores.iter_mut().zip(log_baseline).for_each(|(s, &b)| *s -= b),
        Pairing::Rolled(_) => {
            for (k, s) in scores.iter_mut().enumerate() {
                *s -= log_baseline[pairing.partner(row / locations, k, batch)];
            }
        }
    });
    let joint = joint_mean(&work, sizes);
    fill_joint(&mut work, sizes, f64::NEG_INFINITY);
    let Evaluated { objective, nats, gradient } = linear(joint, work, sizes, 0.0);
    let mut sums = vec![0.0; batch];
    for (row, gradient) in gradient.chunks_exact(columns).enumerate() {
        match pairing {
            Pairing::All => sums.iter_mut().zip(gradient).for_each(|(s, g)| *s -= g.wide()),
            Pairing::Rolled(_) => {
                for (k, g) in gradient.iter().enumerate() {
                    sums[pairing.partner(row / locations, k, batch)] -= g.wide();
                }
            }
        }
    }
    let (objective, nats) = (objective + 1.0, nats + 1.0);
    EvaluatedPair { objective, nats, gradient, second: sums.into_iter().map(E::of).collect() }
}

/// `joint − E_marginal[e^{f − offset}]` of masked scores, and its gradient.
fn linear<E: Real>(joint: f64, mut masked: Vec<E>, sizes: ScoreSizes, offset: f64) -> Evaluated<E> {
    let sum = exponentials(&mut masked);
    let log_count = sizes.marginal_count().ln();
    let objective = joint - capped_exp(sum.ln() - log_count - offset);
    let log_largest = sum.top - offset - log_count;
    let shrink = log_shrink::<E>(log_largest);
    scale(&mut masked, -(log_largest + shrink).exp());
    fill_joint(&mut masked, sizes, shrink.exp() / sizes.joint_count());
    Evaluated { objective, nats: objective, gradient: masked }
}
