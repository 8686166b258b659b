//! The interpolation between TUBA and InfoNCE.

use super::pairs::{by_global, capped_exp, from_by_global, in_pieces, log_add, log_shrink, own};
use super::{EvaluatedPair, ScoreSizes};
use crate::nn::Real;
use crate::nn::cpu::swap_last;

/// The interpolated bound `I_α` (Poole et al. 2019, eq. 12 and §2.5) with a baseline `q(y)`:
/// `1 + E_joint[log(eᶠ/b)] − E_marginal[eᶠ/b]`, `b(y) = α·m(y) + (1 − α)·q(y)`.
///
/// `m(y)` is a mean of `e^{f(x_k, y)}` over the batch that leaves one `x` out: every other one in turn in the first
/// term (so that the joint pair and K − 2 marginal ones are in it), the joint one in the second. Thus both terms see K
/// − 1 samples and the value is a lower bound in expectation for any α, which it would not be with different numbers of
/// them. α = 0 is [`tuba`](super::tuba), of unbounded value and high variance; α = 1 is InfoNCE of K − 1 candidates.
///
/// `log_baseline` is `[B]`, `log q(y_j)` of each global vector, learned or constant (1 for `q = e`);
/// [`EvaluatedPair::second`] is its gradient. Locations are kept apart: the value is the mean over locations.
///
/// The ceiling is `log(K − 1)` for α = 1 and `1 + log((K − 1)/α)` below: the literature's `log(K/α)` takes the second
/// term for 1, and it may vanish.
///
/// The means come from sums of exponentials in which the largest score is handled apart, not from a logarithm of a
/// difference: they are right for scores of any spread.
///
/// # Panics
/// When `scores` is not `[B, L, K]` or `log_baseline` not `[B]`, the pairing does not fit the batch, there are fewer
/// than three columns, or `alpha` is not in `[0, 1]`.
pub fn i_alpha<E: Real>(scores: &[E], log_baseline: &[E], sizes: ScoreSizes, alpha: f64) -> EvaluatedPair<E> {
    let ScoreSizes { batch, locations, .. } = sizes;
    let columns = sizes.columns();
    sizes.check(scores.len());
    assert!(columns >= 3, "{columns} columns: leaving one out of the marginal pairs leaves none");
    assert_eq!(log_baseline.len(), batch, "a baseline for each global vector");
    assert!((0.0..=1.0).contains(&alpha), "alpha {alpha} is not in [0, 1]");
    let mix = Mix { log_alpha: alpha.ln(), log_rest: (-alpha).ln_1p(), log_others: ((columns - 1) as f64).ln() };
    let grouped = by_global(scores, sizes);
    let grouped = if locations == 1 { grouped } else { swap_last(&grouped, columns, locations) };
    let groups = |shrink: f64| {
        let mut work = grouped.clone();
        let parts = in_pieces(&mut work, columns, &|number, group| {
            let j = number / locations;
            mix.evaluate(group, own(sizes, j), log_baseline[j].wide(), shrink)
        });
        (work, parts)
    };
    let count = sizes.joint_count();
    let (mut gradient, mut parts) = groups(0.0);
    let shrink = log_shrink::<E>(parts.iter().map(|p| p.log_ratio).fold(f64::NEG_INFINITY, f64::max));
    if shrink < 0.0 {
        (gradient, parts) = groups(shrink);
    }
    let per_pair = E::of(1.0 / count);
    gradient.iter_mut().for_each(|g| *g *= per_pair);
    let gradient = if locations == 1 { gradient } else { swap_last(&gradient, locations, columns) };
    let mut second = vec![0.0; batch];
    for (number, part) in parts.iter().enumerate() {
        second[number / locations] += part.baseline_gradient / count;
    }
    let objective = 1.0 + parts.iter().map(|p| p.log_joint - capped_exp(p.log_ratio)).sum::<f64>() / count;
    EvaluatedPair {
        objective,
        nats: objective,
        gradient: from_by_global(&gradient, sizes),
        second: second.into_iter().map(E::of).collect(),
    }
}

/// How the baseline is mixed.
#[derive(Clone, Copy)]
struct Mix {
    log_alpha: f64,
    log_rest: f64,
    /// `log(K − 1)`.
    log_others: f64,
}

/// What one `y` adds.
struct Part {
    /// `mean_j log(eᶠ/b_j)` of the joint pair.
    log_joint: f64,
    /// `log mean_{marginal} eᶠ/b`.
    log_ratio: f64,
    /// Of their difference with respect to `log q(y)`.
    baseline_gradient: f64,
}

impl Mix {
    /// The part of one `y`, whose scores with every `x` become the gradient times `e^shrink`.
    ///
    /// Below, `b_k` is the baseline that leaves `x_k` out. All but the one that leaves out the largest score `M`
    /// contain `e^M`, so that they are within a factor of two of each other and can be computed relative to one scale.
    /// That one has a scale of its own, set by the second largest score.
    fn evaluate<E: Real>(self, scores: &mut [E], own: usize, log_q: f64, shrink: f64) -> Part {
        let n = scores.len();
        let best = (0..n).fold(0, |b, k| if scores[k] > scores[b] { k } else { b });
        let (joint, top) = (scores[own].wide(), scores[best].wide());
        // Exponentials relative to the largest, and to the second largest, without the largest itself.
        let exponentials = |shift: E| {
            let mut x = scores.to_vec();
            x[best] = E::neg_infinity();
            let shift = if shift.is_finite() { shift } else { E::largest(&x) };
            let sum = E::exp_less(&mut x, shift);
            (x, shift.wide(), sum)
        };
        let (mut e, _, rest) = exponentials(scores[best]);
        e[best] = E::one();
        let (near, next, near_sum) = exponentials(E::infinity());
        let log_prior = log_q + self.log_rest;
        let log_weight = self.log_alpha - self.log_others;
        // b_k = e^scale·(mean + prior) for k ≠ best.
        let scale = if top + self.log_alpha > log_prior { top + self.log_alpha } else { log_prior };
        let unit = (top + log_weight - scale).exp();
        let prior = (log_prior - scale).exp();
        let b = |k: usize| unit * (1.0 + (rest - e[k].wide())) + prior;
        let log_b_best = log_add(log_weight + next + near_sum.ln(), log_prior);
        let log_b = |k: usize| if k == best { log_b_best } else { scale + b(k).ln() };

        // The joint term: the mean over every x_k, k ≠ own, that is left out.
        let count = (n - 1) as f64;
        // Logarithms of products: one for many numbers.
        let (mut product, mut sum_log, mut inverse) = (1.0, 0.0, 0.0);
        let mut inverses = vec![0.0; n];
        for k in (0..n).filter(|&k| k != own && k != best) {
            let b = b(k);
            inverses[k] = 1.0 / b;
            inverse += inverses[k];
            product *= b;
            if !(1e-100..1e100).contains(&product) {
                sum_log += product.ln();
                product = 1.0;
            }
        }
        sum_log += product.ln();
        let mean_log = if best == own {
            (sum_log + count * scale) / count
        } else {
            (sum_log + (count - 1.0) * scale + log_b_best) / count
        };
        let alone = if best == own { 0.0 } else { (next + log_weight - log_b_best).exp() };
        let shrunk = shrink.exp();
        let mut baseline_gradient = prior * inverse;
        if best != own {
            baseline_gradient += (log_prior - log_b_best).exp();
        }
        baseline_gradient *= -shrunk / count;

        // The marginal term: the joint pair is left out.
        let log_b_own = log_b(own);
        let (weights, log_sum) =
            if best == own { (&near, next + near_sum.ln()) } else { (&e, top + (1.0 + (rest - e[own].wide())).ln()) };
        let origin = if best == own { next } else { top };
        let log_ratio = log_sum - self.log_others - log_b_own;
        // 1 − α·ratio, the prior's share of b.
        let share = (log_prior - log_b_own).exp();
        let per_weight = (origin - self.log_others - log_b_own + shrink).exp() * share;
        baseline_gradient += (log_ratio + shrink).exp() * share;

        for (k, g) in scores.iter_mut().enumerate() {
            let mut change = -(unit * e[k].wide() * (inverse - inverses[k]) + alone * near[k].wide()) * shrunk / count;
            if k == own {
                change += shrunk;
            } else {
                change -= per_weight * weights[k].wide();
            }
            *g = E::of(change);
        }
        Part { log_joint: joint - mean_log, log_ratio, baseline_gradient }
    }
}
