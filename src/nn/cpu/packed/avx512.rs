//! The same tile products by AVX512-BF16 (Zen 4, Cooper Lake), which multiplies pairs of bf16 but has no tiles.

use super::{Line, Tile};
use std::arch::x86_64::{__m512, __m512bh, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_setzero_ps, _mm512_storeu_ps};

/// `out[p] (+)= lhs[p]·rhs`, as [`super::amx::panels`].
///
/// # Panics
/// When a slice is too short.
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn panels(lhs: &[Line], panel: usize, rhs: &[Line], steps: usize, out: &mut [[Tile; 4]], accumulate: bool) {
    for (p, out) in out.iter_mut().enumerate() {
        let left = &lhs[p * panel..][..steps * 32];
        for (quarter, out) in out.iter_mut().enumerate() {
            tile(left, quarter / 2 * 16, &rhs[..steps * 32], quarter % 2 * 16, out, accumulate);
        }
    }
}

/// One tile of sixteen rows: `upper` and `side` say which of the two tiles of a step is meant, by its first line.
#[target_feature(enable = "avx512f,avx512bf16")]
fn tile(lhs: &[Line], upper: usize, rhs: &[Line], side: usize, out: &mut Tile, accumulate: bool) {
    let mut sums: [__m512; 16] = [_mm512_setzero_ps(); 16];
    if accumulate {
        for (sum, row) in sums.iter_mut().zip(&out.0) {
            // SAFETY: a row of a tile is sixteen numbers.
            *sum = unsafe { _mm512_loadu_ps(row.as_ptr()) };
        }
    }
    for (left, right) in lhs.chunks_exact(32).zip(rhs.chunks_exact(32)) {
        for (pair, right) in right[side..side + 16].iter().enumerate() {
            let right = pairs(*right);
            for (sum, left) in sums.iter_mut().zip(&left[upper..upper + 16]) {
                *sum = _mm512_dpbf16_ps(*sum, pairs(Line([left.0[pair]; 16])), right);
            }
        }
    }
    for (sum, row) in sums.iter().zip(&mut out.0) {
        // SAFETY: a row of a tile is sixteen numbers.
        unsafe { _mm512_storeu_ps(row.as_mut_ptr(), *sum) };
    }
}

/// Thirty-two bf16 as the processor's own type.
#[target_feature(enable = "avx512f,avx512bf16")]
fn pairs(line: Line) -> __m512bh {
    // SAFETY: both are sixty-four bytes of plain numbers.
    unsafe { std::mem::transmute::<[u32; 16], __m512bh>(line.0) }
}
