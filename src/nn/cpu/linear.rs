//! The linear layer, on slices.
//!
//! Sizes are numbers here and not types, so that layers of all shapes share one compiled copy.

use super::gemm::{Mat, Real, par_matmul};

/// Rows of `x` `[N, I]` through weights `[O, I]`, a bias `[O]` and, if asked for, a ReLU: `[N, O]`.
pub(crate) fn forward<E: Real>(x: &[E], w: &[E], b: Option<&[E]>, [n, i, o]: [usize; 3], relu: bool) -> Vec<E> {
    let mut y = vec![E::zero(); n * o];
    par_matmul(&mut y, Mat::rows(x, n, i), Mat::rows(w, o, i).t(), false, |_, c0, row| {
        if let Some(b) = b {
            row.iter_mut().zip(&b[c0..]).for_each(|(v, &b)| *v += b);
        }
        if relu {
            row.iter_mut().for_each(|v| *v = if *v < E::zero() { E::zero() } else { *v });
        }
    });
    y
}

/// Adds to the gradients of the weights and of `x` what that of the output before its ReLU, `gy` `[N, O]`, says.
pub(crate) fn backward<E: Real>(x: &[E], w: &[E], gy: &[E], [n, i, o]: [usize; 3], gw: &mut [E], gx: &mut [E]) {
    let gy = Mat::rows(gy, n, o);
    par_matmul(gw, gy.t(), Mat::rows(x, n, i), true, |_, _, _| ());
    par_matmul(gx, gy, Mat::rows(w, o, i), true, |_, _, _| ());
}
