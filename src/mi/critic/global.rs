//! The global critic.

use super::{Critic, PairNet};
use crate::mi::{Pairing, Scores};
use crate::nn::{Backend, Channels, FlattenLinear, Real, buildable};
use dfdx::prelude::*;

/// The paper's global critic: the whole feature map is flattened and put beside the global vector, then two layers of
/// `U` units with ReLU and one to a single score. Scores are `[B, 1, K]`.
#[derive(Clone, Debug)]
pub struct GlobalCritic<
    const C: usize,
    const H: usize,
    const W: usize,
    const Y: usize,
    const U: usize,
    E: Dtype,
    D: Storage<E>,
> {
    /// First layer's half on the map.
    pub map: FlattenLinear<C, H, W, U, E, D>,
    /// The rest.
    pub pair: PairNet<Y, U, E, D>,
}

buildable!(GlobalCritic, [const C: usize, const H: usize, const W: usize, const Y: usize, const U: usize], [C, H, W, Y, U]);

impl<const C: usize, const H: usize, const W: usize, const Y: usize, const U: usize, E: Real, D: Device<E>>
    TensorCollection<E, D> for GlobalCritic<C, H, W, Y, U, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = GlobalCritic<C, H, W, Y, U, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (Self::module("map", |s| &s.map, |s| &mut s.map), Self::module("pair", |s| &s.pair, |s| &mut s.pair)),
            |(map, pair)| GlobalCritic { map, pair },
        )
    }
}

impl<
    B: Dim,
    MC: Channels<C>,
    GC: Channels<Y>,
    const C: usize,
    const H: usize,
    const W: usize,
    const Y: usize,
    const U: usize,
    E: Real,
    D: Backend<E>,
> Critic<(B, MC, Const<H>, Const<W>), (B, GC), E, D> for GlobalCritic<C, H, W, Y, U, E, D>
{
    fn try_scores<T: Tape<E, D>>(
        &self,
        map: Tensor<(B, MC, Const<H>, Const<W>), E, D, T>,
        global: &Tensor<(B, GC), E, D>,
        pairing: Pairing,
    ) -> Result<Scores<E, D, T>, D::Err> {
        let b = map.shape().0;
        let p = D::linear::<U, _, _, _, _>(map, &self.map.weight, None, (b, Const::<U>), false)?;
        self.pair.try_pair(p, global, pairing)
    }
}
