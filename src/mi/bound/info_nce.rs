//! The InfoNCE bound.

use super::{Evaluated, ScoreSizes};
use crate::nn::Real;
use rayon::prelude::*;

/// The InfoNCE objective of local Deep InfoMax (Hjelm et al. 2019, eq. 5; van den Oord et al. 2018): for each global
/// vector `y_j` and each location `l` of its own image, the joint pair against every location of every other image
/// scored with the same global vector,
/// `mean over (j, l) of T_jlj − log( e^{T_jlj} + Σ_{i≠j, l'} e^{T_il'j} )`.
///
/// It lies in `(−∞, 0]`. [`Evaluated::nats`] adds `log N`, where N = 1 + the number of marginal pairs in the sum: the
/// mutual information bound, at most `log N` whatever the truth. A joint pair's other locations are left out of the sum
/// (not set to a constant), since they are joint pairs themselves.
///
/// # Panics
/// When `scores` is not `[B, L, K]`, or the pairing does not fit the batch.
pub fn info_nce<E: Real>(scores: &[E], sizes: ScoreSizes) -> Evaluated<E> {
    let ScoreSizes { batch, locations, pairing } = sizes;
    assert_eq!(scores.len(), batch * locations * sizes.columns());
    assert!(pairing.fits(batch), "{pairing:?} does not fit a batch of {batch}");
    let count = (batch * locations) as f64;
    // One task for each global vector: the indices of its scores, their gradients, and its share of the objective.
    let shares: Vec<(f64, Vec<(usize, f64)>)> = (0..batch)
        .into_par_iter()
        .map(|j| {
            let others = || {
                (0..batch)
                    .filter(move |&i| i != j)
                    .filter_map(move |i| pairing.column(i, j, batch).map(|k| (i, k)))
                    .flat_map(move |(i, k)| (0..locations).map(move |l| sizes.index(i, l, k)))
            };
            let top = others().map(|at| scores[at].wide()).fold(f64::NEG_INFINITY, nan_max);
            let negatives: f64 = others().map(|at| (scores[at].wide() - top).exp()).sum();
            let log_negatives = top + negatives.ln();
            let own = pairing.column(j, j, batch).expect("a global vector is scored with its own image");
            let (mut total, mut weight) = (0.0, 0.0);
            let mut gradient = Vec::with_capacity(batch * locations);
            for l in 0..locations {
                let at = sizes.index(j, l, own);
                let joint = scores[at].wide();
                let high = nan_max(joint, log_negatives);
                let all = high + ((joint - high).exp() + (log_negatives - high).exp()).ln();
                total += joint - all;
                let share = (log_negatives - all).exp();
                weight += share;
                gradient.push((at, share / count));
            }
            gradient.extend(others().map(|at| (at, -weight * (scores[at].wide() - log_negatives).exp() / count)));
            (total, gradient)
        })
        .collect();
    let mut gradient = vec![E::zero(); scores.len()];
    let mut objective = 0.0;
    for (total, entries) in shares {
        objective += total / count;
        for (at, g) in entries {
            gradient[at] = E::of(g);
        }
    }
    let candidates = 1.0 + pairing.marginals(batch, locations) as f64;
    Evaluated { objective, nats: objective + candidates.ln(), gradient }
}

/// The larger of two numbers, NaN if either is.
fn nan_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}
