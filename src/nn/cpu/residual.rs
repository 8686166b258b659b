//! Two linear layers beside a linear shortcut, and layer norm of their sum, as one operation.
//!
//! Apart, each of the four would leave its output and that output's gradient, and sides of products would be prepared
//! several times; here the hidden layer and the sum are all that is kept, and each side is prepared once.

use super::gemm::{Mat, Real, add_column_sums, written};
use super::norm::{layer_forward, row_stats};
use super::operand::{Operand, par_multiply, par_product};
use crate::nn::Precision;
use rayon::prelude::*;

/// Weights `[O, I]` and bias `[O]` of a linear layer.
#[derive(Clone, Copy)]
pub(crate) struct Layer<'a, E> {
    pub w: &'a [E],
    pub b: &'a [E],
}

/// `norm(second(max(0, first(x))) + shortcut(x))`: `I → U`, `U → U`, `I → U`.
#[derive(Clone, Copy)]
pub(crate) struct Residual<'a, E> {
    pub first: Layer<'a, E>,
    pub second: Layer<'a, E>,
    pub shortcut: Layer<'a, E>,
    pub scale: &'a [E],
    pub bias: &'a [E],
    pub epsilon: f64,
}

/// What the backward pass needs: the hidden layer and the sum, `[N, U]`, and the sum's mean and scale in each row.
pub(crate) struct Kept<E> {
    hidden: Vec<E>,
    sum: Vec<E>,
    stats: Vec<(E, E)>,
}

impl<'a, E: Real> Residual<'a, E> {
    /// The same layers where their numbers are `f32`.
    pub(crate) fn singles(&self) -> Option<Residual<'a, f32>> {
        let &Self { first, second, shortcut, scale, bias, epsilon } = self;
        let layer = |Layer { w, b }| Some(Layer { w: E::singles(w)?, b: E::singles(b)? });
        Some(Residual {
            first: layer(first)?,
            second: layer(second)?,
            shortcut: layer(shortcut)?,
            scale: E::singles(scale)?,
            bias: E::singles(bias)?,
            epsilon,
        })
    }

    /// Units, and features of a row.
    fn sizes(&self) -> (usize, usize) {
        let u = self.scale.len();
        (u, self.first.w.len() / u)
    }

    /// Rows of `x [N, I]` through the layers: `[N, U]`.
    pub(crate) fn forward(&self, x: &[E]) -> (Vec<E>, Kept<E>) {
        let precision = Precision::current();
        let (u, i) = self.sizes();
        let n = x.len() / i;
        let x = Operand::left(Mat::rows(x, n, i), u, precision);
        let right = |w, i| Operand::right(Mat::rows(w, u, i).t(), n, precision);
        let hidden = par_product(&x, &right(self.first.w, i), |_, c0, row| {
            for (v, &b) in row.iter_mut().zip(&self.first.b[c0..]) {
                let sum = *v + b;
                *v = if sum < E::zero() { E::zero() } else { sum };
            }
        });
        let of_hidden = Operand::left(Mat::rows(&hidden, n, u), u, precision);
        let mut sum = par_product(&of_hidden, &right(self.second.w, u), |_, c0, row| {
            for ((v, &b), &c) in row.iter_mut().zip(&self.second.b[c0..]).zip(&self.shortcut.b[c0..]) {
                *v += b + c;
            }
        });
        par_multiply(&mut sum, &x, &right(self.shortcut.w, i), true, |_, _, _| ());
        let stats = row_stats(&sum, u, self.epsilon);
        (layer_forward(&sum, &stats, self.scale, self.bias), Kept { hidden, sum, stats })
    }

    /// Adds the gradients of `sum(gy · forward(x))` to those of `x` and the layers.
    pub(crate) fn backward(&self, x: &[E], kept: &Kept<E>, gy: &[E], gx: &mut [E], g: &mut Grads<E>) {
        let precision = Precision::current();
        let (u, i) = self.sizes();
        let n = x.len() / i;
        let (gs, rows) = self.before_norm(kept, gy);
        for part in &rows {
            super::add_to(&mut g.scale, &part[..u]);
            super::add_to(&mut g.bias, &part[u..2 * u]);
            super::add_to(&mut g.second_b, &part[2 * u..]);
            super::add_to(&mut g.shortcut_b, &part[2 * u..]);
        }
        let right = |m, rows, cols, others| Operand::right(Mat::rows(m, rows, cols), others, precision);
        let of_x = right(x, n, i, u);
        let down = Operand::left(Mat::rows(&gs, n, u).t(), u, precision);
        par_multiply(&mut g.second_w, &down, &right(&kept.hidden, n, u, u), true, |_, _, _| ());
        par_multiply(&mut g.shortcut_w, &down, &of_x, true, |_, _, _| ());
        drop(down);
        let along = Operand::left(Mat::rows(&gs, n, u), u, precision);
        par_multiply(gx, &along, &right(self.shortcut.w, u, i, n), true, |_, _, _| ());
        let gh = par_product(&along, &right(self.second.w, u, u, n), |r, c0, row| {
            let hidden = &kept.hidden[r * u + c0..][..row.len()];
            row.iter_mut().zip(hidden).for_each(|(g, &h)| *g = if h > E::zero() { *g } else { E::zero() });
        });
        add_column_sums(&mut g.first_b, &gh);
        let gh = Mat::rows(&gh, n, u);
        par_multiply(&mut g.first_w, &Operand::left(gh.t(), i, precision), &of_x, true, |_, _, _| ());
        par_multiply(gx, &Operand::left(gh, i, precision), &right(self.first.w, u, i, n), true, |_, _, _| ());
    }

    /// The gradient of the sum, `[N, U]`, and of some rows each, `[scale, bias, sum over rows of the gradient]`.
    fn before_norm(&self, kept: &Kept<E>, gy: &[E]) -> (Vec<E>, Vec<Vec<E>>) {
        let u = self.scale.len();
        let size = E::of(u as f64);
        let block = gy.len().div_ceil(u).div_ceil(16).max(1);
        let rows = |(((gs, sum), gy), stats): (((&mut [E], &[E]), &[E]), &[(E, E)])| {
            let mut part = vec![E::zero(); 3 * u];
            let (of_scale, rest) = part.split_at_mut(u);
            let (of_bias, of_sum) = rest.split_at_mut(u);
            let rows = gs.chunks_exact_mut(u).zip(sum.chunks_exact(u)).zip(gy.chunks_exact(u)).zip(stats);
            for (((gs, sum), gy), &(mean, inv)) in rows {
                // Sixteen running sums, for the vector unit.
                let (mut sums, mut dots) = ([E::zero(); 16], [E::zero(); 16]);
                for c in 0..u {
                    let normal = (sum[c] - mean) * inv;
                    let g = gy[c] * self.scale[c];
                    of_scale[c] += gy[c] * normal;
                    of_bias[c] += gy[c];
                    sums[c % 16] += g;
                    dots[c % 16] += g * normal;
                }
                let mean_g = sums.into_iter().sum::<E>() / size;
                let mean_dot = dots.into_iter().sum::<E>() / size;
                for c in 0..u {
                    let normal = (sum[c] - mean) * inv;
                    gs[c] = inv * (gy[c] * self.scale[c] - mean_g - normal * mean_dot);
                    of_sum[c] += gs[c];
                }
            }
            part
        };
        let mut parts = Vec::new();
        // SAFETY: `sum` and `gy` are of the gradient's length, and each of its numbers is written from theirs.
        let gs = unsafe {
            written(gy.len(), |gs: &mut [E]| {
                let blocks = gs.par_chunks_mut(block * u).zip(kept.sum.par_chunks(block * u));
                parts = blocks.zip(gy.par_chunks(block * u)).zip(kept.stats.par_chunks(block)).map(rows).collect();
            })
        };
        (gs, parts)
    }
}

/// The gradients of a [`Residual`]'s tensors, which it adds to.
pub(crate) struct Grads<E> {
    pub first_w: Vec<E>,
    pub first_b: Vec<E>,
    pub second_w: Vec<E>,
    pub second_b: Vec<E>,
    pub shortcut_w: Vec<E>,
    pub shortcut_b: Vec<E>,
    pub scale: Vec<E>,
    pub bias: Vec<E>,
}

impl<E> Grads<E> {
    /// Each of them by `f`.
    pub(crate) fn map<T>(self, f: impl Fn(Vec<E>) -> Vec<T>) -> Grads<T> {
        Grads {
            first_w: f(self.first_w),
            first_b: f(self.first_b),
            second_w: f(self.second_w),
            second_b: f(self.second_b),
            shortcut_w: f(self.shortcut_w),
            shortcut_b: f(self.shortcut_b),
            scale: f(self.scale),
            bias: f(self.bias),
        }
    }
}
