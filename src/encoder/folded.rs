//! Layers on overlapping crops, whose outputs are a feature map.

use crate::nn::{Backend, ConvDim, Real};
use crate::patch::{CountOf, Cutter, FillsGrid, PatchCount, merge_batch, refold, split_batch};
use dfdx::prelude::*;

/// Layers `F` on each `K`×`K` crop at stride `S` by itself: `[B, C, H, W]` → `[B, O, R, Q]`, where `F` makes a vector of `O`
/// numbers, `[N, O, 1, 1]`, of each of the R×Q crops `[N, C, K, K]`.
///
/// Batch norm inside sees the crops of all images as one batch. The gradient of the images is not computed: `F` stands
/// first in an encoder.
#[derive(Clone, Debug, Default)]
pub struct Folded<F, const O: usize, const K: usize, const S: usize> {
    /// The layers.
    pub each: F,
}

impl<E: Dtype, D: Device<E>, F: BuildOnDevice<D, E>, const O: usize, const K: usize, const S: usize> BuildOnDevice<D, E>
    for Folded<F, O, K, S>
{
    type Built = Folded<F::Built, O, K, S>;
}

impl<E: Dtype, D: Device<E>, F: TensorCollection<E, D>, const O: usize, const K: usize, const S: usize>
    TensorCollection<E, D> for Folded<F, O, K, S>
{
    type To<E2: Dtype, D2: Device<E2>> = Folded<F::To<E2, D2>, O, K, S>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(Self::module("each", |s| &s.each, |s| &mut s.each), |each| Folded { each })
    }
}

/// One vector for each crop, as `F` gives them.
type Each<const O: usize, E, D, T> = Tensor<(usize, Const<O>, Const<1>, Const<1>), E, D, T>;

/// Crops, one after another.
type Crops<C, const K: usize, E, D, T> = Tensor<(usize, C, Const<K>, Const<K>), E, D, T>;

/// The crops of images, image by image and row by row.
fn crops<
    B: Dim,
    C: Dim,
    H: ConvDim<K, S, 0>,
    W: ConvDim<K, S, 0>,
    E: Real,
    D: Backend<E>,
    const K: usize,
    const S: usize,
>(
    x: &Tensor<(B, C, H, W), E, D>,
) -> Result<Crops<C, K, E, D, NoneTape>, D::Err>
where
    H::Out: PatchCount<W::Out>,
{
    let (b, c, h, w) = *x.shape();
    let count = h.conv_out().count(&w.conv_out());
    let cut = Cutter::strided([c.size(), h.size(), w.size()], K, S)
        .and_then(|cutter| cutter.cut(&x.as_vec(), &(0..b.size()).collect::<Vec<_>>()))
        .expect("sizes that ConvDim has found to fit");
    merge_batch(x.device().try_tensor_from_vec(cut, (b, count, c, Const, Const))?)
}

/// Vectors of crops on the grid that the crops were cut on.
fn on_grid<
    B: Dim,
    H: ConvDim<K, S, 0>,
    W: ConvDim<K, S, 0>,
    E: Real,
    D: Backend<E>,
    T: Tape<E, D>,
    const O: usize,
    const K: usize,
    const S: usize,
>(
    each: Each<O, E, D, T>,
    (b, h, w): (B, H, W),
) -> Result<Tensor<(B, Const<O>, H::Out, W::Out), E, D, T>, D::Err>
where
    H::Out: PatchCount<W::Out>,
    CountOf<H, W, K, S>: FillsGrid<CountOf<H, W, K, S>>,
{
    let (rows, columns) = (h.conv_out(), w.conv_out());
    let n = each.shape().0;
    let vectors = each.try_reshape_like(&(n, Const::<O>))?;
    refold(split_batch(vectors, (b, rows.count(&columns)))?, (rows, columns))
}

impl<
    B: Dim,
    C: Dim,
    H: ConvDim<K, S, 0>,
    W: ConvDim<K, S, 0>,
    F,
    const O: usize,
    const K: usize,
    const S: usize,
    E: Real,
    D: Backend<E>,
> Module<Tensor<(B, C, H, W), E, D, NoneTape>> for Folded<F, O, K, S>
where
    H::Out: PatchCount<W::Out>,
    CountOf<H, W, K, S>: FillsGrid<CountOf<H, W, K, S>>,
    F: Module<Crops<C, K, E, D, NoneTape>, Output = Each<O, E, D, NoneTape>, Error = D::Err>,
{
    type Output = Tensor<(B, Const<O>, H::Out, W::Out), E, D, NoneTape>;
    type Error = D::Err;

    fn try_forward(&self, x: Tensor<(B, C, H, W), E, D, NoneTape>) -> Result<Self::Output, D::Err> {
        let (b, _, h, w) = *x.shape();
        let each = self.each.try_forward(crops::<_, _, _, _, _, _, K, S>(&x)?)?;
        on_grid::<_, _, _, _, _, _, O, K, S>(each, (b, h, w))
    }
}

impl<
    B: Dim,
    C: Dim,
    H: ConvDim<K, S, 0>,
    W: ConvDim<K, S, 0>,
    F,
    const O: usize,
    const K: usize,
    const S: usize,
    E: Real,
    D: Backend<E>,
> ModuleMut<Tensor<(B, C, H, W), E, D, OwnedTape<E, D>>> for Folded<F, O, K, S>
where
    H::Out: PatchCount<W::Out>,
    CountOf<H, W, K, S>: FillsGrid<CountOf<H, W, K, S>>,
    F: ModuleMut<Crops<C, K, E, D, OwnedTape<E, D>>, Output = Each<O, E, D, OwnedTape<E, D>>, Error = D::Err>,
{
    type Output = Tensor<(B, Const<O>, H::Out, W::Out), E, D, OwnedTape<E, D>>;
    type Error = D::Err;

    fn try_forward_mut(&mut self, x: Tensor<(B, C, H, W), E, D, OwnedTape<E, D>>) -> Result<Self::Output, D::Err> {
        let (b, _, h, w) = *x.shape();
        let (x, tape) = x.split_tape();
        let each = self.each.try_forward_mut(crops::<_, _, _, _, _, _, K, S>(&x)?.put_tape(tape))?;
        on_grid::<_, _, _, _, _, _, O, K, S>(each, (b, h, w))
    }
}
