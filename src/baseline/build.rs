//! From settings to a baseline: the types that the settings name.

use super::model::{Baseline, Task};
use super::rotation::TURNS;
use super::simclr::{HIDDEN, PROJECTED};
use super::{
    Aae, Autoencoder, Bigan, Cmc, Decoder28, Decoder32, Decoder64, JointNet28, JointNet32, JointNet64, Nat, Rotation,
    Simclr, Supervised, Vae,
};
use crate::dim::build::{ALEXNET_FC, Enc28, Enc32, Enc64, Enc64Narrow, EncAlexnet, EncFolded, EncResnet, FC, Y, part};
use crate::dim::prior::PriorLayers;
use crate::dim::{BoxedModel, DimError, EncoderKind, Method, ModelConfig};
use crate::encoder::Encoder;
use crate::nn::builder;
use crate::seed;
use dfdx::prelude::*;

/// Units of the joint discriminator of [`Bigan`].
const UNITS: usize = 1024;

/// A module that an alias describes by its sizes.
type Built<B> = <B as BuildOnDevice<Cpu, f32>>::Built;

/// A tensor of the step on the CPU.
type Taped<S> = Tensor<S, f32, Cpu, OwnedTape<f32, Cpu>>;

/// The baseline that `config` names on the CPU, with weights from `root`'s stream `"init"`; the encoder's are those of a
/// Deep InfoMax model of the same root.
pub(crate) fn build(config: &ModelConfig, root: u64) -> Result<BoxedModel, DimError> {
    if let Method::Cmc { temperature } = config.method {
        return halves(config, temperature, root);
    }
    // Decoders, generators and discriminators are those of the image's size, whichever the encoder.
    type Decode32 = Decoder32<3, 64, 128, 256, 4096, FC, Y>;
    type Joint32 = JointNet32<3, 64, 128, 256, UNITS>;
    type Decode64 = Decoder64<3, 64, 128, 256, 512, 8192, FC, Y>;
    type Joint64 = JointNet64<3, 64, 128, 256, 512, UNITS>;
    type Decode64Narrow = Decoder64<3, 16, 32, 64, 128, 2048, FC, Y>;
    type Joint64Narrow = JointNet64<3, 16, 32, 64, 128, UNITS>;
    type Decode28 = Decoder28<1, 64, 128, 6272, FC, Y>;
    match config.encoder {
        EncoderKind::Dcgan32 => around::<Enc32, Decode32, Joint32, FC>(config, root),
        EncoderKind::Resnet19 => around::<EncResnet, Decode32, Joint32, FC>(config, root),
        EncoderKind::FoldResnet19 => around::<EncFolded, Decode32, Joint32, FC>(config, root),
        EncoderKind::Dcgan64 => around::<Enc64, Decode64, Joint64, FC>(config, root),
        EncoderKind::Alexnet64 => around::<EncAlexnet, Decode64, Joint64, ALEXNET_FC>(config, root),
        EncoderKind::Dcgan64Narrow => around::<Enc64Narrow, Decode64Narrow, Joint64Narrow, FC>(config, root),
        EncoderKind::Dcgan28 => around::<Enc28, Decode28, JointNet28<1, 64, 128, UNITS>, FC>(config, root),
    }
}

/// With encoder `N` of `FC` hidden units, decoder (or generator) `G` and the image's half `M` of a discriminator.
fn around<N, G, M, const FC: usize>(config: &ModelConfig, root: u64) -> Result<BoxedModel, DimError>
where
    N: BuildOnDevice<Cpu, f32>,
    G: BuildOnDevice<Cpu, f32>,
    M: BuildOnDevice<Cpu, f32>,
    Built<N>: TensorCollection<f32, Cpu, To<f32, Cpu> = Built<N>>
        + Encoder<f32, Cpu, Fc<usize> = (usize, Const<FC>), Global<usize> = (usize, Const<Y>)>
        + Clone
        + Send
        + Sync
        + 'static,
    Built<G>: TensorCollection<f32, Cpu, To<f32, Cpu> = Built<G>>
        + ModuleMut<
            Taped<(usize, Const<Y>)>,
            Output = Taped<<Built<N> as Encoder<f32, Cpu>>::Image<usize>>,
            Error = CpuError,
        > + Send
        + Sync
        + 'static,
    Built<M>: TensorCollection<f32, Cpu, To<f32, Cpu> = Built<M>>
        + ModuleMut<
            Taped<<Built<N> as Encoder<f32, Cpu>>::Image<usize>>,
            Output = Taped<(usize, Const<UNITS>)>,
            Error = CpuError,
        > + Send
        + Sync
        + 'static,
{
    let adam = config.adam;
    let encoder = part::<N>(root, 0)?;
    let vae = |weight| {
        let log_variance = part::<builder::Linear<FC, Y>>(root, 6)?;
        Vae::new(log_variance, part::<G>(root, 5)?, weight, adam)
    };
    macro_rules! supervised {
        ($classes:expr, $room:literal) => {
            boxed(encoder, Supervised::new(part::<builder::Linear<Y, $room>>(root, 7)?, $classes, adam)?, config, root)
        };
    }
    match config.method {
        Method::Dim => Err(DimError::Config("Deep InfoMax is no baseline; build it by dim::build".into())),
        // Exactly the numbers of classes of the paper's data sets, and room for others.
        Method::Supervised { classes: classes @ ..=10 } => supervised!(classes, 10),
        Method::Supervised { classes: classes @ ..=100 } => supervised!(classes, 100),
        Method::Supervised { classes: classes @ ..=200 } => supervised!(classes, 200),
        Method::Supervised { classes } => supervised!(classes, 1000),
        Method::Autoencoder => boxed(encoder, Autoencoder::new(part::<G>(root, 5)?, adam)?, config, root),
        Method::Vae => boxed(encoder, vae(1.0)?, config, root),
        Method::BetaVae { weight } => boxed(encoder, vae(weight)?, config, root),
        Method::Nat => boxed(encoder, Nat::new(root), config, root),
        Method::Aae => {
            let task = Aae::new(&encoder, part::<G>(root, 5)?, part::<PriorLayers<Y>>(root, 2)?, adam)?;
            boxed(encoder, task, config, root)
        }
        Method::Bigan => {
            type Top = (super::Leaky, builder::Linear<UNITS, UNITS>, super::Leaky, builder::Linear<UNITS, 1>);
            let joint = part::<(M, builder::Linear<Y, UNITS>, Top)>(root, 8)?;
            boxed(encoder, Bigan::new(part::<G>(root, 5)?, joint, adam)?, config, root)
        }
        Method::Simclr { temperature } => {
            let head = part::<(builder::Linear<Y, HIDDEN, true>, builder::Linear<HIDDEN, PROJECTED>)>(root, 11)?;
            boxed(encoder, Simclr::new(head, temperature, adam)?, config, root)
        }
        Method::Rotation => {
            boxed(encoder, Rotation::new(part::<builder::Linear<Y, TURNS>>(root, 12)?, adam)?, config, root)
        }
        Method::Cmc { .. } => Err(DimError::Config("contrastive multiview coding has two encoders, not one".into())),
    }
}

/// Contrastive multiview coding with two encoders of half the channels and units.
fn halves(config: &ModelConfig, temperature: f64, root: u64) -> Result<BoxedModel, DimError> {
    let device = Cpu::seed_from_u64(seed::child(root, "init", 4));
    macro_rules! two {
        ($encoder:ident, $($channels:literal),+) => {{
            let lightness = part::<builder::$encoder<1, $($channels),+, { FC / 2 }, { Y / 2 }>>(root, 13)?;
            let colour = part::<builder::$encoder<2, $($channels),+, { FC / 2 }, { Y / 2 }>>(root, 14)?;
            Ok(Box::new(Cmc::<_, _, { Y / 2 }, Cpu>::new(device, lightness, colour, temperature, config)?))
        }};
    }
    match config.encoder {
        EncoderKind::Dcgan32 => two!(Dcgan32, 32, 64, 128),
        EncoderKind::Dcgan64 => two!(Dcgan64, 32, 64, 128, 256),
        EncoderKind::Dcgan64Narrow => two!(Dcgan64, 8, 16, 32, 64),
        EncoderKind::Alexnet64 | EncoderKind::Resnet19 | EncoderKind::FoldResnet19 => Err(DimError::Config(format!(
            "cmc trains two encoders of half the size, and there is no half of {}; take a dcgan encoder or another method",
            config.encoder.name()
        ))),
        EncoderKind::Dcgan28 => Err(DimError::Config(
            "cmc sets the lightness of images against their colours, and those of Dcgan28 are grey; take colour images or \
             another method"
                .into(),
        )),
    }
}

/// The baseline of `encoder` and `task`.
fn boxed<N, K, const FC: usize>(encoder: N, task: K, config: &ModelConfig, root: u64) -> Result<BoxedModel, DimError>
where
    N: TensorCollection<f32, Cpu, To<f32, Cpu> = N>
        + Encoder<f32, Cpu, Fc<usize> = (usize, Const<FC>), Global<usize> = (usize, Const<Y>)>
        + Clone
        + Send
        + Sync
        + 'static,
    K: Task<N, FC, Y, Cpu> + Send + Sync + 'static,
{
    let device = Cpu::seed_from_u64(seed::child(root, "init", 4));
    Ok(Box::new(Baseline::<N, K, FC, Y, Cpu>::new(device, encoder, task, config)?))
}
