//! Products of masks with `f32` numbers on tiles of bf16, in which nothing but sums is rounded.
//!
//! Zero and one are bf16, and an `f32` of twenty-four bits is the sum of three bf16 of eight. So where one side of a product
//! is a mask, three products of bf16 summed in `f32` are the product of `f32`, and on tiles they take less than half of the
//! time. Gradients of layers under a ReLU whose outputs go into one score have that form; see [`super::joint`].

use super::pack::{PANEL, Packed, STEP_LINES, Side};
use super::tile::write;
use super::{Format, Line, Unit};
use crate::nn::cpu::gemm::Shared;
use crate::nn::cpu::square::transpose;
use rayon::prelude::*;
use std::arch::x86_64::{
    __m128i, __m512, __m512i, _mm_loadu_si128, _mm_setzero_si128, _mm_unpackhi_epi8, _mm_unpacklo_epi8,
    _mm256_loadu_si256, _mm256_set_m128i, _mm512_and_si512, _mm512_castps_si512, _mm512_castsi512_ps,
    _mm512_cvtepi32_ps, _mm512_cvtepu8_epi16, _mm512_cvtepu8_epi32, _mm512_mask_mov_epi16, _mm512_mullo_epi16,
    _mm512_set1_epi16, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_setzero_si512, _mm512_srli_epi32, _mm512_sub_ps,
};

/// Whether this processor multiplies them.
pub(crate) fn available() -> bool {
    Format::Bf16.unit() == Some(Unit::Tiles)
}

/// A mask: bytes of zero and one in rows of `columns`.
#[derive(Clone, Copy)]
pub(super) struct Mask<'a> {
    pub bytes: &'a [u8],
    pub columns: usize,
}

impl Mask<'_> {
    fn rows(self) -> usize {
        self.bytes.len() / self.columns
    }

    /// A left side for the mask or its transpose, still to be packed.
    ///
    /// # Panics
    /// Where masks are not [`available`], or when the columns do not fill panels; so below.
    fn unfilled(self, turned: bool) -> Packed {
        assert!(self.columns > 0 && self.columns.is_multiple_of(PANEL), "columns fill panels");
        let (outer, inner) = if turned { (self.columns, self.rows()) } else { (self.rows(), self.columns) };
        Packed::unfilled(Side::Left, outer, inner, Format::Bf16)
    }

    /// The mask as a left side, on the calling thread.
    pub(super) fn left(self) -> Packed {
        let mut side = self.unfilled(false);
        let steps = side.steps();
        for (step, lines) in side.lines_mut().chunks_exact_mut(STEP_LINES).enumerate() {
            let (row, column) = (step / steps * PANEL, step % steps * 32);
            for (i, line) in lines.iter_mut().enumerate() {
                // SAFETY: `Packed::unfilled` has asserted that the processor has what packing needs.
                *line = unsafe { self.along(row + i, column) };
            }
        }
        side
    }

    /// Its transpose as a left side, on the calling thread.
    pub(super) fn left_turned(self) -> Packed {
        let mut side = self.unfilled(true);
        let steps = side.steps();
        for (step, lines) in side.lines_mut().chunks_exact_mut(STEP_LINES).enumerate() {
            // SAFETY: as above.
            unsafe { self.pack_turned([step % steps * 32, step / steps * PANEL], lines) };
        }
        side
    }

    /// The same on all threads.
    pub(super) fn left_turned_by_all(self) -> Packed {
        let mut side = self.unfilled(true);
        let (panels, steps) = (side.panels(), side.steps());
        let lines = Shared::new(side.lines_mut());
        // By steps, so that the mask is read in order.
        (0..steps).into_par_iter().for_each(|step| {
            for panel in 0..panels {
                // SAFETY: this task alone touches its step of every panel; and as above.
                unsafe {
                    let lines = lines.slice((panel * steps + step) * STEP_LINES, STEP_LINES);
                    self.pack_turned([step * 32, panel * PANEL], lines);
                }
            }
        });
        side
    }

    /// Thirty-two columns of a row; zeros where there is no such row.
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    fn along(self, row: usize, column: usize) -> Line {
        if row >= self.rows() {
            return Line([0; 16]);
        }
        let bytes = &self.bytes[row * self.columns + column..][..32];
        // SAFETY: there are thirty-two bytes.
        let bytes = unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) };
        // SAFETY: both are sixty-four bytes of plain numbers.
        unsafe { std::mem::transmute::<__m512i, Line>(ones(_mm512_cvtepu8_epi16(bytes))) }
    }

    /// Thirty-two columns by as many rows, from row and column `at` on, with the rows along lines.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn pack_turned(self, [row, column]: [usize; 2], lines: &mut [Line]) {
        let sixteen = |row: usize, column: usize| -> __m128i {
            if row >= self.rows() {
                return _mm_setzero_si128();
            }
            let bytes = &self.bytes[row * self.columns + column..][..16];
            // SAFETY: there are sixteen bytes.
            unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
        };
        for (half, tile) in lines.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let mut vectors = [_mm512_setzero_si512(); 16];
            for (i, vector) in vectors.iter_mut().enumerate() {
                let [first, second] = [0, 1].map(|k| sixteen(row + 2 * i + k, column + half * 16));
                let pairs = _mm256_set_m128i(_mm_unpackhi_epi8(first, second), _mm_unpacklo_epi8(first, second));
                *vector = ones(_mm512_cvtepu8_epi16(pairs));
            }
            transpose(&mut vectors);
            write(&vectors, tile);
        }
    }
}

/// Sixteen bytes as numbers.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn bytes(bytes: &[u8]) -> __m512 {
    let sixteen = &bytes[..16];
    // SAFETY: there are sixteen bytes.
    let sixteen = unsafe { _mm_loadu_si128(sixteen.as_ptr().cast()) };
    _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(sixteen))
}

/// Ones and zeros as bf16.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn ones(mask: __m512i) -> __m512i {
    const ONE: i16 = 0x3f80;
    _mm512_mullo_epi16(mask, _mm512_set1_epi16(ONE))
}

/// A right side of `f32` numbers: `load(row, column)` gives sixteen of a row. On the calling thread.
///
/// # Safety
/// `load` may use AVX-512.
///
/// # Panics
/// Where masks are not [`available`].
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) unsafe fn right([rows, columns]: [usize; 2], load: impl Fn(usize, usize) -> __m512) -> Packed {
    let mut side = Packed::unfilled_thirds(columns, rows);
    let steps = side.steps();
    for (step, lines) in side.lines_mut().chunks_exact_mut(3 * STEP_LINES).enumerate() {
        pack([step % steps * 32, step / steps * PANEL], rows, &load, lines);
    }
    side
}

/// The same on all threads.
///
/// # Safety
/// As [`right`].
///
/// # Panics
/// As [`right`].
pub(super) unsafe fn right_by_all([rows, columns]: [usize; 2], load: impl Fn(usize, usize) -> __m512 + Sync) -> Packed {
    let mut side = Packed::unfilled_thirds(columns, rows);
    let (panels, steps) = (side.panels(), side.steps());
    let lines = Shared::new(side.lines_mut());
    (0..steps).into_par_iter().for_each(|step| {
        for panel in 0..panels {
            // SAFETY: this task alone touches its step of every panel; `Packed::unfilled_thirds` has asserted that the
            // processor has what packing needs.
            unsafe {
                let lines = lines.slice((panel * steps + step) * 3 * STEP_LINES, 3 * STEP_LINES);
                pack([step * 32, panel * PANEL], rows, &load, lines);
            }
        }
    });
    side
}

/// Thirty-two columns by as many rows, from row and column `at` on; zeros below the last row.
#[target_feature(enable = "avx512f,avx512bw")]
fn pack([row, column]: [usize; 2], rows: usize, load: &impl Fn(usize, usize) -> __m512, lines: &mut [Line]) {
    let number = |row: usize, column: usize| if row < rows { load(row, column) } else { _mm512_setzero_ps() };
    for at in 0..STEP_LINES {
        let (half, i) = (at / 16, at % 16);
        let [first, second] = [0, 1].map(|k| number(row + 2 * i + k, column + half * 16));
        for (third, pairs) in split(first, second).into_iter().enumerate() {
            // SAFETY: both are sixty-four bytes of plain numbers.
            lines[third * STEP_LINES + at] = unsafe { std::mem::transmute::<__m512i, Line>(pairs) };
        }
    }
}

/// Two times sixteen numbers as sums of three bf16: in each lane the first number's in the lower half, the second's in the
/// upper one. What is left of a number when its upper eight bits are taken off is exact, twice.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn split(mut first: __m512, mut second: __m512) -> [__m512i; 3] {
    let mut thirds = [_mm512_setzero_si512(); 3];
    for (i, third) in thirds.iter_mut().enumerate() {
        let (low, high) = (_mm512_castps_si512(first), _mm512_castps_si512(second));
        *third = _mm512_mask_mov_epi16(_mm512_srli_epi32::<16>(low), 0xaaaa_aaaa, high);
        if i < 2 {
            let upper = _mm512_set1_epi32(0xffff_0000_u32.cast_signed());
            first = _mm512_sub_ps(first, _mm512_castsi512_ps(_mm512_and_si512(low, upper)));
            second = _mm512_sub_ps(second, _mm512_castsi512_ps(_mm512_and_si512(high, upper)));
        }
    }
    thirds
}

#[cfg(test)]
mod tests {
    use super::super::{par_product, product};
    use super::*;
    use crate::nn::cpu::packed::lanes;
    use crate::seed::stream;
    use rand::Rng;

    /// Numbers of twenty-four bits and of all sizes that bf16 has with their thirds.
    fn numbers(n: usize) -> Vec<f32> {
        let mut rng = stream(0, "thirds", 1);
        (0..n).map(|_| rng.gen_range(-1.0f32..1.0) * 2f32.powi(rng.gen_range(-60..60))).collect()
    }

    #[test]
    fn three_parts_are_the_number() {
        if !available() {
            return;
        }
        let x = numbers(1600);
        for sixteen in x.chunks_exact(16) {
            // SAFETY: tiles are available, and AVX-512 with them.
            let thirds = unsafe { split(lanes::load(sixteen), _mm512_setzero_ps()) };
            let bits = thirds.map(|t| unsafe { std::mem::transmute::<__m512i, [u32; 16]>(t) });
            for (i, &x) in sixteen.iter().enumerate() {
                let sum: f64 = bits.iter().map(|t| f64::from(f32::from_bits(t[i] << 16))).sum();
                assert_eq!(sum, f64::from(x));
                assert!(bits.iter().all(|t| t[i] >> 16 == 0));
            }
        }
    }

    #[test]
    fn products_with_masks_round_sums_alone() {
        if !available() {
            return;
        }
        for [m, n, k] in [[32, 32, 32], [40, 64, 96], [290, 320, 160], [7, 32, 32]] {
            let mut rng = stream(0, "thirds", 2);
            let bytes: Vec<u8> = (0..m * k).map(|_| rng.gen_range(0..2)).collect();
            let b: Vec<f32> = (0..k * n).map(|_| rng.gen_range(-1.0..1.0)).collect();
            let load = |row: usize, column: usize| lanes_of(&b[row * n + column..]);
            // SAFETY: tiles are available, and AVX-512 with them.
            let right = unsafe { right([k, n], load) };
            let mask = Mask { bytes: &bytes, columns: k };
            let mut found = vec![1.0; m * n];
            product(&mut found, n, &mask.left(), &right, true);
            let exact = |i: usize, j: usize| -> f64 {
                (0..k).filter(|&l| bytes[i * k + l] == 1).map(|l| f64::from(b[l * n + j])).sum()
            };
            for (at, &found) in found.iter().enumerate() {
                let exact = 1.0 + exact(at / n, at % n);
                // No number was rounded to eight bits: then the error would be a hundred times as large.
                assert!((f64::from(found) - exact).abs() < 3e-7 * (k as f64).sqrt() * 2.0, "{found} for {exact}");
            }

            // Turned: rows of the mask are summed over.
            let rows: Vec<f32> = (0..m * n).map(|_| rng.gen_range(-1.0..1.0)).collect();
            let load = |row: usize, column: usize| lanes_of(&rows[row * n + column..]);
            // SAFETY: as above.
            let rights = unsafe { [super::right([m, n], load), right_by_all([m, n], load)] };
            let lefts = [mask.left_turned(), mask.left_turned_by_all()];
            let mut products = lefts.iter().zip(&rights).map(|(left, right)| {
                let mut found = vec![0.0; k * n];
                par_product(&mut found, left, right, false, &|_, _, _| ());
                found
            });
            let found = products.next().expect("two of them");
            for (at, &found) in found.iter().enumerate() {
                let exact: f64 =
                    (0..m).filter(|&l| bytes[l * k + at / n] == 1).map(|l| f64::from(rows[l * n + at % n])).sum();
                assert!((f64::from(found) - exact).abs() < 3e-7 * (m as f64).sqrt() * 2.0, "{found} for {exact}");
            }
            assert!(products.all(|other| other == found));
        }
    }

    fn lanes_of(numbers: &[f32]) -> __m512 {
        // SAFETY: tests ask where tiles are available, and AVX-512 with them.
        unsafe { lanes::load(numbers) }
    }
}
