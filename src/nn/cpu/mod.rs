//! The CPU kernels: plain functions on slices, each with one layout and no knowledge of tapes.
//!
//! All of them give the same bits whatever the number of threads: work is cut by sizes, never by threads, and sums are
//! added in a fixed order.

pub(crate) mod access;
pub(crate) mod adam;
mod average;
pub(crate) mod awake;
pub(crate) mod conv;
pub(crate) mod exp;
pub(crate) mod gemm;
pub(crate) mod joint;
pub(crate) mod linear;
pub(crate) mod memory;
pub(crate) mod norm;
pub(crate) mod operand;
pub(crate) mod ops;
#[cfg(target_arch = "x86_64")]
pub(crate) mod packed;
#[cfg(not(target_arch = "x86_64"))]
#[path = "packed_absent.rs"]
pub(crate) mod packed;
pub(crate) mod pair;
pub(crate) mod perceptron;
pub(crate) mod pool;
pub(crate) mod real;
pub(crate) mod residual;
pub(crate) mod residual_scores;
pub(crate) mod residual_tensors;
pub(crate) mod rows;
pub(crate) mod separable;
#[cfg(target_arch = "x86_64")]
pub(crate) mod square;
pub(crate) mod tower;
pub(crate) mod turn;
pub(crate) mod unfold;
pub(crate) mod upper;

use gemm::{Mat, Real, copy_squares, written};
use rayon::prelude::*;

/// Elements of one task in element-wise passes.
pub(crate) const BLOCK: usize = 1 << 14;

/// Zeroes the gradient where a ReLU's output is zero.
pub(crate) fn mask_relu<E: Real>(g: &mut [E], y: &[E]) {
    g.par_chunks_mut(BLOCK).zip(y.par_chunks(BLOCK)).for_each(|(g, y)| {
        // Written in any case: a branch would be guessed wrong half of the time.
        g.iter_mut().zip(y).for_each(|(g, &y)| *g = if y <= E::zero() { E::zero() } else { *g });
    });
}

/// Each of `x`, times `slope` where it is below zero.
pub(crate) fn leaky<E: Real>(x: &[E], slope: E) -> Vec<E> {
    let each = |(y, x): (&mut [E], &[E])| {
        // A factor in any case: a branch would be guessed wrong half of the time.
        y.iter_mut().zip(x).for_each(|(y, &x)| *y = x * if x < E::zero() { slope } else { E::one() });
    };
    // SAFETY: each number is written from that of `x`.
    unsafe { written(x.len(), |y| y.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK)).for_each(each)) }
}

/// Adds to `gx` the gradient of [`leaky`] at `x`, from that of its output.
pub(crate) fn add_leaky<E: Real>(gx: &mut [E], gy: &[E], x: &[E], slope: E) {
    gx.par_chunks_mut(BLOCK).zip(gy.par_chunks(BLOCK)).zip(x.par_chunks(BLOCK)).for_each(|((gx, gy), x)| {
        let factor = |x: E| if x < E::zero() { slope } else { E::one() };
        gx.iter_mut().zip(gy).zip(x).for_each(|((gx, &gy), &x)| *gx += gy * factor(x));
    });
}

/// `[B, C, L]` → `[B, L, C]`.
pub(crate) fn swap_last<E: Real>(x: &[E], c: usize, l: usize) -> Vec<E> {
    let image = (c * l).max(1);
    assert_eq!(x.len() % image, 0, "whole images");
    let swap = |(out, x): (&mut [E], &[E])| copy_squares(Mat::rows(x, c, l).t(), out);
    // SAFETY: each image's numbers are written from those of `x`.
    unsafe { written(x.len(), |out| out.par_chunks_mut(image).zip(x.par_chunks(image)).for_each(swap)) }
}

/// `dst += src`.
pub(crate) fn add_to<E: Real>(dst: &mut [E], src: &[E]) {
    dst.par_chunks_mut(BLOCK).zip(src.par_chunks(BLOCK)).for_each(|(d, s)| {
        d.iter_mut().zip(s).for_each(|(d, &s)| *d += s);
    });
}

/// `dst += factor·src`.
pub(crate) fn add_scaled<E: Real>(dst: &mut [E], src: &[E], factor: E) {
    dst.par_chunks_mut(BLOCK).zip(src.par_chunks(BLOCK)).for_each(|(d, s)| {
        d.iter_mut().zip(s).for_each(|(d, &s)| *d += s * factor);
    });
}

/// The sum of `x`, in sixteen lanes.
// Always inlined, here and below: a function of its own would not have its caller's vectors.
#[inline(always)]
pub(crate) fn sum<E: Real>(x: &[E]) -> E {
    let (whole, rest) = x.as_chunks::<16>();
    let mut lanes = [E::zero(); 16];
    whole.iter().for_each(|x| lanes.iter_mut().zip(x).for_each(|(lane, &x)| *lane += x));
    lanes.into_iter().chain(rest.iter().copied()).sum()
}

/// The sum of `x·y`, in sixteen lanes.
#[inline(always)]
pub(crate) fn dot<E: Real>(x: &[E], y: &[E]) -> E {
    let ((whole_x, rest_x), (whole_y, rest_y)) = (x.as_chunks::<16>(), y.as_chunks::<16>());
    let mut lanes = [E::zero(); 16];
    for (x, y) in whole_x.iter().zip(whole_y) {
        lanes.iter_mut().zip(x).zip(y).for_each(|((lane, &x), &y)| *lane += x * y);
    }
    lanes.into_iter().chain(rest_x.iter().zip(rest_y).map(|(&x, &y)| x * y)).sum()
}
