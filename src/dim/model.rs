//! One Deep InfoMax model: encoder, critics, prior discriminator, their optimisers, and the training step.

use super::prior::{PriorNet, discriminator_loss, encoder_loss};
use super::{DimError, Weights};
use crate::encoder::{Encoder, Features};
use crate::mi::bound::{BoundKind, objective};
use crate::mi::critic::Critic;
use crate::mi::{Pairing, Scores};
use crate::nn::checkpoint::{Array, collect, restore};
use crate::nn::{Adam, AdamConfig, Backend};
use dfdx::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one step measured, on the batch it learned from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// The whole loss of the encoder, `−α·global − β·local + γ·prior`.
    pub loss: f64,
    /// The local objective, nats; zero when β is.
    pub local: f64,
    /// The global objective, nats; zero when α is.
    pub global: f64,
    /// The mutual information that the local (or else the global) bound vouches for, nats.
    pub nats: f64,
    /// The encoder's prior term, nats.
    pub prior: f64,
    /// The discriminator's own loss, nats; `2·log 2` when it cannot tell.
    pub discriminator: f64,
}

impl StepReport {
    /// Names and values of the terms, for checks and sums.
    pub fn terms(&mut self) -> [(&'static str, &mut f64); 6] {
        [
            ("loss", &mut self.loss),
            ("local", &mut self.local),
            ("global", &mut self.global),
            ("nats", &mut self.nats),
            ("prior", &mut self.prior),
            ("discriminator", &mut self.discriminator),
        ]
    }
}

/// A model whose types have been chosen: what a trainer, a probe or a command needs of it.
pub trait Model {
    /// One training step on `pixels [batch, C, H, W]`; `noise [batch, Y]` is the prior's draw, uniform on [0, 1].
    ///
    /// # Errors
    /// When the device fails or a term is no longer finite.
    fn step(&mut self, batch: usize, pixels: Vec<f32>, noise: Vec<f32>) -> Result<StepReport, DimError>;

    /// Features of `pixels [batch, C, H, W]` with the encoder frozen: the last convolution, the last hidden layer, Y,
    /// each `[batch, size]`.
    ///
    /// # Errors
    /// When the device fails.
    fn features(&self, batch: usize, pixels: Vec<f32>) -> Result<[Vec<f32>; 3], DimError>;

    /// Channels, height and width of the images.
    fn image(&self) -> [usize; 3];

    /// Size of the global vector.
    fn global_size(&self) -> usize;

    /// Learned numbers of the encoder, and of everything else.
    fn parameters(&self) -> [usize; 2];

    /// All tensors, running statistics and optimisers' moments included, by name.
    fn arrays(&self) -> BTreeMap<String, Array>;

    /// Steps done.
    fn steps(&self) -> u64;

    /// Puts back what [`Model::arrays`] gave, at step `steps`.
    ///
    /// # Errors
    /// When a tensor is missing or has other sizes; the model must not be used then.
    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError>;

    /// Puts back the encoder alone, for probing.
    ///
    /// # Errors
    /// As [`Model::restore`].
    fn restore_encoder(&mut self, arrays: &BTreeMap<String, Array>) -> Result<(), DimError>;
}

/// A module and its optimiser.
struct Part<M> {
    module: M,
    adam: Adam<M>,
}

impl<M> Part<M> {
    fn new<D: Backend<f32>>(module: M, config: AdamConfig) -> Result<Self, DimError>
    where
        M: TensorCollection<f32, D, To<f32, D> = M>,
    {
        let adam = Adam::new(&module, config).map_err(device_error)?;
        Ok(Self { module, adam })
    }

    fn update<D: Backend<f32>>(&mut self, grads: &mut Gradients<f32, D>) -> Result<(), DimError>
    where
        M: TensorCollection<f32, D>,
    {
        self.adam.update(&mut self.module, grads).map_err(device_error)
    }

    fn collect<D: Backend<f32>>(&self, name: &str, arrays: &mut BTreeMap<String, Array>)
    where
        M: TensorCollection<f32, D>,
    {
        collect(&self.module, name, arrays);
        collect(&self.adam.first, &format!("adam.first.{name}"), arrays);
        collect(&self.adam.second, &format!("adam.second.{name}"), arrays);
    }

    fn restore<D: Backend<f32>>(
        &mut self,
        name: &str,
        arrays: &BTreeMap<String, Array>,
        steps: u64,
    ) -> Result<(), DimError>
    where
        M: TensorCollection<f32, D>,
    {
        restore(&mut self.module, name, arrays)?;
        restore(&mut self.adam.first, &format!("adam.first.{name}"), arrays)?;
        restore(&mut self.adam.second, &format!("adam.second.{name}"), arrays)?;
        self.adam.t = steps;
        Ok(())
    }
}

/// Deep InfoMax around encoder `N`, with local critic `L`, global critic `G` and global vectors of `Y`.
pub struct Dim<N, L, G, const Y: usize, D: Storage<f32>> {
    device: D,
    encoder: Part<N>,
    local: Part<L>,
    global: Option<Part<G>>,
    prior: Part<PriorNet<Y, D>>,
    bound: BoundKind,
    pairing: Pairing,
    weights: Weights,
}

impl<N, L, G, const Y: usize, D: Backend<f32>> Dim<N, L, G, Y, D>
where
    N: TensorCollection<f32, D, To<f32, D> = N>,
    L: TensorCollection<f32, D, To<f32, D> = L>,
    G: TensorCollection<f32, D, To<f32, D> = G>,
{
    /// Puts a model together. `global` is needed when α is not zero.
    ///
    /// # Errors
    /// When the device is out of memory.
    #[expect(clippy::too_many_arguments, reason = "the parts of the paper's equation 8")]
    pub fn new(
        device: D,
        encoder: N,
        local: L,
        global: Option<G>,
        prior: PriorNet<Y, D>,
        bound: BoundKind,
        pairing: Pairing,
        weights: Weights,
        adam: AdamConfig,
    ) -> Result<Self, DimError> {
        Ok(Self {
            device,
            encoder: Part::new(encoder, adam)?,
            local: Part::new(local, adam)?,
            global: global.map(|g| Part::new(g, adam)).transpose()?,
            prior: Part::new(prior, adam)?,
            bound,
            pairing,
            weights,
        })
    }
}

impl<N, L, G, const Y: usize, D: Backend<f32>> Model for Dim<N, L, G, Y, D>
where
    N: TensorCollection<f32, D, To<f32, D> = N> + Encoder<f32, D, Global<usize> = (usize, Const<Y>)>,
    L: TensorCollection<f32, D, To<f32, D> = L> + Critic<N::Map<usize>, (usize, Const<Y>), f32, D>,
    G: TensorCollection<f32, D, To<f32, D> = G> + Critic<N::Map<usize>, (usize, Const<Y>), f32, D>,
{
    fn step(&mut self, batch: usize, pixels: Vec<f32>, noise: Vec<f32>) -> Result<StepReport, DimError> {
        let Weights { alpha, beta, gamma } = self.weights;
        let step = self.steps() + 1;
        let mut report = StepReport::default();
        let x = self.device.try_tensor_from_vec(pixels, N::image(batch)).map_err(device_error)?;
        let Features { map, global, tape, .. } =
            self.encoder.module.try_encode_train(x.leaky_traced()).map_err(device_error)?;
        let mut loss: Tensor<Rank0, f32, D, OwnedTape<f32, D>> =
            self.device.try_zeros_like(&()).map_err(device_error)?.put_tape(tape);
        if let Some(critic) = &self.global {
            let (so_far, tape) = loss.split_tape();
            let scores: Scores<f32, D, _> =
                critic.module.try_scores(map.clone().put_tape(tape), &global, self.pairing).map_err(device_error)?;
            let bound = objective(self.bound, scores, self.pairing).map_err(device_error)?;
            report.global = f64::from(bound.value.as_vec()[0]);
            report.nats = bound.nats;
            loss = bound.value.try_mul(-alpha as f32).and_then(|l| l.try_add(so_far)).map_err(device_error)?;
        }
        if beta != 0.0 {
            let (so_far, tape) = loss.split_tape();
            let scores: Scores<f32, D, _> =
                self.local.module.try_scores(map.put_tape(tape), &global, self.pairing).map_err(device_error)?;
            let bound = objective(self.bound, scores, self.pairing).map_err(device_error)?;
            report.local = f64::from(bound.value.as_vec()[0]);
            report.nats = bound.nats;
            loss = bound.value.try_mul(-beta as f32).and_then(|l| l.try_add(so_far)).map_err(device_error)?;
        }
        if gamma != 0.0 {
            let (so_far, tape) = loss.split_tape();
            let prior = encoder_loss(&self.prior.module, global.clone().put_tape(tape)).map_err(device_error)?;
            report.prior = f64::from(prior.as_vec()[0]);
            loss = prior.try_mul(gamma as f32).and_then(|l| l.try_add(so_far)).map_err(device_error)?;
        }
        report.loss = f64::from(loss.as_vec()[0]);
        check(&mut report, step)?;
        let mut grads = loss.try_backward().map_err(device_error)?;
        self.encoder.update(&mut grads)?;
        if beta != 0.0 {
            self.local.update(&mut grads)?;
        }
        if let Some(critic) = &mut self.global {
            critic.update(&mut grads)?;
        }
        drop(grads);
        if gamma != 0.0 {
            let noise = self.device.try_tensor_from_vec(noise, (batch, Const)).map_err(device_error)?;
            let loss = discriminator_loss(&self.prior.module, noise, global).map_err(device_error)?;
            report.discriminator = f64::from(loss.as_vec()[0]);
            check(&mut report, step)?;
            let mut grads = loss.try_backward().map_err(device_error)?;
            self.prior.update(&mut grads)?;
        }
        Ok(report)
    }

    fn features(&self, batch: usize, pixels: Vec<f32>) -> Result<[Vec<f32>; 3], DimError> {
        let x = self.device.try_tensor_from_vec(pixels, N::image(batch)).map_err(device_error)?;
        let f = self.encoder.module.try_encode(x).map_err(device_error)?;
        Ok([f.conv.as_vec(), f.fc.as_vec(), f.global.as_vec()])
    }

    fn image(&self) -> [usize; 3] {
        let sizes = N::image(1usize).concrete();
        [sizes[1], sizes[2], sizes[3]]
    }

    fn global_size(&self) -> usize {
        Y
    }

    fn parameters(&self) -> [usize; 2] {
        let global = self.global.as_ref().map_or(0, |g| g.module.num_trainable_params());
        let others = self.local.module.num_trainable_params() + self.prior.module.num_trainable_params() + global;
        [self.encoder.module.num_trainable_params(), others]
    }

    fn arrays(&self) -> BTreeMap<String, Array> {
        let mut arrays = BTreeMap::new();
        self.encoder.collect("encoder", &mut arrays);
        self.local.collect("local", &mut arrays);
        self.prior.collect("prior", &mut arrays);
        if let Some(global) = &self.global {
            global.collect("global", &mut arrays);
        }
        arrays
    }

    fn steps(&self) -> u64 {
        self.encoder.adam.t
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.encoder.restore("encoder", arrays, steps)?;
        self.local.restore("local", arrays, steps)?;
        self.prior.restore("prior", arrays, steps)?;
        if let Some(global) = &mut self.global {
            global.restore("global", arrays, steps)?;
        }
        Ok(())
    }

    fn restore_encoder(&mut self, arrays: &BTreeMap<String, Array>) -> Result<(), DimError> {
        Ok(restore(&mut self.encoder.module, "encoder", arrays)?)
    }
}

/// Stops at the first term that is not a number.
fn check(report: &mut StepReport, step: u64) -> Result<(), DimError> {
    match report.terms().into_iter().find(|(_, v)| !v.is_finite()) {
        Some((term, value)) => Err(DimError::Diverged { term, value: *value, step }),
        None => Ok(()),
    }
}

/// A device's error as text; devices' error types differ.
fn device_error(e: impl std::fmt::Debug) -> DimError {
    DimError::Device(format!("{e:?}"))
}
