//! From settings to a model: the types that the settings name.

use super::model::BoxedModel;
use super::on_pool::OnPool;
use super::part::device_error;
use super::{CoordinateWeights, DimError, Method, PriorConfig, Weights, around};
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

/// Where a model's numbers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// In memory; the processor works on them with this crate's kernels.
    #[default]
    Cpu,
    /// On the first NVIDIA device, which works on them with dfdx's operations; in programs built with the feature `cuda`. Deep
    /// InfoMax runs there, in fp32; what it is compared with does not.
    Cuda,
}

impl DeviceKind {
    /// Whether this program finds such a device here; if not, why.
    ///
    /// # Errors
    /// The reason, in words.
    pub fn look(self) -> Result<(), String> {
        match self {
            Self::Cpu => Ok(()),
            #[cfg(feature = "cuda")]
            Self::Cuda => Cuda::try_build(0, 0).map(|_| ()).map_err(|e| format!("no NVIDIA device answers ({e:?})")),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda => Err("this program was built without the feature `cuda`".into()),
        }
    }
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
    /// Where its numbers are.
    #[serde(default, skip_serializing_if = "is_default")]
    pub device: DeviceKind,
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
            device: DeviceKind::Cpu,
        }
    }

    /// The same in memory, where any program can use what was trained elsewhere.
    pub fn on_cpu(self) -> Self {
        Self { device: DeviceKind::Cpu, ..self }
    }
}

/// Whether a setting is what it was before there was a choice; settings files leave it out then.
fn is_default<T: Default + PartialEq>(setting: &T) -> bool {
    *setting == T::default()
}

/// Units of the coordinate networks: those of the paper's other small networks.
pub(super) const COORDINATE_UNITS: usize = 512;

/// Units of the global critic, the paper's.
pub(super) const GLOBAL_UNITS: usize = 512;

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

/// Builds the model with weights from `root`'s stream `"init"`, the same on every device.
///
/// # Errors
/// When a setting has no type here, the device does not answer, or memory runs out.
pub fn build(config: &ModelConfig, root: u64) -> Result<BoxedModel, DimError> {
    crate::nn::cpu::memory::keep();
    check(config)?;
    match config.device {
        DeviceKind::Cpu => {
            let dim = config.method.is_dim();
            let model = if dim { around::on_cpu::build(config, root)? } else { crate::baseline::build(config, root)? };
            Ok(Box::new(OnPool { model, precision: config.precision }))
        }
        DeviceKind::Cuda => on_cuda(config, root),
    }
}

#[cfg(feature = "cuda")]
fn on_cuda(config: &ModelConfig, root: u64) -> Result<BoxedModel, DimError> {
    config.device.look().map_err(elsewhere)?;
    let config = *config;
    Ok(Box::new(super::own_thread::OwnThread::new(move || around::on_cuda::build(&config, root))?))
}

#[cfg(not(feature = "cuda"))]
fn on_cuda(config: &ModelConfig, _: u64) -> Result<BoxedModel, DimError> {
    Err(elsewhere(config.device.look().err().unwrap_or_default()))
}

/// What to do where the device does not answer.
fn elsewhere(why: String) -> DimError {
    DimError::Device(format!("{why}: go on where there is one, or set `device` to \"cpu\" in the settings"))
}

/// Rejects settings that cannot work, whatever the method.
fn check(config: &ModelConfig) -> Result<(), DimError> {
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
    if config.device == DeviceKind::Cuda && config.precision != Precision::Fp32 {
        return Err(DimError::Config("NVIDIA devices train in fp32: leave the precision out".into()));
    }
    if !config.method.is_dim() {
        let name = config.method.name();
        return match config.device {
            DeviceKind::Cpu => Ok(()),
            DeviceKind::Cuda => Err(DimError::Config(format!("{name} runs on the CPU alone: leave the device out"))),
        };
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
    Ok(())
}

/// Module number `index` of the root.
pub(crate) fn part<B: BuildOnDevice<Cpu, f32>>(root: u64, index: u64) -> Result<B::Built, DimError> {
    Cpu::seed_from_u64(seed::child(root, "init", index)).try_build_module::<B, f32>().map_err(device_error)
}
