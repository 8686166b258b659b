//! Matrix products on the `gemm` crate, split in a way that does not depend on the number of threads.
//!
//! Each block of the result is one sequential product over the whole inner dimension, and the blocks are a function of
//! the sizes alone: the same numbers come out with one thread and with many.

pub use super::real::Real;
pub(crate) use super::turn::{copy_squares, row_major};

use rayon::prelude::*;

/// A read-only matrix view with any strides.
#[derive(Clone, Copy)]
pub(crate) struct Mat<'a, E> {
    data: &'a [E],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a, E> Mat<'a, E> {
    /// Rows one after the other.
    pub(crate) fn rows(data: &'a [E], rows: usize, cols: usize) -> Self {
        Self::strided(data, rows, cols, cols, 1)
    }

    /// Element `(r, c)` at `r·row_stride + c·col_stride`.
    pub(crate) fn strided(data: &'a [E], rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> Self {
        assert!(
            rows == 0 || cols == 0 || (rows - 1) * row_stride + (cols - 1) * col_stride < data.len(),
            "a {rows}x{cols} view does not fit its {} numbers",
            data.len()
        );
        Self { data, rows, cols, row_stride, col_stride }
    }

    /// The transpose, without moving anything.
    pub(crate) fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }

    /// The same view where its numbers are `f32`.
    pub(crate) fn singles(self) -> Option<Mat<'a, f32>>
    where
        E: Real,
    {
        let Self { data, rows, cols, row_stride, col_stride } = self;
        Some(Mat { data: E::singles(data)?, rows, cols, row_stride, col_stride })
    }

    /// Rows.
    pub(crate) fn row_count(&self) -> usize {
        self.rows
    }

    /// Columns.
    pub(crate) fn col_count(&self) -> usize {
        self.cols
    }

    /// The numbers from `(row, column)` on down its column.
    pub(crate) fn down(self, row: usize, column: usize) -> impl Iterator<Item = &'a E> {
        self.data[row * self.row_stride + column * self.col_stride..].iter().step_by(self.row_stride)
    }

    /// Whether neighbours along a row lie side by side.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn has_flat_rows(&self) -> bool {
        self.col_stride == 1
    }

    /// The numbers from row and column `at` on, for a part of `sizes` of a view with flat rows, and how far its rows lie apart.
    ///
    /// # Panics
    /// When the part is not in the view, or its rows are not flat.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn flat(self, [row, column]: [usize; 2], [rows, cols]: [usize; 2]) -> (&'a [E], usize) {
        assert!(self.has_flat_rows() && rows > 0 && row + rows <= self.rows && column + cols <= self.cols);
        let numbers = &self.data[row * self.row_stride + column..][..(rows - 1) * self.row_stride + cols];
        (numbers, self.row_stride)
    }

    /// Numbers side by side from `(row, column)` on: along the row of a view with flat rows, else down the column.
    ///
    /// # Panics
    /// When they leave the view, or lie apart.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn run(self, row: usize, column: usize, count: usize) -> &'a [E] {
        let (end, size) = if self.has_flat_rows() { (column + count, self.cols) } else { (row + count, self.rows) };
        assert!(row < self.rows && column < self.cols && end <= size && (self.has_flat_rows() || self.row_stride == 1));
        &self.data[row * self.row_stride + column * self.col_stride..][..count]
    }

    /// Whether neighbours along a column, not along a row, lie side by side.
    fn is_column_major(&self) -> bool {
        self.row_stride == 1 && self.col_stride != 1 && self.rows > 1 && self.cols > 1
    }

    /// `rows` rows from row `from` on.
    pub(crate) fn sub_rows(self, from: usize, rows: usize) -> Self {
        assert!(from + rows <= self.rows);
        Self { data: &self.data[(from * self.row_stride).min(self.data.len())..], rows, ..self }
    }

    fn sub_cols(self, from: usize, cols: usize) -> Self {
        self.t().sub_rows(from, cols).t()
    }
}

/// A writable block handed to one task while other tasks write other elements.
#[derive(Clone, Copy)]
pub(crate) struct Shared<E> {
    ptr: *mut E,
    len: usize,
}

// SAFETY: `Shared` only carries the address; every use is an `unsafe` call whose caller promises that no two tasks touch
// the same element.
unsafe impl<E: Send> Send for Shared<E> {}
// SAFETY: as above.
unsafe impl<E: Send> Sync for Shared<E> {}

impl<E> Shared<E> {
    /// Wraps a slice for the duration of a parallel section.
    pub(crate) fn new(data: &mut [E]) -> Self {
        Self { ptr: data.as_mut_ptr(), len: data.len() }
    }

    /// The elements `from..from + len`.
    ///
    /// # Safety
    /// The slice given to [`Shared::new`] must still be borrowed, and no other task may use these elements meanwhile.
    #[expect(clippy::mut_from_ref, reason = "disjointness is the caller's promise")]
    pub(crate) unsafe fn slice(&self, from: usize, len: usize) -> &mut [E] {
        assert!(from + len <= self.len);
        // SAFETY: in bounds by the assertion; exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.add(from), len) }
    }
}

/// A vector of `n` numbers that `fill` writes: without the pass that would first fill it with zeros, on one thread.
///
/// # Safety
/// Any bits are a number of this type; `fill` writes every number, and reads none that it has not written.
pub(crate) unsafe fn written<T: Copy>(n: usize, fill: impl FnOnce(&mut [T])) -> Vec<T> {
    let mut numbers = Vec::with_capacity(n);
    // SAFETY: there is room for `n` numbers, and the caller promises the rest.
    fill(unsafe { std::slice::from_raw_parts_mut(numbers.as_mut_ptr(), n) });
    // SAFETY: all of them are written.
    unsafe { numbers.set_len(n) };
    numbers
}

/// `dst = lhs·rhs`, or `dst += lhs·rhs`, on the calling thread. `dst` has rows `stride` apart.
pub(crate) fn matmul<E: Real>(dst: &mut [E], stride: usize, lhs: Mat<E>, rhs: Mat<E>, accumulate: bool) {
    let (m, n) = (lhs.rows, rhs.cols);
    if m == 0 || n == 0 {
        return;
    }
    assert!((m - 1) * stride + n <= dst.len() && n <= stride.max(n));
    let shared = Shared::new(dst);
    // SAFETY: `dst` is exclusively ours.
    unsafe { matmul_into(shared, 0, stride, lhs, rhs, accumulate) }
}

/// The product into elements of `dst` from `offset` on.
///
/// # Safety
/// No other task may use the `lhs.rows`×`rhs.cols` elements meanwhile.
unsafe fn matmul_into<E: Real>(
    dst: Shared<E>,
    offset: usize,
    stride: usize,
    lhs: Mat<E>,
    rhs: Mat<E>,
    accumulate: bool,
) {
    assert_eq!(lhs.cols, rhs.rows, "inner dimensions differ");
    let (m, n, k) = (lhs.rows, rhs.cols, lhs.cols);
    if m == 0 || n == 0 {
        return;
    }
    assert!(offset + (m - 1) * stride + n <= dst.len);
    if k == 0 {
        if !accumulate {
            for r in 0..m {
                // SAFETY: the caller's promise.
                unsafe { dst.slice(offset + r * stride, n) }.fill(E::zero());
            }
        }
        return;
    }
    // SAFETY: the views were checked when they were made and the destination by the assertion above; `gemm` reads and
    // writes only those elements. `E` is `f32` or `f64`, which `gemm` supports.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            dst.ptr.add(offset),
            1,
            stride as isize,
            accumulate,
            lhs.data.as_ptr(),
            lhs.col_stride as isize,
            lhs.row_stride as isize,
            rhs.data.as_ptr(),
            rhs.col_stride as isize,
            rhs.row_stride as isize,
            E::one(),
            E::one(),
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// The floating-point operations worth a task of their own.
const TASK_FLOPS: usize = 8 << 20;
/// The most tasks that one product is cut into, but for rounding.
const MAX_TASKS: usize = 16;

/// Rows and columns of the tiles that an `m`×`n` product over `k` is cut into: near squares, since each tile packs its
/// rows and its columns once.
fn tile(m: usize, n: usize, k: usize) -> (usize, usize) {
    let tasks = (2 * m * n * k / TASK_FLOPS).clamp(1, MAX_TASKS);
    let down = ((tasks * m) as f64 / n.max(1) as f64).sqrt().round() as usize;
    let down = down.clamp(1, tasks);
    let across = tasks.div_ceil(down);
    let side = |size: usize, parts: usize| size.div_ceil(parts).next_multiple_of(16).max(16);
    (side(m, down), side(n, across))
}

/// `dst = lhs·rhs` (or `+=`) in parallel, rows of `dst` contiguous, then `epilogue(row, first column, elements)` on each
/// piece of a row while it is still in the cache. The epilogue's type is hidden, so that what is shared out among threads,
/// which is much code, is compiled once.
pub(crate) fn par_matmul<E: Real>(
    dst: &mut [E],
    lhs: Mat<E>,
    rhs: Mat<E>,
    accumulate: bool,
    epilogue: &(dyn Fn(usize, usize, &mut [E]) + Sync),
) {
    let (m, n, k) = (lhs.rows, rhs.cols, lhs.cols);
    assert_eq!(dst.len(), m * n);
    if !rhs.is_column_major() {
        in_tasks(dst, lhs, rhs, accumulate, epilogue);
    } else if m * (n + k) >= n * k {
        let copy = row_major(rhs);
        in_tasks(dst, lhs, Mat::rows(&copy, k, n), accumulate, epilogue);
    } else {
        // Few rows against a large matrix, such as a batch against a layer's weights: the transposed product moves less.
        let left = row_major(lhs.t());
        let mut product = vec![E::zero(); n * m];
        in_tasks(&mut product, rhs.t(), Mat::rows(&left, k, m), false, &|_, _, _| ());
        let product = row_major(Mat::rows(&product, n, m).t());
        dst.par_chunks_mut(n).zip(product.par_chunks(n)).enumerate().for_each(|(r, (row, values))| {
            if accumulate {
                row.iter_mut().zip(values).for_each(|(d, &v)| *d += v);
            } else {
                row.copy_from_slice(values);
            }
            epilogue(r, 0, row);
        });
    }
}

/// [`par_matmul`] with the operands as they are.
fn in_tasks<E: Real>(
    dst: &mut [E],
    lhs: Mat<E>,
    rhs: Mat<E>,
    accumulate: bool,
    epilogue: &(dyn Fn(usize, usize, &mut [E]) + Sync),
) {
    let (m, n, k) = (lhs.rows, rhs.cols, lhs.cols);
    let (down, across) = tile(m, n, k);
    let shared = Shared::new(dst);
    let columns = n.div_ceil(across);
    (0..m.div_ceil(down) * columns).into_par_iter().for_each(|task| {
        let (r0, c0) = (task / columns * down, task % columns * across);
        let (rows, cols) = (down.min(m - r0), across.min(n - c0));
        // SAFETY: tasks own disjoint tiles of `dst`, which stays borrowed until they are done.
        unsafe {
            matmul_into(shared, r0 * n + c0, n, lhs.sub_rows(r0, rows), rhs.sub_cols(c0, cols), accumulate);
            for r in r0..r0 + rows {
                epilogue(r, c0, shared.slice(r * n + c0, cols));
            }
        }
    });
}

/// Adds to `sums[c]` the sum over rows of `values[r, c]`, in an order that depends on the sizes alone.
pub(crate) fn add_column_sums<E: Real>(sums: &mut [E], values: &[E]) {
    let cols = sums.len();
    if cols == 0 {
        return;
    }
    let rows = values.len() / cols;
    let step = rows.div_ceil(16).max(1);
    let partial: Vec<Vec<E>> = values
        .par_chunks(step * cols)
        .map(|block| {
            let mut acc = vec![E::zero(); cols];
            for row in block.chunks_exact(cols) {
                acc.iter_mut().zip(row).for_each(|(a, &v)| *a += v);
            }
            acc
        })
        .collect();
    for block in &partial {
        sums.iter_mut().zip(block).for_each(|(s, &v)| *s += v);
    }
}
