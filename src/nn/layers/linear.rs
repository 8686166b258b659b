//! Linear layers.

use super::{buildable, fan_in_uniform};
use crate::nn::{Backend, Channels, Real};
use dfdx::prelude::*;

/// `y = x·Wᵀ + b` over the last axis, followed by `max(0, ·)` when `RELU` (in the same pass). Takes `[B, I]`, and
/// `[B, H, W, I]`: a linear layer at each location, that is, a 1×1 convolution with channels last.
///
/// Weights and bias start uniform on ±1/√I, as PyTorch's.
#[derive(Clone, Debug)]
pub struct Linear<const I: usize, const O: usize, const RELU: bool, E: Dtype, D: Storage<E>> {
    /// `[O, I]`.
    pub weight: Tensor<Rank2<O, I>, E, D>,
    /// `[O]`.
    pub bias: Tensor<Rank1<O>, E, D>,
}

buildable!(Linear, [const I: usize, const O: usize, const RELU: bool], [I, O, RELU]);

impl<const I: usize, const O: usize, const R: bool, E: Dtype, D: Storage<E>> NonMutableModule
    for Linear<I, O, R, E, D>
{
}

impl<const I: usize, const O: usize, const R: bool, E: Real, D: Device<E>> TensorCollection<E, D>
    for Linear<I, O, R, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = Linear<I, O, R, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::tensor(
                    "weight",
                    |s| &s.weight,
                    |s| &mut s.weight,
                    TensorOptions::reset_with(|t| fan_in_uniform(t, I)),
                ),
                Self::tensor("bias", |s| &s.bias, |s| &mut s.bias, TensorOptions::reset_with(|t| fan_in_uniform(t, I))),
            ),
            |(weight, bias)| Linear { weight, bias },
        )
    }
}

impl<B: Dim, C: Channels<I>, const I: usize, const O: usize, const R: bool, E: Real, D: Backend<E>, T: Tape<E, D>>
    Module<Tensor<(B, C), E, D, T>> for Linear<I, O, R, E, D>
{
    type Output = Tensor<(B, Const<O>), E, D, T>;
    type Error = D::Err;

    fn try_forward(&self, x: Tensor<(B, C), E, D, T>) -> Result<Self::Output, D::Err> {
        let y = (x.shape().0, Const);
        D::linear(x, &self.weight, Some(&self.bias), y, R)
    }
}

impl<
    B: Dim,
    H: Dim,
    W: Dim,
    C: Channels<I>,
    const I: usize,
    const O: usize,
    const R: bool,
    E: Real,
    D: Backend<E>,
    T: Tape<E, D>,
> Module<Tensor<(B, H, W, C), E, D, T>> for Linear<I, O, R, E, D>
{
    type Output = Tensor<(B, H, W, Const<O>), E, D, T>;
    type Error = D::Err;

    fn try_forward(&self, x: Tensor<(B, H, W, C), E, D, T>) -> Result<Self::Output, D::Err> {
        let (b, h, w, _) = *x.shape();
        D::linear(x, &self.weight, Some(&self.bias), (b, h, w, Const), R)
    }
}

/// `y = x·Wᵀ`, `[B, I]` → `[B, O]`.
#[derive(Clone, Debug)]
pub struct UnbiasedLinear<const I: usize, const O: usize, E: Dtype, D: Storage<E>> {
    /// `[O, I]`.
    pub weight: Tensor<Rank2<O, I>, E, D>,
}

buildable!(UnbiasedLinear, [const I: usize, const O: usize], [I, O]);

impl<const I: usize, const O: usize, E: Dtype, D: Storage<E>> NonMutableModule for UnbiasedLinear<I, O, E, D> {}

impl<const I: usize, const O: usize, E: Real, D: Device<E>> TensorCollection<E, D> for UnbiasedLinear<I, O, E, D> {
    type To<E2: Dtype, D2: Device<E2>> = UnbiasedLinear<I, O, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            Self::tensor(
                "weight",
                |s| &s.weight,
                |s| &mut s.weight,
                TensorOptions::reset_with(|t| fan_in_uniform(t, I)),
            ),
            |weight| UnbiasedLinear { weight },
        )
    }
}

impl<B: Dim, C: Channels<I>, const I: usize, const O: usize, E: Real, D: Backend<E>, T: Tape<E, D>>
    Module<Tensor<(B, C), E, D, T>> for UnbiasedLinear<I, O, E, D>
{
    type Output = Tensor<(B, Const<O>), E, D, T>;
    type Error = D::Err;

    fn try_forward(&self, x: Tensor<(B, C), E, D, T>) -> Result<Self::Output, D::Err> {
        let y = (x.shape().0, Const);
        D::linear::<O, _, _, _, _>(x, &self.weight, None, y, false)
    }
}

/// A linear layer without bias on a whole feature map: `[B, C, H, W]` → `[B, O]`.
///
/// The same as [`Flatten`](super::Flatten) and [`UnbiasedLinear`], but its sizes need no multiplication in types, so an
/// encoder can keep its channels as const parameters on stable Rust.
#[derive(Clone, Debug)]
pub struct FlattenLinear<const C: usize, const H: usize, const W: usize, const O: usize, E: Dtype, D: Storage<E>> {
    /// `[O, C, H, W]`.
    pub weight: Tensor<Rank4<O, C, H, W>, E, D>,
}

buildable!(FlattenLinear, [const C: usize, const H: usize, const W: usize, const O: usize], [C, H, W, O]);

impl<const C: usize, const H: usize, const W: usize, const O: usize, E: Dtype, D: Storage<E>> NonMutableModule
    for FlattenLinear<C, H, W, O, E, D>
{
}

impl<const C: usize, const H: usize, const W: usize, const O: usize, E: Real, D: Device<E>> TensorCollection<E, D>
    for FlattenLinear<C, H, W, O, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = FlattenLinear<C, H, W, O, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            Self::tensor(
                "weight",
                |s| &s.weight,
                |s| &mut s.weight,
                TensorOptions::reset_with(|t| fan_in_uniform(t, C * H * W)),
            ),
            |weight| FlattenLinear { weight },
        )
    }
}

impl<
    B: Dim,
    X: Channels<C>,
    const C: usize,
    const H: usize,
    const W: usize,
    const O: usize,
    E: Real,
    D: Backend<E>,
    T: Tape<E, D>,
> Module<Tensor<(B, X, Const<H>, Const<W>), E, D, T>> for FlattenLinear<C, H, W, O, E, D>
{
    type Output = Tensor<(B, Const<O>), E, D, T>;
    type Error = D::Err;

    fn try_forward(&self, x: Tensor<(B, X, Const<H>, Const<W>), E, D, T>) -> Result<Self::Output, D::Err> {
        let y = (x.shape().0, Const);
        D::linear::<O, _, _, _, _>(x, &self.weight, None, y, false)
    }
}
