//! Residual encoders for 32×32 images: on the whole image, and folded, on overlapping crops.

use super::{Encoder, Features, Folded, staged::staged};
use crate::nn::{Backend, BatchNorm1d, BatchNorm2d, Conv2d, FlattenLinear, Linear, Real};
use dfdx::prelude::*;

/// The three convolutions of a bottleneck (He et al. 2016, figure 5), each with batch norm: 1×1 to `M` channels, 3×3 of stride
/// `S`, 1×1 to `O` channels. ReLU follows the first two.
pub type BottleneckPath<const I: usize, const M: usize, const O: usize, const S: usize, E, D> = (
    (Conv2d<I, M, 1, 1, 0, true, E, D>, BatchNorm2d<M, true, E, D>),
    (Conv2d<M, M, 3, S, 1, true, E, D>, BatchNorm2d<M, true, E, D>),
    (Conv2d<M, O, 1, 1, 0, true, E, D>, BatchNorm2d<O, false, E, D>),
);

/// A bottleneck that keeps its `O` channels and their size: its path beside nothing, then ReLU.
pub type Bottleneck<const M: usize, const O: usize, E, D> = (Residual<BottleneckPath<O, M, O, 1, E, D>>, ReLU);

/// A bottleneck from `I` to `O` channels with stride `S`: its path beside a 1×1 convolution with batch norm, then ReLU.
pub type WideningBottleneck<const I: usize, const M: usize, const O: usize, const S: usize, E, D> = (
    GeneralizedResidual<
        BottleneckPath<I, M, O, S, E, D>,
        (Conv2d<I, O, 1, S, 0, true, E, D>, BatchNorm2d<O, false, E, D>),
    >,
    ReLU,
);

staged! {
    /// The authors' residual encoder for 32×32 images (`resnet19_32x32` of their code, with 64 channels, then bottlenecks of
    /// 64, 128 and 256 to 256, 512 and 1024): a 3×3 convolution of stride 2, two bottlenecks each for three widths, a hidden
    /// layer and a linear output. The local feature map is that of the first block of the second width, `[B, O2, 8, 8]`.
    ///
    /// Channels and sizes are const parameters: `CH` image channels, `C` channels of the first convolution, `M1` to `M3` inside
    /// bottlenecks and `O1` to `O3` after them, `FC` hidden units, `Y` outputs. The first convolution does not compute the
    /// gradient of the images.
    Resnet19<CH, C, M1, O1, M2, O2, M3, O3, FC, Y> [CH, 32]
    {
        /// Convolution, batch norm and ReLU.
        conv: (Conv2d<CH, C, 3, 2, 1, false, E, D>, BatchNorm2d<C, true, E, D>),
        /// Block 1.
        block1: WideningBottleneck<C, M1, O1, 1, E, D>,
        /// Block 2.
        block2: Bottleneck<M1, O1, E, D>,
        /// Block 3, of stride 2.
        block3: WideningBottleneck<O1, M2, O2, 2, E, D>,
    } map [O2, 8]
    {
        /// Block 4.
        block4: Bottleneck<M2, O2, E, D>,
        /// Block 5, of stride 2.
        block5: WideningBottleneck<O2, M3, O3, 2, E, D>,
        /// Block 6.
        block6: Bottleneck<M3, O3, E, D>,
    } conv [O3, 4]
    {
        /// Hidden layer on the flattened map, batch norm and ReLU.
        fc: (FlattenLinear<O3, 4, 4, FC, E, D>, BatchNorm1d<FC, true, E, D>),
    } fc [FC]
    {
        /// Output layer.
        y: Linear<FC, Y, false, E, D>,
    } global [Y]
}

/// What [`FoldResnet19`] does to each crop: the layers of [`Resnet19`] up to its last block, `[N, CH, 8, 8]` → `[N, O3, 1, 1]`.
pub type CropResnet<
    const CH: usize,
    const C: usize,
    const M1: usize,
    const O1: usize,
    const M2: usize,
    const O2: usize,
    const M3: usize,
    const O3: usize,
    E,
    D,
> = (
    (Conv2d<CH, C, 3, 2, 1, false, E, D>, BatchNorm2d<C, true, E, D>),
    (WideningBottleneck<C, M1, O1, 1, E, D>, Bottleneck<M1, O1, E, D>),
    (WideningBottleneck<O1, M2, O2, 2, E, D>, Bottleneck<M2, O2, E, D>),
    (WideningBottleneck<O2, M3, O3, 2, E, D>, Bottleneck<M3, O3, E, D>),
);

staged! {
    /// The folded encoder of the paper's comparison with contrastive predictive coding (`foldresnet19_32x32` of the authors'
    /// code): 8×8 crops at stride 4 go through the blocks of [`Resnet19`] each by itself, to one vector of `O3` numbers. Their
    /// 7×7 grid is the local feature map, `[B, O3, 7, 7]`, in which no location has seen more than its crop. (In training,
    /// batch norm's statistics are of all crops.)
    ///
    /// The const parameters are those of [`Resnet19`].
    FoldResnet19<CH, C, M1, O1, M2, O2, M3, O3, FC, Y> [CH, 32]
    {
        /// The blocks, on crops.
        crops: Folded<CropResnet<CH, C, M1, O1, M2, O2, M3, O3, E, D>, O3, 8, 4>,
    } map [O3, 7]
    {} conv [O3, 7]
    {
        /// Hidden layer on the flattened map, batch norm and ReLU.
        fc: (FlattenLinear<O3, 7, 7, FC, E, D>, BatchNorm1d<FC, true, E, D>),
    } fc [FC]
    {
        /// Output layer.
        y: Linear<FC, Y, false, E, D>,
    } global [Y]
}
