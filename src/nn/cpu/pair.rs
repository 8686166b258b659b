//! The upper layers of a concat critic, over pairs of a location and a global vector.
//!
//! The first layer of such a critic is `W_m·m + W_y·y + b`, so its two halves are computed once for each location and
//! each global vector and only added here, for every pair.

use super::gemm::{Mat, Real, add_column_sums, matmul, par_matmul, row_major};
use super::operand::format;
use super::packed;
use crate::mi::Pairing;
use crate::nn::Precision;
use rayon::prelude::*;

/// The layers after the first: `U → U`, ReLU, `U → 1`.
#[derive(Clone, Copy)]
pub(crate) struct Upper<'a, E> {
    pub w2: &'a [E],
    pub b2: &'a [E],
    pub w3: &'a [E],
    pub b3: &'a [E],
}

impl<'a, E: Real> Upper<'a, E> {
    /// The same where the numbers are `f32`.
    pub(super) fn singles(self) -> Option<Upper<'a, f32>> {
        let Self { w2, b2, w3, b3 } = self;
        Some(Upper { w2: E::singles(w2)?, b2: E::singles(b2)?, w3: E::singles(w3)?, b3: E::singles(b3)? })
    }
}

/// Sizes: `b` images (and global vectors), `l` locations, `u` units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PairSizes {
    pub b: usize,
    pub l: usize,
    pub u: usize,
}

/// The hidden layers of one column of pairs, each `[B·L, U]`.
pub(crate) struct Hidden<E> {
    first: Vec<E>,
    second: Vec<E>,
}

/// Images whose rows are one task.
const IMAGES: usize = 8;

/// Both hidden layers and the scores `[B·L]` of column `k`; `w2` is the transpose of the second layer's weights.
fn column<E: Real>(
    z: PairSizes,
    p: &[E],
    q: &[E],
    up: Upper<E>,
    w2: &[E],
    pairing: Pairing,
    k: usize,
) -> (Hidden<E>, Vec<E>) {
    let PairSizes { b, l, u } = z;
    let mut first = vec![E::zero(); b * l * u];
    let mut second = vec![E::zero(); b * l * u];
    let mut scores = vec![E::zero(); b * l];
    let rows = IMAGES * l;
    first
        .par_chunks_mut(rows * u)
        .zip(second.par_chunks_mut(rows * u))
        .zip(scores.par_chunks_mut(rows))
        .zip(p.par_chunks(rows * u))
        .enumerate()
        .for_each(|(task, (((first, second), scores), p))| {
            for (g, (h, p)) in first.chunks_mut(l * u).zip(p.chunks(l * u)).enumerate() {
                let partner = pairing.partner(task * IMAGES + g, k, b);
                let q = &q[partner * u..][..u];
                for (h, p) in h.chunks_exact_mut(u).zip(p.chunks_exact(u)) {
                    for i in 0..u {
                        let v = p[i] + q[i];
                        h[i] = if v < E::zero() { E::zero() } else { v };
                    }
                }
            }
            let n = scores.len();
            matmul(second, u, Mat::rows(first, n, u), Mat::rows(w2, u, u), false);
            for (h, s) in second.chunks_exact_mut(u).zip(scores) {
                let mut lanes = [E::zero(); 16];
                for (j, ((h, &b), &w)) in h.iter_mut().zip(up.b2).zip(up.w3).enumerate() {
                    let v = *h + b;
                    *h = if v < E::zero() { E::zero() } else { v };
                    lanes[j % 16] += *h * w;
                }
                *s = lanes.iter().copied().sum::<E>() + up.b3[0];
            }
        });
    (Hidden { first, second }, scores)
}

/// What the forward pass leaves for the backward pass.
pub(crate) enum Kept<E> {
    /// Hidden layers of columns.
    Plain(Vec<Hidden<E>>),
    /// What products of packed sides keep.
    Packed(packed::pair::Kept),
}

/// Scores `[B, L, K]`; with `keep`, the hidden layers of every column for the backward pass (otherwise it computes them
/// again).
pub(crate) fn forward<E: Real>(
    z: PairSizes,
    p: &[E],
    q: &[E],
    up: Upper<E>,
    pairing: Pairing,
    keep: bool,
) -> (Vec<E>, Kept<E>) {
    if packed::fits(z.u)
        && let Some(format) = format(Precision::current())
        && let (Some(p), Some(q), Some(up)) = (E::singles(p), E::singles(q), up.singles())
    {
        let (scores, kept) = packed::pair::forward(z, p, q, up, pairing, keep, format);
        return (E::of_singles(scores).expect("numbers are f32"), Kept::Packed(kept));
    }
    let (scores, kept) = plain_forward(z, p, q, up, pairing, keep);
    (scores, Kept::Plain(kept))
}

fn plain_forward<E: Real>(
    z: PairSizes,
    p: &[E],
    q: &[E],
    up: Upper<E>,
    pairing: Pairing,
    keep: bool,
) -> (Vec<E>, Vec<Hidden<E>>) {
    let columns = pairing.columns(z.b);
    let mut scores = vec![E::zero(); z.b * z.l * columns];
    let mut kept = Vec::new();
    let w2 = row_major(Mat::rows(up.w2, z.u, z.u).t());
    for k in 0..columns {
        let (hidden, s) = column(z, p, q, up, &w2, pairing, k);
        scores.iter_mut().skip(k).step_by(columns).zip(s).for_each(|(d, v)| *d = v);
        if keep {
            kept.push(hidden);
        }
    }
    (scores, kept)
}

/// Gradients of the pair layers.
pub(crate) struct PairGrads<E> {
    pub p: Vec<E>,
    pub q: Vec<E>,
    pub w2: Vec<E>,
    pub b2: Vec<E>,
    pub w3: Vec<E>,
    pub b3: Vec<E>,
}

impl<E: Real> PairGrads<E> {
    /// Of layers of these sizes: zeros, and `p`.
    pub(crate) fn new(PairSizes { b, u, .. }: PairSizes, p: Vec<E>) -> Self {
        let zeros = |n: usize| vec![E::zero(); n];
        Self { p, q: zeros(b * u), w2: zeros(u * u), b2: zeros(u), w3: zeros(u), b3: zeros(1) }
    }
}

/// The gradients of `sum(gs · scores)`; that of `p` is added to `gp`.
pub(crate) fn backward<E: Real>(
    z: PairSizes,
    (p, gp): (&[E], Vec<E>),
    q: &[E],
    up: Upper<E>,
    pairing: Pairing,
    kept: Kept<E>,
    gs: &[E],
) -> PairGrads<E> {
    match kept {
        Kept::Plain(kept) => plain_backward(z, (p, gp), q, up, pairing, kept, gs),
        Kept::Packed(kept) => {
            let single = |numbers| E::singles(numbers).expect("numbers are f32");
            let up = up.singles().expect("numbers are f32");
            let gp = E::into_singles(gp).expect("numbers are f32");
            let g = packed::pair::backward(z, (single(p), gp), single(q), up, pairing, kept, single(gs));
            let of = |numbers| E::of_singles(numbers).expect("numbers are f32");
            PairGrads { p: of(g.p), q: of(g.q), w2: of(g.w2), b2: of(g.b2), w3: of(g.w3), b3: of(g.b3) }
        }
    }
}

fn plain_backward<E: Real>(
    z: PairSizes,
    (p, gp): (&[E], Vec<E>),
    q: &[E],
    up: Upper<E>,
    pairing: Pairing,
    kept: Vec<Hidden<E>>,
    gs: &[E],
) -> PairGrads<E> {
    let PairSizes { b, l, u } = z;
    let columns = pairing.columns(b);
    let mut g = PairGrads::new(z, gp);
    let mut kept = kept.into_iter();
    let w2 = if kept.len() < columns { row_major(Mat::rows(up.w2, u, u).t()) } else { Vec::new() };
    for k in 0..columns {
        let gk: Vec<E> = gs.iter().skip(k).step_by(columns).copied().collect();
        let Hidden { first, mut second } = kept.next().unwrap_or_else(|| column(z, p, q, up, &w2, pairing, k).0);
        g.b3[0] += gk.iter().copied().sum::<E>();
        // The gradient before the second ReLU overwrites the second layer, while its share of w3's gradient is summed
        // in fixed blocks.
        let partial: Vec<Vec<E>> = second
            .par_chunks_mut(IMAGES * l * u)
            .zip(gk.par_chunks(IMAGES * l))
            .map(|(second, gk)| {
                let mut sum = vec![E::zero(); u];
                for (h, &g) in second.chunks_exact_mut(u).zip(gk) {
                    for ((h, s), &w) in h.iter_mut().zip(&mut sum).zip(up.w3) {
                        *s += g * *h;
                        *h = if *h > E::zero() { g * w } else { E::zero() };
                    }
                }
                sum
            })
            .collect();
        for block in &partial {
            super::add_to(&mut g.w3, block);
        }
        let g2 = second;
        add_column_sums(&mut g.b2, &g2);
        par_matmul(&mut g.w2, Mat::rows(&g2, b * l, u).t(), Mat::rows(&first, b * l, u), true, &|_, _, _| ());
        // Gradient before the first ReLU: added to each location, and summed over locations for the global vector.
        let sums: Vec<E> =
            g.p.par_chunks_mut(IMAGES * l * u)
                .zip(g2.par_chunks(IMAGES * l * u))
                .zip(first.par_chunks(IMAGES * l * u))
                .flat_map_iter(|((gp, g2), first)| {
                    let rows = g2.len() / u;
                    let mut g1 = vec![E::zero(); g2.len()];
                    matmul(&mut g1, u, Mat::rows(g2, rows, u), Mat::rows(up.w2, u, u), false);
                    let mut sums = vec![E::zero(); rows / l * u];
                    for (image, sum) in sums.chunks_exact_mut(u).enumerate() {
                        let at = image * l * u;
                        for place in 0..l {
                            let range = at + place * u..at + (place + 1) * u;
                            for (((s, g1), gp), &h) in
                                sum.iter_mut().zip(&g1[range.clone()]).zip(&mut gp[range.clone()]).zip(&first[range])
                            {
                                let d = if h > E::zero() { *g1 } else { E::zero() };
                                *gp += d;
                                *s += d;
                            }
                        }
                    }
                    sums
                })
                .collect();
        for (i, row) in sums.chunks_exact(u).enumerate() {
            let partner = pairing.partner(i, k, b);
            g.q[partner * u..][..u].iter_mut().zip(row).for_each(|(d, &v)| *d += v);
        }
    }
    g
}
