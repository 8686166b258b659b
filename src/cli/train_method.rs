//! What `infomax train` trains an encoder by.

use super::CliError;
use crate::dim::Method;
use clap::{Args, ValueEnum};

/// The method and its settings.
#[derive(Debug, Args)]
pub(super) struct MethodArgs {
    /// What the encoder is trained by. --critic to --occlude are settings of `dim` alone
    #[arg(long, value_enum, default_value_t = Training::Dim)]
    method: Training,
    /// Weight of the Kullback-Leibler term of --method beta-vae [default: 4]
    #[arg(long, value_name = "WEIGHT")]
    kl_weight: Option<f64>,
    /// What cosines are divided by in --method simclr and cmc [default: 0.5 and 0.1]
    #[arg(long)]
    temperature: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Training {
    /// Deep InfoMax
    Dim,
    /// Labels
    Supervised,
    /// Autoencoder
    #[value(alias = "ae")]
    Autoencoder,
    /// Variational autoencoder
    Vae,
    /// The same with another weight on its Kullback-Leibler term
    BetaVae,
    /// Noise as targets
    Nat,
    /// Adversarial autoencoder
    Aae,
    /// Bidirectional GAN
    Bigan,
    /// Two augmented views of an image, found among those of others (SimCLR)
    Simclr,
    /// Which way up an image is
    Rotation,
    /// Lightness and colour of an image, found among those of others (CMC's Lab split); colour images only
    Cmc,
}

impl MethodArgs {
    /// The method, for images of so many classes.
    pub(super) fn method(&self, classes: usize) -> Result<Method, CliError> {
        if self.kl_weight.is_some() && self.method != Training::BetaVae {
            return Err(CliError::Usage("--kl-weight is a setting of --method beta-vae".into()));
        }
        let method = match (self.method, self.temperature) {
            (Training::Dim, _) => Method::Dim,
            (Training::Supervised, _) => Method::Supervised { classes },
            (Training::Autoencoder, _) => Method::Autoencoder,
            (Training::Vae, _) => Method::Vae,
            (Training::BetaVae, _) => Method::BetaVae { weight: self.kl_weight.unwrap_or(4.0) },
            (Training::Nat, _) => Method::Nat,
            (Training::Aae, _) => Method::Aae,
            (Training::Bigan, _) => Method::Bigan,
            (Training::Simclr, None) => Method::simclr(),
            (Training::Simclr, Some(temperature)) => Method::Simclr { temperature },
            (Training::Rotation, _) => Method::Rotation,
            (Training::Cmc, None) => Method::cmc(),
            (Training::Cmc, Some(temperature)) => Method::Cmc { temperature },
        };
        if self.temperature.is_some() && !matches!(method, Method::Simclr { .. } | Method::Cmc { .. }) {
            return Err(CliError::Usage("--temperature is a setting of --method simclr and cmc".into()));
        }
        Ok(method)
    }
}
