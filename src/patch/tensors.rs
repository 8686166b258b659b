//! Patches as tensors whose sizes the compiler works out.

use super::{CountOf, Cutter, FillsGrid, PatchCount, PatchError, Pixel, Position};
use crate::nn::ConvDim;
use dfdx::prelude::*;

/// Patches `[B, P, C, K, K]`.
pub type PatchTensor<B, P, C, const K: usize, E, D> = Tensor<(B, P, C, Const<K>, Const<K>), E, D>;

/// `K`×`K` patches at stride `S` of images: `[B, C, H, W]` → `[B, P, C, K, K]`, row by row, and back.
///
/// With `S < K` they overlap; with `S = K` ([`GridPatches`]) they tile the image. P is the number of positions that
/// [`ConvDim<K, S, 0>`](ConvDim) gives for the height times those for the width. The windows with compile-time sizes
/// are listed in `build.rs`; `usize` sizes work with any.
///
/// Cutting and folding are copies outside the tape: the gradient of an image is not computed. What is on the tape is
/// the way from features to a feature map, [`Refold`](super::Refold).
///
/// ```
/// use dfdx::prelude::*;
/// use infomax::patch::Patches;
/// let dev = Cpu::default();
/// let images: Tensor<Rank4<2, 3, 32, 32>, f32, _> = dev.sample_normal();
/// let crops: Tensor<Rank5<2, 49, 3, 8, 8>, f32, _> = Patches::<8, 4>::cut(&images)?;
/// let again: Tensor<Rank4<2, 3, 32, 32>, f32, _> = Patches::<8, 4>::fold(&crops)?;
/// assert_eq!(again.as_vec(), images.as_vec());
/// # Ok::<(), infomax::patch::PatchError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Patches<const K: usize, const S: usize>;

/// `K`×`K` patches side by side.
///
/// ```
/// use dfdx::prelude::*;
/// use infomax::patch::GridPatches;
/// let dev = Cpu::default();
/// let images: Tensor<(usize, Const<1>, Const<28>, Const<28>), f32, _> = dev.zeros_like(&(5, Const, Const, Const));
/// let patches: Tensor<(usize, Const<16>, Const<1>, Const<7>, Const<7>), f32, _> = GridPatches::<7>::cut(&images)?;
/// # Ok::<(), infomax::patch::PatchError>(())
/// ```
pub type GridPatches<const K: usize> = Patches<K, K>;

impl<const K: usize, const S: usize> Patches<K, S> {
    /// Cuts the patches of images `[B, C, H, W]`: `[B, P, C, K, K]`.
    ///
    /// # Errors
    /// When an image with a `usize` side is smaller than a patch, or the device fails.
    pub fn cut<B: Dim, C: Dim, H: ConvDim<K, S, 0>, W: ConvDim<K, S, 0>, E: Dtype + Pixel, D: TensorFromVec<E>>(
        images: &Tensor<(B, C, H, W), E, D>,
    ) -> Result<PatchTensor<B, CountOf<H, W, K, S>, C, K, E, D>, PatchError>
    where
        H::Out: PatchCount<W::Out>,
    {
        let (b, c, h, w) = *images.shape();
        let cutter = Cutter::strided([c.size(), h.size(), w.size()], K, S)?;
        let patches = cutter.cut(&images.as_vec(), &numbered(b))?;
        let count = h.conv_out().count(&w.conv_out());
        to_device(images.device(), patches, (b, count, c, Const, Const))
    }

    /// Puts patches `[B, P, C, K, K]` back where they were cut: `[B, C, H, W]`. Where they overlap, their mean; where
    /// there is none, 0.
    ///
    /// # Errors
    /// When the device fails.
    pub fn fold<
        B: Dim,
        P: FillsGrid<CountOf<H, W, K, S>>,
        C: Dim,
        H: ConvDim<K, S, 0> + ConstDim,
        W: ConvDim<K, S, 0> + ConstDim,
        E: Dtype + Pixel,
        D: TensorFromVec<E>,
    >(
        patches: &PatchTensor<B, P, C, K, E, D>,
    ) -> Result<Tensor<(B, C, H, W), E, D>, PatchError>
    where
        H::Out: PatchCount<W::Out>,
    {
        Self::fold_to(patches, (H::default(), W::default()))
    }

    /// [`fold`](Self::fold) to a height and width that need not be compile-time sizes.
    ///
    /// # Errors
    /// When the patches are not those of images of this size, or the device fails.
    pub fn fold_to<
        B: Dim,
        P: FillsGrid<CountOf<H, W, K, S>>,
        C: Dim,
        H: ConvDim<K, S, 0>,
        W: ConvDim<K, S, 0>,
        E: Dtype + Pixel,
        D: TensorFromVec<E>,
    >(
        patches: &PatchTensor<B, P, C, K, E, D>,
        (h, w): (H, W),
    ) -> Result<Tensor<(B, C, H, W), E, D>, PatchError>
    where
        H::Out: PatchCount<W::Out>,
    {
        let (b, _, c, _, _) = *patches.shape();
        let cutter = Cutter::strided([c.size(), h.size(), w.size()], K, S)?;
        let images = cutter.fold(&patches.as_vec(), &numbered(b))?;
        to_device(patches.device(), images, (b, c, h, w))
    }

    /// Where the patches of an image of `h`×`w` pixels lie, in their order.
    ///
    /// # Errors
    /// When an image with a `usize` side is smaller than a patch.
    pub fn positions<H: ConvDim<K, S, 0>, W: ConvDim<K, S, 0>>(h: H, w: W) -> Result<Vec<Position>, PatchError> {
        Ok(Cutter::strided([1, h.size(), w.size()], K, S)?.positions(0).into_owned())
    }
}

/// `N` patches of `K`×`K` pixels of each image, at random places: `[B, C, H, W]` → `[B, N, C, K, K]`.
///
/// Where they lie is a function of the seed, the epoch and the image's index in its data set alone.
///
/// ```
/// use dfdx::prelude::*;
/// use infomax::patch::RandomPatches;
/// let dev = Cpu::default();
/// let images: Tensor<Rank4<2, 3, 32, 32>, f32, _> = dev.sample_normal();
/// let random = RandomPatches::<8, 5>::new(0);
/// let (patches, positions) = random.cut(&images, &[17, 4])?;
/// let patches: Tensor<Rank5<2, 5, 3, 8, 8>, f32, _> = patches;
/// assert_eq!(positions.len(), 10);
/// # Ok::<(), infomax::patch::PatchError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RandomPatches<const K: usize, const N: usize> {
    /// The root seed.
    pub seed: u64,
    /// Each epoch has places of its own.
    pub epoch: u64,
}

impl<const K: usize, const N: usize> RandomPatches<K, N> {
    /// The patches of epoch 0 under a root seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, epoch: 0 }
    }

    /// Cuts N patches of each image `[B, C, H, W]`, and says where they lie, `[B·N]`. `indices [B]` are the images'
    /// indices in their data set. (An image fits when one `K`×`K` patch does; hence the bound.)
    ///
    /// # Errors
    /// When there are not B indices, an image with a `usize` side is smaller than a patch, or the device fails.
    pub fn cut<B: Dim, C: Dim, H: ConvDim<K, K, 0>, W: ConvDim<K, K, 0>, E: Dtype + Pixel, D: TensorFromVec<E>>(
        &self,
        images: &Tensor<(B, C, H, W), E, D>,
        indices: &[usize],
    ) -> Result<(PatchTensor<B, Const<N>, C, K, E, D>, Vec<Position>), PatchError> {
        let (b, c, h, w) = *images.shape();
        if indices.len() != b.size() {
            let expected = format!("{} for the images", b.size());
            return Err(PatchError::Length { what: "the indices", found: indices.len(), expected });
        }
        let cutter = Cutter::random([c.size(), h.size(), w.size()], K, N, self.seed, self.epoch)?;
        let patches = cutter.cut(&images.as_vec(), indices)?;
        let positions = indices.iter().flat_map(|&i| cutter.positions(i).into_owned()).collect();
        Ok((to_device(images.device(), patches, (b, Const, c, Const, Const))?, positions))
    }
}

/// Indices for patches that do not depend on them.
fn numbered(b: impl Dim) -> Vec<usize> {
    (0..b.size()).collect()
}

fn to_device<S: Shape, E: Dtype, D: TensorFromVec<E>>(
    dev: &D,
    values: Vec<E>,
    shape: S,
) -> Result<Tensor<S, E, D>, PatchError> {
    dev.try_tensor_from_vec(values, shape).map_err(|e| PatchError::Device(e.to_string()))
}
