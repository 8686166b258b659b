//! The network of the non-linear probe: linear, dropout, batch norm, ReLU, linear, softmax.

use crate::nn::Real;
use crate::nn::cpu::gemm::{Mat, matmul};
use rand::Rng;
use rayon::prelude::*;

/// Features per chunk of the first layer; each chunk is one thread's work.
pub(super) const CHUNK: usize = 256;
/// Added to the variance (PyTorch's `BatchNorm1d`).
const EPSILON: f64 = 1e-5;
/// Weight of the newest batch in the running statistics (PyTorch's `BatchNorm1d`).
const MOMENTUM: f64 = 0.1;

/// Weights of the non-linear probe, or their gradient: F features, H hidden units, K classes.
#[derive(Debug, Clone, PartialEq)]
pub struct MlpParams<T> {
    /// First layer, `[F, H]` row-major.
    pub w1: Vec<T>,
    /// Its bias, `[H]`.
    pub b1: Vec<T>,
    /// Scale of the batch norm, `[H]`.
    pub gamma: Vec<T>,
    /// Shift of the batch norm, `[H]`.
    pub beta: Vec<T>,
    /// Second layer, `[H, K]` row-major.
    pub w2: Vec<T>,
    /// Its bias, `[K]`.
    pub b2: Vec<T>,
}

impl<T: Real> MlpParams<T> {
    /// Weights and biases uniform in ±1/√fan-in (as PyTorch's `nn.Linear`), batch norm the identity.
    pub fn init(features: usize, hidden: usize, classes: usize, rng: &mut impl Rng) -> Self {
        let mut uniform = |len: usize, fan_in: usize| {
            let bound = 1.0 / (fan_in as f64).sqrt();
            (0..len).map(|_| T::of(rng.gen_range(-bound..bound))).collect::<Vec<T>>()
        };
        Self {
            w1: uniform(features * hidden, features),
            b1: uniform(hidden, features),
            gamma: vec![T::of(1.0); hidden],
            beta: vec![T::default(); hidden],
            w2: uniform(hidden * classes, hidden),
            b2: uniform(classes, hidden),
        }
    }

    /// All zero, the same sizes.
    pub fn zeros_like(&self) -> Self {
        let zeros = |v: &Vec<T>| vec![T::default(); v.len()];
        Self {
            w1: zeros(&self.w1),
            b1: zeros(&self.b1),
            gamma: zeros(&self.gamma),
            beta: zeros(&self.beta),
            w2: zeros(&self.w2),
            b2: zeros(&self.b2),
        }
    }

    /// Goes that share of the way to `other`, of the same sizes.
    pub(super) fn move_towards(&mut self, other: &Self, share: T) {
        self.w1.par_chunks_mut(CHUNK * CHUNK).zip(other.w1.par_chunks(CHUNK * CHUNK)).for_each(|(w, o)| {
            go_towards(w, o, share);
        });
        for (p, o) in [
            (&mut self.b1, &other.b1),
            (&mut self.gamma, &other.gamma),
            (&mut self.beta, &other.beta),
            (&mut self.w2, &other.w2),
            (&mut self.b2, &other.b2),
        ] {
            go_towards(p, o, share);
        }
    }

    /// Mean cross-entropy (nats per row) of a batch in training mode, and its gradient, by the kernels that train.
    ///
    /// `x` is `[B, F]` row-major with B > 1; `mask` `[B, H]` multiplies the output of the first layer (dropout: zero or
    /// one over the probability to keep). In `f64` this is what finite differences are held against.
    ///
    /// # Panics
    /// When the lengths do not fit together or a label is at or over K.
    pub fn loss_and_gradient(&self, x: &[T], labels: &[u32], mask: &[T]) -> (f64, Self) {
        let (rows, hidden) = (labels.len(), self.hidden());
        let dim = self.w1.len() / hidden;
        assert!(rows > 1 && x.len() == rows * dim && mask.len() == rows * hidden, "lengths do not fit together");
        let all: Vec<usize> = (0..rows).collect();
        let chunks = gather(x, dim, &all);
        let pre = self.first_layer(&chunks, rows);
        let head = self.head(pre, labels, mask);
        let mut gradient = head.gradient;
        gradient.w1 = vec![T::default(); self.w1.len()];
        gradient
            .w1
            .par_chunks_mut(CHUNK * hidden)
            .zip(&chunks)
            .for_each(|(g, x)| first_gradient(g, x, &head.d_pre, rows));
        (head.loss, gradient)
    }

    /// Number of hidden units H.
    pub fn hidden(&self) -> usize {
        self.b1.len()
    }

    /// `x w1 + b1` of a gathered batch: `[B, H]`. Chunks of features in parallel, their sums added in order.
    pub(super) fn first_layer(&self, chunks: &[Vec<T>], rows: usize) -> Vec<T> {
        let hidden = self.hidden();
        let parts: Vec<Vec<T>> = chunks
            .par_iter()
            .zip(self.w1.par_chunks(CHUNK * hidden))
            .map(|(x, w)| {
                let mut part = vec![T::default(); rows * hidden];
                let width = w.len() / hidden;
                matmul(&mut part, hidden, Mat::rows(x, rows, width), Mat::rows(w, width, hidden), false);
                part
            })
            .collect();
        let mut sum = vec![T::default(); rows * hidden];
        let band = 32 * hidden;
        sum.par_chunks_mut(band).enumerate().for_each(|(c, sum)| {
            for row in sum.chunks_exact_mut(hidden) {
                row.copy_from_slice(&self.b1);
            }
            for part in &parts {
                sum.iter_mut().zip(&part[c * band..]).for_each(|(s, &p)| *s += p);
            }
        });
        sum
    }

    /// All after the first layer, forward and back. `pre` is `[B, H]`.
    pub(super) fn head(&self, pre: Vec<T>, labels: &[u32], mask: &[T]) -> Head<T> {
        let (rows, hidden, classes) = (labels.len(), self.hidden(), self.b2.len());
        let n = T::of(rows as f64);
        // dropout
        let mut normal = pre;
        normal.iter_mut().zip(mask).for_each(|(v, &m)| *v *= m);
        // batch norm
        let mut mean = vec![T::default(); hidden];
        add_rows(&mut mean, &normal);
        mean.iter_mut().for_each(|m| *m /= n);
        let mut variance = vec![T::default(); hidden];
        for row in normal.chunks_exact_mut(hidden) {
            for ((v, &m), s) in row.iter_mut().zip(&mean).zip(&mut variance) {
                *v -= m;
                *s += *v * *v;
            }
        }
        variance.iter_mut().for_each(|v| *v /= n);
        let scale: Vec<T> = variance.iter().map(|&v| T::of(1.0) / (v + T::of(EPSILON)).sqrt()).collect();
        let mut active = vec![T::default(); rows * hidden];
        for (row, out) in normal.chunks_exact_mut(hidden).zip(active.chunks_exact_mut(hidden)) {
            for h in 0..hidden {
                row[h] *= scale[h];
                let v = row[h] * self.gamma[h] + self.beta[h];
                out[h] = if v > T::default() { v } else { T::default() };
            }
        }
        // second layer and cross-entropy
        let mut d_score = self.second_layer(&active, rows);
        let loss = super::softmax::residuals(&mut d_score, labels, classes, 1.0 / rows as f64) / rows as f64;
        // back
        let mut gradient = Self {
            w1: Vec::new(),
            b1: vec![T::default(); hidden],
            gamma: vec![T::default(); hidden],
            beta: vec![T::default(); hidden],
            w2: vec![T::default(); hidden * classes],
            b2: vec![T::default(); classes],
        };
        matmul(
            &mut gradient.w2,
            classes,
            Mat::rows(&active, rows, hidden).t(),
            Mat::rows(&d_score, rows, classes),
            false,
        );
        add_rows(&mut gradient.b2, &d_score);
        let mut d_pre = vec![T::default(); rows * hidden];
        matmul(&mut d_pre, hidden, Mat::rows(&d_score, rows, classes), Mat::rows(&self.w2, hidden, classes).t(), false);
        for ((d, a), x) in
            d_pre.chunks_exact_mut(hidden).zip(active.chunks_exact(hidden)).zip(normal.chunks_exact(hidden))
        {
            for h in 0..hidden {
                d[h] = if a[h] > T::default() { d[h] } else { T::default() };
                gradient.beta[h] += d[h];
                gradient.gamma[h] += d[h] * x[h];
            }
        }
        for ((d, x), m) in
            d_pre.chunks_exact_mut(hidden).zip(normal.chunks_exact(hidden)).zip(mask.chunks_exact(hidden))
        {
            for h in 0..hidden {
                let centred = d[h] - (gradient.beta[h] + x[h] * gradient.gamma[h]) / n;
                d[h] = centred * self.gamma[h] * scale[h] * m[h];
                gradient.b1[h] += d[h];
            }
        }
        Head { loss, gradient, d_pre, mean, variance }
    }

    /// `x w2 + b2`: `[B, K]`.
    fn second_layer(&self, x: &[T], rows: usize) -> Vec<T> {
        let classes = self.b2.len();
        let mut out: Vec<T> = self.b2.iter().copied().cycle().take(rows * classes).collect();
        matmul(&mut out, classes, Mat::rows(x, rows, self.hidden()), Mat::rows(&self.w2, self.hidden(), classes), true);
        out
    }

    /// Scores `[N, K]` in evaluation mode (no dropout, running statistics) of `x` `[N, F]`.
    pub(super) fn evaluate(&self, running: &Running<T>, x: &[T], rows: usize) -> Vec<T> {
        let (hidden, classes) = (self.hidden(), self.b2.len());
        let dim = x.len() / rows;
        let band = 256;
        let mut scores = vec![T::default(); rows * classes];
        scores.par_chunks_mut(band * classes).zip(x.par_chunks(band * dim)).for_each(|(out, x)| {
            let rows = x.len() / dim;
            let mut z: Vec<T> = self.b1.iter().copied().cycle().take(rows * hidden).collect();
            matmul(&mut z, hidden, Mat::rows(x, rows, dim), Mat::rows(&self.w1, dim, hidden), true);
            for row in z.chunks_exact_mut(hidden) {
                for (h, v) in row.iter_mut().enumerate() {
                    let scale = self.gamma[h] / (running.variance[h] + T::of(EPSILON)).sqrt();
                    let normal = (*v - running.mean[h]) * scale + self.beta[h];
                    *v = if normal > T::default() { normal } else { T::default() };
                }
            }
            out.copy_from_slice(&self.second_layer(&z, rows));
        });
        scores
    }
}

/// What the second half of a step gives.
pub(super) struct Head<T> {
    /// Mean cross-entropy, nats per row.
    pub loss: f64,
    /// Of everything but `w1`.
    pub gradient: MlpParams<T>,
    /// Gradient at the output of the first layer, `[B, H]`.
    pub d_pre: Vec<T>,
    mean: Vec<T>,
    variance: Vec<T>,
}

/// Running statistics of the batch norm.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Running<T> {
    mean: Vec<T>,
    variance: Vec<T>,
}

impl<T: Real> Running<T> {
    pub fn new(hidden: usize) -> Self {
        Self { mean: vec![T::default(); hidden], variance: vec![T::of(1.0); hidden] }
    }

    /// Goes that share of the way to `other`, of the same sizes.
    pub fn move_towards(&mut self, other: &Self, share: T) {
        go_towards(&mut self.mean, &other.mean, share);
        go_towards(&mut self.variance, &other.variance, share);
    }

    /// Takes in the statistics of a batch of `rows` (variance made unbiased, as PyTorch does).
    pub fn update(&mut self, head: &Head<T>, rows: usize) {
        let (old, new) = (T::of(1.0 - MOMENTUM), T::of(MOMENTUM));
        let unbiased = T::of(MOMENTUM * rows as f64 / (rows as f64 - 1.0));
        self.mean.iter_mut().zip(&head.mean).for_each(|(r, &b)| *r = old * *r + new * b);
        self.variance.iter_mut().zip(&head.variance).for_each(|(r, &b)| *r = old * *r + unbiased * b);
    }
}

/// Copies rows of `x` `[N, dim]` into one dense block `[indices, width]` per chunk of features.
pub(super) fn gather<T: Real>(x: &[T], dim: usize, indices: &[usize]) -> Vec<Vec<T>> {
    (0..dim.div_ceil(CHUNK))
        .into_par_iter()
        .map(|c| {
            let (from, to) = (c * CHUNK, dim.min((c + 1) * CHUNK));
            let mut block = Vec::with_capacity(indices.len() * (to - from));
            for &i in indices {
                block.extend_from_slice(&x[i * dim + from..i * dim + to]);
            }
            block
        })
        .collect()
}

/// `xᵀ d` of one chunk: `[width, H]`.
pub(super) fn first_gradient<T: Real>(out: &mut [T], x: &[T], d_pre: &[T], rows: usize) {
    let (width, hidden) = (x.len() / rows, d_pre.len() / rows);
    matmul(out, hidden, Mat::rows(x, rows, width).t(), Mat::rows(d_pre, rows, hidden), false);
}

fn go_towards<T: Real>(values: &mut [T], others: &[T], share: T) {
    values.iter_mut().zip(others).for_each(|(v, &o)| *v += share * (o - *v));
}

/// Adds every row of `matrix` to `sums`.
fn add_rows<T: Real>(sums: &mut [T], matrix: &[T]) {
    for row in matrix.chunks_exact(sums.len()) {
        sums.iter_mut().zip(row).for_each(|(s, &v)| *s += v);
    }
}
