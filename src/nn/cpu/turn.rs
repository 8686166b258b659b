//! Copies of matrices in another order.

use super::BLOCK;
use super::gemm::Mat;
use super::real::Real;
use rayon::prelude::*;

/// Side of the squares in which [`row_major`] moves numbers: a line of the cache holds 16 `f32`.
const SQUARE: usize = 16;

/// A copy of a view with its rows one after the other.
///
/// `gemm` packs a right side whose columns are contiguous one number at a time, which costs more than half the speed of
/// a flat product; a copy made once is cheap.
pub(crate) fn row_major<E: Real>(view: Mat<E>) -> Vec<E> {
    let (rows, cols) = (view.row_count(), view.col_count());
    let mut out = vec![E::zero(); rows * cols];
    if cols == 0 {
        return out;
    }
    // A small copy is not worth waking another thread.
    let bands = (BLOCK / (SQUARE * cols)).max(1);
    out.par_chunks_mut(SQUARE * cols).enumerate().with_min_len(bands).for_each(|(band, out)| {
        let rows = out.len() / cols;
        copy_squares(view.sub_rows(band * SQUARE, rows), out);
    });
    out
}

/// Copies a view into contiguous rows on the calling thread, square by square, so that neither side leaves the cache.
pub(crate) fn copy_squares<E: Real>(view: Mat<E>, out: &mut [E]) {
    let (rows, cols) = (view.row_count(), view.col_count());
    assert_eq!(out.len(), rows * cols);
    #[cfg(target_arch = "x86_64")]
    if view.t().has_flat_rows()
        && is_x86_feature_detected!("avx512f")
        && let (Some(view), Some(out)) = (view.singles(), E::singles_mut(out))
    {
        // SAFETY: the processor has AVX-512.
        return unsafe { super::square::turn(view.t(), out) };
    }
    for r0 in (0..rows).step_by(SQUARE) {
        let out = &mut out[r0 * cols..(r0 + SQUARE).min(rows) * cols];
        for c0 in (0..cols).step_by(SQUARE) {
            for c in c0..(c0 + SQUARE).min(cols) {
                out.chunks_exact_mut(cols).zip(view.down(r0, c)).for_each(|(row, &v)| row[c] = v);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_views_numbers_in_order() {
        for [rows, cols] in [[1, 1], [16, 16], [5, 40], [40, 5], [33, 50], [64, 128]] {
            let numbers: Vec<f32> = (0..rows * cols).map(|i| i as f32).collect();
            let wide: Vec<f64> = numbers.iter().map(|&v| f64::from(v)).collect();
            let expected: Vec<f32> = (0..cols).flat_map(|c| (0..rows).map(move |r| (r * cols + c) as f32)).collect();
            let mut out = vec![0.0; rows * cols];
            copy_squares(Mat::rows(&numbers, rows, cols).t(), &mut out);
            assert_eq!(out, expected, "{rows}x{cols}");
            assert_eq!(row_major(Mat::rows(&numbers, rows, cols).t()), expected);
            assert_eq!(row_major(Mat::rows(&numbers, rows, cols)), numbers);
            let mut out = vec![0.0; rows * cols];
            copy_squares(Mat::rows(&wide, rows, cols).t(), &mut out);
            assert!(out.iter().zip(&expected).all(|(&a, &b)| a == f64::from(b)));
        }
    }
}
