//! From settings to a model: the types that the settings name.

use super::auxiliary::{Auxiliary, CoordinatePart};
use super::model::{Dim, Model};
use super::prior::PriorLayers;
use super::{CoordinateWeights, DimError, Method, PriorConfig, Weights};
use crate::mi::Pairing;
use crate::mi::bound::BoundKind;
use crate::nn::{AdamConfig, builder};
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
}

impl EncoderKind {
    /// Channels, height and width that it takes.
    pub fn image(self) -> [usize; 3] {
        match self {
            Self::Dcgan32 => [3, 32, 32],
            Self::Dcgan28 => [1, 28, 28],
            Self::Dcgan64 | Self::Dcgan64Narrow => [3, 64, 64],
        }
    }

    /// Side of its local feature map.
    pub fn map_side(self) -> usize {
        match self {
            Self::Dcgan28 => 7,
            Self::Dcgan32 | Self::Dcgan64 | Self::Dcgan64Narrow => 8,
        }
    }

    /// The encoder for images of `[C, H, W]`; of several, the paper's.
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

/// Builds the model on the CPU with weights from `root`'s stream `"init"`.
///
/// # Errors
/// When a setting has no type here, or memory runs out.
pub fn build(config: &ModelConfig, root: u64) -> Result<Box<dyn Model>, DimError> {
    config.method.check()?;
    if !(config.adam.lr.is_finite() && config.adam.lr > 0.0) {
        return Err(DimError::Config(format!("lr is {}; a learning rate is a number above 0", config.adam.lr)));
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
    match config.units {
        256 => with_units::<256>(config, root),
        512 => with_units::<512>(config, root),
        1024 => with_units::<1024>(config, root),
        2048 => with_units::<2048>(config, root),
        other => Err(DimError::Config(format!("units is {other}; critics come in 256, 512, 1024 and 2048 units"))),
    }
}

fn with_units<const U: usize>(config: &ModelConfig, root: u64) -> Result<Box<dyn Model>, DimError> {
    let coordinates = config.coordinates;
    macro_rules! model {
        ($encoder:ty, $critic:ty, $channels:literal, $side:literal, $offsets:literal) => {{
            type Global = builder::GlobalCritic<$channels, $side, $side, Y, GLOBAL_UNITS>;
            let part = |index| Cpu::seed_from_u64(seed::child(root, "init", index));
            let failed = |e: CpuError| DimError::Device(e.to_string());
            let encoder = part(0).try_build_module::<$encoder, f32>().map_err(failed)?;
            let local = part(1).try_build_module::<$critic, f32>().map_err(failed)?;
            let prior = part(2).try_build_module::<PriorLayers<Y>, f32>().map_err(failed)?;
            let global = if config.weights.alpha != 0.0 {
                Some(part(3).try_build_module::<Global, f32>().map_err(failed)?)
            } else {
                None
            };
            let mut auxiliary: Vec<Box<dyn Auxiliary<_, Y, Cpu>>> = Vec::new();
            if coordinates.absolute != 0.0 {
                type Net = builder::AbsoluteCoordinates<$channels, Y, COORDINATE_UNITS, $side>;
                let net = part(9).try_build_module::<Net, f32>().map_err(failed)?;
                let (weight, name) = (coordinates.absolute, "absolute_coordinates");
                let part = CoordinatePart::new(net, weight, name, |r| &mut r.absolute_coordinates, config.adam)?;
                auxiliary.push(Box::new(part));
            }
            if coordinates.relative != 0.0 {
                type Net = builder::RelativeCoordinates<$channels, Y, COORDINATE_UNITS, $offsets>;
                let net = part(10).try_build_module::<Net, f32>().map_err(failed)?;
                let (weight, name) = (coordinates.relative, "relative_coordinates");
                let part = CoordinatePart::new(net, weight, name, |r| &mut r.relative_coordinates, config.adam)?;
                auxiliary.push(Box::new(part));
            }
            let model = Dim::<_, _, _, Y, Cpu>::new(part(4), encoder, local, global, prior, config)?;
            Ok(Box::new(model.with(auxiliary)))
        }};
    }
    macro_rules! critics {
        ($encoder:ty, $channels:literal, $side:literal, $offsets:literal) => {
            match config.critic {
                CriticKind::Concat => {
                    model!($encoder, builder::ConcatCritic<$channels, Y, U>, $channels, $side, $offsets)
                }
                CriticKind::Dot => model!($encoder, builder::DotCritic<$channels, Y, U>, $channels, $side, $offsets),
                CriticKind::DotResidual => {
                    model!($encoder, builder::ResidualDotCritic<$channels, Y, U>, $channels, $side, $offsets)
                }
            }
        };
    }
    match config.encoder {
        EncoderKind::Dcgan32 => critics!(Enc32, 128, 8, 15),
        EncoderKind::Dcgan28 => critics!(Enc28, 128, 7, 13),
        EncoderKind::Dcgan64 => critics!(Enc64, 256, 8, 15),
        // For quick runs, which have no use for the wide critics: each is a minute of the crate's compilation.
        EncoderKind::Dcgan64Narrow => match config.critic {
            CriticKind::Dot => model!(Enc64Narrow, builder::DotCritic<64, Y, U>, 64, 8, 15),
            other => Err(DimError::Config(format!(
                "encoder dcgan64-narrow comes with the dot critic, not {other:?}; take critic dot, or encoder dcgan64"
            ))),
        },
    }
}
