//! Sides of matrix products in the precision that is asked for.

use super::bf16::{self, Packed, Side};
use super::gemm::{Mat, Real, matmul, par_matmul, written};
use crate::nn::Precision;

/// A side of a product: a view, or a packed copy rounded to bf16. Made once, used in any number of products.
pub(crate) enum Operand<'a, E> {
    /// As it is.
    Plain(Mat<'a, E>),
    /// Rounded to bf16.
    Packed(Packed),
}

impl<'a, E: Real> Operand<'a, E> {
    /// The left side of a product, prepared on all threads.
    pub(crate) fn left(view: Mat<'a, E>, precision: Precision) -> Self {
        Self::new(view, precision, |view| Packed::new(view, Side::Left))
    }

    /// The right side.
    pub(crate) fn right(view: Mat<'a, E>, precision: Precision) -> Self {
        Self::new(view, precision, |view| Packed::new(view, Side::Right))
    }

    /// The left side, prepared on the calling thread.
    pub(crate) fn left_here(view: Mat<'a, E>, precision: Precision) -> Self {
        Self::new(view, precision, |view| Packed::here(view, Side::Left))
    }

    /// The right side, prepared on the calling thread.
    pub(crate) fn right_here(view: Mat<'a, E>, precision: Precision) -> Self {
        Self::new(view, precision, |view| Packed::here(view, Side::Right))
    }

    fn new(view: Mat<'a, E>, precision: Precision, pack: impl Fn(Mat<f32>) -> Packed) -> Self {
        match (precision, view.singles()) {
            (Precision::Bf16, Some(singles)) => Self::Packed(pack(singles)),
            _ => Self::Plain(view),
        }
    }
}

/// `dst = lhs·rhs`, or `dst += lhs·rhs`, on the calling thread. `dst` has rows `stride` apart.
///
/// # Panics
/// When sizes do not fit, or the sides are of different precisions.
pub(crate) fn multiply<E: Real>(dst: &mut [E], stride: usize, lhs: &Operand<E>, rhs: &Operand<E>, accumulate: bool) {
    match (lhs, rhs) {
        (Operand::Plain(lhs), Operand::Plain(rhs)) => matmul(dst, stride, *lhs, *rhs, accumulate),
        (Operand::Packed(lhs), Operand::Packed(rhs)) => {
            bf16::product(E::singles_mut(dst).expect("packed sides are f32"), stride, lhs, rhs, accumulate);
        }
        _ => panic!("the sides of a product are of one precision"),
    }
}

/// `lhs·rhs`, rows one after the other, in parallel with the epilogue of [`par_matmul`].
///
/// # Panics
/// As [`multiply`].
pub(crate) fn par_product<E: Real>(
    lhs: &Operand<E>,
    rhs: &Operand<E>,
    epilogue: impl Fn(usize, usize, &mut [E]) + Sync,
) -> Vec<E> {
    let (m, n) = match (lhs, rhs) {
        (Operand::Plain(lhs), Operand::Plain(rhs)) => (lhs.row_count(), rhs.col_count()),
        (Operand::Packed(lhs), Operand::Packed(rhs)) => (lhs.outer(), rhs.outer()),
        _ => panic!("the sides of a product are of one precision"),
    };
    // SAFETY: a product that is not added to anything writes each element before the epilogue sees it.
    unsafe { written(m * n, |dst| par_multiply(dst, lhs, rhs, false, epilogue)) }
}

/// `dst = lhs·rhs` (or `+=`) in parallel, as [`par_matmul`].
///
/// # Panics
/// As [`multiply`].
pub(crate) fn par_multiply<E: Real>(
    dst: &mut [E],
    lhs: &Operand<E>,
    rhs: &Operand<E>,
    accumulate: bool,
    epilogue: impl Fn(usize, usize, &mut [E]) + Sync,
) {
    match (lhs, rhs) {
        (Operand::Plain(lhs), Operand::Plain(rhs)) => par_matmul(dst, *lhs, *rhs, accumulate, epilogue),
        (Operand::Packed(lhs), Operand::Packed(rhs)) => {
            let dst = E::singles_mut(dst).expect("packed sides are f32");
            bf16::par_product(dst, lhs, rhs, accumulate, |row, column, elements| {
                epilogue(row, column, E::of_singles_mut(elements).expect("packed sides are f32"));
            });
        }
        _ => panic!("the sides of a product are of one precision"),
    }
}
