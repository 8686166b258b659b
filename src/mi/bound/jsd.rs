//! The Jensen-Shannon bound.

use super::{Evaluated, ScoreSizes, sigmoid, softplus};
use crate::nn::Real;
use rayon::prelude::*;

/// The Jensen-Shannon objective of Deep InfoMax (Hjelm et al. 2019, eq. 4; Nowozin et al. 2016):
/// `E_joint[−sp(−T)] − E_marginal[sp(T)]` with `sp(z) = log(1 + eᶻ)`, where both means run over all pairs of their kind.
///
/// It lies in `(−∞, 0]`, is `−2·log 2` for a critic that says nothing, and `2·JSD − log 4` for the best one. The mutual
/// information in [`Evaluated::nats`] is the lower bound that this divergence implies, [`mi_from_jsd`].
///
/// # Panics
/// When `scores` is not `[B, L, K]`, or the pairing does not fit the batch.
pub fn jsd<E: Real>(scores: &[E], sizes: ScoreSizes) -> Evaluated<E> {
    let ScoreSizes { batch, locations, pairing } = sizes;
    let columns = sizes.columns();
    assert_eq!(scores.len(), batch * locations * columns);
    assert!(pairing.fits(batch), "{pairing:?} does not fit a batch of {batch}");
    let joint = (batch * locations) as f64;
    let marginal = joint * (columns - 1) as f64;
    let mut gradient = vec![E::zero(); scores.len()];
    let per_image = locations * columns;
    let sums: Vec<(f64, f64)> = gradient
        .par_chunks_mut(per_image)
        .zip(scores.par_chunks(per_image))
        .enumerate()
        .map(|(i, (gradient, scores))| {
            let own = pairing.column(i, i, batch);
            let (mut pos, mut neg) = (0.0, 0.0);
            for (at, (g, &s)) in gradient.iter_mut().zip(scores).enumerate() {
                let s = s.wide();
                if Some(at % columns) == own {
                    pos -= softplus(-s);
                    *g = E::of(sigmoid(-s) / joint);
                } else {
                    neg += softplus(s);
                    *g = E::of(-sigmoid(s) / marginal);
                }
            }
            (pos, neg)
        })
        .collect();
    let (pos, neg) = sums.iter().fold((0.0, 0.0), |(p, n), &(a, b)| (p + a, n + b));
    let objective = pos / joint - neg / marginal;
    Evaluated { objective, nats: mi_from_jsd((objective + 4f64.ln()) / 2.0), gradient }
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
