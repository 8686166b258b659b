//! The Jensen-Shannon bound, and the read-outs of a critic that it trains.

use super::pairs::{capped_exp, exponentials, fill_joint, in_pieces, joint_mean, masked, scale};
use super::{Evaluated, ScoreSizes};
use crate::nn::Real;

/// The Jensen-Shannon objective of Deep InfoMax (Hjelm et al. 2019, eq. 4; Nowozin et al. 2016):
/// `E_joint[−sp(−T)] − E_marginal[sp(T)]` with `sp(z) = log(1 + eᶻ)`, where both means run over all pairs of their kind.
///
/// It lies in `(−∞, 0]`, is `−2·log 2` for a critic that says nothing, and `2·JSD − log 4` for the best one, which is
/// the logarithm of the density ratio. The mutual information in [`Evaluated::nats`] is the lower bound that this
/// divergence implies, [`mi_from_jsd`].
///
/// # Panics
/// When `scores` is not `[B, L, K]`, or the pairing does not fit the batch.
pub fn jsd<E: Real>(scores: &[E], sizes: ScoreSizes) -> Evaluated<E> {
    let (objective, gradient) = divergence(scores, sizes);
    Evaluated { objective, nats: mi_from_jsd((objective + 4f64.ln()) / 2.0), gradient }
}

/// [`jsd()`] in training, the bound of Nguyen, Wainwright & Jordan in the read-out (Poole et al. 2019, §3.1): the best
/// critic for the first is `f = log r`, for the second `1 + log r`, so the read-out is taken at `f + 1`:
/// `1 + E_joint[f] − E_marginal[eᶠ]`.
///
/// (Public code that takes it at `f` is `1/e = 0.368` nats too low with a perfect critic.) A lower bound; training is
/// stable, but the read-out's variance grows as `e^MI`, and faster for a critic that is off. No ceiling. It saturates
/// at −1e304.
///
/// # Panics
/// As [`jsd()`].
pub fn js_nwj<E: Real>(scores: &[E], sizes: ScoreSizes) -> Evaluated<E> {
    let (objective, gradient) = divergence(scores, sizes);
    let log_mean = exponentials(&mut masked(scores, sizes)).ln() - sizes.marginal_count().ln();
    Evaluated { objective, nats: 1.0 + joint_mean(scores, sizes) - capped_exp(log_mean), gradient }
}

/// The smoothed mutual-information estimator (Song & Ermon 2020, §4): [`jsd()`] in training; the read-out is the
/// Donsker-Varadhan value with the density ratio clipped to `[e^−τ, e^τ]` in the second term alone,
/// `E_joint[f] − log E_marginal[e^clip(f, −τ, τ)]`.
///
/// **Neither a lower nor an upper bound**: clipping trades variance for bias, which can have either sign. τ = 5 is
/// usual; τ = ∞ reads the unclipped value. No ceiling.
///
/// # Panics
/// As [`jsd()`], and when `tau` is not positive.
pub fn smile<E: Real>(scores: &[E], sizes: ScoreSizes, tau: f64) -> Evaluated<E> {
    assert!(tau > 0.0, "tau {tau} is not positive");
    let (objective, gradient) = divergence(scores, sizes);
    let mut clipped = scores.to_vec();
    clip(&mut clipped, tau);
    fill_joint(&mut clipped, sizes, f64::NEG_INFINITY);
    let log_mean = exponentials(&mut clipped).ln() - sizes.marginal_count().ln();
    Evaluated { objective, nats: joint_mean(scores, sizes) - log_mean, gradient }
}

/// f-DIME with the GAN divergence (Letizia, Novello & Tonello 2024): a discriminator `D = 1/(1 + eᶠ)` trained by
/// `E_joint[log(1 − D)] + E_marginal[log D]`, which is [`jsd()`]; the read-out is
/// `E_joint[log((1 − D)/D)] = E_joint[f]`.
///
/// **Neither a lower nor an upper bound**: it is exact for the best critic, `f = log r`, and has a low variance since
/// no exponential is averaged, but nothing holds it below the truth. No ceiling.
///
/// # Panics
/// As [`jsd()`].
pub fn f_dime_gan<E: Real>(scores: &[E], sizes: ScoreSizes) -> Evaluated<E> {
    let (objective, gradient) = divergence(scores, sizes);
    Evaluated { objective, nats: joint_mean(scores, sizes), gradient }
}

/// Clips to `[−τ, τ]`; NaN stays.
pub(super) fn clip<E: Real>(x: &mut [E], tau: f64) {
    let (low, high) = (E::of(-tau), E::of(tau));
    for v in x {
        let up = if *v < low { low } else { *v };
        *v = if up > high { high } else { up };
    }
}

/// The objective of [`jsd()`] and its gradient.
fn divergence<E: Real>(scores: &[E], sizes: ScoreSizes) -> (f64, Vec<E>) {
    sizes.check(scores.len());
    let (joint, marginal) = (sizes.joint_count(), sizes.marginal_count());
    let mut own: Vec<E> = sizes.joints().map(|at| -scores[at]).collect();
    let positive = E::logistic(&mut own);
    let mut gradient = masked(scores, sizes);
    let negative: f64 = in_pieces(&mut gradient, 1 << 13, &|_, piece| E::logistic(piece)).into_iter().sum();
    scale(&mut gradient, -1.0 / marginal);
    for (at, g) in sizes.joints().zip(own) {
        gradient[at] = g * E::of(1.0 / joint);
    }
    (-positive / joint - negative / marginal, gradient)
}

/// The mutual information, in nats, that a Jensen-Shannon divergence of `js` nats between the joint and the product of
/// the marginals implies at least (Dorent et al. 2025): the point `−log β` of the curve
/// `J(β) = ½·log(2/(1+β)) + ½·(β·log(2β/(1+β)) + (1−β)·log 2)` with `J(β) = js`.
///
/// Zero for `js ≤ 0`; grows without bound as `js` nears `log 2`, beyond which there is no divergence. NaN stays NaN.
///
/// ```
/// use infomax::mi::bound::mi_from_jsd;
/// assert!((mi_from_jsd(0.1) - 0.302).abs() < 1e-3);
/// assert!((mi_from_jsd(0.4) - 1.486).abs() < 1e-3);
/// ```
pub fn mi_from_jsd(js: f64) -> f64 {
    if js.is_nan() {
        return js;
    }
    if js <= 0.0 {
        return 0.0;
    }
    let divergence = |nats: f64| {
        let beta = (-nats).exp();
        let mixed = if beta > 0.0 { beta * (2.0 * beta / (1.0 + beta)).ln() } else { 0.0 };
        0.5 * (2.0 / (1.0 + beta)).ln() + 0.5 * (mixed + (1.0 - beta) * 2f64.ln())
    };
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if divergence(middle) < js { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}
