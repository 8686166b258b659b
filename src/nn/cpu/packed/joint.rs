//! A concat critic of two vectors by products of packed sides.
//!
//! Forward, the first hidden layer goes into the product's tiles and the second from its sums to a score: neither is written
//! down. The backward pass is two [products of masks](super::thirds): what comes down to a pair's second layer is `g·w₃` where
//! a unit is on, and with the pair's `g` and the unit's `w₃` put on the other side of a product, or behind it, what is left
//! is the mask.

use super::lanes::{add, is_on, load, relu};
use super::masked::{On, sum_on};
use super::pack::Packed;
use super::product::{block, product};
use super::thirds::{Mask, right};
use super::upper::upper_layers;
use crate::nn::cpu::joint::{Pairs, Part};
use crate::nn::cpu::pair::Upper;
use std::arch::x86_64::{__m512, _mm512_add_ps, _mm512_maskz_mul_ps, _mm512_mul_ps, _mm512_set1_ps};

/// Whether the backward pass of critics of `units` is to go by these kernels: tiles are full, and what belongs to some pairs
/// stays in a core's cache.
pub(crate) fn fits(units: usize) -> bool {
    units <= 512 && super::masked::fits(units)
}

/// `diag(w₃)·W₂`, as what masks are multiplied with.
pub(crate) fn scaled(w2: &[f32], w3: &[f32]) -> Packed {
    let units = w3.len();
    let numbers = |row: usize, column: usize| scaled_row(w2, w3, row, column);
    assert!(super::masked::fits(units), "only where it fits");
    // SAFETY: where it fits there are tiles, and AVX-512 with them.
    unsafe { right([units, units], numbers) }
}

fn scaled_row(w2: &[f32], w3: &[f32], row: usize, column: usize) -> __m512 {
    // SAFETY: `scaled` has asserted that the processor has AVX-512.
    unsafe { _mm512_mul_ps(load(&w2[row * w3.len() + column..]), _mm512_set1_ps(w3[row])) }
}

/// Some pairs.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    pub pairs: Pairs,
    /// The number of the first of them.
    pub from: usize,
    pub p: &'a [f32],
    pub q: &'a [f32],
}

impl<'a> Block<'a> {
    /// Their first hidden layer, of `units`.
    fn first_layer(self, rows: usize, units: usize) -> First<'a> {
        let at = |r: usize| self.pairs.at(r).map(|row| row * units);
        First { p: self.p, q: self.q, starts: (self.from..self.from + rows).map(at).collect() }
    }
}

/// The first hidden layer of some pairs.
struct First<'a> {
    p: &'a [f32],
    q: &'a [f32],
    /// Where each pair's rows of p and q begin.
    starts: Vec<[usize; 2]>,
}

impl First<'_> {
    /// Sixteen units before the ReLU.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn before(&self, row: usize, unit: usize) -> __m512 {
        let [i, j] = self.starts[row];
        _mm512_add_ps(load(&self.p[i + unit..]), load(&self.q[j + unit..]))
    }
}

/// The scores of these pairs and, where there is room for it, which units of the second layer are on; `w2` is the transpose
/// of the second layer's weights.
pub(crate) fn forward(pairs: Block, up: Upper<f32>, w2: &Packed, scores: &mut [f32], on: &mut [u8]) {
    let first = pairs.first_layer(scores.len(), up.b2.len());
    // Products and sums as in `dot`. SAFETY: `w2` is packed, so the processor has what packing needs.
    unsafe { upper_layers::<On, false>(|row, unit| relu(first.before(row, unit)), up, w2, on, scores) };
}

/// The gradients of some pairs' scores.
#[derive(Clone, Copy)]
pub(crate) struct Above<'a> {
    /// Which units of the second layer are on.
    pub on: &'a [u8],
    /// The gradients.
    pub gs: &'a [f32],
}

/// Adds what these pairs bring to the sums of their part; `scaled` is of [`scaled`].
///
/// # Panics
/// When it does not fit.
pub(crate) fn backward(pairs: Block, above: Above, scaled: &Packed, sums: &mut Part<f32>) {
    assert!(fits(sums.on.len()), "only where it fits");
    // SAFETY: where it fits there are tiles, and AVX-512 with them.
    unsafe { add_block(pairs, above, scaled, sums) };
}

/// # Safety
/// The processor has tiles.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn add_block(pairs: Block, Above { on, gs }: Above, scaled: &Packed, sums: &mut Part<f32>) {
    let units = sums.on.len();
    sum_on(on, gs, &mut sums.on);
    let mask = Mask { bytes: on, columns: units };
    let first = pairs.first_layer(gs.len(), units);
    let load_first = |row: usize, unit: usize| _mm512_mul_ps(relu(first.before(row, unit)), _mm512_set1_ps(gs[row]));
    // SAFETY: the caller's promise.
    let right = unsafe { right([gs.len(), units], load_first) };
    product(&mut sums.product, units, &mask.left_turned(), &right, true);
    drop(right);
    let left = mask.left();
    let write = |row: usize, unit: usize, below: &[f32]| {
        let d = _mm512_maskz_mul_ps(is_on(first.before(row, unit)), load(below), _mm512_set1_ps(gs[row]));
        let [i, j] = first.starts[row];
        add(&mut sums.p[i + unit..], d);
        add(&mut sums.q[j + unit..], d);
    };
    // SAFETY: the sides are a mask and sums of three, which `scaled` knows what to multiply by.
    unsafe { block(scaled.unit(), left.part(0..left.panels()), scaled.part(0..scaled.panels()), write) };
}
