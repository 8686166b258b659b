//! Convolution as matrix products over unfolded pieces of the image, forward and both gradients.
//!
//! Images stay `[B, C, H, W]` as dfdx keeps them; what is unfolded is a few images (or a few rows of the unfolded
//! matrix) at a time, small enough for the cache.

use super::gemm::{Mat, Real, Shared, matmul};
use rayon::prelude::*;

/// Sizes of a convolution from `i` to `o` channels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    pub b: usize,
    pub i: usize,
    pub o: usize,
    pub h: usize,
    pub w: usize,
    pub k: usize,
    pub s: usize,
    pub p: usize,
    pub oh: usize,
    pub ow: usize,
}

impl Geometry {
    /// Rows of the unfolded matrix: one for each channel and window position.
    fn taps(&self) -> usize {
        self.i * self.k * self.k
    }
    /// Places of the output map.
    fn places(&self) -> usize {
        self.oh * self.ow
    }
    fn image(&self) -> usize {
        self.i * self.h * self.w
    }
    /// Images whose unfolded columns make one task.
    fn group(&self) -> usize {
        (256 / self.places().max(1)).clamp(1, self.b.max(1))
    }
    /// The channel, row and column of tap `r`.
    fn tap(&self, r: usize) -> (usize, usize, usize) {
        (r / (self.k * self.k), r / self.k % self.k, r % self.k)
    }
    /// Output columns whose tap at kernel column `kx` lies inside the image.
    fn inside(&self, kx: usize) -> (usize, usize) {
        let lo = self.p.saturating_sub(kx).div_ceil(self.s).min(self.ow);
        let hi = if self.w + self.p > kx { (self.w + self.p - kx).div_ceil(self.s).min(self.ow) } else { 0 };
        (lo, hi.max(lo))
    }
    /// The input row under output row `y` at kernel row `ky`, when it is inside the image.
    fn input_row(&self, y: usize, ky: usize) -> Option<usize> {
        (y * self.s + ky).checked_sub(self.p).filter(|&r| r < self.h)
    }
}

/// Row `r` of the unfolded matrix for one image: `dst[place] = image[tap r seen from place]`, zero outside.
fn unfold_row<E: Real>(g: &Geometry, r: usize, image: &[E], dst: &mut [E]) {
    let (c, ky, kx) = g.tap(r);
    let plane = &image[c * g.h * g.w..][..g.h * g.w];
    let (lo, hi) = g.inside(kx);
    for (y, out) in dst.chunks_exact_mut(g.ow).enumerate() {
        let Some(row) = g.input_row(y, ky) else {
            out.fill(E::zero());
            continue;
        };
        out[..lo].fill(E::zero());
        out[hi..].fill(E::zero());
        if hi > lo {
            let source = &plane[row * g.w + lo * g.s + kx - g.p..(row + 1) * g.w];
            if g.s == 1 {
                out[lo..hi].copy_from_slice(&source[..hi - lo]);
            } else {
                out[lo..hi].iter_mut().zip(source.iter().step_by(g.s)).for_each(|(o, &v)| *o = v);
            }
        }
    }
}

/// The transpose of [`unfold_row`]: adds each place's number to the pixel that tap `r` sees.
fn fold_row<E: Real>(g: &Geometry, r: usize, src: &[E], image: &mut [E]) {
    let (c, ky, kx) = g.tap(r);
    let plane = &mut image[c * g.h * g.w..][..g.h * g.w];
    let (lo, hi) = g.inside(kx);
    if hi == lo {
        return;
    }
    for (y, values) in src.chunks_exact(g.ow).enumerate() {
        if let Some(row) = g.input_row(y, ky) {
            let target = &mut plane[row * g.w + lo * g.s + kx - g.p..(row + 1) * g.w];
            target.iter_mut().step_by(g.s).zip(&values[lo..hi]).for_each(|(t, &v)| *t += v);
        }
    }
}

/// `y = w ∗ x`: `x [B, I, H, W]`, `w [O, I, K, K]`, `y [B, O, OH, OW]`.
pub(crate) fn forward<E: Real>(g: &Geometry, x: &[E], w: &[E]) -> Vec<E> {
    let (taps, places, group) = (g.taps(), g.places(), g.group());
    let mut y = vec![E::zero(); g.b * g.o * places];
    y.par_chunks_mut((group * g.o * places).max(1)).zip(x.par_chunks((group * g.image()).max(1))).for_each_init(
        || (Vec::new(), Vec::new()),
        |(unfolded, product), (y, x)| {
            let n = x.len() / g.image();
            let cols = n * places;
            unfolded.resize(taps * cols, E::zero());
            for (r, row) in unfolded.chunks_exact_mut(cols).enumerate() {
                for (image, dst) in x.chunks_exact(g.image()).zip(row.chunks_exact_mut(places)) {
                    unfold_row(g, r, image, dst);
                }
            }
            let (lhs, rhs) = (Mat::rows(w, g.o, taps), Mat::rows(unfolded, taps, cols));
            if n == 1 {
                matmul(y, cols, lhs, rhs, false);
            } else {
                product.resize(g.o * cols, E::zero());
                matmul(product, cols, lhs, rhs, false);
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
    let gy = channels_first(g, gy);
    if let Some(gw) = gw {
        grad_weight(g, x, &gy, gw);
    }
    if let Some(gx) = gx {
        grad_input(g, w, &gy, gx);
    }
}

/// `gw += gy · unfold(x)ᵀ`, each task owning some taps over the whole batch, so that no sum is split between threads.
fn grad_weight<E: Real>(g: &Geometry, x: &[E], gy: &[E], gw: &mut [E]) {
    let (taps, places) = (g.taps(), g.places());
    let step = taps.div_ceil(8).next_multiple_of(16).min(taps);
    let per_block = (1024 / places.max(1)).clamp(1, g.b.max(1));
    let shared = Shared::new(gw);
    (0..taps.div_ceil(step)).into_par_iter().for_each(|task| {
        let first = task * step;
        let count = step.min(taps - first);
        let mut unfolded = Vec::new();
        let mut product = vec![E::zero(); g.o * count];
        for block in (0..g.b).step_by(per_block) {
            let images = per_block.min(g.b - block);
            let cols = images * places;
            unfolded.resize(count * cols, E::zero());
            for (r, row) in unfolded.chunks_exact_mut(cols).enumerate() {
                for (b, dst) in row.chunks_exact_mut(places).enumerate() {
                    unfold_row(g, first + r, &x[(block + b) * g.image()..][..g.image()], dst);
                }
            }
            let lhs = Mat::strided(&gy[block * places..], g.o, cols, g.b * places, 1);
            matmul(&mut product, count, lhs, Mat::rows(&unfolded, count, cols).t(), block > 0);
        }
        for (o, row) in product.chunks_exact(count).enumerate() {
            // SAFETY: this task alone touches columns `first..first + count` of the gradient.
            let dst = unsafe { shared.slice(o * taps + first, count) };
            dst.iter_mut().zip(row).for_each(|(d, &v)| *d += v);
        }
    });
}

/// `gx += fold(wᵀ · gy)`, each task owning some images.
fn grad_input<E: Real>(g: &Geometry, w: &[E], gy: &[E], gx: &mut [E]) {
    let (taps, places, group) = (g.taps(), g.places(), g.group());
    gx.par_chunks_mut((group * g.image()).max(1)).enumerate().for_each_init(Vec::new, |product, (task, gx)| {
        let cols = gx.len() / g.image() * places;
        product.resize(taps * cols, E::zero());
        let rhs = Mat::strided(&gy[task * group * places..], g.o, cols, g.b * places, 1);
        matmul(product, cols, Mat::rows(w, g.o, taps).t(), rhs, false);
        for (r, row) in product.chunks_exact(cols).enumerate() {
            for (image, values) in gx.chunks_exact_mut(g.image()).zip(row.chunks_exact(places)) {
                fold_row(g, r, values, image);
            }
        }
    });
}

/// `x` such that `forward` is its transpose: the forward pass of a transposed convolution, `gy [B, O, OH, OW]` →
/// `[B, I, H, W]`.
pub(crate) fn transpose_forward<E: Real>(g: &Geometry, gy: &[E], w: &[E]) -> Vec<E> {
    let mut x = vec![E::zero(); g.b * g.image()];
    grad_input(g, w, &channels_first(g, gy), &mut x);
    x
}
