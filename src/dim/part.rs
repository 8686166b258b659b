//! What models are made of: a module with its optimiser.

use super::{DimError, StepReport};
use crate::encoder::Encoder;
use crate::nn::checkpoint::{Array, collect, restore};
use crate::nn::walk::learned;
use crate::nn::{Adam, AdamConfig, Backend};
use dfdx::prelude::*;
use std::collections::BTreeMap;

/// A module and its optimiser.
pub struct Part<M, D: Backend<f32>> {
    /// The module.
    pub module: M,
    /// Its optimiser.
    pub adam: Adam<f32, D>,
}

impl<M: TensorCollection<f32, D>, D: Backend<f32>> Part<M, D> {
    /// A module with moments of zero.
    pub fn new(module: M, config: AdamConfig) -> Result<Self, DimError> {
        let adam = Adam::new(&module, config).map_err(device_error)?;
        Ok(Self { module, adam })
    }

    /// One step down the gradients.
    pub fn update(&mut self, grads: &mut Gradients<f32, D>) -> Result<(), DimError> {
        self.adam.update(&mut self.module, grads).map_err(device_error)
    }

    /// Learned numbers of the module.
    pub fn parameters(&self) -> usize {
        learned(&self.module)
    }

    /// Module and moments, by name.
    pub fn collect(&self, name: &str, arrays: &mut BTreeMap<String, Array>) {
        collect(&self.module, name, arrays);
        self.adam.collect(name, arrays);
    }

    /// Puts back what `collect` gave, at step `steps`.
    pub fn restore(&mut self, name: &str, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        restore(&mut self.module, name, arrays)?;
        Ok(self.adam.restore(name, arrays, steps)?)
    }
}

/// Stops at the first term that is not a number.
pub fn check(report: &mut StepReport, step: u64) -> Result<(), DimError> {
    match report.terms().into_iter().find(|(_, v)| !v.is_finite()) {
        Some((term, value)) => Err(DimError::Diverged { term, value: *value, step }),
        None => Ok(()),
    }
}

/// A device's error as text; devices' error types differ.
pub fn device_error(e: impl std::fmt::Debug) -> DimError {
    DimError::Device(format!("{e:?}"))
}

/// [`Model::features`](super::Model::features) of an encoder.
pub fn features<N: Encoder<f32, D>, D: Backend<f32>>(
    encoder: &N,
    device: &D,
    batch: usize,
    pixels: Vec<f32>,
) -> Result<[Vec<f32>; 3], DimError> {
    let x = device.try_tensor_from_vec(pixels, N::image(batch)).map_err(device_error)?;
    let f = encoder.try_encode(x).map_err(device_error)?;
    Ok([f.conv.as_vec(), f.fc.as_vec(), f.global.as_vec()])
}
