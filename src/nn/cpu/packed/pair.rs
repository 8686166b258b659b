//! The upper layers of a concat critic by products of packed sides.
//!
//! The first hidden layer is a sum of two rows and a ReLU, cheaper to compute again than to keep: it goes into the tiles
//! of a product without ever being written down. The second is kept: in bf16 where it is multiplied so,
//! of `f32` on tiles only which units are on ([`masked`]).

use super::lanes::{add, is_on, load, relu};
use super::number::{Bf16, Format, Number, Single, Whole};
use super::pack::{PANEL, Packed, Panels, STEP_LINES, Side};
use super::product::{block, par_product};
use super::tile::across;
use super::upper::{Keep, fill, upper_layers};
use super::{Line, masked, pool};
use crate::mi::Pairing;
use crate::nn::cpu::add_to;
use crate::nn::cpu::gemm::{Mat, Shared, written};
use crate::nn::cpu::pair::{PairGrads, PairSizes, Upper};
use rayon::prelude::*;
use std::arch::x86_64::{
    __m512, _mm512_add_ps, _mm512_fmadd_ps, _mm512_mask_add_ps, _mm512_maskz_mov_ps, _mm512_maskz_mul_ps,
    _mm512_mul_ps, _mm512_set1_ps, _mm512_setzero_ps,
};

/// The second hidden layer `[B·L, U]` of columns, or of none where it is to be computed again.
pub(crate) enum Kept {
    /// In bf16.
    Bf16(Vec<Vec<u16>>),
    /// In `f32`.
    Single(Vec<Vec<f32>>),
    /// Which of its units are on, where no more is needed.
    Mask(Vec<Vec<u8>>),
}

/// Pairs of one column.
#[derive(Clone, Copy)]
pub(super) struct Column<'a> {
    pub z: PairSizes,
    pub p: &'a [f32],
    pub q: &'a [f32],
    /// The global vector that each location is paired with.
    pub partners: &'a [usize],
}

/// [`Column::partners`] of column `k`.
pub(super) fn partners(PairSizes { b, l, .. }: PairSizes, pairing: Pairing, k: usize) -> Vec<usize> {
    (0..b).flat_map(|image| std::iter::repeat_n(pairing.partner(image, k, b), l)).collect()
}

impl Column<'_> {
    /// Rows of a task: its part of the second layer stays in the second cache.
    pub fn rows(self) -> usize {
        ((1 << 17) / self.z.u / PANEL * PANEL).clamp(PANEL, 256)
    }

    /// Sixteen units of the first hidden layer.
    #[target_feature(enable = "avx512f")]
    #[inline]
    pub fn first(self, row: usize, unit: usize) -> __m512 {
        let u = self.z.u;
        let sum = _mm512_add_ps(load(&self.p[row * u + unit..]), load(&self.q[self.partners[row] * u + unit..]));
        relu(sum)
    }
}

/// Scores `[B, L, K]`; with `keep`, the second layer of every column for the backward pass.
pub(crate) fn forward(
    z: PairSizes,
    p: &[f32],
    q: &[f32],
    up: Upper<f32>,
    pairing: Pairing,
    keep: bool,
    format: Format,
) -> (Vec<f32>, Kept) {
    match format {
        Format::Bf16 => {
            let (scores, kept) = forward_of::<Bf16>(z, p, q, up, pairing, keep);
            (scores, Kept::Bf16(kept))
        }
        Format::Single if masked::fits(z.u) => {
            let (scores, kept) = forward_of::<masked::On>(z, p, q, up, pairing, keep);
            (scores, Kept::Mask(kept))
        }
        Format::Split => unreachable!("`operand::format` never says so"),
        Format::Single => {
            let (scores, kept) = forward_of::<Single>(z, p, q, up, pairing, keep);
            (scores, Kept::Single(kept))
        }
    }
}

fn forward_of<K: Keep>(
    z: PairSizes,
    p: &[f32],
    q: &[f32],
    up: Upper<f32>,
    pairing: Pairing,
    keep: bool,
) -> (Vec<f32>, Vec<Vec<K::Kept>>) {
    let columns = pairing.columns(z.b);
    let mut scores = vec![0.0; z.b * z.l * columns];
    let mut kept = Vec::new();
    let w2 = Packed::new(Mat::rows(up.w2, z.u, z.u).t(), Side::Right, K::Number::FORMAT);
    for k in 0..columns {
        let partners = &partners(z, pairing, k);
        let (second, s) = column::<K>(Column { z, p, q, partners }, up, &w2);
        scores.iter_mut().skip(k).step_by(columns).zip(s).for_each(|(d, v)| *d = v);
        if keep {
            kept.push(second);
        }
    }
    (scores, kept)
}

/// The second layer and the scores `[B·L]` of a column; `w2` is the transpose of the second layer's weights.
pub(super) fn column<K: Keep>(column: Column, up: Upper<f32>, w2: &Packed) -> (Vec<K::Kept>, Vec<f32>) {
    let PairSizes { b, l, u } = column.z;
    let mut scores = vec![0.0; b * l];
    let rows = column.rows();
    let forward = |(task, (second, scores)): (usize, (&mut [K::Kept], &mut [f32]))| {
        let from = task * rows;
        // SAFETY: `w2` is packed, so the processor has what packing needs.
        unsafe { upper_layers::<K, true>(|row, unit| column.first(from + row, unit), up, w2, second, scores) };
    };
    // SAFETY: each row's units are written, and their score.
    let second = unsafe {
        written(b * l * u, |second| {
            second.par_chunks_mut(rows * u).zip(scores.par_chunks_mut(rows)).enumerate().for_each(forward);
        })
    };
    (second, scores)
}

/// The gradients of `sum(gs · scores)`; that of `p` is added to `gp`.
pub(crate) fn backward(
    z: PairSizes,
    (p, gp): (&[f32], Vec<f32>),
    q: &[f32],
    up: Upper<f32>,
    pairing: Pairing,
    kept: Kept,
    gs: &[f32],
) -> PairGrads<f32> {
    match kept {
        Kept::Bf16(kept) => backward_of::<Bf16>(z, (p, gp), q, up, pairing, kept, gs),
        Kept::Single(kept) => backward_of::<Single>(z, (p, gp), q, up, pairing, kept, gs),
        Kept::Mask(kept) => masked::backward(z, (p, gp), q, up, pairing, kept, gs),
    }
}

fn backward_of<N: Whole>(
    z: PairSizes,
    (p, gp): (&[f32], Vec<f32>),
    q: &[f32],
    up: Upper<f32>,
    pairing: Pairing,
    kept: Vec<Vec<N::Kept>>,
    gs: &[f32],
) -> PairGrads<f32> {
    let PairSizes { b, l, u } = z;
    let columns = pairing.columns(b);
    let mut g = PairGrads::new(z, gp);
    let mut kept = kept.into_iter();
    let forth = (kept.len() < columns).then(|| Packed::new(Mat::rows(up.w2, u, u).t(), Side::Right, N::FORMAT));
    let back = Packed::new(Mat::rows(up.w2, u, u), Side::Right, N::FORMAT);
    for k in 0..columns {
        let partners = &partners(z, pairing, k);
        let c = Column { z, p, q, partners };
        let gs: Vec<f32> = gs.iter().skip(k).step_by(columns).copied().collect();
        let again = || column::<N>(c, up, forth.as_ref().expect("packed where a column is missing")).0;
        let second = kept.next().unwrap_or_else(again);
        g.b3[0] += gs.iter().sum::<f32>();
        let rows = c.rows();
        // Each location's image takes its share of the global vector's gradient, summed per task and image.
        let parts: Vec<Part> =
            g.p.par_chunks_mut(rows * u)
                .enumerate()
                .map(|(task, gp)| {
                    let from = task * rows;
                    // SAFETY: `back` is packed, so the processor has what packing needs.
                    unsafe { backward_rows::<N>(c, from, up, &back, &second[from * u..], &gs[from..], gp) }
                })
                .collect();
        for part in &parts {
            add_to(&mut g.b2, &part.b2);
            add_to(&mut g.w3, &part.w3);
            for (image, sums) in &part.images {
                g.q[partners[image * l] * u..][..u].iter_mut().zip(sums).for_each(|(d, &v)| *d += v);
            }
        }
        let (left, right) = second_weights::<N>(c, up, &second, &gs, b * l);
        par_product(&mut g.w2, &left, &right, true, &|_, _, _| ());
    }
    g
}

/// What some rows add to the gradients of other things.
struct Part {
    b2: Vec<f32>,
    w3: Vec<f32>,
    /// By image, the sum over its rows of the gradient before the first ReLU.
    images: Vec<(usize, Vec<f32>)>,
}

/// The gradient of sixteen units before the second ReLU: `g·w3` where the unit is on.
#[target_feature(enable = "avx512f")]
fn masked(second: __m512, g: f32, w3: &[f32]) -> __m512 {
    _mm512_maskz_mul_ps(is_on(second), _mm512_set1_ps(g), load(w3))
}

/// Adds the gradient of rows `from..` to `gp`, whose size says how many they are.
///
/// # Safety
/// The processor has what the numbers ask for; so with the functions below.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn backward_rows<N: Whole>(
    c: Column,
    from: usize,
    up: Upper<f32>,
    back: &Packed,
    second: &[N::Kept],
    gs: &[f32],
    gp: &mut [f32],
) -> Part {
    let u = c.z.u;
    let rows = gp.len() / u;
    let mut part = Part { b2: vec![0.0; u], w3: vec![0.0; u], images: Vec::new() };
    for unit in (0..u).step_by(16) {
        let (mut of_w3, mut on_sum) = (_mm512_setzero_ps(), _mm512_setzero_ps());
        for (second, &g) in second.chunks_exact(u).zip(&gs[..rows]) {
            // SAFETY: the caller's promise.
            let (h, g) = (unsafe { N::load(&second[unit..]) }, _mm512_set1_ps(g));
            of_w3 = _mm512_fmadd_ps(h, g, of_w3);
            on_sum = _mm512_mask_add_ps(on_sum, is_on(h), on_sum, g);
        }
        add(&mut part.w3[unit..], of_w3);
        add(&mut part.b2[unit..], _mm512_mul_ps(on_sum, load(&up.w3[unit..])));
    }
    let mut lines = pool::scratch();
    // SAFETY: the caller's promise, in both.
    let gradient = |row, unit| masked(unsafe { N::load(&second[row * u + unit..]) }, gs[row], &up.w3[unit..]);
    unsafe { fill::<N>(&mut lines, rows, u, gradient) };
    let write = |row: usize, unit: usize, sums: &[f32]| {
        if unit == 0 {
            let image = (from + row) / c.z.l;
            if part.images.last().is_none_or(|(last, _)| *last != image) {
                part.images.push((image, vec![0.0; u]));
            }
        }
        let g = _mm512_maskz_mov_ps(is_on(c.first(from + row, unit)), load(sums));
        add(&mut gp[row * u + unit..], g);
        if let Some((_, sums)) = part.images.last_mut() {
            add(&mut sums[unit..], g);
        }
    };
    let left = Panels { lines: &lines, steps: u / N::STEP, step_lines: STEP_LINES, outer: rows };
    // SAFETY: both sides are of `N`, and `back` knows what multiplies it.
    unsafe { block(back.unit(), left, back.part(0..back.panels()), write) };
    pool::keep(lines);
    part
}

/// The sides of the product that is the gradient of the second layer's weights: the transpose of the gradient before the
/// second ReLU, and the first layer.
fn second_weights<N: Whole>(
    c: Column,
    up: Upper<f32>,
    second: &[N::Kept],
    gs: &[f32],
    rows: usize,
) -> (Packed, Packed) {
    let u = c.z.u;
    let mut left = Packed::unfilled(Side::Left, u, rows, N::FORMAT);
    let mut right = Packed::unfilled(Side::Right, u, rows, N::FORMAT);
    let (panels, steps) = (left.panels(), left.steps());
    let (to_left, to_right) = (Shared::new(left.lines_mut()), Shared::new(right.lines_mut()));
    (0..steps).into_par_iter().for_each(|step| {
        for panel in 0..panels {
            let at = (panel * steps + step) * STEP_LINES;
            // SAFETY: this task alone touches its step of every panel.
            let (left, right) = unsafe { (to_left.slice(at, STEP_LINES), to_right.slice(at, STEP_LINES)) };
            // SAFETY: `Packed::unfilled` has asserted that the processor has what packing needs.
            unsafe { pack_step::<N>(c, up, second, gs, [panel * PANEL, step * N::STEP], left, right) };
        }
    });
    (left, right)
}

/// Thirty-two units from `unit` on by a step of rows from `row` on.
///
/// # Safety
/// As [`backward_rows`].
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn pack_step<N: Whole>(
    c: Column,
    up: Upper<f32>,
    second: &[N::Kept],
    gs: &[f32],
    [unit, row]: [usize; 2],
    left: &mut [Line],
    right: &mut [Line],
) {
    let u = c.z.u;
    let tiles = left.as_chunks_mut::<16>().0.iter_mut().zip(right.as_chunks_mut::<16>().0);
    for (half, (left, right)) in tiles.enumerate() {
        let unit = unit + half * 16;
        let gradient = |i: usize| match gs.get(row + i) {
            // SAFETY: the caller's promise.
            Some(&g) => masked(unsafe { N::load(&second[(row + i) * u + unit..]) }, g, &up.w3[unit..]),
            None => _mm512_setzero_ps(),
        };
        // SAFETY: the caller's promise; so below.
        unsafe { across::<N>(gradient, Side::Left, 0, left) };
        let first = |i: usize| {
            if row + i < gs.len() { c.first(row + i, unit) } else { _mm512_setzero_ps() }
        };
        // SAFETY: as above.
        unsafe { across::<N>(first, Side::Right, 0, right) };
    }
}
