//! The squared hinge of one-against-rest classifiers: loss along a line, and its slope at scores.

use super::softmax::{sum_on_line, sum_over_rows};
use crate::nn::Real;

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
    sum_on_line(scores, direction, labels, classes, |_, z, d, label| {
        let mut sum = [0.0; 3];
        for (class, (z, d)) in z.iter().zip(d).enumerate() {
            let d = d.wide();
            let (hinge, sign) = margin(z.wide() + step * d, class == label);
            if hinge > 0.0 {
                sum[0] += hinge * hinge;
                sum[1] -= 2.0 * sign * hinge * d;
                sum[2] += 2.0 * d * d;
            }
        }
        sum
    })
}

/// Turns scores into `factor` times the slopes of their squared hinges; returns the sum of the squared hinges.
pub(super) fn residuals<T: Real>(scores: &mut [T], labels: &[u32], classes: usize, factor: f64) -> f64 {
    sum_over_rows(scores, labels, classes, |_, row, label| {
        let mut sum = 0.0;
        for (class, v) in row.iter_mut().enumerate() {
            let (hinge, sign) = margin(v.wide(), class == label);
            *v = T::of(-2.0 * sign * hinge * factor);
            sum += hinge * hinge;
        }
        sum
    })
}
