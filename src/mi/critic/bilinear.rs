//! The bilinear critic of two random vectors.

use super::VectorCritic;
use super::dot::select_columns;
use crate::mi::{Pairing, Scores};
use crate::nn::{Backend, Channels, Real, UnbiasedLinear, buildable};
use dfdx::prelude::*;

/// `f(x, y) = xᵀ W y` (van den Oord et al. 2018).
#[derive(Clone, Debug)]
pub struct BilinearCritic<const I: usize, const J: usize, E: Dtype, D: Storage<E>> {
    /// `Wᵀ`, `[J, I]`.
    pub weight: UnbiasedLinear<I, J, E, D>,
}

buildable!(BilinearCritic, [const I: usize, const J: usize], [I, J]);

impl<const I: usize, const J: usize, E: Real, D: Device<E>> TensorCollection<E, D> for BilinearCritic<I, J, E, D> {
    type To<E2: Dtype, D2: Device<E2>> = BilinearCritic<I, J, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor
            .visit_fields(Self::module("weight", |s| &s.weight, |s| &mut s.weight), |weight| BilinearCritic { weight })
    }
}

impl<X: Channels<I>, Y: Channels<J>, const I: usize, const J: usize, E: Real, D: Backend<E>> VectorCritic<X, Y, E, D>
    for BilinearCritic<I, J, E, D>
{
    fn try_scores<B: Dim, T: Tape<E, D>>(
        &self,
        x: Tensor<(B, X), E, D, T>,
        y: Tensor<(B, Y), E, D>,
        pairing: Pairing,
    ) -> Result<Scores<E, D, T>, D::Err> {
        let b = x.shape().0.size();
        let scores = D::linear::<J, _, _, _, _>(self.weight.try_forward(x)?, &y, None, (b, 1, b), false)?;
        match pairing {
            Pairing::All => Ok(scores),
            Pairing::Rolled(_) => select_columns(scores, pairing),
        }
    }

    fn try_block<N: Dim, M: Dim>(
        &self,
        x: Tensor<(N, X), E, D>,
        y: Tensor<(M, Y), E, D>,
    ) -> Result<Tensor<(N, M), E, D>, D::Err> {
        let shape = (x.shape().0, y.shape().0);
        D::linear::<J, _, _, _, _>(self.weight.try_forward(x)?, &y, None, shape, false)
    }
}
