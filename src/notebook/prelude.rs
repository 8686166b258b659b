//! What most cells need: `use infomax::notebook::prelude::*;`.

pub use super::*;
pub use crate::encoder::Encoder;
pub use crate::mi::bound::{BoundKind, ScoreSizes, objective};
pub use crate::mi::estimate::{Estimate, EstimateConfig, Estimator, Learning, NeuralBound, estimate};
pub use crate::mi::known::{CorrelatedGaussian, Known};
pub use crate::mi::{Pairing, Samples};
pub use crate::nn::{Adam, AdamConfig, builder};
pub use crate::patch::{Cutter, GridPatches, Patches};
pub use crate::probe::{Features, LinearConfig, linear_probe, standardise};
pub use crate::report::{Align, ContactSheet, HeatMap, LineChart, Scatter, Series, Table};
#[cfg(feature = "data")]
pub use crate::{
    data::{BatchLoader, ImageSet, Loading, Order, Split, augment::Augment},
    dim::{CriticKind, EncoderKind, Method, Model, ModelConfig, StepInput, StepReport, Weights, build},
    train::{Quiet, encode},
};
pub use dfdx::prelude::{
    AsArray, Const, Cpu, DeviceBuildExt, HasShape, Module, Rank1, Rank2, Rank3, Rank4, Rank5, SampleTensor, Tensor,
    TensorFrom, TensorFromVec, Trace, ZerosTensor,
};
pub use std::sync::Arc;
