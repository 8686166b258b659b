//! The encode-and-dot-product critic.

use super::Critic;
use crate::mi::{Pairing, Scores};
use crate::nn::{Backend, Channels, LayerNorm, Linear, Real, ResidualArgs, buildable, builder};
use dfdx::prelude::*;

/// A network that takes rows of `I` features to rows of `U`, the same for vectors and for each location of a map.
pub trait Embed<const I: usize, const U: usize, E: Real, D: Backend<E>> {
    /// Embeds each row of `x` (`[…, I]`) into `y` (`[…, U]`, as many rows).
    ///
    /// # Errors
    /// When the device fails.
    fn try_embed<X: Shape, Y: Shape, T: Tape<E, D>>(
        &self,
        x: Tensor<X, E, D, T>,
        y: Y,
    ) -> Result<Tensor<Y, E, D, T>, D::Err>;

    /// The products of each embedded row of `x` (`[…, I]`) with each of `vectors` (`[B, U]`), in the shape `y`. The tape of `x`
    /// must hold what `vectors` was computed with.
    ///
    /// # Errors
    /// When the device fails.
    fn try_scores<B: Dim, X: Shape, Y: Shape, T: Tape<E, D>>(
        &self,
        x: Tensor<X, E, D, T>,
        vectors: &Tensor<(B, Const<U>), E, D>,
        y: Y,
    ) -> Result<Tensor<Y, E, D, T>, D::Err> {
        let rows = x.shape().num_elements() / I;
        let embedded = self.try_embed(x, (rows, Const::<U>))?;
        D::linear::<U, _, _, _, _>(embedded, vectors, None, y, false)
    }
}

/// Two linear layers with a ReLU between them: the lightest embedding that learns as well.
#[derive(Clone, Debug)]
pub struct PlainEmbed<const I: usize, const U: usize, E: Dtype, D: Storage<E>> {
    /// First layer.
    pub first: Linear<I, U, true, E, D>,
    /// Second layer.
    pub second: Linear<U, U, false, E, D>,
}

buildable!(PlainEmbed, [const I: usize, const U: usize], [I, U]);

impl<const I: usize, const U: usize, E: Real, D: Device<E>> TensorCollection<E, D> for PlainEmbed<I, U, E, D> {
    type To<E2: Dtype, D2: Device<E2>> = PlainEmbed<I, U, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::module("first", |s| &s.first, |s| &mut s.first),
                Self::module("second", |s| &s.second, |s| &mut s.second),
            ),
            |(first, second)| PlainEmbed { first, second },
        )
    }
}

impl<const I: usize, const U: usize, E: Real, D: Backend<E>> Embed<I, U, E, D> for PlainEmbed<I, U, E, D> {
    fn try_embed<X: Shape, Y: Shape, T: Tape<E, D>>(
        &self,
        x: Tensor<X, E, D, T>,
        y: Y,
    ) -> Result<Tensor<Y, E, D, T>, D::Err> {
        let h = D::linear(x, &self.first.weight, Some(&self.first.bias), y, true)?;
        D::linear(h, &self.second.weight, Some(&self.second.bias), y, false)
    }
}

/// The paper's embedding (Hjelm et al. 2019, appendix): two linear layers with a ReLU between them beside a linear
/// shortcut, then layer norm of their sum.
#[derive(Clone, Debug)]
pub struct ResidualEmbed<const I: usize, const U: usize, E: Dtype, D: Storage<E>> {
    /// The two layers.
    pub main: PlainEmbed<I, U, E, D>,
    /// The shortcut.
    pub shortcut: Linear<I, U, false, E, D>,
    /// The norm over the `U` features.
    pub norm: LayerNorm<U, E, D>,
}

buildable!(ResidualEmbed, [const I: usize, const U: usize], [I, U]);

impl<const I: usize, const U: usize, E: Real, D: Device<E>> TensorCollection<E, D> for ResidualEmbed<I, U, E, D> {
    type To<E2: Dtype, D2: Device<E2>> = ResidualEmbed<I, U, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::module("main", |s| &s.main, |s| &mut s.main),
                Self::module("shortcut", |s| &s.shortcut, |s| &mut s.shortcut),
                Self::module("norm", |s| &s.norm, |s| &mut s.norm),
            ),
            |(main, shortcut, norm)| ResidualEmbed { main, shortcut, norm },
        )
    }
}

impl<const I: usize, const U: usize, E: Real, D: Backend<E>> ResidualEmbed<I, U, E, D> {
    fn args(&self) -> ResidualArgs<'_, I, U, E, D> {
        let PlainEmbed { first, second } = &self.main;
        ResidualArgs {
            first: (&first.weight, &first.bias),
            second: (&second.weight, &second.bias),
            shortcut: (&self.shortcut.weight, &self.shortcut.bias),
            norm: (&self.norm.scale, &self.norm.bias),
            epsilon: LayerNorm::<U, E, D>::EPSILON,
        }
    }
}

impl<const I: usize, const U: usize, E: Real, D: Backend<E>> Embed<I, U, E, D> for ResidualEmbed<I, U, E, D> {
    fn try_embed<X: Shape, Y: Shape, T: Tape<E, D>>(
        &self,
        x: Tensor<X, E, D, T>,
        y: Y,
    ) -> Result<Tensor<Y, E, D, T>, D::Err> {
        D::residual(x, self.args(), y)
    }

    fn try_scores<B: Dim, X: Shape, Y: Shape, T: Tape<E, D>>(
        &self,
        x: Tensor<X, E, D, T>,
        vectors: &Tensor<(B, Const<U>), E, D>,
        y: Y,
    ) -> Result<Tensor<Y, E, D, T>, D::Err> {
        D::residual_scores(x, vectors, self.args(), y)
    }
}

/// The paper's encode-and-dot-product critic: locations and global vectors are embedded apart into `U` dimensions, and
/// the score of a pair is the dot product. All pairs cost one matrix product.
///
/// `L` and `G` are the two embeddings, [`PlainEmbed`] or [`ResidualEmbed`].
#[derive(Clone, Debug)]
pub struct DotCritic<const C: usize, const Y: usize, const U: usize, L, G> {
    /// Embeds a location's `C` features.
    pub local: L,
    /// Embeds a global vector of `Y`.
    pub global: G,
}

impl<const C: usize, const Y: usize, const U: usize, L, G, E: Real, D: Device<E>> TensorCollection<E, D>
    for DotCritic<C, Y, U, L, G>
where
    L: TensorCollection<E, D>,
    G: TensorCollection<E, D>,
{
    type To<E2: Dtype, D2: Device<E2>> = DotCritic<C, Y, U, L::To<E2, D2>, G::To<E2, D2>>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::module("local", |s| &s.local, |s| &mut s.local),
                Self::module("global", |s| &s.global, |s| &mut s.global),
            ),
            |(local, global)| DotCritic { local, global },
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
    L: Embed<C, U, E, D>,
    G: Embed<Y, U, E, D>,
    E: Real,
    D: Backend<E>,
> Critic<(B, MC, H, W), (B, GC), E, D> for DotCritic<C, Y, U, L, G>
{
    fn try_scores<T: Tape<E, D>>(
        &self,
        map: Tensor<(B, MC, H, W), E, D, T>,
        global: &Tensor<(B, GC), E, D>,
        pairing: Pairing,
    ) -> Result<Scores<E, D, T>, D::Err> {
        let (b, c, h, w) = *map.shape();
        let rows = D::channels_last(map, (b, h, w, c))?;
        let (rows, tape) = rows.split_tape();
        let (global, tape) = self.global.try_embed(global.clone().put_tape(tape), (b, Const::<U>))?.split_tape();
        let (n, l) = (b.size(), h.size() * w.size());
        let scores = self.local.try_scores(rows.put_tape(tape), &global, (n, l, n))?;
        match pairing {
            Pairing::All => Ok(scores),
            Pairing::Rolled(_) => select_columns(scores, pairing),
        }
    }
}

impl<const C: usize, const Y: usize, const U: usize, E: Real, D: Device<E>> BuildOnDevice<D, E>
    for builder::DotCritic<C, Y, U>
{
    type Built = DotCritic<C, Y, U, PlainEmbed<C, U, E, D>, PlainEmbed<Y, U, E, D>>;
}

impl<const C: usize, const Y: usize, const U: usize, E: Real, D: Device<E>> BuildOnDevice<D, E>
    for builder::ResidualDotCritic<C, Y, U>
{
    type Built = DotCritic<C, Y, U, ResidualEmbed<C, U, E, D>, ResidualEmbed<Y, U, E, D>>;
}

/// The columns of an all-pairs score array that `pairing` names.
pub(super) fn select_columns<E: Real, D: Device<E>, T: Tape<E, D>>(
    scores: Scores<E, D, T>,
    pairing: Pairing,
) -> Result<Scores<E, D, T>, D::Err> {
    let (n, l, _) = *scores.shape();
    let columns = pairing.columns(n);
    let mut index = Vec::with_capacity(n * l * columns);
    for i in 0..n {
        for _ in 0..l {
            index.extend((0..columns).map(|k| pairing.partner(i, k, n)));
        }
    }
    let index = scores.device().try_tensor_from_vec(index, (n, l, columns))?;
    scores.try_gather(index)
}
