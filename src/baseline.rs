//! The methods that the paper compares Deep InfoMax with, and three of other papers, around the same encoders and under the
//! same trainer.
//!
//! Each trains an encoder of [`crate::encoder`] by something else than what Deep InfoMax maximises: labels
//! ([`Supervised`]), reconstruction ([`Autoencoder`], [`Vae`], [`Aae`]), targets of noise ([`Nat`]) or a game ([`Bigan`]);
//! and, not in the paper, two views of an image ([`Simclr`]), its rotation ([`Rotation`]) or its lightness and colour
//! ([`Cmc`]). Its authors say nothing of the baselines' networks but that the encoder is the same; decoders mirror it.
//! What each one learns is read off the same layers by the same probes. The untrained encoder, the remaining row, is
//! reported beside every run.

mod aae;
mod assignment;
mod autoencoder;
mod bigan;
mod build;
mod cmc;
mod decoder;
mod lab;
mod model;
mod nat;
mod rotation;
mod simclr;
mod sphere;
mod supervised;
mod vae;

pub use aae::Aae;
pub use assignment::assign;
pub use autoencoder::{Autoencoder, reconstruction_loss};
pub use bigan::{
    Bigan, JointDiscriminator, JointNet28, JointNet32, JointNet64, Leaky, discriminator_loss, encoder_generator_loss,
};
pub(crate) use build::build;
pub use cmc::{Cmc, two_view_loss};
pub use decoder::{Decoder28, Decoder32, Decoder64};
pub use lab::lab;
pub use model::Baseline;
pub use nat::{Nat, distance_loss, target};
pub use rotation::{Rotation, rotate};
pub use simclr::{Simclr, nt_xent};
pub use supervised::{Supervised, label_loss};
pub use vae::{Vae, gaussian_kl, reparameterise};
