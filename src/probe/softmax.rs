//! Kernels of multinomial logistic regression: scores, loss along a line, gradient.
//!
//! Weights are `[K, F]` row-major followed by K biases, in one vector of K (F + 1) values.

use super::dot::dot;
use crate::nn::Real;
use crate::nn::cpu::gemm::{Mat, matmul};
use rayon::prelude::*;

/// Rows per product of the scores.
const SCORE_ROWS: usize = 256;
/// Rows per chunk of the loss.
const LOSS_ROWS: usize = 4096;
/// Row chunks of the gradient at most.
const GRADIENT_CHUNKS: usize = 16;

/// Sizes of a problem: N rows, F features, K classes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub rows: usize,
    pub dim: usize,
    pub classes: usize,
}

impl Sizes {
    /// K (F + 1).
    pub fn params(&self) -> usize {
        self.classes * (self.dim + 1)
    }
}

/// `X Wᵀ + b`: `[N, K]`.
pub(super) fn scores<T: Real>(x: &[T], params: &[T], s: Sizes) -> Vec<T> {
    let (weights, bias) = params.split_at(s.classes * s.dim);
    let mut out = vec![T::default(); s.rows * s.classes];
    out.par_chunks_mut(SCORE_ROWS * s.classes).zip(x.par_chunks(SCORE_ROWS * s.dim)).for_each(|(out, x)| {
        let rows = x.len() / s.dim;
        matmul(out, s.classes, Mat::rows(x, rows, s.dim), Mat::rows(weights, s.classes, s.dim).t(), false);
        for row in out.chunks_exact_mut(s.classes) {
            row.iter_mut().zip(bias).for_each(|(v, &b)| *v += b);
        }
    });
    out
}

/// Sums over rows of what `row(scratch, scores, direction, label)` gives, chunk by chunk; `scratch` has a place for each
/// class.
pub(super) fn sum_on_line<T: Real>(
    scores: &[T],
    direction: &[T],
    labels: &[u32],
    classes: usize,
    row: impl Fn(&mut [f64], &[T], &[T], usize) -> [f64; 3] + Sync,
) -> [f64; 3] {
    let add = |t: [f64; 3], p: [f64; 3]| [t[0] + p[0], t[1] + p[1], t[2] + p[2]];
    let chunk = LOSS_ROWS * classes;
    let parts: Vec<[f64; 3]> = scores
        .par_chunks(chunk)
        .zip(direction.par_chunks(chunk))
        .zip(labels.par_chunks(LOSS_ROWS))
        .map(|((scores, direction), labels)| {
            let mut scratch = vec![0.0; classes];
            let rows = scores.chunks_exact(classes).zip(direction.chunks_exact(classes)).zip(labels);
            rows.fold([0.0; 3], |sum, ((z, d), &label)| add(sum, row(&mut scratch, z, d, label as usize)))
        })
        .collect();
    parts.into_iter().fold([0.0; 3], add)
}

/// Hands each row of scores to `row(scratch, scores, label)`, which changes it; returns the sum of what that gives.
pub(super) fn sum_over_rows<T: Real>(
    scores: &mut [T],
    labels: &[u32],
    classes: usize,
    row: impl Fn(&mut [f64], &mut [T], usize) -> f64 + Sync,
) -> f64 {
    let parts: Vec<f64> = scores
        .par_chunks_mut(LOSS_ROWS * classes)
        .zip(labels.par_chunks(LOSS_ROWS))
        .map(|(scores, labels)| {
            let mut scratch = vec![0.0; classes];
            let rows = scores.chunks_exact_mut(classes).zip(labels);
            rows.fold(0.0, |sum, (scores, &label)| sum + row(&mut scratch, scores, label as usize))
        })
        .collect();
    parts.iter().sum()
}

/// Value, slope and curvature of the summed cross-entropy at `scores + step * direction`, in nats.
pub(super) fn loss_on_line<T: Real>(
    scores: &[T],
    direction: &[T],
    step: f64,
    labels: &[u32],
    classes: usize,
) -> [f64; 3] {
    sum_on_line(scores, direction, labels, classes, |at, z, d, label| {
        for ((a, z), d) in at.iter_mut().zip(z).zip(d) {
            *a = z.wide() + step * d.wide();
        }
        let own = at[label];
        let top = at.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut mass, mut first, mut second) = (0.0, 0.0, 0.0);
        for (a, d) in at.iter().zip(d) {
            let (e, d) = ((a - top).exp(), d.wide());
            mass += e;
            first += e * d;
            second += e * d * d;
        }
        let mean = first / mass;
        [top + mass.ln() - own, mean - d[label].wide(), second / mass - mean * mean]
    })
}

/// Turns scores into `(softmax - one-hot) * factor`, row by row; returns the summed cross-entropy in nats.
pub(super) fn residuals<T: Real>(scores: &mut [T], labels: &[u32], classes: usize, factor: f64) -> f64 {
    sum_over_rows(scores, labels, classes, |probability, row, label| {
        let top = row.iter().map(|v| v.wide()).fold(f64::NEG_INFINITY, f64::max);
        let own = row[label].wide();
        let mut mass = 0.0;
        for (p, v) in probability.iter_mut().zip(&*row) {
            *p = (v.wide() - top).exp();
            mass += *p;
        }
        for (class, (v, p)) in row.iter_mut().zip(&*probability).enumerate() {
            let target = if class == label { 1.0 } else { 0.0 };
            *v = T::of((p / mass - target) * factor);
        }
        top + mass.ln() - own
    })
}

/// `Dᵀ X` and the column sums of `D`, for residuals `D` `[N, K]`: `[K (F + 1)]`.
pub(super) fn gradient<T: Real>(x: &[T], residuals: &[T], s: Sizes) -> Vec<T> {
    let rows = s.rows.div_ceil(GRADIENT_CHUNKS).max(SCORE_ROWS);
    let parts: Vec<Vec<T>> = x
        .par_chunks(rows * s.dim)
        .zip(residuals.par_chunks(rows * s.classes))
        .map(|(x, d)| {
            let mut part = vec![T::default(); s.params()];
            let (weights, bias) = part.split_at_mut(s.classes * s.dim);
            let mut sums = vec![0.0; s.classes];
            for (x, d) in x.chunks(SCORE_ROWS * s.dim).zip(d.chunks(SCORE_ROWS * s.classes)) {
                let rows = x.len() / s.dim;
                matmul(weights, s.dim, Mat::rows(d, rows, s.classes).t(), Mat::rows(x, rows, s.dim), true);
                for row in d.chunks_exact(s.classes) {
                    sums.iter_mut().zip(row).for_each(|(t, v)| *t += v.wide());
                }
            }
            bias.iter_mut().zip(&sums).for_each(|(b, &t)| *b = T::of(t));
            part
        })
        .collect();
    let mut total = vec![T::default(); s.params()];
    total.par_chunks_mut(8192).enumerate().for_each(|(c, total)| {
        for part in &parts {
            total.iter_mut().zip(&part[c * 8192..]).for_each(|(t, &p)| *t += p);
        }
    });
    total
}

/// The linear probe's objective and gradient, by the kernels that fit it: mean cross-entropy in nats per row plus
/// `l2 / 2` times the squared weights (biases are free).
///
/// `x` is `[N, F]`, `params` is `[K, F]` then `[K]`, both row-major; the gradient has the layout of `params`. In `f64`
/// this is what finite differences are held against.
///
/// # Panics
/// When the lengths do not fit together or a label is at or over K.
pub fn softmax_loss<T: Real>(x: &[T], labels: &[u32], classes: usize, params: &[T], l2: f64) -> (f64, Vec<T>) {
    assert!(!labels.is_empty() && classes > 0, "empty problem");
    let s = Sizes { rows: labels.len(), dim: x.len() / labels.len(), classes };
    assert!(s.dim > 0 && x.len() == s.rows * s.dim && params.len() == s.params(), "lengths do not fit together");
    let n = s.rows as f64;
    let mut d = scores(x, params, s);
    let sum = residuals(&mut d, labels, classes, 1.0 / n);
    let mut g = gradient(x, &d, s);
    let weights = classes * s.dim;
    g[..weights].iter_mut().zip(params).for_each(|(g, &w)| *g += T::of(l2) * w);
    (sum / n + 0.5 * l2 * dot(&params[..weights], &params[..weights]), g)
}
