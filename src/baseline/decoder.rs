//! Decoders: the encoders' mirror images.

use crate::nn::{Unflatten, builder};
use dfdx::prelude::Tanh;

/// The mirror image of [`Dcgan32`](crate::encoder::Dcgan32) as a size-only description: `[B, Y]` → `[B, CH, 32, 32]` in
/// [−1, 1]. A hidden layer of `FC` units, a map of `C3`×4×4 (`MAP` = 16·`C3` numbers, checked by the compiler), then 4×4
/// transposed convolutions of stride 2 to `C2`, `C1` and `CH` channels (Radford, Metz & Chintala 2016). Batch norm and
/// ReLU follow all layers but the last, which ends in tanh.
pub type Decoder32<
    const CH: usize,
    const C1: usize,
    const C2: usize,
    const C3: usize,
    const MAP: usize,
    const FC: usize,
    const Y: usize,
> = (
    (builder::UnbiasedLinear<Y, FC>, builder::BatchNorm1d<FC, true>),
    (builder::UnbiasedLinear<FC, MAP>, Unflatten<C3, 4, 4>, builder::BatchNorm2d<C3, true>),
    (builder::ConvTranspose2d<C3, C2, 4, 2, 1>, builder::BatchNorm2d<C2, true>),
    (builder::ConvTranspose2d<C2, C1, 4, 2, 1>, builder::BatchNorm2d<C1, true>),
    (builder::ConvTranspose2d<C1, CH, 4, 2, 1>, Tanh),
);

/// The mirror image of [`Dcgan64`](crate::encoder::Dcgan64), likewise: `[B, Y]` → `[B, CH, 64, 64]`, with a map of
/// `C4`×4×4 (`MAP` = 16·`C4`) and a convolution more.
pub type Decoder64<
    const CH: usize,
    const C1: usize,
    const C2: usize,
    const C3: usize,
    const C4: usize,
    const MAP: usize,
    const FC: usize,
    const Y: usize,
> = (
    (builder::UnbiasedLinear<Y, FC>, builder::BatchNorm1d<FC, true>),
    (builder::UnbiasedLinear<FC, MAP>, Unflatten<C4, 4, 4>, builder::BatchNorm2d<C4, true>),
    (builder::ConvTranspose2d<C4, C3, 4, 2, 1>, builder::BatchNorm2d<C3, true>),
    (builder::ConvTranspose2d<C3, C2, 4, 2, 1>, builder::BatchNorm2d<C2, true>),
    (builder::ConvTranspose2d<C2, C1, 4, 2, 1>, builder::BatchNorm2d<C1, true>),
    (builder::ConvTranspose2d<C1, CH, 4, 2, 1>, Tanh),
);

/// The mirror image of [`Dcgan28`](crate::encoder::Dcgan28), likewise: `[B, Y]` → `[B, CH, 28, 28]`, with a map of
/// `C2`×7×7 (`MAP` = 49·`C2`). Its windows are 4×4 where the encoder's are 5×5, because those have no exact reverse of
/// 28 → 14 → 7.
pub type Decoder28<
    const CH: usize,
    const C1: usize,
    const C2: usize,
    const MAP: usize,
    const FC: usize,
    const Y: usize,
> = (
    (builder::UnbiasedLinear<Y, FC>, builder::BatchNorm1d<FC, true>),
    (builder::UnbiasedLinear<FC, MAP>, Unflatten<C2, 7, 7>, builder::BatchNorm2d<C2, true>),
    (builder::ConvTranspose2d<C2, C1, 4, 2, 1>, builder::BatchNorm2d<C1, true>),
    (builder::ConvTranspose2d<C1, CH, 4, 2, 1>, Tanh),
);
