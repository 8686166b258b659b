//! Layers whose sizes are types, on stable Rust, as ordinary dfdx modules.
//!
//! dfdx 0.13 has no convolution or pooling on stable. These layers fill that gap: they go into dfdx tuples, are built
//! by `dev.build_module::<builder::…, f32>()`, list their tensors to dfdx's visitors (so they are saved, loaded and
//! optimised like any other), and know their output sizes at compile time. On `Cpu` they run on kernels of ours; on
//! `Cuda` they compose dfdx's own operations.
//!
//! ```
//! use dfdx::prelude::*;
//! use infomax::nn::{builder, MaxPool2d};
//! type Block = (builder::Conv2d<3, 8, 3, 1, 1>, builder::BatchNorm2d<8, true>, MaxPool2d<2, 2>);
//! let dev = Cpu::seed_from_u64(0);
//! let mut block = dev.build_module::<Block, f32>();
//! let x: Tensor<Rank4<4, 3, 32, 32>, f32, _> = dev.sample_normal();
//! let y: Tensor<Rank4<4, 8, 16, 16>, f32, _> = block.forward(x.clone());
//! let trained = block.forward_mut(x.leaky_traced());
//! let gradients = trained.square().mean().backward();
//! ```

mod adam;
mod average;
pub(crate) mod backend;
pub mod builder;
pub mod checkpoint;
pub mod composed;
pub(crate) mod cpu;
#[cfg(feature = "cuda")]
mod cuda;
mod dims;
mod layers;
mod precision;
pub mod walk;

pub use adam::{Adam, AdamConfig, Moments};
pub use average::Average;
pub use backend::{AdamStep, Backend, BatchNormArgs, PairArgs, Perceptron, ResidualArgs, Weights, Window};
pub use cpu::awake::awake;
pub use cpu::gemm::Real;
pub use cpu::pool::PoolKind;
pub use dfdx::nn::modules::{AvgPoolGlobal, MaxPoolGlobal};
pub use dims::{Channels, ConvDim, ConvTransposeDim};
pub use layers::*;
pub use precision::Precision;

pub(crate) use layers::buildable;
