//! The Fenchel-Legendre bound, with its second network.

use super::pairs::{ExpSum, capped_exp, exponentials_of_both, in_pieces, log_shrink, own};
use super::{EvaluatedPair, ScoreSizes};
use crate::nn::Real;

/// The Fenchel-Legendre optimisation bound (FLO; Guo et al. 2022):
/// `1 + E_joint[u − e^{u − f} · mean_j e^{f(x, y_j)}]`, with the mean over the marginal pairs of the same `x`.
///
/// `u [B·L]` is the second network at each joint pair; [`EvaluatedPair::second`] is its gradient. A lower bound for any
/// `f` and `u`, tight for `u` = the pointwise mutual information `log r(x, y)`, which needs a `u` that sees the pair;
/// one that sees `x` alone leaves the bound valid and below the truth. No ceiling. Adding any function of `x` to the
/// scores changes nothing; `u` has no such freedom.
///
/// Where `u − f + log mean e^f` is above 30 (in `f32`; 250 in `f64`) the gradient is scaled down as a whole, and the
/// value saturates at −1e304.
///
/// # Panics
/// When `scores` is not `[B, L, K]` or `u` not `[B·L]`, or the pairing does not fit the batch.
pub fn flo<E: Real>(scores: &[E], u: &[E], sizes: ScoreSizes) -> EvaluatedPair<E> {
    sizes.check(scores.len());
    assert_eq!(u.len(), sizes.batch * sizes.locations, "a value of u for each joint pair");
    let columns = sizes.columns();
    let count = sizes.joint_count();
    let log_marginals = ((columns - 1) as f64).ln();
    let position = |row: usize| own(sizes, row / sizes.locations);
    let mut gradient = scores.to_vec();
    // The sum of each row, and the logarithm of its weight.
    let rows: Vec<(ExpSum, f64)> = in_pieces(&mut gradient, columns, &|row, scores| {
        let (head, tail) = scores.split_at_mut(position(row));
        let joint = tail[0].wide();
        let sum = exponentials_of_both(head, &mut tail[1..]);
        (sum, u[row].wide() - joint + sum.ln() - log_marginals)
    });
    let top = rows.iter().map(|r| r.1).fold(f64::NEG_INFINITY, f64::max);
    let shrink = log_shrink::<E>(top - count.ln());
    let weight = |row: usize| (rows[row].1 + shrink).exp() / count;
    in_pieces(&mut gradient, columns, &|row, gradient| {
        let factor = E::of(-weight(row) / rows[row].0.sum);
        gradient.iter_mut().for_each(|g| *g *= factor);
        gradient[position(row)] = E::of(weight(row));
    });
    let second = (0..rows.len()).map(|row| E::of(shrink.exp() / count - weight(row))).collect();
    let total: f64 = u.iter().zip(&rows).map(|(u, row)| u.wide() - capped_exp(row.1)).sum();
    let objective = 1.0 + total / count;
    EvaluatedPair { objective, nats: objective, gradient, second }
}
