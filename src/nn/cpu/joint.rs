//! A concat critic of two vectors above its first layer, over pairs of rows.
//!
//! With `h₁ = max(0, p_i + q_j)`, `m` the mask of the second ReLU and `g` the gradient of a pair's score, everything that
//! the backward pass needs of the second layer is in `G = Σ g·m·h₁ᵀ`: its weights' gradient is `diag(w₃)·G`, and the last
//! layer's is the sum over each row of `W₂ ∘ G` (and the biases' share), since the second layer's output is
//! `m ∘ (W₂·h₁ + b₂)`. So of each pair and unit one byte is kept; `h₁` is made again, which costs less than reading it.

use super::gemm::{Mat, Real, row_major};
use super::operand::{self, Operand, multiply};
use super::packed::joint::{Above, Block};
use super::packed::{self, Format, Packed, Side};
use super::pair::{PairGrads, Upper};
use super::{add_to, dot, sum};
use crate::mi::Pairing;
use crate::nn::Precision;
use rayon::prelude::*;

/// Critics of vectors are scored in `f32` (or `f64`) whatever else is not.
const PRECISION: Precision = Precision::Fp32;
/// Into how many parts the pairs are cut at most for the backward pass: each keeps sums of its own.
const PARTS: usize = 16;
/// Pairs that are worth a part.
const PART: usize = 512;

/// Pairs that go through layers of `u` units together: few enough for all that belongs to them to stay in a core's cache,
/// and where a processor has kernels for packed sides, enough for these.
fn rows<E: Real>(u: usize) -> usize {
    if u <= 512 && operand::packs::<E>([256, u, u], PRECISION) { 256 } else { 64 }
}

/// Whether layers of `u` units go through one kernel forward.
pub(super) fn fuses<E: Real>(u: usize) -> bool {
    operand::packs::<E>([rows::<E>(u), u, u], PRECISION) && packed::fits(u)
}

/// Which rows of `p` and `q` make pairs: pair `r` is row `r / columns` of p with the partner that its column names.
#[derive(Clone, Copy)]
pub(crate) struct Pairs {
    rows: usize,
    columns: usize,
    pairing: Pairing,
}

impl Pairs {
    /// Of `n` rows of p with `m` of q; `m` matters when all are paired.
    pub(crate) fn new(pairing: Pairing, n: usize, m: usize) -> Self {
        Self { rows: n, columns: if pairing == Pairing::All { m } else { pairing.columns(n) }, pairing }
    }

    fn count(self) -> usize {
        self.rows * self.columns
    }

    /// The rows of p and q that pair `r` is made of.
    pub(crate) fn at(self, r: usize) -> [usize; 2] {
        let (i, k) = (r / self.columns, r % self.columns);
        [i, self.pairing.partner(i, k, self.rows)]
    }

    /// The first hidden layer of the pairs from `from` on.
    #[inline(always)]
    fn first<E: Real>(self, from: usize, p: &[E], q: &[E], u: usize, out: &mut [E]) {
        for (r, out) in out.chunks_exact_mut(u).enumerate() {
            let [i, j] = self.at(from + r);
            for ((o, &p), &q) in out.iter_mut().zip(&p[i * u..][..u]).zip(&q[j * u..][..u]) {
                let v = p + q;
                *o = if v < E::zero() { E::zero() } else { v };
            }
        }
    }
}

widest!(fn first_layer<E: Real>(pairs: Pairs, from: usize, p: &[E], q: &[E], u: usize, out: &mut [E]) = Pairs::first);
widest!(fn upper_layers<E: Real>(second: &mut [E], up: Upper<E>, scores: &mut [E]) = upper_layers_body);
widest!(fn mask<E: Real>(on: &[u8], gs: &[E], masked: &mut [E], sums: &mut [E]) = mask_body);
widest!(fn share<E: Real>(pairs: Pairs, from: usize, below: &[E], first: &[E], sums: &mut Part<E>) = share_body);

/// What the upper layers make of the second layer's product: `max(0, · + b₂)` in place, and the scores.
#[inline(always)]
fn upper_layers_body<E: Real>(second: &mut [E], up: Upper<E>, scores: &mut [E]) {
    for (h, score) in second.chunks_exact_mut(up.b2.len()).zip(scores) {
        for (h, &b) in h.iter_mut().zip(up.b2) {
            let v = *h + b;
            *h = if v < E::zero() { E::zero() } else { v };
        }
        *score = dot(h, up.w3) + up.b3[0];
    }
}

/// `g·m` of each pair, and its sum over pairs.
#[inline(always)]
fn mask_body<E: Real>(on: &[u8], gs: &[E], masked: &mut [E], sums: &mut [E]) {
    let u = sums.len();
    for ((m, on), &g) in masked.chunks_exact_mut(u).zip(on.chunks_exact(u)).zip(gs) {
        for ((m, &on), sum) in m.iter_mut().zip(on).zip(&mut *sums) {
            *m = if on == 0 { E::zero() } else { g };
            *sum += *m;
        }
    }
}

/// Adds the gradients of the pairs' first layers from pair `from` on to those of the rows that they are made of.
#[inline(always)]
fn share_body<E: Real>(pairs: Pairs, from: usize, below: &[E], first: &[E], sums: &mut Part<E>) {
    let u = sums.on.len();
    for (r, (d, h)) in below.chunks_exact(u).zip(first.chunks_exact(u)).enumerate() {
        let [i, j] = pairs.at(from + r);
        let (gp, gq) = (&mut sums.p[i * u..][..u], &mut sums.q[j * u..][..u]);
        for (((gp, gq), &d), &h) in gp.iter_mut().zip(gq).zip(d).zip(h) {
            let d = if h > E::zero() { d } else { E::zero() };
            *gp += d;
            *gq += d;
        }
    }
}

/// The score of each pair and, with `keep`, whether each unit of the second layer is on, `[pairs, U]`.
pub(crate) fn forward<E: Real>(pairs: Pairs, p: &[E], q: &[E], up: Upper<E>, keep: bool) -> (Vec<E>, Vec<u8>) {
    let u = up.b2.len();
    let mut scores = vec![E::zero(); pairs.count()];
    let mut on = vec![0; if keep { scores.len() * u } else { 0 }];
    let block = rows::<E>(u);
    if let (Some(p), Some(q), Some(up), true) = (E::singles(p), E::singles(q), up.singles(), fuses::<E>(u)) {
        let w2 = Packed::new(Mat::rows(up.w2, u, u).t(), Side::Right, Format::Single);
        let scores = E::singles_mut(&mut scores).expect("numbers are f32");
        over_blocks(
            scores,
            &mut on,
            [block, u],
            || (),
            |(), number, scores, on| {
                packed::joint::forward(Block { pairs, from: number * block, p, q }, up, &w2, scores, on);
            },
        );
    } else {
        let turned = row_major(Mat::rows(up.w2, u, u).t());
        let w2 = Operand::right(Mat::rows(&turned, u, u), block, PRECISION);
        let work = || [(); 2].map(|()| vec![E::zero(); block * u]);
        over_blocks(&mut scores, &mut on, [block, u], work, |work, number, scores, on| {
            let n = scores.len();
            let [first, second] = work.each_mut().map(|w| &mut w[..n * u]);
            first_layer(pairs, number * block, p, q, u, first);
            multiply(second, u, &Operand::left_here(Mat::rows(first, n, u), u, PRECISION), &w2, false);
            upper_layers(second, up, scores);
            on.iter_mut().zip(&*second).for_each(|(on, &h)| *on = u8::from(h > E::zero() || h.is_nan()));
        });
    }
    (scores, on)
}

/// `task(work, number, scores, on)` for each block of pairs; `on` may be empty, and then is in each.
fn over_blocks<E: Real, W>(
    scores: &mut [E],
    on: &mut [u8],
    [block, u]: [usize; 2],
    work: impl Fn() -> W + Sync + Send,
    task: impl Fn(&mut W, usize, &mut [E], &mut [u8]) + Sync + Send,
) {
    let tasks = scores.par_chunks_mut(block).enumerate();
    if on.is_empty() {
        tasks.for_each_init(work, |work, (number, scores)| task(work, number, scores, &mut []));
    } else {
        let tasks = tasks.zip(on.par_chunks_mut(block * u));
        tasks.for_each_init(work, |work, ((number, scores), on)| task(work, number, scores, on));
    }
}

/// The sums of one part of the pairs.
pub(crate) struct Part<E> {
    pub p: Vec<E>,
    pub q: Vec<E>,
    /// `G`, `[U, U]`.
    pub product: Vec<E>,
    /// `Σ g·m`, `[U]`.
    pub on: Vec<E>,
}

impl<E: Real> Part<E> {
    /// Zeros, for rows `p` and `q` of `u` units.
    fn new(p: &[E], q: &[E], u: usize) -> Self {
        let zeros = |n: usize| vec![E::zero(); n];
        Self { p: zeros(p.len()), q: zeros(q.len()), product: zeros(u * u), on: zeros(u) }
    }

    /// Adds another part.
    fn add(&mut self, other: &Self) {
        add_to(&mut self.p, &other.p);
        add_to(&mut self.q, &other.q);
        add_to(&mut self.product, &other.product);
        add_to(&mut self.on, &other.on);
    }
}

/// The gradients of `sum(gs · scores)`; `on` is what [`forward`] kept.
pub(crate) fn backward<E: Real>(pairs: Pairs, p: &[E], q: &[E], up: Upper<E>, on: &[u8], gs: &[E]) -> PairGrads<E> {
    let u = up.b2.len();
    let singles = (E::singles(p), E::singles(q), E::singles(gs), up.singles());
    let total = match singles {
        (Some(p), Some(q), Some(gs), Some(up)) if packed::joint::fits(u) => {
            let Part { p, q, product, on } = masked_sums(pairs, p, q, up, on, gs);
            let of = |numbers| E::of_singles(numbers).expect("numbers are f32");
            Part { p: of(p), q: of(q), product: of(product), on: of(on) }
        }
        _ => plain_sums(pairs, p, q, up, on, gs),
    };
    let Part { p, q, product: mut w2, on } = total;
    let mut w3 = vec![E::zero(); u];
    for (unit, g) in w2.chunks_exact_mut(u).enumerate() {
        w3[unit] = dot(g, &up.w2[unit * u..][..u]) + up.b2[unit] * on[unit];
        g.iter_mut().for_each(|g| *g *= up.w3[unit]);
    }
    let b2 = on.iter().zip(up.w3).map(|(&on, &w)| on * w).collect();
    PairGrads { p, q, w2, b2, w3, b3: vec![sum(gs)] }
}

/// The sums over all pairs. `add(from, gs, on, sums, work)` adds those of up to `block` pairs from number `from` on.
fn over_parts<E: Real, W>(
    [p, q]: [&[E]; 2],
    on: &[u8],
    gs: &[E],
    [block, u]: [usize; 2],
    work: impl Fn() -> W + Sync,
    add: impl Fn(usize, &[E], &[u8], &mut Part<E>, &mut W) + Sync,
) -> Part<E> {
    let len = gs.len().div_ceil(PARTS).max(PART).next_multiple_of(block);
    let part = |number: usize, gs: &[E], on: &[u8]| {
        let (mut sums, mut work) = (Part::new(p, q, u), work());
        for (at, (gs, on)) in gs.chunks(block).zip(on.chunks(block * u)).enumerate() {
            add(number * len + at * block, gs, on, &mut sums, &mut work);
        }
        sums
    };
    let parts: Vec<Part<E>> = gs
        .par_chunks(len)
        .zip(on.par_chunks(len * u))
        .with_max_len(1)
        .enumerate()
        .map(|(number, (gs, on))| part(number, gs, on))
        .collect();
    let mut parts = parts.into_iter();
    let mut total = parts.next().unwrap_or_else(|| Part::new(p, q, u));
    parts.for_each(|part| total.add(&part));
    total
}

fn plain_sums<E: Real>(pairs: Pairs, p: &[E], q: &[E], up: Upper<E>, on: &[u8], gs: &[E]) -> Part<E> {
    let u = up.b2.len();
    let mut scaled = up.w2.to_vec();
    scaled.chunks_exact_mut(u).zip(up.w3).for_each(|(row, &w)| row.iter_mut().for_each(|v| *v *= w));
    let block = rows::<E>(u);
    let scaled = Operand::right(Mat::rows(&scaled, u, u), block, PRECISION);
    let work = || [(); 3].map(|()| vec![E::zero(); block * u]);
    over_parts([p, q], on, gs, [block, u], work, |from, gs, on, sums, work| {
        let n = gs.len();
        let [masked, first, below] = work.each_mut().map(|w| &mut w[..n * u]);
        mask(on, gs, masked, &mut sums.on);
        first_layer(pairs, from, p, q, u, first);
        let masked = Mat::rows(masked, n, u);
        let right = Operand::right_here(Mat::rows(first, n, u), u, PRECISION);
        multiply(&mut sums.product, u, &Operand::left_here(masked.t(), u, PRECISION), &right, true);
        multiply(below, u, &Operand::left_here(masked, u, PRECISION), &scaled, false);
        share(pairs, from, below, first, sums);
    })
}

/// The same where the processor has a faster way to multiply with masks.
fn masked_sums(pairs: Pairs, p: &[f32], q: &[f32], up: Upper<f32>, on: &[u8], gs: &[f32]) -> Part<f32> {
    let u = up.b2.len();
    let scaled = packed::joint::scaled(up.w2, up.w3);
    over_parts(
        [p, q],
        on,
        gs,
        [rows::<f32>(u), u],
        || (),
        |from, gs, on, sums, ()| {
            packed::joint::backward(Block { pairs, from, p, q }, Above { on, gs }, &scaled, sums);
        },
    )
}
