//! From settings to an encoder with a head: the types that the settings name.

use super::learner::{Learner, OnConv, OnFc, OnMap, Place, Taped, Tuned};
use super::{Mode, Task};
use crate::dim::build::{ALEXNET_FC, Enc28, Enc32, Enc64, Enc64Narrow, EncAlexnet, EncFolded, EncResnet, FC};
use crate::dim::part::device_error;
use crate::dim::{DimError, EncoderKind};
use crate::encoder::Encoder;
use crate::nn::{AdamConfig, LocationRows, builder};
use crate::seed::child;
use dfdx::prelude::*;

/// Room for the classes of an image.
pub(super) const CLASSES: usize = 128;
/// Room for the classes of a location.
const LOCAL_CLASSES: usize = 16;
/// Hidden units of a head on `fc` or on the last convolution: those of the MLP probe.
const UNITS: usize = 200;
/// Channels of the convolution of a head on the map.
const CHANNELS: usize = 64;

type FcHead<const FC: usize> = builder::Linear<FC, CLASSES>;
type HiddenFcHead<const FC: usize> = (builder::Linear<FC, UNITS, true>, builder::Linear<UNITS, CLASSES>);
type ConvHead<const C: usize, const SIDE: usize> =
    (builder::FlattenLinear<C, SIDE, SIDE, UNITS>, builder::BatchNorm1d<UNITS, true>, builder::Linear<UNITS, CLASSES>);
type MapHead<const C: usize> = (
    (builder::Conv2d<C, CHANNELS, 3, 1, 1>, builder::BatchNorm2d<CHANNELS, true>),
    LocationRows,
    builder::Linear<CHANNELS, LOCAL_CLASSES>,
);

/// The encoder, begun from the stream `"init"` of `root` as pretraining begins it, under a new head for `task`.
pub(super) fn build(
    kind: EncoderKind,
    task: Task,
    mode: Mode,
    middle: f32,
    adam: AdamConfig,
    root: u64,
) -> Result<Box<dyn Learner>, DimError> {
    macro_rules! around {
        ($encoder:ty, $channels:literal, $side:literal, [$conv:literal, $conv_side:literal], $fc:expr) => {
            match (task.is_dense(), mode) {
                (true, _) => {
                    type Rows = (usize, Const<$side>, Const<$side>, Const<LOCAL_CLASSES>);
                    with::<$encoder, MapHead<$channels>, OnMap, Rows, LOCAL_CLASSES>(mode, middle, adam, root)
                }
                (false, Mode::Frozen) => {
                    with::<$encoder, HiddenFcHead<{ $fc }>, OnFc, _, CLASSES>(mode, middle, adam, root)
                }
                (false, Mode::FineTuneConv) => {
                    with::<$encoder, ConvHead<$conv, $conv_side>, OnConv, _, CLASSES>(mode, middle, adam, root)
                }
                (false, _) => with::<$encoder, FcHead<{ $fc }>, OnFc, _, CLASSES>(mode, middle, adam, root),
            }
        };
    }
    match kind {
        EncoderKind::Dcgan32 => around!(Enc32, 128, 8, [256, 4], FC),
        EncoderKind::Dcgan28 => around!(Enc28, 128, 7, [128, 7], FC),
        EncoderKind::Dcgan64 => around!(Enc64, 256, 8, [512, 4], FC),
        EncoderKind::Dcgan64Narrow => around!(Enc64Narrow, 64, 8, [128, 4], FC),
        EncoderKind::Alexnet64 => around!(EncAlexnet, 384, 15, [192, 7], ALEXNET_FC),
        EncoderKind::Resnet19 => around!(EncResnet, 512, 8, [1024, 4], FC),
        EncoderKind::FoldResnet19 => around!(EncFolded, 1024, 7, [1024, 7], FC),
    }
}

type Built<B> = <B as BuildOnDevice<Cpu, f32>>::Built;

fn with<N, H, P, O, const K: usize>(
    mode: Mode,
    middle: f32,
    adam: AdamConfig,
    root: u64,
) -> Result<Box<dyn Learner>, DimError>
where
    N: BuildOnDevice<Cpu, f32>,
    H: BuildOnDevice<Cpu, f32>,
    P: Place<Built<N>> + 'static,
    O: Shape,
    Built<N>: TensorCollection<f32, Cpu, To<f32, Cpu> = Built<N>> + Encoder<f32, Cpu> + 'static,
    Built<H>: TensorCollection<f32, Cpu, To<f32, Cpu> = Built<H>>
        + ModuleMut<Taped<P::Sizes>, Output = Taped<O>, Error = CpuError>
        + Module<Tensor<P::Sizes, f32, Cpu>, Output = Tensor<O, f32, Cpu>, Error = CpuError>
        + 'static,
{
    let seeded = |name, index| Cpu::seed_from_u64(child(root, name, index));
    let encoder = seeded("init", 0).try_build_module::<N, f32>().map_err(device_error)?;
    let head = seeded("head", 0).try_build_module::<H, f32>().map_err(device_error)?;
    let (device, is_frozen) = (seeded("head", 1), matches!(mode, Mode::Frozen | Mode::Linear));
    Ok(Box::new(Tuned::<Built<N>, Built<H>, P, O, K>::new(encoder, head, device, is_frozen, middle, adam)?))
}
