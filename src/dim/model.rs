//! One Deep InfoMax model: encoder, critics, prior discriminator, their optimisers, and the training step.

use super::occlusion::occlude;
use super::part::{Part, check, device_error};
use super::prior::{PriorConfig, PriorNet, discriminator_loss, encoder_loss, gradient_penalty};
use super::term::Term;
use super::{DimError, ModelConfig, Noise};
use crate::encoder::{Encoder, Features};
use crate::nn::Backend;
use crate::nn::checkpoint::Array;
use dfdx::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one step measured, on the batch it learned from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// The whole loss of the encoder: `−α·global − β·local + γ·prior` and the weighted losses of coordinates, or a
    /// baseline's.
    pub loss: f64,
    /// The local objective, nats; zero when β is.
    pub local: f64,
    /// The global objective, nats; zero when α is.
    pub global: f64,
    /// The mutual information that the local (or else the global) bound vouches for, nats.
    pub nats: f64,
    /// The encoder's prior term, nats.
    pub prior: f64,
    /// The discriminator's own loss without its penalty, nats; `2·log 2` when it cannot tell.
    pub discriminator: f64,
    /// The discriminator's gradient penalty, before its weight; zero without one.
    #[serde(default, skip_serializing_if = "absent")]
    pub gradient_penalty: f64,
    /// Of absolute coordinates, nats, `2·log M` for a guess on `M`×`M` maps; zero without them.
    #[serde(default, skip_serializing_if = "absent")]
    pub absolute_coordinates: f64,
    /// Of relative coordinates, nats; zero without them.
    #[serde(default, skip_serializing_if = "absent")]
    pub relative_coordinates: f64,
    /// `½·‖x̂ − x‖²` an image, nats up to a constant; see [`crate::baseline::reconstruction_loss`]. Zero without a decoder.
    #[serde(default, skip_serializing_if = "absent")]
    pub reconstruction: f64,
    /// Kullback-Leibler divergence of a posterior from its prior, nats; zero without one.
    #[serde(default, skip_serializing_if = "absent")]
    pub kl: f64,
    /// Of labels, nats; zero without them.
    #[serde(default, skip_serializing_if = "absent")]
    pub cross_entropy: f64,
}

/// Terms that came after the first runs are left out where a method has none, so that histories stay as they were.
fn absent(term: &f64) -> bool {
    *term == 0.0
}

impl StepReport {
    /// Names and values of the terms, for checks and sums.
    pub fn terms(&mut self) -> [(&'static str, &mut f64); 12] {
        [
            ("loss", &mut self.loss),
            ("local", &mut self.local),
            ("global", &mut self.global),
            ("nats", &mut self.nats),
            ("prior", &mut self.prior),
            ("discriminator", &mut self.discriminator),
            ("gradient_penalty", &mut self.gradient_penalty),
            ("absolute_coordinates", &mut self.absolute_coordinates),
            ("relative_coordinates", &mut self.relative_coordinates),
            ("reconstruction", &mut self.reconstruction),
            ("kl", &mut self.kl),
            ("cross_entropy", &mut self.cross_entropy),
        ]
    }
}

/// What one step learns from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepInput {
    /// Images.
    pub batch: usize,
    /// `[batch, C, H, W]`; of a method with more [views](crate::dim::Method::views) of each image than one, all first
    /// ones, then all second ones, `[views·batch, C, H, W]`.
    pub pixels: Vec<f32>,
    /// Each image's label, `[batch]`; only supervised training looks at them.
    pub labels: Vec<u32>,
    /// Each image's index in its set, `[batch]`; only noise as targets looks at them.
    pub indices: Vec<usize>,
    /// Draws of what [`Model::noise`] says, `[batch, Y]`.
    pub noise: Vec<f32>,
    /// Root of whatever else is drawn in the step: hidden blocks, pairs of locations, rotations.
    pub seed: u64,
}

/// A model whose types have been chosen: what a trainer, a probe or a command needs of it.
pub trait Model {
    /// One training step.
    ///
    /// # Errors
    /// When the device fails, a term is no longer finite, or a label or index cannot be used.
    fn step(&mut self, input: StepInput) -> Result<StepReport, DimError>;

    /// What [`StepInput::noise`] is drawn from.
    fn noise(&self) -> Noise {
        Noise::Uniform
    }

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

/// Local feature maps, global vectors and the tape of a step.
type Encoded<N, D> = (
    Tensor<<N as Encoder<f32, D>>::Map<usize>, f32, D>,
    Tensor<<N as Encoder<f32, D>>::Global<usize>, f32, D>,
    OwnedTape<f32, D>,
);

/// A model that can go from one thread to another, as those of [`build`](super::build()) do.
pub type BoxedModel = Box<dyn Model + Send + Sync>;

/// Deep InfoMax around encoder `N` with global vectors of `Y`; `T` is a [`Term`], or
/// `dyn Term<…>` where there are several kinds.
pub struct Dim<N: Encoder<f32, D>, const Y: usize, D: Backend<f32>, T: ?Sized> {
    device: D,
    encoder: Part<N, D>,
    information: Vec<Box<T>>,
    prior: Part<PriorNet<Y, D>, D>,
    gamma: f64,
    matching: PriorConfig,
    occlusion: usize,
    auxiliary: Vec<Box<T>>,
}

impl<N, const Y: usize, D: Backend<f32>, T: ?Sized> Dim<N, Y, D, T>
where
    N: TensorCollection<f32, D, To<f32, D> = N> + Encoder<f32, D> + Clone,
{
    /// Puts a model together by the settings of `config` for prior matching, occlusion and the optimiser. `information` are
    /// the bounds that are maximised, `auxiliary` objectives beside them, each in its order.
    ///
    /// # Errors
    /// When the device is out of memory.
    pub fn new(
        device: D,
        encoder: N,
        prior: PriorNet<Y, D>,
        information: Vec<Box<T>>,
        auxiliary: Vec<Box<T>>,
        config: &ModelConfig,
    ) -> Result<Self, DimError> {
        let ModelConfig { weights, prior: matching, occlusion, adam, average, .. } = *config;
        let (encoder, prior) = (Part::averaged(encoder, adam, average)?, Part::new(prior, adam)?);
        Ok(Self { device, encoder, information, prior, gamma: weights.gamma, matching, occlusion, auxiliary })
    }

    /// All terms with networks of their own.
    fn terms(&self) -> impl Iterator<Item = &Box<T>> {
        self.information.iter().chain(&self.auxiliary)
    }

    /// The map of the whole images, the global vectors of what the global path sees of them, and the tape of both. Where a
    /// block is hidden, running statistics are of the whole images alone: these are what the encoder is used on.
    fn encode(&mut self, batch: usize, pixels: Vec<f32>, seed: u64) -> Result<Encoded<N, D>, DimError> {
        let hidden = (self.occlusion > 0).then(|| {
            let mut hidden = pixels.clone();
            let sizes = N::image(1usize).concrete();
            occlude(&mut hidden, [sizes[1], sizes[2], sizes[3]], self.occlusion, seed);
            hidden
        });
        let image = |pixels| self.device.try_tensor_from_vec(pixels, N::image(batch)).map_err(device_error);
        let whole = image(pixels)?;
        let hidden = hidden.map(image).transpose()?;
        // The copy has the same tensors to learn, and running statistics of its own.
        let mut copy = hidden.as_ref().map(|_| self.encoder.module.clone());
        let Features { map, global, tape, .. } =
            self.encoder.module.try_encode_train(whole.leaky_traced()).map_err(device_error)?;
        let (Some(hidden), Some(copy)) = (hidden, &mut copy) else { return Ok((map, global, tape)) };
        let Features { global, tape, .. } = copy.try_encode_train(hidden.put_tape(tape)).map_err(device_error)?;
        Ok((map, global, tape))
    }

    /// One step of the discriminator, on draws of the prior and the encoder's vectors `[batch, Y]`.
    fn discriminate(
        &mut self,
        drawn: Tensor<(usize, Const<Y>), f32, D>,
        global: Tensor<(usize, Const<Y>), f32, D>,
        report: &mut StepReport,
        step: u64,
    ) -> Result<(), DimError> {
        let PriorConfig { kind, gradient_penalty: weight } = self.matching;
        let net = &self.prior.module;
        let mapped = kind.try_map(global).map_err(device_error)?;
        let mut loss = discriminator_loss(net, drawn.clone(), mapped.clone()).map_err(device_error)?;
        report.discriminator = f64::from(loss.as_vec()[0]);
        if weight != 0.0 {
            let (so_far, tape) = loss.split_tape();
            let (real, tape) = gradient_penalty(net, drawn.put_tape(tape)).map_err(device_error)?.split_tape();
            let fake = gradient_penalty(net, mapped.put_tape(tape)).map_err(device_error)?;
            let penalty = fake.try_add(real).and_then(|p| p.try_mul(0.5f32)).map_err(device_error)?;
            report.gradient_penalty = f64::from(penalty.as_vec()[0]);
            loss = penalty.try_mul(weight as f32).and_then(|p| p.try_add(so_far)).map_err(device_error)?;
        }
        check(report, step)?;
        self.prior.update(&mut loss.try_backward().map_err(device_error)?)
    }
}

impl<N, const Y: usize, D: Backend<f32>, T> Model for Dim<N, Y, D, T>
where
    T: Term<N::Map<usize>, Y, D> + ?Sized,
    N: TensorCollection<f32, D, To<f32, D> = N> + Encoder<f32, D, Global<usize> = (usize, Const<Y>)> + Clone,
{
    fn step(&mut self, input: StepInput) -> Result<StepReport, DimError> {
        let StepInput { batch, pixels, noise, seed, .. } = input;
        let gamma = self.gamma;
        let step = self.steps() + 1;
        if gamma != 0.0 && noise.len() != batch * Y {
            return Err(DimError::Config(format!(
                "prior matching wants {} numbers of noise for {batch} images and got {}: draw them, or set gamma to 0",
                batch * Y,
                noise.len()
            )));
        }
        let mut report = StepReport::default();
        let (map, global, tape) = self.encode(batch, pixels, seed)?;
        let mut loss: Tensor<Rank0, f32, D, OwnedTape<f32, D>> =
            self.device.try_zeros_like(&()).map_err(device_error)?.put_tape(tape);
        for bound in &self.information {
            loss = bound.add(loss, map.clone(), &global, seed, &mut report)?;
        }
        if gamma != 0.0 {
            let (so_far, tape) = loss.split_tape();
            let mapped = self.matching.kind.try_map(global.clone().put_tape(tape)).map_err(device_error)?;
            let prior = encoder_loss(&self.prior.module, mapped).map_err(device_error)?;
            report.prior = f64::from(prior.as_vec()[0]);
            loss = prior.try_mul(gamma as f32).and_then(|l| l.try_add(so_far)).map_err(device_error)?;
        }
        for objective in &self.auxiliary {
            loss = objective.add(loss, map.clone(), &global, seed, &mut report)?;
        }
        report.loss = f64::from(loss.as_vec()[0]);
        check(&mut report, step)?;
        let mut grads = loss.try_backward().map_err(device_error)?;
        self.encoder.update(&mut grads)?;
        for term in self.information.iter_mut().chain(&mut self.auxiliary) {
            term.update(&mut grads)?;
        }
        drop(grads);
        if gamma != 0.0 {
            let drawn = self.device.try_tensor_from_vec(noise, (batch, Const)).map_err(device_error)?;
            self.discriminate(drawn, global, &mut report, step)?;
        }
        Ok(report)
    }

    fn noise(&self) -> Noise {
        self.matching.kind.noise()
    }

    fn features(&self, batch: usize, pixels: Vec<f32>) -> Result<[Vec<f32>; 3], DimError> {
        self.encoder.features(&self.device, batch, pixels)
    }

    fn image(&self) -> [usize; 3] {
        let sizes = N::image(1usize).concrete();
        [sizes[1], sizes[2], sizes[3]]
    }

    fn global_size(&self) -> usize {
        Y
    }

    fn parameters(&self) -> [usize; 2] {
        let others: usize = self.terms().map(|t| t.parameters()).sum();
        [self.encoder.parameters(), others + self.prior.parameters()]
    }

    fn arrays(&self) -> BTreeMap<String, Array> {
        let mut arrays = BTreeMap::new();
        self.encoder.collect("encoder", &mut arrays);
        self.prior.collect("prior", &mut arrays);
        self.terms().for_each(|t| t.collect(&mut arrays));
        arrays
    }

    fn steps(&self) -> u64 {
        self.encoder.adam.t
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.encoder.restore("encoder", arrays, steps)?;
        self.prior.restore("prior", arrays, steps)?;
        self.information.iter_mut().chain(&mut self.auxiliary).try_for_each(|t| t.restore(arrays, steps))
    }

    fn restore_encoder(&mut self, arrays: &BTreeMap<String, Array>) -> Result<(), DimError> {
        self.encoder.restore_learned("encoder", arrays)
    }
}
