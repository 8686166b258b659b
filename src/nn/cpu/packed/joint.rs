//! The backward pass of a concat critic of two vectors, by [products of masks](super::thirds).
//!
//! What comes down to a pair's second layer is `g·w₃` where a unit is on: with the pair's `g` and the unit's `w₃` put on the
//! other side of a product, or behind it, what is left is the mask.

use super::lanes::{add, is_on, load, relu};
use super::masked::sum_on;
use super::pack::Packed;
use super::product::{block, product};
use super::thirds::{Mask, right};
use crate::nn::cpu::joint::{Pairs, Part};
use std::arch::x86_64::{__m512, _mm512_add_ps, _mm512_maskz_mul_ps, _mm512_mul_ps, _mm512_set1_ps};

/// Whether these kernels are to be used for critics of `units`: tiles are full, and what belongs to some pairs stays in a
/// core's cache.
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

/// What some pairs have in common.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    pub pairs: Pairs,
    /// The number of the first of them.
    pub from: usize,
    pub p: &'a [f32],
    pub q: &'a [f32],
    /// Which units of the second layer are on.
    pub on: &'a [u8],
    /// The gradients of the scores.
    pub gs: &'a [f32],
}

/// Adds what these pairs bring to the sums of their part; `scaled` is of [`scaled`].
///
/// # Panics
/// When it does not fit.
pub(crate) fn backward(pairs: Block, scaled: &Packed, sums: &mut Part<f32>) {
    assert!(fits(sums.on.len()), "only where it fits");
    // SAFETY: where it fits there are tiles, and AVX-512 with them.
    unsafe { add_block(pairs, scaled, sums) };
}

/// # Safety
/// The processor has tiles.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn add_block(b: Block, scaled: &Packed, sums: &mut Part<f32>) {
    let Block { pairs, from, p, q, on, gs } = b;
    let units = sums.on.len();
    sum_on(on, gs, &mut sums.on);
    let mask = Mask { bytes: on, columns: units };
    let rows: Vec<[usize; 2]> = (from..from + gs.len()).map(|r| pairs.at(r)).collect();
    let before = |row: usize, unit: usize| {
        let [i, j] = rows[row];
        _mm512_add_ps(load(&p[i * units + unit..]), load(&q[j * units + unit..]))
    };
    let first = |row: usize, unit: usize| _mm512_mul_ps(relu(before(row, unit)), _mm512_set1_ps(gs[row]));
    // SAFETY: the caller's promise.
    let right = unsafe { right([gs.len(), units], first) };
    product(&mut sums.product, units, &mask.left_turned(), &right, true);
    drop(right);
    let left = mask.left();
    let write = |row: usize, unit: usize, below: &[f32]| {
        let d = _mm512_maskz_mul_ps(is_on(before(row, unit)), load(below), _mm512_set1_ps(gs[row]));
        let [i, j] = rows[row];
        add(&mut sums.p[i * units + unit..], d);
        add(&mut sums.q[j * units + unit..], d);
    };
    // SAFETY: the sides are a mask and sums of three, which `scaled` knows what to multiply by.
    unsafe { block(scaled.unit(), left.part(0..left.panels()), scaled.part(0..scaled.panels()), write) };
}
