//! The separable critic of two random vectors.

use super::dot::select_columns;
use super::{Tower, VectorCritic};
use crate::mi::{Pairing, Scores};
use crate::nn::{Backend, Channels, Real, buildable};
use dfdx::prelude::*;

/// `f(x, y) = ⟨g(x), h(y)⟩` with two multilayer perceptrons (`1 + DEPTH` hidden layers of `H` units, `K` outputs): all
/// pairs of a batch cost one matrix product (van den Oord et al. 2018; Poole et al. 2019).
#[derive(Clone, Debug)]
pub struct SeparableCritic<
    const I: usize,
    const J: usize,
    const H: usize,
    const DEPTH: usize,
    const K: usize,
    E: Dtype,
    D: Storage<E>,
> {
    /// Network of x, `I → K`.
    pub x: Tower<I, H, DEPTH, K, E, D>,
    /// Network of y, `J → K`.
    pub y: Tower<J, H, DEPTH, K, E, D>,
}

buildable!(
    SeparableCritic,
    [const I: usize, const J: usize, const H: usize, const DEPTH: usize, const K: usize],
    [I, J, H, DEPTH, K]
);

impl<const I: usize, const J: usize, const H: usize, const DEPTH: usize, const K: usize, E: Real, D: Device<E>>
    TensorCollection<E, D> for SeparableCritic<I, J, H, DEPTH, K, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = SeparableCritic<I, J, H, DEPTH, K, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (Self::module("x", |s| &s.x, |s| &mut s.x), Self::module("y", |s| &s.y, |s| &mut s.y)),
            |(x, y)| SeparableCritic { x, y },
        )
    }
}

impl<
    X: Channels<I>,
    Y: Channels<J>,
    const I: usize,
    const J: usize,
    const H: usize,
    const DEPTH: usize,
    const K: usize,
    E: Real,
    D: Backend<E>,
> VectorCritic<X, Y, E, D> for SeparableCritic<I, J, H, DEPTH, K, E, D>
{
    fn try_scores<B: Dim, T: Tape<E, D>>(
        &self,
        x: Tensor<(B, X), E, D, T>,
        y: Tensor<(B, Y), E, D>,
        pairing: Pairing,
    ) -> Result<Scores<E, D, T>, D::Err> {
        let scores = D::separable_scores(x, y, (self.x.layers(), self.y.layers()))?;
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
        D::linear::<K, _, _, _, _>(self.x.try_forward(x)?, &self.y.try_forward(y)?, None, shape, false)
    }
}
