//! What the bounds share: joint and marginal pairs of a score array, sums of exponentials over them, groups of scores
//! that compete with each other, and numbers that must not overflow.

use super::ScoreSizes;
use crate::mi::Pairing;
use crate::nn::Real;
use crate::nn::cpu::gemm::{Mat, copy_squares};
use rayon::prelude::*;

/// Scores of one task. A fixed number, so that the sums are the same with one thread and with many.
const CHUNK: usize = 1 << 13;
/// Fewer scores than these are not worth waking other threads.
const PARALLEL: usize = 1 << 17;

impl ScoreSizes {
    /// The index of the joint pair of location `l` of image `i`.
    pub(super) fn joint(&self, i: usize, l: usize) -> usize {
        let column = match self.pairing {
            Pairing::All => i,
            Pairing::Rolled(_) => 0,
        };
        self.index(i, l, column)
    }

    /// The indices of all joint pairs.
    pub(super) fn joints(self) -> impl Iterator<Item = usize> {
        (0..self.batch).flat_map(move |i| (0..self.locations).map(move |l| self.joint(i, l)))
    }

    /// How many joint pairs there are.
    pub(super) fn joint_count(&self) -> f64 {
        (self.batch * self.locations) as f64
    }

    /// How many marginal pairs there are.
    pub(super) fn marginal_count(&self) -> f64 {
        self.joint_count() * (self.columns() - 1) as f64
    }

    /// # Panics
    /// When `n` is not the number of scores, or the pairing does not fit the batch.
    pub(super) fn check(&self, n: usize) {
        assert_eq!(n, self.batch * self.locations * self.columns(), "scores are not [B, L, K] for {self:?}");
        assert!(self.pairing.fits(self.batch), "{:?} does not fit a batch of {}", self.pairing, self.batch);
    }
}

/// The mean score of the joint pairs.
pub(super) fn joint_mean<E: Real>(scores: &[E], sizes: ScoreSizes) -> f64 {
    sizes.joints().map(|at| scores[at].wide()).sum::<f64>() / sizes.joint_count()
}

/// Sets every joint pair's entry.
pub(super) fn fill_joint<E: Real>(x: &mut [E], sizes: ScoreSizes, value: f64) {
    let value = E::of(value);
    sizes.joints().for_each(|at| x[at] = value);
}

/// A copy of the scores with −∞ at the joint pairs, which takes them out of every sum of exponentials.
pub(super) fn masked<E: Real>(scores: &[E], sizes: ScoreSizes) -> Vec<E> {
    let mut work = scores.to_vec();
    fill_joint(&mut work, sizes, f64::NEG_INFINITY);
    work
}

/// `f(number, piece)` on consecutive pieces of `len`, in parallel when there is enough to do; the results in order.
/// The type of `f` is hidden: what is shared out among threads is much code, and is compiled once for each type of result.
pub(super) fn in_pieces<E: Real, T: Send>(
    x: &mut [E],
    len: usize,
    f: &(dyn Fn(usize, &mut [E]) -> T + Sync),
) -> Vec<T> {
    if x.len() < PARALLEL {
        x.chunks_mut(len).enumerate().map(|(n, piece)| f(n, piece)).collect()
    } else {
        // Tasks of many small pieces.
        let many = (CHUNK / len).max(1);
        let tasks = x.par_chunks_mut(len * many).enumerate();
        let parts: Vec<Vec<T>> = tasks
            .map(|(task, part)| part.chunks_mut(len).enumerate().map(|(n, piece)| f(task * many + n, piece)).collect())
            .collect();
        parts.into_iter().flatten().collect()
    }
}

/// A sum of exponentials, `Σ eˣ = e^top · sum`.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExpSum {
    /// The largest exponent.
    pub top: f64,
    /// The sum relative to it.
    pub sum: f64,
}

impl ExpSum {
    /// Its logarithm.
    pub fn ln(self) -> f64 {
        self.top + self.sum.ln()
    }
}

/// The largest number of `x`, or zero where that is of no use to shift by.
fn shift<E: Real>(x: &[E]) -> E {
    let top = E::largest(x);
    if top.is_finite() { top } else { E::zero() }
}

/// `x ← exp(x − top)`; their sum.
pub(super) fn exponentials<E: Real>(x: &mut [E]) -> ExpSum {
    let top = shift(x);
    let sum = in_pieces(x, CHUNK, &|_, piece| E::exp_less(piece, top)).into_iter().sum();
    ExpSum { top: top.wide(), sum }
}

/// The same for two slices that are summed together.
pub(super) fn exponentials_of_both<E: Real>(a: &mut [E], b: &mut [E]) -> ExpSum {
    let (top_a, top_b) = (E::largest(a), E::largest(b));
    let top = if top_a > top_b { top_a } else { top_b };
    let top = if top.is_finite() { top } else { E::zero() };
    ExpSum { top: top.wide(), sum: E::exp_less(a, top) + E::exp_less(b, top) }
}

/// `x ← x·factor`.
pub(super) fn scale<E: Real>(x: &mut [E], factor: f64) {
    let factor = E::of(factor);
    in_pieces(x, CHUNK, &|_, piece| piece.iter_mut().for_each(|v| *v *= factor));
}

/// `log(eᵃ + eᵇ)`. NaN if either is.
pub(super) fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a > b { (b, a) } else { (a, b) };
    // Equal infinities have no difference; for NaN the comparison is false.
    if low == high { high + std::f64::consts::LN_2 } else { high + (low - high).exp().ln_1p() }
}

/// `eˣ`, at most e⁷⁰⁰ (1e304): finite for every finite x. NaN stays NaN.
pub(super) fn capped_exp(x: f64) -> f64 {
    if x > 700.0 { 700f64.exp() } else { x.exp() }
}

/// The factor by which a whole gradient is scaled down, as a logarithm, when its largest part is `e^log_largest`: zero
/// as a rule. Beyond about the cube root of the largest number of type `E` (e³¹ in `f32`) the gradient keeps its
/// direction and not its length, so that neither it, nor its square, nor sums of them overflow.
pub(super) fn log_shrink<E: Real>(log_largest: f64) -> f64 {
    let cap = 0.35 * E::max_value().wide().ln();
    if log_largest > cap { cap - log_largest } else { 0.0 }
}

/// Scores regrouped by global vector: `[B, L, K]` → `[B, K, L]`, group `j` holding what is scored with `y_j`. The joint
/// pairs of group `j` are at position [`own`] of K.
pub(super) fn by_global<E: Real>(scores: &[E], sizes: ScoreSizes) -> Vec<E> {
    let ScoreSizes { batch, locations, pairing } = sizes;
    let mut out = vec![E::zero(); scores.len()];
    match pairing {
        Pairing::All => copy_squares(Mat::rows(scores, batch * locations, batch).t(), &mut out),
        Pairing::Rolled(_) => {
            for (group, out) in out.chunks_exact_mut(sizes.columns() * locations).enumerate() {
                for (at, v) in out.iter_mut().enumerate() {
                    *v = scores[rolled_index(sizes, group, at)];
                }
            }
        }
    }
    out
}

/// The inverse of [`by_global`].
pub(super) fn from_by_global<E: Real>(grouped: &[E], sizes: ScoreSizes) -> Vec<E> {
    let ScoreSizes { batch, locations, pairing } = sizes;
    let mut out = vec![E::zero(); grouped.len()];
    match pairing {
        Pairing::All => copy_squares(Mat::rows(grouped, batch, batch * locations).t(), &mut out),
        Pairing::Rolled(_) => {
            for (group, values) in grouped.chunks_exact(sizes.columns() * locations).enumerate() {
                for (at, &v) in values.iter().enumerate() {
                    out[rolled_index(sizes, group, at)] = v;
                }
            }
        }
    }
    out
}

/// Where number `at` of group `j` lies in the score array of a rolled pairing: column `k` of image `j − k`.
fn rolled_index(sizes: ScoreSizes, j: usize, at: usize) -> usize {
    let (k, l) = (at / sizes.locations, at % sizes.locations);
    sizes.index((j + sizes.batch - k) % sizes.batch, l, k)
}

/// Among the candidates of image or global vector `i`, the position of its own.
pub(super) fn own(sizes: ScoreSizes, i: usize) -> usize {
    match sizes.pairing {
        Pairing::All => i,
        Pairing::Rolled(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grouping_by_global_vector_has_an_inverse_and_finds_its_own() {
        for pairing in [Pairing::All, Pairing::Rolled(1), Pairing::Rolled(3)] {
            for locations in [1, 3] {
                let sizes = ScoreSizes { batch: 5, locations, pairing };
                let columns = sizes.columns();
                // Each score says which image and which global vector it is of.
                let mut scores = vec![0f64; 5 * locations * columns];
                for i in 0..5 {
                    for l in 0..locations {
                        for k in 0..columns {
                            scores[sizes.index(i, l, k)] = (100 * i + 10 * l + pairing.partner(i, k, 5)) as f64;
                        }
                    }
                }
                let grouped = by_global(&scores, sizes);
                for (j, group) in grouped.chunks_exact(columns * locations).enumerate() {
                    assert!(group.iter().all(|&v| v as usize % 10 == j));
                    let joint = &group[own(sizes, j) * locations..][..locations];
                    assert!(joint.iter().enumerate().all(|(l, &v)| v as usize == 100 * j + 10 * l + j));
                }
                assert_eq!(from_by_global(&grouped, sizes), scores);
            }
        }
    }

    #[test]
    fn sums_of_logarithms_are_safe_at_the_ends() {
        let inf = f64::INFINITY;
        assert_eq!(log_add(-inf, 3.0), 3.0);
        assert_eq!(log_add(3.0, -inf), 3.0);
        assert_eq!(log_add(-inf, -inf), -inf);
        assert_eq!(log_add(1000.0, -1000.0), 1000.0);
        assert!((log_add(0.0, 3f64.ln()) - 4f64.ln()).abs() < 1e-15);
        assert!(log_add(f64::NAN, 1.0).is_nan() && log_add(1.0, f64::NAN).is_nan());
        assert!(capped_exp(f64::NAN).is_nan() && capped_exp(1e300).is_finite());
        assert_eq!(log_shrink::<f32>(10.0), 0.0);
        assert!(log_shrink::<f32>(500.0) < -450.0);
    }

    #[test]
    fn pieces_are_numbered_alike_with_one_thread_and_with_many() {
        for n in [PARALLEL - 1, 3 * PARALLEL + 5] {
            let mut x = vec![1f32; n];
            let pieces = in_pieces(&mut x, 7, &|number, piece| (number, piece.len()));
            assert_eq!(pieces.len(), n.div_ceil(7));
            assert!(pieces.iter().enumerate().all(|(n, p)| p.0 == n));
            assert_eq!(pieces.iter().map(|p| p.1).sum::<usize>(), n);
        }
    }
}
