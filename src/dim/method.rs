//! What an encoder is trained by: Deep InfoMax, one of the methods that the paper compares it with, or a later one.

use super::{DimError, StepReport};
use serde::{Deserialize, Serialize};

/// A training method. All but [`Method::Dim`] are in [`crate::baseline`]; they use the encoder and the optimiser of
/// [`ModelConfig`](super::ModelConfig) and leave its critic, bound, pairs and weights aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Deep InfoMax.
    #[default]
    Dim,
    /// Labels; see [`crate::baseline::Supervised`].
    Supervised {
        /// Number of classes of the training images.
        classes: usize,
    },
    /// Reconstruction; see [`crate::baseline::Autoencoder`].
    #[serde(alias = "ae")]
    Autoencoder,
    /// Variational autoencoder; see [`crate::baseline::Vae`].
    Vae,
    /// The same with another weight on its Kullback-Leibler term.
    BetaVae {
        /// The weight, β; 1 is [`Method::Vae`].
        weight: f64,
    },
    /// Noise as targets; see [`crate::baseline::Nat`].
    Nat,
    /// Adversarial autoencoder; see [`crate::baseline::Aae`].
    Aae,
    /// Bidirectional GAN; see [`crate::baseline::Bigan`].
    Bigan,
    /// Two views of an image; see [`crate::baseline::Simclr`].
    Simclr {
        /// Divides cosines, above 0; the paper's for CIFAR-10 is 0.5.
        #[serde(default = "simclr_temperature")]
        temperature: f64,
    },
    /// Rotation prediction; see [`crate::baseline::Rotation`].
    Rotation,
    /// Contrastive multiview coding of lightness and colour; see [`crate::baseline::Cmc`].
    Cmc {
        /// Divides cosines, above 0.
        #[serde(default = "cmc_temperature")]
        temperature: f64,
    },
}

/// Of SimCLR on CIFAR-10 (Chen et al. 2020, appendix B.9).
fn simclr_temperature() -> f64 {
    0.5
}

/// Of contrastive multiview coding in Newell & Deng's code.
fn cmc_temperature() -> f64 {
    0.1
}

impl Method {
    /// SimCLR with the temperature of its paper.
    pub fn simclr() -> Self {
        Self::Simclr { temperature: simclr_temperature() }
    }

    /// Contrastive multiview coding with a temperature of 0.1.
    pub fn cmc() -> Self {
        Self::Cmc { temperature: cmc_temperature() }
    }

    /// Augmented views of each image that a step is given.
    pub fn views(&self) -> usize {
        if matches!(self, Self::Simclr { .. }) { 2 } else { 1 }
    }

    /// Whether it is Deep InfoMax; settings files leave it out then.
    pub fn is_dim(&self) -> bool {
        *self == Self::Dim
    }

    /// Its name in settings and on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Dim => "dim",
            Self::Supervised { .. } => "supervised",
            Self::Autoencoder => "autoencoder",
            Self::Vae => "vae",
            Self::BetaVae { .. } => "beta-vae",
            Self::Nat => "nat",
            Self::Aae => "aae",
            Self::Bigan => "bigan",
            Self::Simclr { .. } => "simclr",
            Self::Rotation => "rotation",
            Self::Cmc { .. } => "cmc",
        }
    }

    /// How good an epoch was by its mean report, larger being better: the bound of Deep InfoMax, the negative loss of a
    /// method that minimises one. An adversarial loss says nothing about progress, so there is none for BiGAN; an
    /// adversarial autoencoder goes by its reconstructions.
    pub fn merit(&self, report: &StepReport) -> Option<f64> {
        match self {
            Self::Dim => Some(report.nats),
            Self::Supervised { .. } | Self::Autoencoder | Self::Vae | Self::BetaVae { .. } | Self::Nat => {
                Some(-report.loss)
            }
            Self::Simclr { .. } | Self::Rotation | Self::Cmc { .. } => Some(-report.loss),
            Self::Aae => Some(-report.reconstruction),
            Self::Bigan => None,
        }
    }

    /// Rejects a setting that cannot work.
    ///
    /// # Errors
    /// Names the setting, its value and what is allowed.
    pub fn check(&self) -> Result<(), DimError> {
        match *self {
            Self::BetaVae { weight } if !(weight.is_finite() && weight >= 0.0) => Err(DimError::Config(format!(
                "the weight of the Kullback-Leibler term is {weight}; it is a number of 0 or more"
            ))),
            Self::Supervised { classes } if !(2..=1000).contains(&classes) => {
                Err(DimError::Config(format!("supervised training with {classes} classes; it takes 2 to 1000 of them")))
            }
            Self::Simclr { temperature } | Self::Cmc { temperature }
                if !(temperature.is_finite() && temperature > 0.0) =>
            {
                Err(DimError::Config(format!(
                    "the temperature is {temperature}; cosines are divided by a number above 0"
                )))
            }
            _ => Ok(()),
        }
    }
}
