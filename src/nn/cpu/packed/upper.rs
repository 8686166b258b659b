//! A concat critic from its first hidden layer to its scores, in one product.

use super::lanes::{lanes, load, relu};
use super::number::{Number, Whole};
use super::pack::{PANEL, Packed, Panels, Side, step_lines};
use super::product::block;
use super::tile::along;
use super::{Line, pool};
use crate::nn::cpu::pair::Upper;
use std::arch::x86_64::{
    __m512, _mm512_add_ps, _mm512_fmadd_ps, _mm512_mul_ps, _mm512_reduce_add_ps, _mm512_setzero_ps,
};

/// Whether these kernels can be used for layers of `units`: tiles are full.
pub(crate) fn fits(units: usize) -> bool {
    units > 0 && units.is_multiple_of(PANEL)
}

/// How the second hidden layer is kept.
pub(super) trait Keep {
    /// What its product is of.
    type Number: Number;
    /// What is kept of a unit.
    type Kept: Copy + Send + Sync;

    /// Keeps sixteen units.
    ///
    /// # Safety
    /// The processor has what the numbers ask for.
    unsafe fn keep(kept: &mut [Self::Kept], units: __m512);
}

impl<N: Whole> Keep for N {
    type Number = N;
    type Kept = N::Kept;

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn keep(kept: &mut [N::Kept], units: __m512) {
        // SAFETY: the caller's promise.
        unsafe { N::store(kept, units) };
    }
}

/// Second layer and scores of some rows: `first(row, unit)` gives sixteen units of the first. The second layer is kept where
/// there is room for it. `FUSED`: whether a score's products go into its sum without being rounded first.
///
/// # Safety
/// The processor has what the numbers ask for; so with the functions below.
///
/// # Panics
/// When `w2` is not a right side of `K::Number` for these layers.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) unsafe fn upper_layers<K: Keep, const FUSED: bool>(
    first: impl Fn(usize, usize) -> __m512,
    up: Upper<f32>,
    w2: &Packed,
    second: &mut [K::Kept],
    scores: &mut [f32],
) {
    let u = up.b2.len();
    let rows = scores.len();
    assert_eq!((w2.format(), w2.side(), w2.inner, w2.outer()), (K::Number::FORMAT, Side::Right, u, u));
    assert!(fits(u), "tiles are full");
    let mut lines = pool::scratch();
    // SAFETY: the caller's promise.
    unsafe { fill::<K::Number>(&mut lines, rows, u, first) };
    let mut sum = _mm512_setzero_ps();
    let write = |row: usize, unit: usize, sums: &[f32]| {
        let h = relu(_mm512_add_ps(load(sums), load(&up.b2[unit..])));
        if !second.is_empty() {
            // SAFETY: the caller's promise.
            unsafe { K::keep(&mut second[row * u + unit..], h) };
        }
        sum = if unit == 0 { _mm512_setzero_ps() } else { sum };
        let w3 = load(&up.w3[unit..]);
        sum = if FUSED { _mm512_fmadd_ps(h, w3, sum) } else { _mm512_add_ps(sum, _mm512_mul_ps(h, w3)) };
        if unit + 16 == u {
            let sum = if FUSED { _mm512_reduce_add_ps(sum) } else { lanes(sum).into_iter().sum() };
            scores[row] = sum + up.b3[0];
        }
    };
    let left = Panels { lines: &lines, steps: u / K::Number::STEP, step_lines: step_lines::<K::Number>(), outer: rows };
    // SAFETY: both sides are of `K::Number`, and `w2` knows what multiplies it.
    unsafe { block(w2.unit(), left, w2.part(0..w2.panels()), write) };
    pool::keep(lines);
}

/// Packs `rows` rows of `u` numbers as a left side: `load(row, number)` gives sixteen of them.
///
/// # Safety
/// As [`upper_layers`].
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
pub(super) unsafe fn fill<N: Number>(
    lines: &mut Vec<Line>,
    rows: usize,
    u: usize,
    load: impl Fn(usize, usize) -> __m512,
) {
    let (panels, steps) = (rows.div_ceil(PANEL), u / N::STEP);
    lines.resize(panels * steps * step_lines::<N>(), Line([0; 16]));
    for (t, tile) in lines.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let (at, part, half) = (t / 2 / N::PARTS, t / 2 % N::PARTS, t % 2);
        let (panel, step) = (at / steps, at % steps);
        let numbers = |i: usize, sixteen: usize| {
            let row = panel * PANEL + half * 16 + i;
            if row < rows { load(row, step * N::STEP + sixteen * 16) } else { _mm512_setzero_ps() }
        };
        // SAFETY: the caller's promise.
        unsafe { along::<N>(numbers, Side::Left, part, tile) };
    }
}
