//! The squared hinge of one-against-rest classifiers: loss along a line, and its slope at scores.

use super::softmax::LOSS_ROWS;
use crate::nn::Real;
use rayon::prelude::*;

/// `max(0, 1 − s·z)` with `s` one for the row's own class and minus one for the others, and `s`.
fn margin(z: f64, own: bool) -> (f64, f64) {
    let sign = if own { 1.0 } else { -1.0 };
    ((1.0 - sign * z).max(0.0), sign)
}

/// Value, slope and curvature of the summed squared hinges at `scores + step * direction`.
pub(super) fn loss_on_line<T: Real>(
    scores: &[T],
    direction: &[T],
    step: f64,
    labels: &[u32],
    classes: usize,
) -> [f64; 3] {
    let chunk = LOSS_ROWS * classes;
    let parts: Vec<[f64; 3]> = scores
        .par_chunks(chunk)
        .zip(direction.par_chunks(chunk))
        .zip(labels.par_chunks(LOSS_ROWS))
        .map(|((scores, direction), labels)| {
            let mut sum = [0.0; 3];
            for ((z, d), &label) in scores.chunks_exact(classes).zip(direction.chunks_exact(classes)).zip(labels) {
                for (class, (z, d)) in z.iter().zip(d).enumerate() {
                    let d = d.wide();
                    let (hinge, sign) = margin(z.wide() + step * d, class == label as usize);
                    if hinge > 0.0 {
                        sum[0] += hinge * hinge;
                        sum[1] -= 2.0 * sign * hinge * d;
                        sum[2] += 2.0 * d * d;
                    }
                }
            }
            sum
        })
        .collect();
    parts.iter().fold([0.0; 3], |t, p| [t[0] + p[0], t[1] + p[1], t[2] + p[2]])
}

/// Turns scores into `factor` times the slopes of their squared hinges; returns the sum of the squared hinges.
pub(super) fn residuals<T: Real>(scores: &mut [T], labels: &[u32], classes: usize, factor: f64) -> f64 {
    let parts: Vec<f64> = scores
        .par_chunks_mut(LOSS_ROWS * classes)
        .zip(labels.par_chunks(LOSS_ROWS))
        .map(|(scores, labels)| {
            let mut sum = 0.0;
            for (row, &label) in scores.chunks_exact_mut(classes).zip(labels) {
                for (class, v) in row.iter_mut().enumerate() {
                    let (hinge, sign) = margin(v.wide(), class == label as usize);
                    *v = T::of(-2.0 * sign * hinge * factor);
                    sum += hinge * hinge;
                }
            }
            sum
        })
        .collect();
    parts.iter().sum()
}
