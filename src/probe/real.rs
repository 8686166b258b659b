//! The two float types of the kernels, and a checked matrix product.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// `f32` (what the probes run in) or `f64` (what the gradient checks run in).
pub trait Real:
    Copy
    + Debug
    + Default
    + Send
    + Sync
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + 'static
{
    /// Rounds to this type.
    fn of(value: f64) -> Self;
    /// Widens to double precision.
    fn wide(self) -> f64;
    /// Square root.
    fn root(self) -> Self;
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as f32
    }
    fn wide(self) -> f64 {
        f64::from(self)
    }
    fn root(self) -> Self {
        self.sqrt()
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }
    fn wide(self) -> f64 {
        self
    }
    fn root(self) -> Self {
        self.sqrt()
    }
}

/// A matrix seen in a slice: element (i, j) at `i * row_step + j * column_step`.
#[derive(Clone, Copy)]
pub(super) struct View<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

impl<'a, T> View<'a, T> {
    /// `[rows, columns]`, row-major, rows `stride` apart.
    pub fn strided(data: &'a [T], rows: usize, columns: usize, stride: usize) -> Self {
        Self { data, rows, columns, row_step: stride, column_step: 1 }
    }

    /// `[rows, columns]`, row-major, dense.
    pub fn dense(data: &'a [T], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// The transpose.
    pub fn t(self) -> Self {
        Self { rows: self.columns, columns: self.rows, row_step: self.column_step, column_step: self.row_step, ..self }
    }

    fn span(&self) -> usize {
        (self.rows - 1) * self.row_step + (self.columns - 1) * self.column_step + 1
    }
}

/// `out = a b`, or `out += a b`; `out` is dense row-major `[a.rows, b.columns]`. One thread.
///
/// # Panics
/// When sizes disagree: they are this module's own, never input.
pub(super) fn product<T: Real>(out: &mut [T], a: View<'_, T>, b: View<'_, T>, add: bool) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    assert!(m > 0 && k > 0 && n > 0, "empty product");
    assert!(b.rows == k && out.len() == m * n, "product of {m}x{k} and {}x{n} into {}", b.rows, out.len());
    assert!(a.span() <= a.data.len() && b.span() <= b.data.len(), "view outside its slice");
    let one = T::of(1.0);
    // SAFETY: the asserts above bound every element that the strides reach in the three slices, which do not overlap
    // because one is borrowed mutably.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            add,
            a.data.as_ptr(),
            a.column_step as isize,
            a.row_step as isize,
            b.data.as_ptr(),
            b.column_step as isize,
            b.row_step as isize,
            one,
            one,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// Dot product in double precision, in fixed order.
pub(super) fn dot<T: Real>(a: &[T], b: &[T]) -> f64 {
    let mut sums = [0.0f64; 8];
    let (ca, cb) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f64 = ca.remainder().iter().zip(cb.remainder()).map(|(x, y)| x.wide() * y.wide()).sum();
    for (x, y) in ca.zip(cb) {
        for i in 0..8 {
            sums[i] += x[i].wide() * y[i].wide();
        }
    }
    sums.iter().sum::<f64>() + tail
}
