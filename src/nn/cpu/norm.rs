//! Batch norm over `[N, C, L]` (L = 1 for vectors, H·W for maps) and layer norm over rows.

use super::gemm::{Real, Shared, add_column_sums, written};
use rayon::prelude::*;

/// Statistics of one pass, kept for the backward pass.
#[derive(Clone, Debug)]
pub(crate) struct BatchStats<E> {
    /// Mean of each channel, `[C]`.
    pub mean: Vec<E>,
    /// Biased variance of each channel, `[C]`.
    pub var: Vec<E>,
}

/// The sum of `f(value)` over a slice: sixteen running sums for the vector unit, then `f64`.
fn sum_of<E: Real>(values: &[E], f: impl Fn(E) -> E) -> f64 {
    let mut lanes = [E::zero(); 16];
    let chunks = values.chunks_exact(16);
    let tail: f64 = chunks.remainder().iter().map(|&v| f(v).wide()).sum();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(l, &v)| *l += f(v));
    }
    tail + lanes.iter().map(|l| l.wide()).sum::<f64>()
}

/// The same over two slices.
fn sum_of_pairs<E: Real>(a: &[E], b: &[E], f: impl Fn(E, E) -> E) -> f64 {
    let mut lanes = [E::zero(); 16];
    let (ca, cb) = (a.chunks_exact(16), b.chunks_exact(16));
    let tail: f64 = ca.remainder().iter().zip(cb.remainder()).map(|(&x, &y)| f(x, y).wide()).sum();
    for (x, y) in ca.zip(cb) {
        for ((l, &x), &y) in lanes.iter_mut().zip(x).zip(y) {
            *l += f(x, y);
        }
    }
    tail + lanes.iter().map(|l| l.wide()).sum::<f64>()
}

/// Mean and biased variance of each channel over the batch and all places.
pub(crate) fn batch_stats<E: Real>(x: &[E], c: usize, l: usize) -> BatchStats<E> {
    let n = x.len() / (c * l);
    let count = (n * l) as f64;
    let (mean, var) = if l == 1 {
        let mut mean = vec![0f64; c];
        let mut var = vec![0f64; c];
        for row in x.chunks_exact(c) {
            mean.iter_mut().zip(row).for_each(|(m, v)| *m += v.wide());
        }
        mean.iter_mut().for_each(|m| *m /= count);
        for row in x.chunks_exact(c) {
            for ((s, m), v) in var.iter_mut().zip(&mean).zip(row) {
                let d = v.wide() - m;
                *s += d * d;
            }
        }
        var.iter_mut().for_each(|s| *s /= count);
        (mean.into_iter().map(E::of).collect(), var.into_iter().map(E::of).collect())
    } else {
        (0..c)
            .into_par_iter()
            .map(|ch| {
                let planes = || (0..n).map(|b| &x[(b * c + ch) * l..][..l]);
                let mean = E::of(planes().map(|p| sum_of(p, |v| v)).sum::<f64>() / count);
                let var = planes().map(|p| sum_of(p, |v| (v - mean) * (v - mean))).sum::<f64>() / count;
                (mean, E::of(var))
            })
            .unzip()
    };
    BatchStats { mean, var }
}

/// `y = (x − mean)/√(var + ε)·scale + bias`, then `max(0, ·)` when `relu`.
pub(crate) fn batch_apply<E: Real>(
    x: &[E],
    l: usize,
    stats: &BatchStats<E>,
    scale: &[E],
    bias: &[E],
    eps: f64,
    relu: bool,
) -> Vec<E> {
    let c = scale.len();
    let gain: Vec<E> = stats.var.iter().zip(scale).map(|(&v, &s)| s / (v + E::of(eps)).sqrt()).collect();
    let shift: Vec<E> = (0..c).map(|i| bias[i] - stats.mean[i] * gain[i]).collect();
    let floor = if relu { E::zero() } else { E::neg_infinity() };
    // `max` with a number first would hide NaN; a comparison keeps it.
    let act = move |v: E| if v < floor { floor } else { v };
    let apply = |(y, x): (&mut [E], &[E])| {
        if l == 1 {
            for i in 0..c {
                y[i] = act(x[i] * gain[i] + shift[i]);
            }
        } else {
            for (ch, (y, x)) in y.chunks_exact_mut(l).zip(x.chunks_exact(l)).enumerate() {
                let (a, b) = (gain[ch], shift[ch]);
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = act(x * a + b));
            }
        }
    };
    let image = (c * l).max(1);
    assert_eq!(x.len() % image, 0, "whole images");
    // SAFETY: each image's numbers are written from those of `x`.
    unsafe { written(x.len(), |y| y.par_chunks_mut(image).zip(x.par_chunks(image)).for_each(apply)) }
}

/// Adds the gradients of a training pass to `gx`, `gscale`, `gbias`. `gy` is masked by the activation already.
pub(crate) fn batch_backward<E: Real>(
    x: &[E],
    l: usize,
    stats: &BatchStats<E>,
    scale: &[E],
    eps: f64,
    gy: &[E],
    gx: &mut [E],
) -> (Vec<E>, Vec<E>) {
    let c = scale.len();
    let n = x.len() / (c * l).max(1);
    let count = (n * l) as f64;
    let inv: Vec<f64> = stats.var.iter().map(|v| 1.0 / (v.wide() + eps).sqrt()).collect();
    if l == 1 {
        let (mut sum, mut dot) = (vec![0f64; c], vec![0f64; c]);
        for (g, v) in gy.chunks_exact(c).zip(x.chunks_exact(c)) {
            for i in 0..c {
                sum[i] += g[i].wide();
                dot[i] += g[i].wide() * (v[i].wide() - stats.mean[i].wide()) * inv[i];
            }
        }
        for ((gx, g), v) in gx.chunks_exact_mut(c).zip(gy.chunks_exact(c)).zip(x.chunks_exact(c)) {
            for i in 0..c {
                let xhat = (v[i].wide() - stats.mean[i].wide()) * inv[i];
                gx[i] += E::of(scale[i].wide() * inv[i] * (g[i].wide() - sum[i] / count - xhat * dot[i] / count));
            }
        }
        return (dot.into_iter().map(E::of).collect(), sum.into_iter().map(E::of).collect());
    }
    let shared = Shared::new(gx);
    (0..c)
        .into_par_iter()
        .map(|ch| {
            let mean = stats.mean[ch];
            let at = |b: usize| (b * c + ch) * l;
            let (mut sum, mut dot) = (0f64, 0f64);
            for b in 0..n {
                let (g, v) = (&gy[at(b)..][..l], &x[at(b)..][..l]);
                sum += sum_of(g, |g| g);
                dot += sum_of_pairs(g, v, |g, v| g * (v - mean));
            }
            dot *= inv[ch];
            // gx = s·inv·(g − sum/N − x̂·dot/N), written as a·g + b·x + c.
            let a = scale[ch].wide() * inv[ch];
            let slope = -a * inv[ch] * dot / count;
            let (a, slope, offset) = (E::of(a), E::of(slope), E::of(-a * sum / count));
            for b in 0..n {
                // SAFETY: this task alone touches channel `ch`.
                let gx = unsafe { shared.slice(at(b), l) };
                for ((d, &g), &v) in gx.iter_mut().zip(&gy[at(b)..][..l]).zip(&x[at(b)..][..l]) {
                    *d += a * g + slope * (v - mean) + offset;
                }
            }
            (E::of(dot), E::of(sum))
        })
        .unzip()
}

/// Mean and `1/√(var + ε)` of each row of `x [N, F]`.
pub(crate) fn row_stats<E: Real>(x: &[E], f: usize, eps: f64) -> Vec<(E, E)> {
    x.par_chunks(f.max(1))
        .map(|row| {
            let mean = E::of(sum_of(row, |v| v) / f as f64);
            let var = sum_of(row, |v| (v - mean) * (v - mean)) / f as f64;
            (mean, E::of(1.0 / (var + eps).sqrt()))
        })
        .collect()
}

/// Layer norm of each row: `(x − mean)/√(var + ε)·scale + bias` (Ba, Kiros & Hinton 2016).
pub(crate) fn layer_forward<E: Real>(x: &[E], stats: &[(E, E)], scale: &[E], bias: &[E]) -> Vec<E> {
    let f = scale.len();
    assert_eq!(x.len(), f * stats.len(), "a mean for each row");
    let apply = |((y, x), &(mean, inv)): ((&mut [E], &[E]), &(E, E))| {
        for i in 0..f {
            y[i] = (x[i] - mean) * inv * scale[i] + bias[i];
        }
    };
    // SAFETY: each row is written, from that of `x`.
    unsafe { written(x.len(), |y| y.par_chunks_mut(f).zip(x.par_chunks(f)).zip(stats.par_iter()).for_each(apply)) }
}

/// Adds the gradients of [`layer_forward`].
pub(crate) fn layer_backward<E: Real>(
    x: &[E],
    stats: &[(E, E)],
    scale: &[E],
    gy: &[E],
    gx: &mut [E],
    gscale: &mut [E],
    gbias: &mut [E],
) {
    let f = scale.len();
    let size = E::of(f as f64);
    let mut weighted = vec![E::zero(); x.len()];
    gx.par_chunks_mut(f)
        .zip(weighted.par_chunks_mut(f))
        .zip(x.par_chunks(f))
        .zip(gy.par_chunks(f))
        .zip(stats.par_iter())
        .for_each(|((((gx, weighted), x), gy), &(mean, inv))| {
            let (mut sum, mut dot) = (E::zero(), E::zero());
            for i in 0..f {
                let xhat = (x[i] - mean) * inv;
                let g = gy[i] * scale[i];
                weighted[i] = gy[i] * xhat;
                sum += g;
                dot += g * xhat;
            }
            for i in 0..f {
                let xhat = (x[i] - mean) * inv;
                gx[i] += inv * (gy[i] * scale[i] - sum / size - xhat * dot / size);
            }
        });
    add_column_sums(gscale, &weighted);
    add_column_sums(gbias, gy);
}
