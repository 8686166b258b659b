//! The concat-and-convolve critic.

use super::Critic;
use crate::mi::{Pairing, Scores};
use crate::nn::{Backend, Channels, Linear, PairArgs, Real, UnbiasedLinear, buildable};
use dfdx::prelude::*;

/// What a concat critic does after the first layer's half on the map: the half on the global vector, their sum for each
/// pair, ReLU, a layer of `U` units with ReLU, and one to a single score.
#[derive(Clone, Debug)]
pub struct PairNet<const Y: usize, const U: usize, E: Dtype, D: Storage<E>> {
    /// First layer's half on the global vector, and its bias.
    pub global: Linear<Y, U, false, E, D>,
    /// Second layer.
    pub hidden: Linear<U, U, false, E, D>,
    /// Last layer.
    pub score: Linear<U, 1, false, E, D>,
}

impl<const Y: usize, const U: usize, E: Real, D: Device<E>> TensorCollection<E, D> for PairNet<Y, U, E, D> {
    type To<E2: Dtype, D2: Device<E2>> = PairNet<Y, U, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::module("global", |s| &s.global, |s| &mut s.global),
                Self::module("hidden", |s| &s.hidden, |s| &mut s.hidden),
                Self::module("score", |s| &s.score, |s| &mut s.score),
            ),
            |(global, hidden, score)| PairNet { global, hidden, score },
        )
    }
}

impl<const Y: usize, const U: usize, E: Real, D: Backend<E>> PairNet<Y, U, E, D> {
    /// Scores from the first layer's half on the map, `p [B, …, U]`.
    pub(super) fn try_pair<B: Dim, GC: Channels<Y>, P: Shape, T: Tape<E, D>>(
        &self,
        p: Tensor<P, E, D, T>,
        global: &Tensor<(B, GC), E, D>,
        pairing: Pairing,
    ) -> Result<Scores<E, D, T>, D::Err> {
        let (p, tape) = p.split_tape();
        let (q, tape) = self.global.try_forward(global.clone().put_tape(tape))?.split_tape();
        let args = PairArgs {
            w2: &self.hidden.weight,
            b2: &self.hidden.bias,
            w3: &self.score.weight,
            b3: &self.score.bias,
            pairing,
        };
        D::pair_scores(p.put_tape(tape), &q, args)
    }
}

/// The paper's concat-and-convolve critic (Hjelm et al. 2019, figure 3): the global vector is put beside the features
/// of each location, then two 1×1 convolutions of `U` units with ReLU and one to a single score.
///
/// The first layer of the concatenation is `W_local·m + W_global·y + b`: its halves are computed once for each location
/// and each global vector and only added for each pair. Each half starts as a linear layer of its own would.
#[derive(Clone, Debug)]
pub struct ConcatCritic<const C: usize, const Y: usize, const U: usize, E: Dtype, D: Storage<E>> {
    /// First layer's half on a location.
    pub local: UnbiasedLinear<C, U, E, D>,
    /// The rest.
    pub pair: PairNet<Y, U, E, D>,
}

buildable!(ConcatCritic, [const C: usize, const Y: usize, const U: usize], [C, Y, U]);

impl<const C: usize, const Y: usize, const U: usize, E: Real, D: Device<E>> TensorCollection<E, D>
    for ConcatCritic<C, Y, U, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = ConcatCritic<C, Y, U, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (Self::module("local", |s| &s.local, |s| &mut s.local), Self::module("pair", |s| &s.pair, |s| &mut s.pair)),
            |(local, pair)| ConcatCritic { local, pair },
        )
    }
}

impl<
    B: Dim,
    MC: Channels<C>,
    H: Dim,
    W: Dim,
    GC: Channels<Y>,
    const C: usize,
    const Y: usize,
    const U: usize,
    E: Real,
    D: Backend<E>,
> Critic<(B, MC, H, W), (B, GC), E, D> for ConcatCritic<C, Y, U, E, D>
{
    fn try_scores<T: Tape<E, D>>(
        &self,
        map: Tensor<(B, MC, H, W), E, D, T>,
        global: &Tensor<(B, GC), E, D>,
        pairing: Pairing,
    ) -> Result<Scores<E, D, T>, D::Err> {
        let (b, c, h, w) = *map.shape();
        let rows = D::channels_last(map, (b, h, w, c))?;
        let p = D::linear::<U, _, _, _, _>(rows, &self.local.weight, None, (b, h, w, Const::<U>), false)?;
        self.pair.try_pair(p, global, pairing)
    }
}
