//! InfoNCE and FlatNCE: each joint pair against the marginal pairs that share one of its sides.

use super::pairs::{ExpSum, by_global, exponentials_of_both, from_by_global, in_pieces, log_add, masked, own};
use super::{Evaluated, ScoreSizes};
use crate::mi::Pairing;
use crate::nn::Real;

/// Scores of a band of rows whose columns are summed together.
const BAND: usize = 1 << 13;

/// The InfoNCE objective of local Deep InfoMax (Hjelm et al. 2019, eq. 5; van den Oord et al. 2018): for each global
/// vector `y_j` and each location `l` of its own image, the joint pair against every location of every other image
/// scored with the same global vector,
/// `mean over (j, l) of T_jlj − log( e^{T_jlj} + Σ_{i≠j, l'} e^{T_il'j} )`.
///
/// It lies in `(−∞, 0]`. [`Evaluated::nats`] adds `log N`, where N = 1 + the number of marginal pairs in the sum: the
/// mutual information bound, at most `log N` whatever the truth. A joint pair's other locations are left out of the sum
/// (not set to a constant), since they are joint pairs themselves.
///
/// For vectors (L = 1) with all pairs the sums run over **columns** of the score matrix: over `x_i` for a fixed `y_j`.
/// Adding any function of `y` to the scores changes nothing.
///
/// # Panics
/// When `scores` is not `[B, L, K]`, or the pairing does not fit the batch.
pub fn info_nce<E: Real>(scores: &[E], sizes: ScoreSizes) -> Evaluated<E> {
    sizes.check(scores.len());
    let (objective, gradient) = match sizes.pairing {
        Pairing::All => contrast_columns(scores, sizes),
        Pairing::Rolled(_) => {
            let mut grouped = by_global(scores, sizes);
            let groups = Groups { len: sizes.columns() * sizes.locations, joint: sizes.locations };
            let start = |j| own(sizes, j) * sizes.locations;
            let objective = groups.contrast(&mut grouped, start, sizes.joint_count());
            (objective, from_by_global(&grouped, sizes))
        }
    };
    Evaluated { objective, nats: objective + log_candidates(sizes), gradient }
}

/// InfoNCE with sums over **rows**: each location of each image has its own global vector against the others it is
/// scored with, `mean over (i, l) of T_ili − log Σ_j e^{T_ilj}` (van den Oord et al. 2018, eq. 4 with the roles as in
/// Poole et al. 2019, eq. 10).
///
/// It lies in `(−∞, 0]`; [`Evaluated::nats`] adds `log K`, which is also its ceiling. A lower bound of low variance.
/// Adding any function of `x` to the scores changes nothing; the best critic is `log r + c(x)`.
///
/// # Panics
/// As [`info_nce()`].
pub fn info_nce_rows<E: Real>(scores: &[E], sizes: ScoreSizes) -> Evaluated<E> {
    sizes.check(scores.len());
    let mut gradient = scores.to_vec();
    let groups = Groups { len: sizes.columns(), joint: 1 };
    let objective = groups.contrast(&mut gradient, |row| own(sizes, row / sizes.locations), sizes.joint_count());
    Evaluated { objective, nats: objective + (sizes.columns() as f64).ln(), gradient }
}

/// The mean of [`info_nce()`] and [`info_nce_rows`], as in contrastive learning of two views (Radford et al. 2021). A
/// lower bound, as each of them is; its ceiling is the mean of theirs. Adding a constant to the scores changes nothing.
///
/// # Panics
/// As [`info_nce()`].
pub fn info_nce_symmetric<E: Real>(scores: &[E], sizes: ScoreSizes) -> Evaluated<E> {
    let columns = info_nce(scores, sizes);
    let mut rows = info_nce_rows(scores, sizes);
    let half = E::of(0.5);
    rows.gradient.iter_mut().zip(&columns.gradient).for_each(|(r, &c)| *r = half * (*r + c));
    Evaluated {
        objective: 0.5 * (rows.objective + columns.objective),
        nats: 0.5 * (rows.nats + columns.nats),
        gradient: rows.gradient,
    }
}

/// FlatNCE (Chen et al. 2021): the gradient of InfoNCE without its joint pair in the sum, which does not fade as the
/// objective nears its ceiling; for small batches and for half precision.
///
/// The paper's loss `exp(L − sg(L)) − 1` with `L = log Σ_{j≠i} e^{T_ij − T_ii}`, `sg` stopping the gradient, is always
/// zero and has the gradient of `L`. The objective here is `−mean L`, which has the same gradient and says something.
/// It is **not a bound**; the read-out, [`info_nce_rows`]' value, is one.
///
/// # Panics
/// As [`info_nce()`].
pub fn flat_nce<E: Real>(scores: &[E], sizes: ScoreSizes) -> Evaluated<E> {
    sizes.check(scores.len());
    let count = sizes.joint_count();
    let mut gradient = scores.to_vec();
    let parts = in_pieces(&mut gradient, sizes.columns(), &|row, scores| {
        let at = own(sizes, row / sizes.locations);
        let joint = scores[at].wide();
        let sum = negatives(scores, at, 1);
        let factor = E::of(-1.0 / (sum.sum * count));
        scores.iter_mut().for_each(|g| *g *= factor);
        scores[at] = E::of(1.0 / count);
        (joint - sum.ln(), joint - log_add(joint, sum.ln()))
    });
    let (flat, info) = parts.iter().fold((0.0, 0.0), |(f, n), p| (f + p.0, n + p.1));
    Evaluated { objective: flat / count, nats: info / count + (sizes.columns() as f64).ln(), gradient }
}

/// The logarithm of the number of candidates of [`info_nce()`].
pub(super) fn log_candidates(sizes: ScoreSizes) -> f64 {
    (1.0 + sizes.pairing.marginals(sizes.batch, sizes.locations) as f64).ln()
}

/// Exponentiates the scores of a group but for `joint` of them from `start` on; their sum.
fn negatives<E: Real>(group: &mut [E], start: usize, joint: usize) -> ExpSum {
    let (head, tail) = group.split_at_mut(start);
    exponentials_of_both(head, &mut tail[joint..])
}

/// [`Groups::contrast`] of all pairs, whose groups are the columns, without moving them: maxima, sums and factors are
/// rows that run over the columns side by side.
fn contrast_columns<E: Real>(scores: &[E], sizes: ScoreSizes) -> (f64, Vec<E>) {
    let ScoreSizes { batch, locations, .. } = sizes;
    let count = sizes.joint_count();
    let band = batch * (BAND / batch).max(1);
    let mut work = masked(scores, sizes);
    let larger = |a: E, b: E| if b > a { b } else { a };
    let tops = in_pieces(&mut work, band, &|_, rows| {
        let mut top = vec![E::neg_infinity(); batch];
        rows.chunks_exact(batch).for_each(|row| top.iter_mut().zip(row).for_each(|(t, &s)| *t = larger(*t, s)));
        top
    });
    let mut top = vec![E::neg_infinity(); batch];
    tops.iter().for_each(|part| top.iter_mut().zip(part).for_each(|(t, &s)| *t = larger(*t, s)));
    top.iter_mut().for_each(|t| *t = if t.is_finite() { *t } else { E::zero() });
    let parts = in_pieces(&mut work, band, &|_, rows| {
        let mut sums = vec![0.0; batch];
        for row in rows.chunks_exact_mut(batch) {
            row.iter_mut().zip(&top).for_each(|(s, &t)| *s -= t);
            E::exp_less(row, E::zero());
            sums.iter_mut().zip(row).for_each(|(sum, s)| *sum += s.wide());
        }
        sums
    });
    let mut sums = vec![0.0; batch];
    parts.iter().for_each(|part| sums.iter_mut().zip(part).for_each(|(s, p)| *s += p));
    let (mut total, mut factors, mut shares) = (0.0, Vec::with_capacity(batch), Vec::new());
    for (j, (sum, top)) in sums.into_iter().zip(top).enumerate() {
        let log_negatives = top.wide() + sum.ln();
        let mut weight = 0.0;
        for l in 0..locations {
            let joint = scores[sizes.joint(j, l)].wide();
            let all = log_add(joint, log_negatives);
            total += joint - all;
            let share = (log_negatives - all).exp();
            weight += share;
            shares.push(E::of(share / count));
        }
        factors.push(E::of(-weight / (sum * count)));
    }
    in_pieces(&mut work, band, &|_, rows| {
        rows.chunks_exact_mut(batch).for_each(|row| row.iter_mut().zip(&factors).for_each(|(g, &f)| *g *= f));
    });
    sizes.joints().zip(shares).for_each(|(at, share)| work[at] = share);
    (total / count, work)
}

/// Consecutive groups of `len` scores that compete, each with `joint` joint pairs side by side.
#[derive(Clone, Copy)]
struct Groups {
    len: usize,
    joint: usize,
}

impl Groups {
    /// The mean over joint pairs of `s − log(eˢ + Σ e^negatives)`; the scores become the gradient. `start` is where the
    /// joint pairs of a group are, `count` how many there are in all.
    fn contrast<E: Real>(self, scores: &mut [E], start: impl Fn(usize) -> usize + Sync + Send, count: f64) -> f64 {
        let totals = in_pieces(scores, self.len, &|number, group| {
            let start = start(number);
            let sum = negatives(group, start, self.joint);
            let log_negatives = sum.ln();
            let (mut total, mut weight) = (0.0, 0.0);
            let (head, rest) = group.split_at_mut(start);
            let (joint, tail) = rest.split_at_mut(self.joint);
            for s in joint {
                let all = log_add(s.wide(), log_negatives);
                total += s.wide() - all;
                let share = (log_negatives - all).exp();
                weight += share;
                *s = E::of(share / count);
            }
            let factor = E::of(-weight / (sum.sum * count));
            head.iter_mut().chain(tail).for_each(|g| *g *= factor);
            total
        });
        totals.into_iter().sum::<f64>() / count
    }
}
