//! Where and how a model's work is done: on the threads of the pool, in its precision.

use super::{BoxedModel, DimError, Model, Noise, StepInput, StepReport};
use crate::nn::Precision;
use crate::nn::checkpoint::Array;
use std::collections::BTreeMap;

/// A model that works inside the thread pool, so that what it does alone does not leave a thread waiting while another is
/// woken for each operation. Its steps run in a precision of their own; its features are `f32`'s.
pub(super) struct OnPool {
    pub model: BoxedModel,
    pub precision: Precision,
}

impl Model for OnPool {
    fn step(&mut self, input: StepInput) -> Result<StepReport, DimError> {
        let Self { model, precision } = self;
        rayon::scope(|_| precision.scope(|| model.step(input)))
    }

    fn noise(&self) -> Noise {
        self.model.noise()
    }

    fn features(&self, batch: usize, pixels: Vec<f32>) -> Result<[Vec<f32>; 3], DimError> {
        rayon::scope(|_| self.model.features(batch, pixels))
    }

    fn image(&self) -> [usize; 3] {
        self.model.image()
    }

    fn global_size(&self) -> usize {
        self.model.global_size()
    }

    fn parameters(&self) -> [usize; 2] {
        self.model.parameters()
    }

    fn arrays(&self) -> BTreeMap<String, Array> {
        self.model.arrays()
    }

    fn steps(&self) -> u64 {
        self.model.steps()
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.model.restore(arrays, steps)
    }

    fn restore_encoder(&mut self, arrays: &BTreeMap<String, Array>) -> Result<(), DimError> {
        self.model.restore_encoder(arrays)
    }
}
