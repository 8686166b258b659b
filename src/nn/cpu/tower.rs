//! A multilayer perceptron on a block of rows: all layers, forward and backward, in one task.
//!
//! Activations lie with a feature to a row, `[features, n]`. So `W·xᵀ` and `Wᵀ·d` read the weights as they are stored, and
//! nothing but the block's own rows is ever turned round.

use super::gemm::{Mat, Real, copy_squares, matmul, written};
use super::sum;

/// A layer's weights `[O, I]` and bias `[O]`.
#[derive(Clone, Copy)]
pub(crate) struct Layer<'a, E> {
    pub w: &'a [E],
    pub b: &'a [E],
}

impl<E: Real> Layer<'_, E> {
    /// O and I.
    fn sizes(&self) -> (usize, usize) {
        (self.b.len(), self.w.len() / self.b.len())
    }

    /// A gradient of zero.
    pub(crate) fn zeros(&self) -> LayerGrad<E> {
        LayerGrad { w: vec![E::zero(); self.w.len()], b: vec![E::zero(); self.b.len()] }
    }
}

/// A layer's gradients.
pub(crate) struct LayerGrad<E> {
    pub w: Vec<E>,
    pub b: Vec<E>,
}

widest!(fn clip<E: Real>(x: &mut [E]) = clip_body);
widest!(fn mask<E: Real>(d: &mut [E], output: &[E]) = mask_body);
widest!(fn add_row_sums<E: Real>(sums: &mut [E], d: &[E]) = add_row_sums_body);

/// `max(0, ·)`.
#[inline(always)]
fn clip_body<E: Real>(x: &mut [E]) {
    x.iter_mut().for_each(|v| *v = if *v < E::zero() { E::zero() } else { *v });
}

/// The gradient before `max(0, ·)`, which gave `output`.
#[inline(always)]
fn mask_body<E: Real>(d: &mut [E], output: &[E]) {
    d.iter_mut().zip(output).for_each(|(d, &y)| *d = if y <= E::zero() { E::zero() } else { *d });
}

#[inline(always)]
fn add_row_sums_body<E: Real>(sums: &mut [E], d: &[E]) {
    let n = d.len() / sums.len();
    sums.iter_mut().zip(d.chunks_exact(n)).for_each(|(s, row)| *s += sum(row));
}

/// The transpose of `x`, which has rows of `cols`.
fn turned<E: Real>(x: &[E], rows: usize, cols: usize) -> Vec<E> {
    // SAFETY: each number is written from one of `x`.
    unsafe { written(x.len(), |out| copy_squares(Mat::rows(x, rows, cols).t(), out)) }
}

/// The input of each layer and the output of the last, each `[features, n]`, for `n` rows `x`. `max(0, ·)` follows every
/// layer but the last.
pub(crate) fn forward<E: Real>(layers: &[Layer<E>], x: &[E], n: usize) -> Vec<Vec<E>> {
    let mut kept = vec![turned(x, n, x.len() / n)];
    for (at, layer) in layers.iter().enumerate() {
        let (o, i) = layer.sizes();
        // The product is added to the bias.
        let mut out = Vec::with_capacity(o * n);
        layer.b.iter().for_each(|&b| out.resize(out.len() + n, b));
        matmul(&mut out, n, Mat::rows(layer.w, o, i), Mat::rows(&kept[at], i, n), true);
        if at + 1 < layers.len() {
            clip(&mut out);
        }
        kept.push(out);
    }
    kept
}

/// Adds the gradients of `layers` to `grads` and returns that of the rows, `[n, I]`. `kept` is what [`forward`] returned,
/// `d` the gradient of its last, `[features, n]`.
pub(crate) fn backward<E: Real>(
    layers: &[Layer<E>],
    kept: &[Vec<E>],
    mut d: Vec<E>,
    n: usize,
    grads: &mut [LayerGrad<E>],
) -> Vec<E> {
    for (at, (layer, g)) in layers.iter().zip(grads).enumerate().rev() {
        let (o, i) = layer.sizes();
        if at + 1 < layers.len() {
            mask(&mut d, &kept[at + 1]);
        }
        add_row_sums(&mut g.b, &d);
        // Turned here, in squares, which takes less than what `gemm` would do to it.
        let input = turned(&kept[at], i, n);
        matmul(&mut g.w, i, Mat::rows(&d, o, n), Mat::rows(&input, n, i), true);
        let (left, right) = (Mat::rows(layer.w, o, i).t(), Mat::rows(&d, o, n));
        // SAFETY: the product writes every number, and reads none.
        d = unsafe { written(i * n, |below| matmul(below, n, left, right, false)) };
    }
    turned(&d, d.len() / n, n)
}
