//! Coordinate prediction: where a location is must be readable from its features and the global vector.

use crate::baseline::label_loss;
use crate::nn::{Backend, Channels, Linear, Real, UnbiasedLinear, buildable};
use crate::seed::stream;
use dfdx::prelude::*;
use rand::Rng;

/// One of a location's two coordinates or of the offsets between two locations, as logits of `N` values: the last layer of
/// a coordinate network.
#[derive(Clone, Debug)]
pub struct Axes<const U: usize, const N: usize, E: Dtype, D: Storage<E>> {
    /// Logits of the row.
    pub row: Linear<U, N, false, E, D>,
    /// Logits of the column.
    pub column: Linear<U, N, false, E, D>,
}

impl<const U: usize, const N: usize, E: Real, D: Device<E>> TensorCollection<E, D> for Axes<U, N, E, D> {
    type To<E2: Dtype, D2: Device<E2>> = Axes<U, N, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (Self::module("row", |s| &s.row, |s| &mut s.row), Self::module("column", |s| &s.column, |s| &mut s.column)),
            |(row, column)| Axes { row, column },
        )
    }
}

impl<const U: usize, const N: usize, E: Real, D: Backend<E>> Axes<U, N, E, D> {
    /// `−mean (log p(row) + log p(column))` over the rows of `hidden`, nats.
    fn try_loss<T: Tape<E, D>>(
        &self,
        hidden: Tensor<(usize, Const<U>), E, D, T>,
        [rows, columns]: [&[u32]; 2],
    ) -> Result<Tensor<Rank0, E, D, T>, D::Err> {
        let row = label_loss(self.row.try_forward(hidden.retaped::<T>())?, N, rows)?;
        label_loss(self.column.try_forward(hidden)?, N, columns)?.try_add(row)
    }
}

/// A coordinate network: what its loss needs besides map and global vectors is the draw of partners.
pub trait CoordinateLoss<Map: Shape, Global: Shape, E: Real, D: Backend<E>> {
    /// Mean over all locations of all images, nats: 0 or more. The tape of `map` must hold what `global` was computed with.
    /// `seed` is that of the step's draws.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the network has too few logits for the offsets in the map, or the map a single location for two.
    fn try_loss<T: Tape<E, D>>(
        &self,
        map: Tensor<Map, E, D, T>,
        global: &Tensor<Global, E, D>,
        seed: u64,
    ) -> Result<Tensor<Rank0, E, D, T>, D::Err>;
}

/// Absolute coordinates (Hjelm et al. 2019, section 4.3): `−E log p(i, j | y, c_ij)`, nats, of locations `(i, j)` of an
/// `N`×`N` map with rows and columns apart, `2·log N` for a guess. The features `c` of a location and the global vector
/// `y` go through one hidden layer of `U` units with ReLU. The paper does not give the network's sizes; the authors' code
/// has a residual layer that ends in layer norm, which ours leaves out.
#[derive(Clone, Debug)]
pub struct AbsoluteCoordinates<const C: usize, const Y: usize, const U: usize, const N: usize, E: Dtype, D: Storage<E>>
{
    /// The hidden layer's half on a location.
    pub local: UnbiasedLinear<C, U, E, D>,
    /// The hidden layer's half on the global vector, and its bias.
    pub global: Linear<Y, U, false, E, D>,
    /// Last layer.
    pub axes: Axes<U, N, E, D>,
}

buildable!(AbsoluteCoordinates, [const C: usize, const Y: usize, const U: usize, const N: usize], [C, Y, U, N]);

impl<const C: usize, const Y: usize, const U: usize, const N: usize, E: Real, D: Device<E>> TensorCollection<E, D>
    for AbsoluteCoordinates<C, Y, U, N, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = AbsoluteCoordinates<C, Y, U, N, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::module("local", |s| &s.local, |s| &mut s.local),
                Self::module("global", |s| &s.global, |s| &mut s.global),
                Self::module("axes", |s| &s.axes, |s| &mut s.axes),
            ),
            |(local, global, axes)| AbsoluteCoordinates { local, global, axes },
        )
    }
}

impl<
    MC: Channels<C>,
    GC: Channels<Y>,
    const C: usize,
    const Y: usize,
    const U: usize,
    const N: usize,
    E: Real,
    D: Backend<E>,
> CoordinateLoss<(usize, MC, Const<N>, Const<N>), (usize, GC), E, D> for AbsoluteCoordinates<C, Y, U, N, E, D>
{
    fn try_loss<T: Tape<E, D>>(
        &self,
        map: Tensor<(usize, MC, Const<N>, Const<N>), E, D, T>,
        global: &Tensor<(usize, GC), E, D>,
        _: u64,
    ) -> Result<Tensor<Rank0, E, D, T>, D::Err> {
        let (b, c, h, w) = *map.shape();
        let l = N * N;
        let rows = D::channels_last(map, (b, h, w, c))?;
        let local = D::linear::<U, _, _, _, _>(rows, &self.local.weight, None, (b * l, Const::<U>), false)?;
        let (local, tape) = local.split_tape();
        let (global, tape) = self.global.try_forward(global.clone().put_tape(tape))?.split_tape();
        let pairs = (0..b * l).map(|at| [at, at / l]).collect();
        let hidden = D::pair_rows(local.put_tape(tape), &global, pairs)?;
        let at = |f: &dyn Fn(usize) -> usize| (0..b * l).map(|at| f(at % l) as u32).collect::<Vec<_>>();
        self.axes.try_loss(hidden, [&at(&|l| l / N), &at(&|l| l % N)])
    }
}

/// Relative coordinates (Hjelm et al. 2019, section 4.3): `−E log p(i − i′, j − j′ | y, c_ij, c_i′j′)`, nats, of two
/// locations of an image with `N = 2M − 1` offsets between the rows of an `M`×`M` map and as many between its columns;
/// `2·log N` for a guess among all. Each location meets one other of its image, drawn anew in each step. The network is
/// that of [`AbsoluteCoordinates`] with the second location's features beside the first's.
#[derive(Clone, Debug)]
pub struct RelativeCoordinates<const C: usize, const Y: usize, const U: usize, const N: usize, E: Dtype, D: Storage<E>>
{
    /// The hidden layer's part on the first location.
    pub local: UnbiasedLinear<C, U, E, D>,
    /// Its part on the second.
    pub other: UnbiasedLinear<C, U, E, D>,
    /// Its part on the global vector, and its bias.
    pub global: Linear<Y, U, false, E, D>,
    /// Last layer.
    pub axes: Axes<U, N, E, D>,
}

buildable!(RelativeCoordinates, [const C: usize, const Y: usize, const U: usize, const N: usize], [C, Y, U, N]);

impl<const C: usize, const Y: usize, const U: usize, const N: usize, E: Real, D: Device<E>> TensorCollection<E, D>
    for RelativeCoordinates<C, Y, U, N, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = RelativeCoordinates<C, Y, U, N, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::module("local", |s| &s.local, |s| &mut s.local),
                Self::module("other", |s| &s.other, |s| &mut s.other),
                Self::module("global", |s| &s.global, |s| &mut s.global),
                Self::module("axes", |s| &s.axes, |s| &mut s.axes),
            ),
            |(local, other, global, axes)| RelativeCoordinates { local, other, global, axes },
        )
    }
}

/// For each of `l` locations of each of `b` images another location of the image, uniform: `[b·l]`, as `image·l + location`.
fn partners(b: usize, l: usize, seed: u64) -> Vec<usize> {
    let mut rng = stream(seed, "coordinates", 0);
    (0..b * l)
        .map(|at| {
            let other = rng.gen_range(0..l - 1);
            at - at % l + other + usize::from(other >= at % l)
        })
        .collect()
}

impl<
    MC: Channels<C>,
    H: Dim,
    W: Dim,
    GC: Channels<Y>,
    const C: usize,
    const Y: usize,
    const U: usize,
    const N: usize,
    E: Real,
    D: Backend<E>,
> CoordinateLoss<(usize, MC, H, W), (usize, GC), E, D> for RelativeCoordinates<C, Y, U, N, E, D>
{
    fn try_loss<T: Tape<E, D>>(
        &self,
        map: Tensor<(usize, MC, H, W), E, D, T>,
        global: &Tensor<(usize, GC), E, D>,
        seed: u64,
    ) -> Result<Tensor<Rank0, E, D, T>, D::Err> {
        let (b, c, h, w) = *map.shape();
        let (l, width) = (h.size() * w.size(), w.size());
        let (rows, tape) = D::channels_last(map, (b, h, w, c))?.split_tape();
        let (other, tape) = D::linear::<U, _, _, _, _>(
            rows.clone().put_tape(tape),
            &self.other.weight,
            None,
            (b * l, Const::<U>),
            false,
        )?
        .split_tape();
        let (global, tape) = self.global.try_forward(global.clone().put_tape(tape))?.split_tape();
        let (global, tape) = global.put_tape(tape).try_broadcast_like::<_, Axis<1>>(&(b, l, Const::<U>))?.split_tape();
        let first =
            D::linear::<U, _, _, _, _>(rows.put_tape(tape), &self.local.weight, None, (b, l, Const::<U>), false)?
                .try_add(global)?
                .try_reshape_like(&(b * l, Const::<U>))?;
        let partners = partners(b, l, seed);
        let hidden = D::pair_rows(first, &other, partners.iter().enumerate().map(|(at, &p)| [at, p]).collect())?;
        let offsets = |f: &dyn Fn(usize) -> usize| {
            let offset = |(at, p): (usize, &usize)| (f(at % l) + (N - 1) / 2 - f(p % l)) as u32;
            partners.iter().enumerate().map(offset).collect::<Vec<_>>()
        };
        self.axes.try_loss(hidden, [&offsets(&|l| l / width), &offsets(&|l| l % width)])
    }
}
