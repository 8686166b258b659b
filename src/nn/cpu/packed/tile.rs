//! Tiles of packed sides from the numbers of a view.

use super::Line;
use super::number::Number;
use super::pack::Side;
use crate::nn::cpu::gemm::Mat;
use crate::nn::cpu::square::transpose;
use std::arch::x86_64::{
    __m512, __m512i, _mm512_load_si512, _mm512_loadu_ps, _mm512_maskz_loadu_ps, _mm512_setzero_si512,
};

/// A part of sixteen outer numbers by a step of inner ones from `at` on; zeros outside the view.
///
/// # Safety
/// The processor has what `N` asks for; so with the functions below.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) unsafe fn pack_tile<N: Number>(
    view: Mat<f32>,
    side: Side,
    [outer, inner]: [usize; 2],
    part: usize,
    tile: &mut [Line; 16],
) {
    let (rows, cols) = (view.row_count(), view.col_count());
    let whole = outer + 16 <= rows && inner + N::STEP <= cols;
    let flat = view.has_flat_rows();
    // SAFETY: the caller's promise, in each of the four.
    unsafe {
        if flat && whole {
            let window = view.window([outer, inner], [16, N::STEP]);
            along::<N>(|i, half| window.sixteen(i, half * 16), side, part, tile);
        } else if whole {
            let window = view.t().window([inner, outer], [N::STEP, 16]);
            across::<N>(|i| window.sixteen(i, 0), side, part, tile);
        } else if flat {
            let load = |i: usize, half: usize| {
                let (row, from) = (outer + i, inner + half * 16);
                load(view, row, from, if row < rows { cols.saturating_sub(from).min(16) } else { 0 })
            };
            along::<N>(load, side, part, tile);
        } else {
            let load = |i: usize| {
                let column = inner + i;
                load(view, outer, column, if column < cols { rows.saturating_sub(outer).min(16) } else { 0 })
            };
            across::<N>(load, side, part, tile);
        }
    }
}

/// A part of a tile from runs of the inner dimension: `load(i, half)` gives number `i` of the outer one, sixteen inner numbers from
/// the first or, where a step has more, the sixteenth on.
///
/// # Safety
/// As [`pack_tile`].
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
pub(super) unsafe fn along<N: Number>(
    load: impl Fn(usize, usize) -> __m512,
    side: Side,
    part: usize,
    tile: &mut [Line; 16],
) {
    let mut vectors = [_mm512_setzero_si512(); 16];
    for (i, vector) in vectors.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *vector = unsafe { N::along(|half| load(i, half), part) };
    }
    if side == Side::Right {
        transpose(&mut vectors);
    }
    write(&vectors, tile);
}

/// A part of a tile from runs of the outer dimension: `load(i)` gives sixteen of its numbers at inner number `i` of the step.
///
/// # Safety
/// As [`pack_tile`].
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
pub(super) unsafe fn across<N: Number>(load: impl Fn(usize) -> __m512, side: Side, part: usize, tile: &mut [Line; 16]) {
    let mut vectors = [_mm512_setzero_si512(); 16];
    for (i, vector) in vectors.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *vector = unsafe { N::across(&load, i, part) };
    }
    if side == Side::Left {
        transpose(&mut vectors);
    }
    write(&vectors, tile);
}

/// The lines of a tile.
#[target_feature(enable = "avx512f")]
pub(super) fn write(vectors: &[__m512i; 16], tile: &mut [Line; 16]) {
    for (line, &vector) in tile.iter_mut().zip(vectors) {
        *line = Line(to_bits(vector));
    }
}

/// Numbers of a view that have been checked to be there, in flat rows.
#[derive(Clone, Copy)]
struct Window<'a> {
    numbers: &'a [f32],
    stride: usize,
    sizes: [usize; 2],
}

impl<'a> Mat<'a, f32> {
    /// The part of a view with flat rows from row and column `at` on, of `sizes`.
    fn window(self, at: [usize; 2], sizes: [usize; 2]) -> Window<'a> {
        let (numbers, stride) = self.flat(at, sizes);
        Window { numbers, stride, sizes }
    }
}

impl Window<'_> {
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn sixteen(self, row: usize, column: usize) -> __m512 {
        debug_assert!(row < self.sizes[0] && column + 16 <= self.sizes[1]);
        // SAFETY: callers ask for what the window has; `Mat::flat` has checked that its last row ends in the slice.
        unsafe { _mm512_loadu_ps(self.numbers.as_ptr().add(row * self.stride + column)) }
    }
}

/// `count` numbers of the view's contiguous direction from `(row, column)` on, up to sixteen; zeros after them.
#[target_feature(enable = "avx512f")]
fn load(view: Mat<f32>, row: usize, column: usize, count: usize) -> __m512 {
    let numbers = if count == 0 { &[] } else { view.run(row, column, count) };
    let mask = ((1u32 << numbers.len()) - 1) as u16;
    // SAFETY: the mask lets through no more numbers than the slice has.
    unsafe { _mm512_maskz_loadu_ps(mask, numbers.as_ptr()) }
}

/// Transposes a tile of sixteen numbers or pairs a line.
#[target_feature(enable = "avx512f")]
pub(super) fn transpose_lines(tile: &mut [Line; 16]) {
    let mut vectors = [_mm512_setzero_si512(); 16];
    for (vector, line) in vectors.iter_mut().zip(&*tile) {
        // SAFETY: a line is sixty-four bytes.
        *vector = unsafe { _mm512_load_si512(std::ptr::from_ref(line).cast()) };
    }
    transpose(&mut vectors);
    write(&vectors, tile);
}

#[target_feature(enable = "avx512f")]
fn to_bits(vector: __m512i) -> [u32; 16] {
    // SAFETY: both are sixty-four bytes of plain numbers.
    unsafe { std::mem::transmute::<__m512i, [u32; 16]>(vector) }
}
