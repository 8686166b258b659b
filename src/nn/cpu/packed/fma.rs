//! The same tile products of `f32` by AVX-512's fused multiply-adds.

use super::{Line, Tile};
use std::arch::x86_64::{
    __m512, _MM_HINT_T1, _mm_prefetch, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_storeu_ps,
};

/// Rows at a time: with two columns of sixteen each, half of the registers hold sums, enough to keep both multipliers busy.
const ROWS: usize = 8;
/// Inner numbers whose code is written out: with fewer, the loop's own instructions take turns from the multipliers.
const UNROLLED: usize = 4;

/// `out[p] (+)= lhs[p]·rhs`, as [`super::amx::panels`], over steps of 16. Meanwhile the second cache is asked for lines that
/// will be needed next, those that `ahead(p)` gives.
///
/// # Panics
/// When a slice is too short.
#[target_feature(enable = "avx512f")]
pub(super) fn panels<'a>(
    lhs: &[Line],
    panel: usize,
    rhs: &[Line],
    steps: usize,
    out: &mut [[Tile; 4]],
    accumulate: bool,
    ahead: impl Fn(usize) -> [&'a [Line]; 2],
) {
    for (p, out) in out.iter_mut().enumerate() {
        let left = &lhs[p * panel..][..steps * 32];
        // Each call below asks for a fourth.
        let mut ahead = ahead(p).map(|lines| lines.chunks(lines.len().div_ceil(4).max(1)));
        let [upper_left, upper_right, lower_left, lower_right] = out;
        for (half, mut tiles) in [[upper_left, upper_right], [lower_left, lower_right]].into_iter().enumerate() {
            for from in (0..16).step_by(ROWS) {
                let ahead = ahead.each_mut().map(|quarters| quarters.next().unwrap_or_default());
                rows(&left[half * 16 + from..], &rhs[..steps * 32], &mut tiles, from, accumulate, ahead);
            }
        }
    }
}

/// Rows `from..from + ROWS` of two tiles side by side; `lhs` begins at the first of these rows.
#[target_feature(enable = "avx512f")]
fn rows(lhs: &[Line], rhs: &[Line], out: &mut [&mut Tile; 2], from: usize, accumulate: bool, ahead: [&[Line]; 2]) {
    let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
    if accumulate {
        for (i, sums) in sums.iter_mut().enumerate() {
            for (sum, tile) in sums.iter_mut().zip(&*out) {
                // SAFETY: a row of a tile is sixteen numbers.
                *sum = unsafe { _mm512_loadu_ps(tile.0[from + i].as_ptr()) };
            }
        }
    }
    let steps = rhs.len() / 32;
    let mut ahead = ahead.map(|lines| lines.chunks(lines.len().div_ceil(steps.max(1)).max(1)));
    for (step, right) in rhs.as_chunks::<32>().0.iter().enumerate() {
        let left: &[Line; ROWS] = lhs[step * 32..][..ROWS].try_into().expect("as many as asked for");
        for ahead in &mut ahead {
            for line in ahead.next().unwrap_or_default() {
                _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(line).cast());
            }
        }
        for four in (0..16).step_by(UNROLLED) {
            for k in 0..UNROLLED {
                let k = four + k;
                let right = [floats(&right[k]), floats(&right[16 + k])];
                // By index: wherever `zip` is not compiled into this loop, the sums would be in memory.
                for i in 0..ROWS {
                    let left = _mm512_set1_ps(f32::from_bits(left[i].0[k]));
                    sums[i][0] = _mm512_fmadd_ps(left, right[0], sums[i][0]);
                    sums[i][1] = _mm512_fmadd_ps(left, right[1], sums[i][1]);
                }
            }
        }
    }
    for (half, tile) in out.iter_mut().enumerate() {
        for (i, sums) in sums.iter().enumerate() {
            // SAFETY: a row of a tile is sixteen numbers.
            unsafe { _mm512_storeu_ps(tile.0[from + i].as_mut_ptr(), sums[half]) };
        }
    }
}

/// Sixteen numbers.
#[target_feature(enable = "avx512f")]
fn floats(line: &Line) -> __m512 {
    // SAFETY: a line is sixteen numbers.
    unsafe { _mm512_loadu_ps(line.0.as_ptr().cast()) }
}
