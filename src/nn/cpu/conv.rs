//! Convolution as matrix products over unfolded pieces of the image, forward and both gradients.
//!
//! Images stay `[B, C, H, W]` as dfdx keeps them; what is unfolded is a few images (or a few rows of the unfolded
//! matrix) at a time, small enough for the cache.

use super::gemm::{Mat, Real, Shared};
use super::operand::{Operand, format, multiply};
use super::packed::{self, Format};
use super::swap_last;
use super::unfold::{Geometry, fold_row, merge, split, unfold_row};
use crate::nn::Precision;
use rayon::prelude::*;
use std::ops::Range;

/// Columns of the unfolded matrix that a task of the weights' gradient takes at a time.
const COLUMNS: usize = 1024;

/// Rows `rows` of the unfolded matrix of some images: `[rows, images · places]`. Both buffers are scratch.
fn unfold<E: Real>(g: &Geometry, rows: Range<usize>, x: &[E], phases: &mut Vec<E>, unfolded: &mut Vec<E>) {
    let images = x.len() / g.image();
    let cols = images * g.places();
    let window = g.k * g.k;
    let channels = rows.start / window..rows.end.div_ceil(window);
    let plane = g.h * g.w;
    // With stride 1 the one phase is the image itself.
    let each = channels.len() * g.phases();
    if g.s > 1 {
        phases.resize(images * each, E::zero());
        for (image, phases) in x.chunks_exact(g.image()).zip(phases.chunks_exact_mut(each)) {
            split(g, &image[channels.start * plane..channels.end * plane], phases);
        }
    }
    unfolded.resize(rows.len() * cols, E::zero());
    for (r, row) in rows.zip(unfolded.chunks_exact_mut(cols)) {
        for (image, dst) in row.chunks_exact_mut(g.places()).enumerate() {
            let phases = match g.s {
                1 => &x[image * g.image() + channels.start * plane..],
                _ => &phases[image * each..],
            };
            unfold_row(g, r, channels.start, phases, dst);
        }
    }
}

/// The same numbers for the kernels of packed sides, where these fit, and what to pack them as.
fn channels_last<'a, E: Real, const N: usize>(g: &Geometry, numbers: [&'a [E]; N]) -> Option<([&'a [f32]; N], Format)> {
    let format = format(Precision::current()).filter(|_| packed::conv::fits(g))?;
    let mut singles: [&[f32]; N] = [&[]; N];
    for (to, from) in singles.iter_mut().zip(numbers) {
        *to = E::singles(from)?;
    }
    Some((singles, format))
}

/// `y = w ∗ x`: `x [B, I, H, W]`, `w [O, I, K, K]`, `y [B, O, OH, OW]`.
pub(crate) fn forward<E: Real>(g: &Geometry, x: &[E], w: &[E]) -> Vec<E> {
    if let Some(([x, w], format)) = channels_last(g, [x, w]) {
        return E::of_singles(packed::conv::forward(g, x, w, format)).expect("numbers are f32");
    }
    let (taps, places, group) = (g.taps(), g.places(), g.group());
    let precision = Precision::current();
    let lhs = Operand::left(Mat::rows(w, g.o, taps), group * places, precision);
    let mut y = vec![E::zero(); g.b * g.o * places];
    y.par_chunks_mut((group * g.o * places).max(1)).zip(x.par_chunks((group * g.image()).max(1))).for_each_init(
        || (Vec::new(), Vec::new(), Vec::new()),
        |(phases, unfolded, product), (y, x)| {
            let n = x.len() / g.image();
            let cols = n * places;
            unfold(g, 0..taps, x, phases, unfolded);
            let rhs = Operand::right_here(Mat::rows(unfolded, taps, cols), g.o, precision);
            if n == 1 {
                multiply(y, cols, &lhs, &rhs, false);
            } else {
                product.resize(g.o * cols, E::zero());
                multiply(product, cols, &lhs, &rhs, false);
                for (o, row) in product.chunks_exact(cols).enumerate() {
                    for (b, values) in row.chunks_exact(places).enumerate() {
                        y[(b * g.o + o) * places..][..places].copy_from_slice(values);
                    }
                }
            }
        },
    );
    y
}

/// `[B, O, places]` → `[O, B·places]`.
fn channels_first<E: Real>(g: &Geometry, y: &[E]) -> Vec<E> {
    let places = g.places();
    let mut out = vec![E::zero(); y.len()];
    out.par_chunks_mut((g.b * places).max(1)).enumerate().for_each(|(o, row)| {
        for (b, dst) in row.chunks_exact_mut(places).enumerate() {
            dst.copy_from_slice(&y[(b * g.o + o) * places..][..places]);
        }
    });
    out
}

/// Adds the gradients of `sum(gy · (w ∗ x))` to `gx` and `gw`, each where it is wanted.
pub(crate) fn backward<E: Real>(g: &Geometry, x: &[E], w: &[E], gy: &[E], gx: Option<&mut [E]>, gw: Option<&mut [E]>) {
    if let Some(([x, w, gy], format)) = channels_last(g, [x, w, gy]) {
        if let Some(gw) = gw.and_then(E::singles_mut) {
            packed::conv::grad_weight(g, x, gy, gw, format);
        }
        if let Some(gx) = gx.and_then(E::singles_mut) {
            packed::conv::grad_input(g, w, gy, gx, format);
        }
        return;
    }
    if let Some(gw) = gw {
        grad_weight(g, x, &swap_last(gy, g.o, g.places()), gw);
    }
    if let Some(gx) = gx {
        grad_input(g, w, &channels_first(g, gy), gx);
    }
}

/// `gw += (unfold(x) · gy)ᵀ` for `gy [B, places, O]`, each task owning some taps over the whole batch, so that no sum is
/// split between threads.
fn grad_weight<E: Real>(g: &Geometry, x: &[E], gy: &[E], gw: &mut [E]) {
    let (taps, places) = (g.taps(), g.places());
    let step = taps.div_ceil(8).next_multiple_of(16).min(taps);
    let per_block = (COLUMNS / places.max(1)).clamp(1, g.b.max(1));
    let precision = Precision::current();
    let blocks: Vec<Operand<E>> = gy
        .chunks(per_block * places * g.o)
        .map(|gy| Operand::right(Mat::rows(gy, gy.len() / g.o, g.o), step, precision))
        .collect();
    let shared = Shared::new(gw);
    (0..taps.div_ceil(step)).into_par_iter().for_each(|task| {
        let first = task * step;
        let count = step.min(taps - first);
        let (mut phases, mut unfolded) = (Vec::new(), Vec::new());
        let mut product = vec![E::zero(); count * g.o];
        for (block, (x, rhs)) in x.chunks(per_block * g.image()).zip(&blocks).enumerate() {
            unfold(g, first..first + count, x, &mut phases, &mut unfolded);
            let cols = x.len() / g.image() * places;
            let lhs = Operand::left_here(Mat::rows(&unfolded, count, cols), g.o, precision);
            multiply(&mut product, g.o, &lhs, rhs, block > 0);
        }
        for o in 0..g.o {
            // SAFETY: this task alone touches columns `first..first + count` of the gradient.
            let dst = unsafe { shared.slice(o * taps + first, count) };
            dst.iter_mut().zip(product[o..].iter().step_by(g.o)).for_each(|(d, &v)| *d += v);
        }
    });
}

/// `gx += fold(wᵀ · gy)`, each task owning some images.
fn grad_input<E: Real>(g: &Geometry, w: &[E], gy: &[E], gx: &mut [E]) {
    let (taps, places, group) = (g.taps(), g.places(), g.group());
    let precision = Precision::current();
    let lhs = Operand::left(Mat::rows(w, g.o, taps).t(), group * places, precision);
    gx.par_chunks_mut((group * g.image()).max(1)).enumerate().for_each_init(
        || (Vec::new(), Vec::new()),
        |(product, phases), (task, gx)| {
            let cols = gx.len() / g.image() * places;
            product.resize(taps * cols, E::zero());
            let rhs = Mat::strided(&gy[task * group * places..], g.o, cols, g.b * places, 1);
            multiply(product, cols, &lhs, &Operand::right_here(rhs, taps, precision), false);
            let each = g.i * g.phases();
            phases.clear();
            phases.resize(gx.len() / g.image() * each, E::zero());
            for (r, row) in product.chunks_exact_mut(cols).enumerate() {
                for (phases, values) in phases.chunks_exact_mut(each).zip(row.chunks_exact_mut(places)) {
                    fold_row(g, r, values, phases);
                }
            }
            for (phases, image) in phases.chunks_exact(each).zip(gx.chunks_exact_mut(g.image())) {
                merge(g, phases, image);
            }
        },
    );
}

/// `x` such that `forward` is its transpose: the forward pass of a transposed convolution, `gy [B, O, OH, OW]` →
/// `[B, I, H, W]`.
pub(crate) fn transpose_forward<E: Real>(g: &Geometry, gy: &[E], w: &[E]) -> Vec<E> {
    let mut x = vec![E::zero(); g.b * g.image()];
    if let (Some(([gy, w], format)), Some(x)) = (channels_last(g, [gy, w]), E::singles_mut(&mut x)) {
        packed::conv::grad_input(g, w, gy, x, format);
    } else {
        grad_input(g, w, &channels_first(g, gy), &mut x);
    }
    x
}
