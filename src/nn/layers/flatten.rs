//! Changes of layout.

use crate::nn::{Backend, Real};
use dfdx::prelude::*;

/// `[B, C, H, W]` → `[B, N]` with `N = C·H·W`, checked by the compiler.
///
/// ```
/// use dfdx::prelude::*;
/// use infomax::nn::Flatten;
/// let dev = Cpu::default();
/// let y: Tensor<Rank2<2, 48>, f32, _> = Flatten::<48>.forward(dev.zeros::<Rank4<2, 3, 4, 4>>());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Flatten<const N: usize>;

impl<const N: usize> ZeroSizedModule for Flatten<N> {}
impl<const N: usize> NonMutableModule for Flatten<N> {}

impl<B: Dim, const C: usize, const H: usize, const W: usize, const N: usize, E: Real, D: Device<E>, T: Tape<E, D>>
    Module<Tensor<(B, Const<C>, Const<H>, Const<W>), E, D, T>> for Flatten<N>
{
    type Output = Tensor<(B, Const<N>), E, D, T>;
    type Error = D::Err;

    fn try_forward(&self, x: Tensor<(B, Const<C>, Const<H>, Const<W>), E, D, T>) -> Result<Self::Output, D::Err> {
        const { assert!(C * H * W == N, "Flatten<N> takes maps of exactly N = C x H x W elements") };
        let y = (x.shape().0, Const);
        x.try_reshape_like(&y)
    }
}

/// `[B, N]` → `[B, C, H, W]` with `N = C·H·W`, checked by the compiler: the way back from [`Flatten`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Unflatten<const C: usize, const H: usize, const W: usize>;

impl<const C: usize, const H: usize, const W: usize> ZeroSizedModule for Unflatten<C, H, W> {}
impl<const C: usize, const H: usize, const W: usize> NonMutableModule for Unflatten<C, H, W> {}

impl<B: Dim, const N: usize, const C: usize, const H: usize, const W: usize, E: Real, D: Device<E>, T: Tape<E, D>>
    Module<Tensor<(B, Const<N>), E, D, T>> for Unflatten<C, H, W>
{
    type Output = Tensor<(B, Const<C>, Const<H>, Const<W>), E, D, T>;
    type Error = D::Err;

    fn try_forward(&self, x: Tensor<(B, Const<N>), E, D, T>) -> Result<Self::Output, D::Err> {
        const { assert!(C * H * W == N, "Unflatten<C, H, W> takes vectors of exactly N = C x H x W elements") };
        let y = (x.shape().0, Const, Const, Const);
        x.try_reshape_like(&y)
    }
}

/// `[B, C, H, W]` → `[B, H, W, C]`: one row of channels for each location.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocationRows;

impl ZeroSizedModule for LocationRows {}
impl NonMutableModule for LocationRows {}

impl<B: Dim, C: Dim, H: Dim, W: Dim, E: Real, D: Backend<E>, T: Tape<E, D>> Module<Tensor<(B, C, H, W), E, D, T>>
    for LocationRows
{
    type Output = Tensor<(B, H, W, C), E, D, T>;
    type Error = D::Err;

    fn try_forward(&self, x: Tensor<(B, C, H, W), E, D, T>) -> Result<Self::Output, D::Err> {
        let (b, c, h, w) = *x.shape();
        D::channels_last(x, (b, h, w, c))
    }
}
