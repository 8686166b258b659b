//! What models are made of: a module with its optimiser.

use super::{DimError, StepReport};
use crate::encoder::Encoder;
use crate::nn::checkpoint::{Array, collect, restore};
use crate::nn::walk::learned;
use crate::nn::{Adam, AdamConfig, Average, Backend};
use dfdx::prelude::*;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A module and its optimiser.
pub struct Part<M, D: Backend<f32>> {
    /// The module.
    pub module: M,
    /// Its optimiser.
    pub adam: Adam<f32, D>,
    /// The moving average of the module that is used in its place once it has been learned, if there is one.
    average: Option<Average<f32, D>>,
    /// The module with the average in place of its tensors, made when it is first used after a step.
    averaged: OnceLock<M>,
}

/// Where a module that has an average is saved; the average has its name.
fn learning(name: &str) -> String {
    format!("learning.{name}")
}

impl<M: TensorCollection<f32, D>, D: Backend<f32>> Part<M, D> {
    /// A module with moments of zero.
    pub fn new(module: M, config: AdamConfig) -> Result<Self, DimError> {
        let adam = Adam::new(&module, config).map_err(device_error)?;
        Ok(Self { module, adam, average: None, averaged: OnceLock::new() })
    }

    /// The same with a moving average that keeps `decay` of itself at each step; without one where that is 0.
    pub fn averaged(module: M, config: AdamConfig, decay: f64) -> Result<Self, DimError> {
        let average = (decay > 0.0).then(|| Average::new(&module, decay)).transpose().map_err(device_error)?;
        Ok(Self { average, ..Self::new(module, config)? })
    }

    /// One step down the gradients.
    pub fn update(&mut self, grads: &mut Gradients<f32, D>) -> Result<(), DimError> {
        self.adam.update(&mut self.module, grads).map_err(device_error)?;
        self.averaged.take();
        self.average.as_mut().map_or(Ok(()), |a| a.update(&self.module)).map_err(device_error)
    }

    /// Learned numbers of the module.
    pub fn parameters(&self) -> usize {
        learned(&self.module)
    }

    /// Module and moments, by name, and the average, which then has the module's.
    pub fn collect(&self, name: &str, arrays: &mut BTreeMap<String, Array>) {
        match &self.average {
            Some(average) => {
                average.collect(&self.module, name, arrays);
                collect(&self.module, &learning(name), arrays);
            }
            None => collect(&self.module, name, arrays),
        }
        self.adam.collect(name, arrays);
    }

    /// Puts back what `collect` gave, at step `steps`.
    pub fn restore(&mut self, name: &str, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.averaged.take();
        match &mut self.average {
            Some(average) => {
                restore(&mut self.module, &learning(name), arrays)?;
                average.restore(&self.module, name, arrays, steps)?;
            }
            None => restore(&mut self.module, name, arrays)?,
        }
        Ok(self.adam.restore(name, arrays, steps)?)
    }

    /// Puts back what is to be used of what `collect` gave, not to be trained on.
    pub fn restore_learned(&mut self, name: &str, arrays: &BTreeMap<String, Array>) -> Result<(), DimError> {
        self.average = None;
        Ok(restore(&mut self.module, name, arrays)?)
    }
}

impl<M: TensorCollection<f32, D> + Clone, D: Backend<f32>> Part<M, D> {
    /// The module as it is to be used: its average, if there is one.
    fn learned(&self) -> &M {
        match &self.average {
            Some(average) => self.averaged.get_or_init(|| average.of(&self.module)),
            None => &self.module,
        }
    }

    /// [`Model::features`](super::Model::features) of an encoder.
    pub fn features(&self, device: &D, batch: usize, pixels: Vec<f32>) -> Result<[Vec<f32>; 3], DimError>
    where
        M: Encoder<f32, D>,
    {
        let x = device.try_tensor_from_vec(pixels, M::image(batch)).map_err(device_error)?;
        let f = self.learned().try_encode(x).map_err(device_error)?;
        Ok([D::numbers(&f.conv), D::numbers(&f.fc), D::numbers(&f.global)])
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
