//! Sides of matrix products in the precision that is asked for.

use super::gemm::{Mat, Real, matmul, par_matmul, written};
use super::packed::{self, Format, Packed, Side};
use crate::nn::Precision;

/// A side of a product: a view, or a packed copy. Made once, used in any number of products.
pub(crate) enum Operand<'a, E> {
    /// As it is.
    Plain(Mat<'a, E>),
    /// In the layout of kernels of our own.
    Packed(Packed),
}

/// What sides of `f32` products of this precision are packed as; `None` where this processor has no kernel for it, and
/// products are `gemm`'s.
pub(crate) fn format(precision: Precision) -> Option<Format> {
    let format = match precision {
        Precision::Fp32 => Format::Single,
        Precision::Bf16 => Format::Bf16,
    };
    format.unit().map(|_| format)
}

/// The same where sides are used in so many sums that it does not matter how many bytes they take: `f32` as sums of three
/// bf16, six products of which take less time on tiles than that of `f32` elsewhere.
pub(crate) fn reused_format(precision: Precision) -> Option<Format> {
    let split = (precision == Precision::Fp32).then_some(Format::Split);
    split.filter(|format| format.unit().is_some()).or_else(|| format(precision))
}

/// Sizes of an `f32` product below which packing costs more than it brings: each number is used in too few sums.
const WORTH: usize = 256;

/// Whether the sides of a product of these three sizes are packed.
pub(crate) fn packs<E: Real>(sizes: [usize; 3], precision: Precision) -> bool {
    let worth = precision == Precision::Bf16 || sizes.iter().all(|&size| size >= WORTH);
    worth && E::singles(&[]).is_some() && format(precision).is_some()
}

impl<'a, E: Real> Operand<'a, E> {
    /// The left side of products with `columns` columns, prepared on all threads.
    pub(crate) fn left(view: Mat<'a, E>, columns: usize, precision: Precision) -> Self {
        Self::new(view, columns, precision, |view, format| Packed::new(view, Side::Left, format))
    }

    /// The right side of products with `rows` rows.
    pub(crate) fn right(view: Mat<'a, E>, rows: usize, precision: Precision) -> Self {
        Self::new(view, rows, precision, |view, format| Packed::new(view, Side::Right, format))
    }

    /// As [`Operand::left`], prepared on the calling thread.
    pub(crate) fn left_here(view: Mat<'a, E>, columns: usize, precision: Precision) -> Self {
        Self::new(view, columns, precision, |view, format| Packed::here(view, Side::Left, format))
    }

    /// As [`Operand::right`], prepared on the calling thread.
    pub(crate) fn right_here(view: Mat<'a, E>, rows: usize, precision: Precision) -> Self {
        Self::new(view, rows, precision, |view, format| Packed::here(view, Side::Right, format))
    }

    fn new(view: Mat<'a, E>, others: usize, precision: Precision, pack: impl Fn(Mat<f32>, Format) -> Packed) -> Self {
        let packs = packs::<E>([others, view.row_count(), view.col_count()], precision);
        match (format(precision).filter(|_| packs), view.singles()) {
            (Some(format), Some(singles)) => Self::Packed(pack(singles, format)),
            _ => Self::Plain(view),
        }
    }

    /// The packed form of a side whose partner is packed, in `room` where it has to be made.
    fn packed<'p>(
        &'p self,
        side: Side,
        format: Format,
        pack: impl Fn(Mat<f32>, Side, Format) -> Packed,
        room: &'p mut Option<Packed>,
    ) -> &'p Packed {
        match self {
            Self::Packed(packed) => packed,
            Self::Plain(view) => room.insert(pack(view.singles().expect("packed sides are f32"), side, format)),
        }
    }
}

/// `dst = lhs·rhs`, or `dst += lhs·rhs`, on the calling thread. `dst` has rows `stride` apart.
///
/// # Panics
/// When sizes do not fit, or the sides are packed as different numbers.
pub(crate) fn multiply<E: Real>(dst: &mut [E], stride: usize, lhs: &Operand<E>, rhs: &Operand<E>, accumulate: bool) {
    let format = match (lhs, rhs) {
        (Operand::Plain(lhs), Operand::Plain(rhs)) => return matmul(dst, stride, *lhs, *rhs, accumulate),
        (Operand::Packed(side), _) | (_, Operand::Packed(side)) => side.format(),
    };
    let (mut left, mut right) = (None, None);
    let lhs = lhs.packed(Side::Left, format, Packed::here, &mut left);
    let rhs = rhs.packed(Side::Right, format, Packed::here, &mut right);
    packed::product(E::singles_mut(dst).expect("packed sides are f32"), stride, lhs, rhs, accumulate);
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
    let m = match lhs {
        Operand::Plain(lhs) => lhs.row_count(),
        Operand::Packed(lhs) => lhs.outer(),
    };
    let n = match rhs {
        Operand::Plain(rhs) => rhs.col_count(),
        Operand::Packed(rhs) => rhs.outer(),
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
    let format = match (lhs, rhs) {
        (Operand::Plain(lhs), Operand::Plain(rhs)) => return par_matmul(dst, *lhs, *rhs, accumulate, &epilogue),
        (Operand::Packed(side), _) | (_, Operand::Packed(side)) => side.format(),
    };
    let (mut left, mut right) = (None, None);
    let lhs = lhs.packed(Side::Left, format, Packed::new, &mut left);
    let rhs = rhs.packed(Side::Right, format, Packed::new, &mut right);
    let dst = E::singles_mut(dst).expect("packed sides are f32");
    packed::par_product(dst, lhs, rhs, accumulate, &|row, column, elements| {
        epilogue(row, column, E::of_singles_mut(elements).expect("packed sides are f32"));
    });
}
