//! Objectives beside mutual information: what a model needs of them, whatever their networks.

use super::coordinates::CoordinateLoss;
use super::part::{Part, device_error};
use super::{DimError, StepReport};
use crate::nn::checkpoint::Array;
use crate::nn::{AdamConfig, Backend};
use dfdx::prelude::*;
use std::collections::BTreeMap;

/// A loss that encoder and a network of its own minimise together.
pub trait Auxiliary<Map: Shape, const Y: usize, D: Backend<f32>> {
    /// Adds its weighted loss to `so_far`, whose tape must hold what `map` and `global` were computed with, and reports it.
    ///
    /// # Errors
    /// When the device fails.
    fn add(
        &self,
        so_far: Tensor<Rank0, f32, D, OwnedTape<f32, D>>,
        map: Tensor<Map, f32, D>,
        global: &Tensor<(usize, Const<Y>), f32, D>,
        seed: u64,
        report: &mut StepReport,
    ) -> Result<Tensor<Rank0, f32, D, OwnedTape<f32, D>>, DimError>;

    /// One step of its network.
    ///
    /// # Errors
    /// When the device fails.
    fn update(&mut self, grads: &mut Gradients<f32, D>) -> Result<(), DimError>;

    /// Learned numbers of its network.
    fn parameters(&self) -> usize;

    /// Its tensors and moments, by name.
    fn collect(&self, arrays: &mut BTreeMap<String, Array>);

    /// Puts back what [`Auxiliary::collect`] gave, at step `steps`.
    ///
    /// # Errors
    /// When a tensor is missing or has other sizes.
    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError>;
}

/// A coordinate network with its weight and its place in reports and checkpoints.
pub struct CoordinatePart<M> {
    part: Part<M>,
    weight: f64,
    name: &'static str,
    term: fn(&mut StepReport) -> &mut f64,
}

impl<M> CoordinatePart<M> {
    /// With moments of zero.
    pub fn new<D: Backend<f32>>(
        network: M,
        weight: f64,
        name: &'static str,
        term: fn(&mut StepReport) -> &mut f64,
        adam: AdamConfig,
    ) -> Result<Self, DimError>
    where
        M: TensorCollection<f32, D, To<f32, D> = M>,
    {
        Ok(Self { part: Part::new(network, adam)?, weight, name, term })
    }
}

impl<M, Map: Shape, const Y: usize, D: Backend<f32>> Auxiliary<Map, Y, D> for CoordinatePart<M>
where
    M: TensorCollection<f32, D, To<f32, D> = M> + CoordinateLoss<Map, (usize, Const<Y>), f32, D>,
{
    fn add(
        &self,
        so_far: Tensor<Rank0, f32, D, OwnedTape<f32, D>>,
        map: Tensor<Map, f32, D>,
        global: &Tensor<(usize, Const<Y>), f32, D>,
        seed: u64,
        report: &mut StepReport,
    ) -> Result<Tensor<Rank0, f32, D, OwnedTape<f32, D>>, DimError> {
        let (so_far, tape) = so_far.split_tape();
        let loss = self.part.module.try_loss(map.put_tape(tape), global, seed).map_err(device_error)?;
        *(self.term)(report) = f64::from(loss.as_vec()[0]);
        loss.try_mul(self.weight as f32).and_then(|l| l.try_add(so_far)).map_err(device_error)
    }

    fn update(&mut self, grads: &mut Gradients<f32, D>) -> Result<(), DimError> {
        self.part.update(grads)
    }

    fn parameters(&self) -> usize {
        self.part.module.num_trainable_params()
    }

    fn collect(&self, arrays: &mut BTreeMap<String, Array>) {
        self.part.collect(self.name, arrays);
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.part.restore(self.name, arrays, steps)
    }
}
