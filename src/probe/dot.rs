//! Dot products in double precision.

use crate::nn::Real;

/// Dot product in double precision, in fixed order.
pub(super) fn dot<T: Real>(a: &[T], b: &[T]) -> f64 {
    let mut sums = [0.0f64; 8];
    let (ca, cb) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f64 = ca.remainder().iter().zip(cb.remainder()).map(|(x, y)| x.wide() * y.wide()).sum();
    for (x, y) in ca.zip(cb) {
        for i in 0..8 {
            sums[i] += x[i].wide() * y[i].wide();
        }
    }
    sums.iter().sum::<f64>() + tail
}
