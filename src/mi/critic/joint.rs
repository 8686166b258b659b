//! The concat critic of two random vectors.

use super::VectorCritic;
use crate::mi::{Pairing, Scores};
use crate::nn::{Backend, Channels, Linear, PairArgs, Real, UnbiasedLinear, buildable};
use dfdx::prelude::*;

/// A multilayer perceptron on x and y side by side, with two hidden layers of `U` units (Belghazi et al. 2018).
///
/// The first layer is `W_x·x + W_y·y + b`: its halves are computed once for each x and each y and only added for each
/// pair.
#[derive(Clone, Debug)]
pub struct JointCritic<const I: usize, const J: usize, const U: usize, E: Dtype, D: Storage<E>> {
    /// First layer's half on x.
    pub x: UnbiasedLinear<I, U, E, D>,
    /// First layer's half on y, and its bias.
    pub y: Linear<J, U, false, E, D>,
    /// Second layer.
    pub hidden: Linear<U, U, true, E, D>,
    /// Last layer.
    pub score: Linear<U, 1, false, E, D>,
}

buildable!(JointCritic, [const I: usize, const J: usize, const U: usize], [I, J, U]);

impl<const I: usize, const J: usize, const U: usize, E: Real, D: Device<E>> TensorCollection<E, D>
    for JointCritic<I, J, U, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = JointCritic<I, J, U, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::module("x", |s| &s.x, |s| &mut s.x),
                Self::module("y", |s| &s.y, |s| &mut s.y),
                Self::module("hidden", |s| &s.hidden, |s| &mut s.hidden),
                Self::module("score", |s| &s.score, |s| &mut s.score),
            ),
            |(x, y, hidden, score)| JointCritic { x, y, hidden, score },
        )
    }
}

impl<const I: usize, const J: usize, const U: usize, E: Real, D: Backend<E>> JointCritic<I, J, U, E, D> {
    /// Scores of the pairs of a row of x and one of y, in the shape `out` of as many elements.
    fn try_pairs<N: Dim, X: Channels<I>, M: Dim, Y: Channels<J>, S: Shape, T: Tape<E, D>>(
        &self,
        x: Tensor<(N, X), E, D, T>,
        y: Tensor<(M, Y), E, D>,
        pairing: Pairing,
        out: S,
    ) -> Result<Tensor<S, E, D, T>, D::Err> {
        let (x, tape) = self.x.try_forward(x)?.split_tape();
        let (y, tape) = self.y.try_forward(y.put_tape(tape))?.split_tape();
        let args = PairArgs {
            w2: &self.hidden.weight,
            b2: &self.hidden.bias,
            w3: &self.score.weight,
            b3: &self.score.bias,
            pairing,
        };
        D::joint_scores(x.put_tape(tape), &y, args, out)
    }
}

impl<X: Channels<I>, Y: Channels<J>, const I: usize, const J: usize, const U: usize, E: Real, D: Backend<E>>
    VectorCritic<X, Y, E, D> for JointCritic<I, J, U, E, D>
{
    fn try_scores<B: Dim, T: Tape<E, D>>(
        &self,
        x: Tensor<(B, X), E, D, T>,
        y: Tensor<(B, Y), E, D>,
        pairing: Pairing,
    ) -> Result<Scores<E, D, T>, D::Err> {
        let b = x.shape().0.size();
        self.try_pairs(x, y, pairing, (b, 1, pairing.columns(b)))
    }

    fn try_block<N: Dim, M: Dim>(
        &self,
        x: Tensor<(N, X), E, D>,
        y: Tensor<(M, Y), E, D>,
    ) -> Result<Tensor<(N, M), E, D>, D::Err> {
        let shape = (x.shape().0, y.shape().0);
        self.try_pairs(x, y, Pairing::All, shape)
    }
}
