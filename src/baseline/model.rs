//! One baseline: an encoder and the task that trains it.

use crate::dim::part::{Part, check, device_error};
use crate::dim::{DimError, Model, ModelConfig, Noise, StepInput, StepReport};
use crate::encoder::Encoder;
use crate::nn::Backend;
use crate::nn::checkpoint::Array;
use dfdx::prelude::*;
use std::collections::BTreeMap;

/// What trains an encoder `N` of `FC` hidden units and global vectors of `Y`, with the networks that it needs for that.
pub(crate) trait Task<N, const FC: usize, const Y: usize, D: Backend<f32>> {
    /// What [`StepInput::noise`] is to be drawn from.
    const NOISE: Noise = Noise::Uniform;

    /// One step of the encoder and of the task's own networks.
    fn step(&mut self, encoder: &mut Part<N, D>, device: &D, input: StepInput) -> Result<StepReport, DimError>;

    /// Learned numbers of its own networks.
    fn parameters(&self) -> usize;

    /// Its tensors, moments and whatever else it keeps from step to step, by name.
    fn collect(&self, arrays: &mut BTreeMap<String, Array>);

    /// Puts back what [`Task::collect`] gave, at step `steps`.
    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError>;
}

/// An encoder `N` and what trains it.
pub struct Baseline<N, K, const FC: usize, const Y: usize, D: Backend<f32>> {
    device: D,
    encoder: Part<N, D>,
    task: K,
}

impl<N, K, const FC: usize, const Y: usize, D: Backend<f32>> Baseline<N, K, FC, Y, D>
where
    N: TensorCollection<f32, D, To<f32, D> = N>,
{
    /// Puts a baseline together.
    ///
    /// # Errors
    /// When the device is out of memory.
    pub(crate) fn new(device: D, encoder: N, task: K, config: &ModelConfig) -> Result<Self, DimError> {
        Ok(Self { device, encoder: Part::averaged(encoder, config.adam, config.average)?, task })
    }
}

/// The trained pass of `encoder` over a step's images: the images, and the features on their tape.
pub(crate) type Encoded<N, D> = (
    Tensor<<N as Encoder<f32, D>>::Image<usize>, f32, D>,
    crate::encoder::Features<N, usize, f32, D, OwnedTape<f32, D>>,
);

/// Puts pixels on the device and encodes them.
pub(crate) fn encode<N: Encoder<f32, D>, D: Backend<f32>>(
    encoder: &mut N,
    device: &D,
    batch: usize,
    pixels: Vec<f32>,
) -> Result<Encoded<N, D>, D::Err> {
    let x = device.try_tensor_from_vec(pixels, N::image(batch))?;
    let features = encoder.try_encode_train(x.clone().leaky_traced())?;
    Ok((x, features))
}

/// The end of a step whose one loss trains an encoder and one network on it: both move, unless a number is not finite.
pub(crate) fn descend<N, H, D: Backend<f32>>(
    loss: Tensor<Rank0, f32, D, OwnedTape<f32, D>>,
    mut report: StepReport,
    encoder: &mut Part<N, D>,
    head: &mut Part<H, D>,
) -> Result<StepReport, DimError>
where
    N: TensorCollection<f32, D>,
    H: TensorCollection<f32, D>,
{
    check(&mut report, encoder.adam.t + 1)?;
    let mut grads = loss.try_backward().map_err(device_error)?;
    encoder.update(&mut grads)?;
    head.update(&mut grads)?;
    Ok(report)
}

impl<N, K, const FC: usize, const Y: usize, D: Backend<f32>> Model for Baseline<N, K, FC, Y, D>
where
    N: TensorCollection<f32, D, To<f32, D> = N>
        + Clone
        + Encoder<f32, D, Fc<usize> = (usize, Const<FC>), Global<usize> = (usize, Const<Y>)>,
    K: Task<N, FC, Y, D>,
{
    fn step(&mut self, input: StepInput) -> Result<StepReport, DimError> {
        self.task.step(&mut self.encoder, &self.device, input)
    }

    fn noise(&self) -> Noise {
        K::NOISE
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
        [self.encoder.parameters(), self.task.parameters()]
    }

    fn arrays(&self) -> BTreeMap<String, Array> {
        let mut arrays = BTreeMap::new();
        self.encoder.collect("encoder", &mut arrays);
        self.task.collect(&mut arrays);
        arrays
    }

    fn steps(&self) -> u64 {
        self.encoder.adam.t
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.encoder.restore("encoder", arrays, steps)?;
        self.task.restore(arrays, steps)
    }

    fn restore_encoder(&mut self, arrays: &BTreeMap<String, Array>) -> Result<(), DimError> {
        self.encoder.restore_learned("encoder", arrays)
    }
}
