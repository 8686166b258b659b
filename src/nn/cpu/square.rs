//! Transposing squares of sixteen by sixteen 32-bit numbers in AVX-512's registers.

use super::gemm::Mat;
use std::arch::x86_64::{
    __m512i, _mm512_loadu_si512, _mm512_setzero_si512, _mm512_shuffle_i32x4, _mm512_storeu_si512,
    _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

/// Copies the transpose of a view with flat rows into contiguous rows.
///
/// # Panics
/// When the sizes differ, or the view's rows are not flat.
#[target_feature(enable = "avx512f")]
pub(super) fn turn(view: Mat<f32>, out: &mut [f32]) {
    let (rows, cols) = (view.row_count(), view.col_count());
    assert_eq!(out.len(), rows * cols);
    for row in (0..rows).step_by(16) {
        for column in (0..cols).step_by(16) {
            let (down, across) = ((rows - row).min(16), (cols - column).min(16));
            let (numbers, stride) = view.flat([row, column], [down, across]);
            let out = &mut out[column * rows + row..];
            if down == 16 && across == 16 {
                let out = &mut out[..15 * rows + 16];
                let mut square = [_mm512_setzero_si512(); 16];
                for (i, line) in square.iter_mut().enumerate() {
                    // SAFETY: `flat` has given sixteen rows of sixteen numbers, `stride` apart.
                    *line = unsafe { _mm512_loadu_si512(numbers.as_ptr().add(i * stride).cast()) };
                }
                transpose(&mut square);
                for (i, line) in square.into_iter().enumerate() {
                    // SAFETY: the slice has sixteen rows of sixteen numbers, `rows` apart.
                    unsafe { _mm512_storeu_si512(out.as_mut_ptr().add(i * rows).cast(), line) };
                }
            } else {
                for (i, line) in numbers.chunks(stride).enumerate() {
                    line[..across].iter().zip(out.iter_mut().skip(i).step_by(rows)).for_each(|(&v, to)| *to = v);
                }
            }
        }
    }
}

/// Transposes sixteen rows of sixteen numbers.
#[target_feature(enable = "avx512f")]
pub(super) fn transpose(rows: &mut [__m512i; 16]) {
    let old = *rows;
    for i in (0..16).step_by(4) {
        let (a, b, c, d) = (old[i], old[i + 1], old[i + 2], old[i + 3]);
        let (ab, ab_high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let (cd, cd_high) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
        rows[i] = _mm512_unpacklo_epi64(ab, cd);
        rows[i + 1] = _mm512_unpackhi_epi64(ab, cd);
        rows[i + 2] = _mm512_unpacklo_epi64(ab_high, cd_high);
        rows[i + 3] = _mm512_unpackhi_epi64(ab_high, cd_high);
    }
    // Now quarter q of rows[4·i + j] is column 4·q + j of rows 4·i to 4·i + 3.
    let quarters = *rows;
    for j in 0..4 {
        let [a, b, c, d] = [quarters[j], quarters[4 + j], quarters[8 + j], quarters[12 + j]];
        let (ab_even, ab_odd) = (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xdd>(a, b));
        let (cd_even, cd_odd) = (_mm512_shuffle_i32x4::<0x88>(c, d), _mm512_shuffle_i32x4::<0xdd>(c, d));
        rows[j] = _mm512_shuffle_i32x4::<0x88>(ab_even, cd_even);
        rows[4 + j] = _mm512_shuffle_i32x4::<0x88>(ab_odd, cd_odd);
        rows[8 + j] = _mm512_shuffle_i32x4::<0xdd>(ab_even, cd_even);
        rows[12 + j] = _mm512_shuffle_i32x4::<0xdd>(ab_odd, cd_odd);
    }
}
