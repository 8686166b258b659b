//! From one feature vector for each patch to a feature map, on the tape.

use super::{FillsGrid, PatchCount};
use dfdx::prelude::*;

/// Features of patches back on their grid: `[B, P, F]` → `[B, F, R, Q]`, with `P = R·Q` checked by the compiler.
///
/// A folded encoder cuts an image into crops, encodes each by itself, and refolds the crops' features, so that no
/// feature has seen more than its crop:
///
/// ```
/// use dfdx::prelude::*;
/// use infomax::nn::{Flatten, builder};
/// use infomax::patch::{Patches, Refold, merge_batch, split_batch};
/// let dev = Cpu::seed_from_u64(0);
/// let encoder = dev.build_module::<(builder::Conv2d<3, 6, 8, 4, 0>, Flatten<6>), f32>();
/// let images: Tensor<Rank4<2, 3, 32, 32>, f32, _> = dev.sample_normal();
///
/// let crops = Patches::<8, 4>::cut(&images)?; // [2, 49, 3, 8, 8]
/// let each = encoder.forward(merge_batch(crops.leaky_traced())?); // [98, 6]
/// let map: Tensor<Rank4<2, 6, 7, 7>, f32, _, _> = Refold::<7, 7>.forward(split_batch(each, (Const::<2>, Const::<49>))?);
/// let gradients = map.square().mean().backward();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Refold<const R: usize, const Q: usize>;

impl<const R: usize, const Q: usize> ZeroSizedModule for Refold<R, Q> {}
impl<const R: usize, const Q: usize> NonMutableModule for Refold<R, Q> {}

impl<B: Dim, P, F: Dim, const R: usize, const Q: usize, E: Dtype, D: Device<E>, T: Tape<E, D>>
    Module<Tensor<(B, P, F), E, D, T>> for Refold<R, Q>
where
    Const<R>: PatchCount<Const<Q>>,
    P: FillsGrid<<Const<R> as PatchCount<Const<Q>>>::Out>,
{
    type Output = Tensor<(B, F, Const<R>, Const<Q>), E, D, T>;
    type Error = D::Err;

    fn try_forward(&self, x: Tensor<(B, P, F), E, D, T>) -> Result<Self::Output, D::Err> {
        refold(x, (Const, Const))
    }
}

/// [`Refold`] to a grid that need not have compile-time sizes: `[B, P, F]` → `[B, F, R, Q]`.
///
/// # Errors
/// When the device fails.
///
/// # Panics
/// When the patches do not fill a `usize` grid: a shape mistake that only this call can see.
pub fn refold<B: Dim, P, F: Dim, R: PatchCount<Q>, Q: Dim, E: Dtype, D: Device<E>, T: Tape<E, D>>(
    features: Tensor<(B, P, F), E, D, T>,
    (rows, columns): (R, Q),
) -> Result<Tensor<(B, F, R, Q), E, D, T>, D::Err>
where
    P: FillsGrid<R::Out>,
{
    let (b, p, f) = *features.shape();
    let (r, q) = (rows.size(), columns.size());
    assert!(p.size() == r * q, "{} patches do not fill a grid of {r} x {q}", p.size());
    features.try_permute::<(B, F, P), Axes3<0, 2, 1>>()?.try_reshape_like(&(b, f, rows, columns))
}

/// Makes each patch an image of its own: `[B, P, C, h, w]` → `[B·P, C, h, w]`, image by image.
///
/// # Errors
/// When the device fails.
pub fn merge_batch<B: Dim, P: Dim, C: Dim, H: Dim, W: Dim, E: Dtype, D: Device<E>, T: Tape<E, D>>(
    patches: Tensor<(B, P, C, H, W), E, D, T>,
) -> Result<Tensor<(usize, C, H, W), E, D, T>, D::Err> {
    let (b, p, c, h, w) = *patches.shape();
    patches.try_reshape_like(&(b.size() * p.size(), c, h, w))
}

/// Groups the features of patches by their image again: `[B·P, F]` → `[B, P, F]`.
///
/// # Errors
/// When the device fails.
///
/// # Panics
/// When there are not B·P rows: a shape mistake that only this call can see.
pub fn split_batch<N: Dim, B: Dim, P: Dim, F: Dim, E: Dtype, D: Device<E>, T: Tape<E, D>>(
    features: Tensor<(N, F), E, D, T>,
    (images, patches): (B, P),
) -> Result<Tensor<(B, P, F), E, D, T>, D::Err> {
    let (n, f) = *features.shape();
    let (b, p) = (images.size(), patches.size());
    assert!(n.size() == b * p, "{} rows of features are not those of {b} images of {p} patches", n.size());
    features.try_reshape_like(&(images, patches, f))
}
