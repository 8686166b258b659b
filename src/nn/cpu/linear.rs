//! The linear layer, on slices.
//!
//! Sizes are numbers here and not types, so that layers of all shapes share one compiled copy.

use super::gemm::{Mat, Real};
use super::operand::{Operand, par_multiply, par_product};
use crate::nn::Precision;

/// Rows of `x` `[N, I]` through weights `[O, I]`, a bias `[O]` and, if asked for, a ReLU: `[N, O]`.
pub(crate) fn forward<E: Real>(x: &[E], w: &[E], b: Option<&[E]>, [n, i, o]: [usize; 3], relu: bool) -> Vec<E> {
    let precision = Precision::current();
    let x = Operand::left(Mat::rows(x, n, i), o, precision);
    let w = Operand::right(Mat::rows(w, o, i).t(), n, precision);
    par_product(&x, &w, |_, c0, row| {
        if let Some(b) = b {
            row.iter_mut().zip(&b[c0..]).for_each(|(v, &b)| *v += b);
        }
        if relu {
            row.iter_mut().for_each(|v| *v = if *v < E::zero() { E::zero() } else { *v });
        }
    })
}

/// Adds to the gradients of the weights and of `x` what that of the output before its ReLU, `gy` `[N, O]`, says.
pub(crate) fn backward<E: Real>(x: &[E], w: &[E], gy: &[E], [n, i, o]: [usize; 3], gw: &mut [E], gx: &mut [E]) {
    let precision = Precision::current();
    let gy = Mat::rows(gy, n, o);
    let (left, right) = (Operand::left(gy.t(), i, precision), Operand::right(Mat::rows(x, n, i), o, precision));
    par_multiply(gw, &left, &right, true, |_, _, _| ());
    let (left, right) = (Operand::left(gy, i, precision), Operand::right(Mat::rows(w, o, i), n, precision));
    par_multiply(gx, &left, &right, true, |_, _, _| ());
}
