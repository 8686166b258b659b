//! Layer norm.

use super::buildable;
use crate::nn::{Backend, Channels, Real};
use dfdx::prelude::*;

/// Layer norm over the last axis (Ba, Kiros & Hinton 2016): each row to mean 0 and variance 1, then `·scale + bias`.
/// Takes `[B, F]` and `[B, H, W, F]`. ε = 1e-5.
#[derive(Clone, Debug)]
pub struct LayerNorm<const F: usize, E: Dtype, D: Storage<E>> {
    /// `[F]`, starts at 1.
    pub scale: Tensor<Rank1<F>, E, D>,
    /// `[F]`, starts at 0.
    pub bias: Tensor<Rank1<F>, E, D>,
}

impl<const F: usize, E: Dtype, D: Storage<E>> LayerNorm<F, E, D> {
    /// Added to the variance.
    pub const EPSILON: f64 = 1e-5;
}

buildable!(LayerNorm, [const F: usize], [F]);

impl<const F: usize, E: Dtype, D: Storage<E>> NonMutableModule for LayerNorm<F, E, D> {}

impl<const F: usize, E: Real, D: Device<E>> TensorCollection<E, D> for LayerNorm<F, E, D> {
    type To<E2: Dtype, D2: Device<E2>> = LayerNorm<F, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::tensor("scale", |s| &s.scale, |s| &mut s.scale, TensorOptions::reset_to_ones()),
                Self::tensor("bias", |s| &s.bias, |s| &mut s.bias, TensorOptions::reset_to_zeros()),
            ),
            |(scale, bias)| LayerNorm { scale, bias },
        )
    }
}

impl<B: Dim, C: Channels<F>, const F: usize, E: Real, D: Backend<E>, T: Tape<E, D>> Module<Tensor<(B, C), E, D, T>>
    for LayerNorm<F, E, D>
{
    type Output = Tensor<(B, C), E, D, T>;
    type Error = D::Err;

    fn try_forward(&self, x: Tensor<(B, C), E, D, T>) -> Result<Self::Output, D::Err> {
        D::layer_norm(x, &self.scale, &self.bias, Self::EPSILON)
    }
}

impl<B: Dim, H: Dim, W: Dim, C: Channels<F>, const F: usize, E: Real, D: Backend<E>, T: Tape<E, D>>
    Module<Tensor<(B, H, W, C), E, D, T>> for LayerNorm<F, E, D>
{
    type Output = Tensor<(B, H, W, C), E, D, T>;
    type Error = D::Err;

    fn try_forward(&self, x: Tensor<(B, H, W, C), E, D, T>) -> Result<Self::Output, D::Err> {
        D::layer_norm(x, &self.scale, &self.bias, Self::EPSILON)
    }
}
