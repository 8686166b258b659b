//! How many patches a grid has, worked out by the compiler.

use crate::nn::ConvDim;
use dfdx::shapes::{Const, Dim};

/// The rows of a grid of patches, with the number of patches when it has `Q` columns.
///
/// Implemented for squares up to 128×128, rectangles up to 16×16, and wherever one side is a `usize`.
#[diagnostic::on_unimplemented(
    message = "a grid of `{Self}` x `{Q}` patches has no compile-time count",
    label = "this grid is too large",
    note = "compile-time counts cover squares up to 128 x 128 and rectangles up to 16 x 16; `usize` sizes are counted at run time"
)]
pub trait PatchCount<Q: Dim>: Dim {
    /// Rows times columns.
    type Out: Dim;

    /// Rows times columns as a value.
    fn count(&self, columns: &Q) -> Self::Out {
        Self::Out::from_size(self.size() * columns.size()).expect("the count table agrees with the product")
    }
}

impl PatchCount<usize> for usize {
    type Out = usize;
}

impl<const R: usize> PatchCount<usize> for Const<R> {
    type Out = usize;
}

impl<const Q: usize> PatchCount<Const<Q>> for usize {
    type Out = usize;
}

include!(concat!(env!("OUT_DIR"), "/patch_counts.rs"));

/// The number of `K`×`K` patches at stride `S` of an image of `H`×`W` pixels: `Const<49>` for `Const<32>`, `Const<32>`, 8, 4.
pub type CountOf<H, W, const K: usize, const S: usize> =
    <<H as ConvDim<K, S, 0>>::Out as PatchCount<<W as ConvDim<K, S, 0>>::Out>>::Out;

/// A number of patches that fills a grid of exactly `N`.
///
/// Functions ask for it instead of writing the count in their input type, so that a mistake reads as a sentence.
#[diagnostic::on_unimplemented(
    message = "there are `{Self}` patches, but the grid has `{N}`",
    label = "wrong number of patches"
)]
pub trait FillsGrid<N: Dim>: Dim {}

impl<N: Dim> FillsGrid<N> for N {}
