//! Terms of the loss that have a network of their own: what a model needs of them, whatever their networks.

use super::coordinates::CoordinateLoss;
use super::part::{Part, device_error};
use super::{DimError, StepReport};
use crate::mi::bound::{BoundKind, objective};
use crate::mi::critic::Critic;
use crate::mi::{Pairing, Scores};
use crate::nn::checkpoint::Array;
use crate::nn::{AdamConfig, Backend};
use dfdx::prelude::*;
use std::collections::BTreeMap;

/// A loss that encoder and a network of its own minimise together.
pub trait Term<Map: Shape, const Y: usize, D: Backend<f32>> {
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

    /// Puts back what [`Term::collect`] gave, at step `steps`.
    ///
    /// # Errors
    /// When a tensor is missing or has other sizes.
    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError>;
}

/// A critic with its weight and its place in reports and checkpoints: the bound on mutual information that it gives, negated.
pub struct CriticPart<C, D: Backend<f32>> {
    part: Part<C, D>,
    bound: BoundKind,
    pairing: Pairing,
    weight: f64,
    name: &'static str,
    term: fn(&mut StepReport) -> &mut f64,
}

impl<C: TensorCollection<f32, D>, D: Backend<f32>> CriticPart<C, D> {
    /// With moments of zero. Without a weight it is kept as it is, and reports nothing.
    pub fn new(
        critic: C,
        (bound, pairing): (BoundKind, Pairing),
        weight: f64,
        name: &'static str,
        term: fn(&mut StepReport) -> &mut f64,
        adam: AdamConfig,
    ) -> Result<Self, DimError> {
        Ok(Self { part: Part::new(critic, adam)?, bound, pairing, weight, name, term })
    }
}

impl<C, Map: Shape, const Y: usize, D: Backend<f32>> Term<Map, Y, D> for CriticPart<C, D>
where
    C: TensorCollection<f32, D, To<f32, D> = C> + Critic<Map, (usize, Const<Y>), f32, D>,
{
    fn add(
        &self,
        so_far: Tensor<Rank0, f32, D, OwnedTape<f32, D>>,
        map: Tensor<Map, f32, D>,
        global: &Tensor<(usize, Const<Y>), f32, D>,
        _: u64,
        report: &mut StepReport,
    ) -> Result<Tensor<Rank0, f32, D, OwnedTape<f32, D>>, DimError> {
        if self.weight == 0.0 {
            return Ok(so_far);
        }
        let (so_far, tape) = so_far.split_tape();
        let scores: Scores<f32, D, _> =
            self.part.module.try_scores(map.put_tape(tape), global, self.pairing).map_err(device_error)?;
        let bound = objective(self.bound, scores, self.pairing).map_err(device_error)?;
        *(self.term)(report) = f64::from(bound.value.as_vec()[0]);
        report.nats = bound.nats;
        bound.value.try_mul(-self.weight as f32).and_then(|l| l.try_add(so_far)).map_err(device_error)
    }

    fn update(&mut self, grads: &mut Gradients<f32, D>) -> Result<(), DimError> {
        if self.weight == 0.0 { Ok(()) } else { self.part.update(grads) }
    }

    fn parameters(&self) -> usize {
        self.part.parameters()
    }

    fn collect(&self, arrays: &mut BTreeMap<String, Array>) {
        self.part.collect(self.name, arrays);
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.part.restore(self.name, arrays, steps)
    }
}

/// A coordinate network with its weight and its place in reports and checkpoints.
pub struct CoordinatePart<M, D: Backend<f32>> {
    part: Part<M, D>,
    weight: f64,
    name: &'static str,
    term: fn(&mut StepReport) -> &mut f64,
}

impl<M: TensorCollection<f32, D>, D: Backend<f32>> CoordinatePart<M, D> {
    /// With moments of zero.
    pub fn new(
        network: M,
        weight: f64,
        name: &'static str,
        term: fn(&mut StepReport) -> &mut f64,
        adam: AdamConfig,
    ) -> Result<Self, DimError> {
        Ok(Self { part: Part::new(network, adam)?, weight, name, term })
    }
}

impl<M, Map: Shape, const Y: usize, D: Backend<f32>> Term<Map, Y, D> for CoordinatePart<M, D>
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
        self.part.parameters()
    }

    fn collect(&self, arrays: &mut BTreeMap<String, Array>) {
        self.part.collect(self.name, arrays);
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.part.restore(self.name, arrays, steps)
    }
}
