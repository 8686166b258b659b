//! From settings to a model: the types that the settings name.

use super::model::{Dim, Model};
use super::on_pool::OnPool;
use super::part::device_error;
use super::prior::PriorLayers;
use super::term::{CoordinatePart, CriticPart, Term};
use super::{CoordinateWeights, DimError, Method, PriorConfig, Weights};
use crate::encoder::Encoder;
use crate::mi::Pairing;
use crate::mi::bound::BoundKind;
use crate::nn::{AdamConfig, Precision, builder};
use crate::seed;
use dfdx::prelude::*;
use serde::{Deserialize, Serialize};

/// Which encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderKind {
    /// 32×32 images of three channels; see [`crate::encoder::Dcgan32`].
    Dcgan32,
    /// 28×28 images of one channel; see [`crate::encoder::Dcgan28`].
    Dcgan28,
    /// 64×64 images of three channels; see [`crate::encoder::Dcgan64`].
    Dcgan64,
    /// The same with a quarter of the channels (16, 32, 64, 128): a step takes about a tenth of the time.
    Dcgan64Narrow,
    /// 64×64 images of three channels, the paper's for larger images; see [`crate::encoder::Alexnet64`].
    Alexnet64,
    /// 32×32 images of three channels; see [`crate::encoder::Resnet19`].
    Resnet19,
    /// 32×32 images of three channels, cut into overlapping crops; see [`crate::encoder::FoldResnet19`].
    FoldResnet19,
}

impl EncoderKind {
    /// All encoders.
    pub const ALL: [Self; 7] = [
        Self::Dcgan32,
        Self::Dcgan28,
        Self::Dcgan64,
        Self::Dcgan64Narrow,
        Self::Alexnet64,
        Self::Resnet19,
        Self::FoldResnet19,
    ];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dcgan32 => "dcgan32",
            Self::Dcgan28 => "dcgan28",
            Self::Dcgan64 => "dcgan64",
            Self::Dcgan64Narrow => "dcgan64-narrow",
            Self::Alexnet64 => "alexnet64",
            Self::Resnet19 => "resnet19",
            Self::FoldResnet19 => "fold-resnet19",
        }
    }

    /// Channels, height and width that it takes.
    pub fn image(self) -> [usize; 3] {
        match self {
            Self::Dcgan32 | Self::Resnet19 | Self::FoldResnet19 => [3, 32, 32],
            Self::Dcgan28 => [1, 28, 28],
            Self::Dcgan64 | Self::Dcgan64Narrow | Self::Alexnet64 => [3, 64, 64],
        }
    }

    /// Side of its local feature map.
    pub fn map_side(self) -> usize {
        match self {
            Self::Dcgan28 | Self::FoldResnet19 => 7,
            Self::Dcgan32 | Self::Dcgan64 | Self::Dcgan64Narrow | Self::Resnet19 => 8,
            Self::Alexnet64 => 15,
        }
    }

    /// The encoder for images of `[C, H, W]`; of several, the one of strided convolutions that the paper or its authors use.
    pub fn for_image(image: [usize; 3]) -> Option<Self> {
        [Self::Dcgan32, Self::Dcgan28, Self::Dcgan64].into_iter().find(|e| e.image() == image)
    }
}

/// Which local critic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CriticKind {
    /// Concat and convolve; see [`crate::mi::critic::ConcatCritic`].
    Concat,
    /// Encode and dot product with plain embeddings; see [`crate::mi::critic::PlainEmbed`].
    Dot,
    /// Encode and dot product with residual, normalised embeddings; see [`crate::mi::critic::ResidualEmbed`].
    DotResidual,
}

/// Everything that fixes a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// What the encoder is trained by. Critic to weights are Deep InfoMax's.
    #[serde(default, skip_serializing_if = "Method::is_dim")]
    pub method: Method,
    /// Encoder.
    pub encoder: EncoderKind,
    /// Local critic.
    pub critic: CriticKind,
    /// The critic's width: 256, 512, 1024 or 2048.
    pub units: usize,
    /// Bound that is maximised.
    pub bound: BoundKind,
    /// Pairs that are scored.
    pub pairing: Pairing,
    /// Weights of the terms.
    pub weights: Weights,
    /// Prior matching.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prior: PriorConfig,
    /// Weights of coordinate prediction.
    #[serde(default, skip_serializing_if = "is_default")]
    pub coordinates: CoordinateWeights,
    /// Side of the block that is hidden from the global path, pixels; 0 hides none. See [`super::occlude`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub occlusion: usize,
    /// Optimiser.
    pub adam: AdamConfig,
    /// Share that a moving average of the encoder keeps of itself at each step, in [0, 1); 0 for none. It is what is probed
    /// and exported; see [`Average`](crate::nn::Average).
    #[serde(default, skip_serializing_if = "is_default")]
    pub average: f64,
    /// Of the matrix products of a training step; features are computed in `f32` in any case.
    #[serde(default, skip_serializing_if = "is_default")]
    pub precision: Precision,
}

impl ModelConfig {
    /// Deep InfoMax around `encoder` as `infomax train` begins it: local InfoNCE over all pairs, a dot-product critic of 256
    /// units, a uniform prior of weight 0.1, Adam at 2e-4.
    pub fn new(encoder: EncoderKind) -> Self {
        Self {
            method: Method::Dim,
            encoder,
            critic: CriticKind::Dot,
            units: 256,
            bound: BoundKind::InfoNce,
            pairing: Pairing::All,
            weights: Weights::default(),
            prior: PriorConfig::default(),
            coordinates: CoordinateWeights::default(),
            occlusion: 0,
            adam: AdamConfig { lr: 2e-4, ..AdamConfig::default() },
            average: 0.0,
            precision: Precision::Fp32,
        }
    }
}

/// Whether a setting is what it was before there was a choice; settings files leave it out then.
fn is_default<T: Default + PartialEq>(setting: &T) -> bool {
    *setting == T::default()
}

/// Units of the coordinate networks: those of the paper's other small networks.
const COORDINATE_UNITS: usize = 512;

/// Units of the global critic, the paper's.
const GLOBAL_UNITS: usize = 512;

/// Units of the encoders' hidden layer, the paper's.
pub(crate) const FC: usize = 1024;

/// Units of the hidden layers of its AlexNet.
pub(crate) const ALEXNET_FC: usize = 4096;

/// Size of the global vector, the paper's.
pub(crate) const Y: usize = 64;

/// The encoder of 32×32 images.
pub(crate) type Enc32 = builder::Dcgan32<3, 64, 128, 256, FC, Y>;

/// The encoder of 28×28 images.
pub(crate) type Enc28 = builder::Dcgan28<1, 64, 128, FC, Y>;

/// The encoder of 64×64 images.
pub(crate) type Enc64 = builder::Dcgan64<3, 64, 128, 256, 512, FC, Y>;

/// The encoder of 64×64 images with a quarter of the channels.
pub(crate) type Enc64Narrow = builder::Dcgan64<3, 16, 32, 64, 128, FC, Y>;

/// The encoder of the paper's tables of larger images.
pub(crate) type EncAlexnet = builder::Alexnet64<3, 96, 192, 384, 384, 192, ALEXNET_FC, Y>;

/// The residual encoder.
pub(crate) type EncResnet = builder::Resnet19<3, 64, 64, 256, 128, 512, 256, 1024, FC, Y>;

/// The residual encoder on crops.
pub(crate) type EncFolded = builder::FoldResnet19<3, 64, 64, 256, 128, 512, 256, 1024, FC, Y>;

/// Builds the model on the CPU with weights from `root`'s stream `"init"`.
///
/// # Errors
/// When a setting has no type here, or memory runs out.
pub fn build(config: &ModelConfig, root: u64) -> Result<Box<dyn Model>, DimError> {
    crate::nn::cpu::memory::keep();
    Ok(Box::new(OnPool { model: build_alone(config, root)?, precision: config.precision }))
}

/// The model itself.
fn build_alone(config: &ModelConfig, root: u64) -> Result<Box<dyn Model>, DimError> {
    config.method.check()?;
    if !(config.adam.lr.is_finite() && config.adam.lr > 0.0) {
        return Err(DimError::Config(format!("lr is {}; a learning rate is a number above 0", config.adam.lr)));
    }
    if !(0.0..1.0).contains(&config.average) {
        return Err(DimError::Config(format!(
            "average is {}; the share that a moving average keeps of itself is a number from 0 to below 1",
            config.average
        )));
    }
    if !config.method.is_dim() {
        return crate::baseline::build(config, root);
    }
    let (w, c) = (config.weights, config.coordinates);
    for (name, value) in [
        ("alpha", w.alpha),
        ("beta", w.beta),
        ("gamma", w.gamma),
        ("coordinates.absolute", c.absolute),
        ("coordinates.relative", c.relative),
        ("gradient_penalty", config.prior.gradient_penalty),
    ] {
        if !value.is_finite() || value < 0.0 {
            return Err(DimError::Config(format!("{name} is {value}; a weight is a number of 0 or more")));
        }
    }
    let [_, height, width] = config.encoder.image();
    if config.occlusion >= height.min(width) {
        let side = config.occlusion;
        return Err(DimError::Config(format!(
            "occlusion is {side} pixels, and the images have {height} x {width}: hide a smaller block"
        )));
    }
    if w.alpha == 0.0 && w.beta == 0.0 {
        return Err(DimError::Config("alpha and beta are both 0: there is no mutual information to maximise".into()));
    }
    match config.encoder {
        EncoderKind::Dcgan32 => around::<Enc32, 128, 8, 15>(config, root),
        EncoderKind::Dcgan28 => around::<Enc28, 128, 7, 13>(config, root),
        EncoderKind::Dcgan64 => around::<Enc64, 256, 8, 15>(config, root),
        EncoderKind::Dcgan64Narrow => around::<Enc64Narrow, 64, 8, 15>(config, root),
        EncoderKind::Alexnet64 => around::<EncAlexnet, 384, 15, 29>(config, root),
        EncoderKind::Resnet19 => around::<EncResnet, 512, 8, 15>(config, root),
        EncoderKind::FoldResnet19 => around::<EncFolded, 1024, 7, 13>(config, root),
    }
}

/// A batch of feature maps of `C` channels and side `S`.
type Map<const C: usize, const S: usize> = (usize, Const<C>, Const<S>, Const<S>);

/// A term of the loss on such maps.
type BoxedTerm<const C: usize, const S: usize> = Box<dyn Term<Map<C, S>, Y, Cpu>>;

/// Module number `index` of the root.
pub(crate) fn part<B: BuildOnDevice<Cpu, f32>>(root: u64, index: u64) -> Result<B::Built, DimError> {
    Cpu::seed_from_u64(seed::child(root, "init", index)).try_build_module::<B, f32>().map_err(device_error)
}

/// Deep InfoMax around encoder `N`, whose feature maps have `C` channels and side `S`: `OFFSETS` = 2·`S` − 1 of them lie
/// between the rows of two locations.
fn around<N, const C: usize, const S: usize, const OFFSETS: usize>(
    config: &ModelConfig,
    root: u64,
) -> Result<Box<dyn Model>, DimError>
where
    N: BuildOnDevice<Cpu, f32>,
    N::Built: TensorCollection<f32, Cpu, To<f32, Cpu> = N::Built>
        + Encoder<f32, Cpu, Map<usize> = Map<C, S>, Global<usize> = (usize, Const<Y>)>
        + Clone
        + Send
        + Sync
        + 'static,
{
    const { assert!(OFFSETS == 2 * S - 1) };
    let ModelConfig { bound, pairing, weights, coordinates, adam, .. } = *config;
    let mut information: Vec<BoxedTerm<C, S>> = Vec::new();
    if weights.alpha != 0.0 {
        let critic = part::<builder::GlobalCritic<C, S, S, Y, GLOBAL_UNITS>>(root, 3)?;
        let of = CriticPart::new(critic, (bound, pairing), weights.alpha, "global", |r| &mut r.global, adam)?;
        information.push(Box::new(of));
    }
    information.push(match config.units {
        256 => local::<C, S, 256>(config, root)?,
        512 => local::<C, S, 512>(config, root)?,
        1024 => local::<C, S, 1024>(config, root)?,
        2048 => local::<C, S, 2048>(config, root)?,
        other => {
            let text = format!("units is {other}; critics come in 256, 512, 1024 and 2048 units");
            return Err(DimError::Config(text));
        }
    });
    let mut auxiliary: Vec<BoxedTerm<C, S>> = Vec::new();
    if coordinates.absolute != 0.0 {
        let net = part::<builder::AbsoluteCoordinates<C, Y, COORDINATE_UNITS, S>>(root, 9)?;
        let (weight, name) = (coordinates.absolute, "absolute_coordinates");
        auxiliary.push(Box::new(CoordinatePart::new(net, weight, name, |r| &mut r.absolute_coordinates, adam)?));
    }
    if coordinates.relative != 0.0 {
        let net = part::<builder::RelativeCoordinates<C, Y, COORDINATE_UNITS, OFFSETS>>(root, 10)?;
        let (weight, name) = (coordinates.relative, "relative_coordinates");
        auxiliary.push(Box::new(CoordinatePart::new(net, weight, name, |r| &mut r.relative_coordinates, adam)?));
    }
    let (encoder, prior) = (part::<N>(root, 0)?, part::<PriorLayers<Y>>(root, 2)?);
    let device = Cpu::seed_from_u64(seed::child(root, "init", 4));
    Ok(Box::new(Dim::<N::Built, Y, Cpu>::new(device, encoder, prior, information, auxiliary, config)?))
}

/// The local critic of `U` units.
fn local<const C: usize, const S: usize, const U: usize>(
    config: &ModelConfig,
    root: u64,
) -> Result<BoxedTerm<C, S>, DimError> {
    let ModelConfig { bound, pairing, weights, adam, .. } = *config;
    macro_rules! critic {
        ($kind:ident) => {{
            let critic = part::<builder::$kind<C, Y, U>>(root, 1)?;
            Box::new(CriticPart::new(critic, (bound, pairing), weights.beta, "local", |r| &mut r.local, adam)?)
        }};
    }
    Ok(match config.critic {
        CriticKind::Concat => critic!(ConcatCritic),
        CriticKind::Dot => critic!(DotCritic),
        CriticKind::DotResidual => critic!(ResidualDotCritic),
    })
}
