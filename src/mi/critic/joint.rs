//! The concat critic of two random vectors.

use super::VectorCritic;
use crate::mi::{Pairing, Scores};
use crate::nn::{Backend, Channels, Linear, Real, UnbiasedLinear, buildable};
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
    /// Scores of the pairs `(row of x, row of y)`, in the shape `out` of as many elements.
    fn try_pairs<N: Dim, X: Channels<I>, M: Dim, Y: Channels<J>, S: Shape, T: Tape<E, D>>(
        &self,
        x: Tensor<(N, X), E, D, T>,
        y: Tensor<(M, Y), E, D>,
        pairs: Vec<[usize; 2]>,
        out: S,
    ) -> Result<Tensor<S, E, D, T>, D::Err> {
        let (x, tape) = self.x.try_forward(x)?.split_tape();
        let (y, tape) = self.y.try_forward(y.put_tape(tape))?.split_tape();
        let h = D::pair_rows(x.put_tape(tape), &y, pairs)?;
        let h = self.hidden.try_forward(h)?;
        D::linear(h, &self.score.weight, Some(&self.score.bias), out, false)
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
        let columns = pairing.columns(b);
        let pairs = (0..b).flat_map(|i| (0..columns).map(move |k| [i, pairing.partner(i, k, b)])).collect();
        self.try_pairs(x, y, pairs, (b, 1, columns))
    }

    fn try_block<N: Dim, M: Dim>(
        &self,
        x: Tensor<(N, X), E, D>,
        y: Tensor<(M, Y), E, D>,
    ) -> Result<Tensor<(N, M), E, D>, D::Err> {
        let shape = (x.shape().0, y.shape().0);
        let (n, m) = (shape.0.size(), shape.1.size());
        let pairs = (0..n).flat_map(|i| (0..m).map(move |j| [i, j])).collect();
        self.try_pairs(x, y, pairs, shape)
    }
}
