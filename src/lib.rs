//! infomax: representations by mutual-information maximisation, shapes checked by the compiler.
//!
//! The flow, and the folders that hold its parts: [`data`] → [`encoder`] → [`mi::critic`] → [`mi::bound`] → [`dim`] (the
//! objectives around an encoder) → [`train`] → [`probe`] → [`report`]. The layers are in [`nn`].
//!
//! One step of local Deep InfoMax by hand, on images of noise:
//!
//! ```
//! use dfdx::prelude::*;
//! use infomax::encoder::Encoder;
//! use infomax::mi::{Pairing, bound::{BoundKind, objective}, critic::Critic};
//! use infomax::nn::{Adam, AdamConfig, builder};
//!
//! let dev = Cpu::seed_from_u64(0);
//! let mut encoder = dev.build_module::<builder::Dcgan32<3, 8, 16, 32, 64, 16>, f32>();
//! let mut critic = dev.build_module::<builder::DotCritic<16, 16, 32>, f32>();
//! let mut adam = Adam::new(&encoder, AdamConfig::default())?;
//! let mut critic_adam = Adam::new(&critic, AdamConfig::default())?;
//!
//! let images: Tensor<Rank4<8, 3, 32, 32>, f32, _> = dev.sample_normal();
//! let f = encoder.try_encode_train(images.leaky_traced())?;
//! // f.map is [8, 16, 8, 8] and f.global [8, 16], known at compile time.
//! let scores = critic.try_scores(f.map.put_tape(f.tape), &f.global, Pairing::All)?;
//! let bound = objective(BoundKind::InfoNce, scores, Pairing::All)?;
//! println!("at least {:.3} nats (on this batch)", bound.nats);
//! let mut gradients = (-bound.value).backward();
//! adam.update(&mut encoder, &mut gradients)?;
//! critic_adam.update(&mut critic, &mut gradients)?;
//! # Ok::<(), CpuError>(())
//! ```
#![warn(missing_docs)]
#![cfg_attr(not(feature = "cli"), allow(rustdoc::broken_intra_doc_links))]

#[macro_use]
mod vectors;

pub mod baseline;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "data")]
pub mod data;
pub mod dim;
pub mod encoder;
#[cfg(all(feature = "data", feature = "report"))]
pub mod experiment;
pub mod files;
#[cfg(feature = "cli")]
mod ipynb;
pub mod mi;
pub mod nn;
#[cfg(feature = "notebook")]
pub mod notebook;
pub mod patch;
pub mod probe;
#[cfg(feature = "report")]
pub mod report;
pub mod seed;
#[cfg(feature = "data")]
pub mod train;
#[cfg(feature = "data")]
pub mod transfer;
