//! An encoder with a head, and their training step.

use super::{Targets, depth_loss};
use crate::baseline::label_loss;
use crate::dim::DimError;
use crate::dim::part::{Part, device_error};
use crate::encoder::{Encoder, Features};
use crate::nn::AdamConfig;
use crate::nn::checkpoint::{Array, restore};
use dfdx::prelude::*;
use std::collections::BTreeMap;

/// What the run of a task needs of an encoder and its head, whatever their types.
pub(super) trait Learner {
    /// One step on `batch` images and their targets; the loss.
    fn step(&mut self, batch: usize, pixels: Vec<f32>, targets: &Targets, step: u64) -> Result<f64, DimError>;

    /// The head's outputs for images as they are, a row for each target; and the length of a row.
    fn outputs(&self, batch: usize, pixels: Vec<f32>) -> Result<(Vec<f32>, usize), DimError>;

    /// What the head would read, with the encoder evaluating.
    fn features(&self, batch: usize, pixels: Vec<f32>) -> Result<Vec<f32>, DimError>;

    /// Puts the tensors of a pretrained encoder in place.
    fn begin_from(&mut self, arrays: &BTreeMap<String, Array>) -> Result<(), DimError>;

    /// The rate of the steps that follow.
    fn set_rate(&mut self, lr: f64);
}

/// Where a head reads an encoder.
pub(super) trait Place<N: Encoder<f32, Cpu>> {
    /// Sizes of what is read.
    type Sizes: Shape;

    /// That of all features; the tape travels with it.
    fn of<T: Tape<f32, Cpu>>(features: Features<N, usize, f32, Cpu, T>) -> Tensor<Self::Sizes, f32, Cpu, T>;
}

/// The last hidden layer.
pub(super) struct OnFc;

impl<N: Encoder<f32, Cpu>> Place<N> for OnFc {
    type Sizes = N::Fc<usize>;

    fn of<T: Tape<f32, Cpu>>(features: Features<N, usize, f32, Cpu, T>) -> Tensor<Self::Sizes, f32, Cpu, T> {
        features.fc.put_tape(features.tape)
    }
}

/// The last convolution.
pub(super) struct OnConv;

impl<N: Encoder<f32, Cpu>> Place<N> for OnConv {
    type Sizes = N::Conv<usize>;

    fn of<T: Tape<f32, Cpu>>(features: Features<N, usize, f32, Cpu, T>) -> Tensor<Self::Sizes, f32, Cpu, T> {
        features.conv.put_tape(features.tape)
    }
}

/// The local feature map.
pub(super) struct OnMap;

impl<N: Encoder<f32, Cpu>> Place<N> for OnMap {
    type Sizes = N::Map<usize>;

    fn of<T: Tape<f32, Cpu>>(features: Features<N, usize, f32, Cpu, T>) -> Tensor<Self::Sizes, f32, Cpu, T> {
        features.map.put_tape(features.tape)
    }
}

/// A tensor of a step.
pub(super) type Taped<S> = Tensor<S, f32, Cpu, OwnedTape<f32, Cpu>>;

/// Encoder `N`, read at `P` by a head `H` that gives `O`, rows of `K` numbers.
pub(super) struct Tuned<N, H, P, O, const K: usize> {
    pub encoder: Part<N, Cpu>,
    pub head: Part<H, Cpu>,
    pub device: Cpu,
    /// Whether the encoder stays as it is.
    pub is_frozen: bool,
    /// What depths are told from: the mean of those that are learned from.
    pub middle: f32,
    pub at: std::marker::PhantomData<(P, O)>,
}

impl<N, H, P, O, const K: usize> Tuned<N, H, P, O, K>
where
    N: TensorCollection<f32, Cpu, To<f32, Cpu> = N> + Encoder<f32, Cpu>,
    P: Place<N>,
    O: Shape,
    H: TensorCollection<f32, Cpu, To<f32, Cpu> = H>
        + ModuleMut<Taped<P::Sizes>, Output = Taped<O>, Error = CpuError>
        + Module<Tensor<P::Sizes, f32, Cpu>, Output = Tensor<O, f32, Cpu>, Error = CpuError>,
{
    pub fn new(
        encoder: N,
        head: H,
        device: Cpu,
        is_frozen: bool,
        middle: f32,
        adam: AdamConfig,
    ) -> Result<Self, DimError> {
        let (encoder, head) = (Part::new(encoder, adam)?, Part::new(head, adam)?);
        Ok(Self { encoder, head, device, is_frozen, middle, at: std::marker::PhantomData })
    }

    fn images(&self, batch: usize, pixels: Vec<f32>) -> Result<Tensor<N::Image<usize>, f32, Cpu>, CpuError> {
        self.device.try_tensor_from_vec(pixels, N::image(batch))
    }

    fn loss(&mut self, batch: usize, pixels: Vec<f32>, targets: &Targets) -> Result<Taped<Rank0>, CpuError> {
        let x = self.images(batch, pixels)?;
        // A frozen encoder evaluates: its running statistics stay, and its gradients are never computed.
        let read = if self.is_frozen {
            P::of(self.encoder.module.try_encode(x)?).put_tape(OwnedTape::default())
        } else {
            P::of(self.encoder.module.try_encode_train(x.leaky_traced())?)
        };
        let rows = self.head.module.try_forward_mut(read)?.try_reshape_like(&(targets.len(), Const::<K>))?;
        match targets {
            Targets::Classes { values, classes } => label_loss(rows, *classes, values),
            Targets::Depths(depths) => {
                let n = depths.len();
                let told: Taped<(usize, usize)> = rows.try_slice((0..n, 0..1))?;
                let truth = depths.iter().map(|d| d - self.middle).collect();
                depth_loss(told, &self.device.try_tensor_from_vec(truth, (n, 1))?)
            }
        }
    }
}

impl<N, H, P, O, const K: usize> Learner for Tuned<N, H, P, O, K>
where
    N: TensorCollection<f32, Cpu, To<f32, Cpu> = N> + Encoder<f32, Cpu>,
    P: Place<N>,
    O: Shape,
    H: TensorCollection<f32, Cpu, To<f32, Cpu> = H>
        + ModuleMut<Taped<P::Sizes>, Output = Taped<O>, Error = CpuError>
        + Module<Tensor<P::Sizes, f32, Cpu>, Output = Tensor<O, f32, Cpu>, Error = CpuError>,
{
    fn step(&mut self, batch: usize, pixels: Vec<f32>, targets: &Targets, step: u64) -> Result<f64, DimError> {
        let loss = self.loss(batch, pixels, targets).map_err(device_error)?;
        let value = f64::from(loss.as_vec()[0]);
        if !value.is_finite() {
            return Err(DimError::Diverged { term: "task", value, step });
        }
        let mut grads = loss.try_backward().map_err(device_error)?;
        if !self.is_frozen {
            self.encoder.update(&mut grads)?;
        }
        self.head.update(&mut grads)?;
        Ok(value)
    }

    fn outputs(&self, batch: usize, pixels: Vec<f32>) -> Result<(Vec<f32>, usize), DimError> {
        let all = || {
            let f = self.encoder.module.try_encode(self.images(batch, pixels)?)?;
            self.head.module.try_forward(P::of(f))
        };
        let mut rows = all().map_err(device_error)?.as_vec();
        rows.iter_mut().for_each(|v| *v += self.middle);
        Ok((rows, K))
    }

    fn features(&self, batch: usize, pixels: Vec<f32>) -> Result<Vec<f32>, DimError> {
        let all = || self.encoder.module.try_encode(self.images(batch, pixels)?);
        Ok(P::of(all().map_err(device_error)?).as_vec())
    }

    fn begin_from(&mut self, arrays: &BTreeMap<String, Array>) -> Result<(), DimError> {
        Ok(restore(&mut self.encoder.module, "encoder", arrays)?)
    }

    fn set_rate(&mut self, lr: f64) {
        self.encoder.adam.config.lr = lr;
        self.head.adam.config.lr = lr;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Mode, Targets, Task, build::build};
    use crate::dim::EncoderKind;
    use crate::nn::AdamConfig;
    use crate::seed::stream;
    use rand::Rng;

    /// A frozen encoder gives the same features after a step, running statistics included; a tuned one does not. Heads of
    /// both learn.
    #[test]
    fn frozen_encoders_stay_and_heads_learn() {
        let mut rng = stream(0, "test images", 0);
        let pixels: Vec<f32> = (0..4 * 28 * 28).map(|_| rng.gen_range(-1.0..1.0)).collect();
        for task in [Task::Classification, Task::Segmentation] {
            for mode in [Mode::Frozen, Mode::FineTune, Mode::FineTuneConv] {
                if task.is_dense() && mode == Mode::FineTuneConv {
                    continue;
                }
                let adam = AdamConfig { lr: 1e-2, ..AdamConfig::default() };
                let mut learner = build(EncoderKind::Dcgan28, task, mode, 0.0, adam, 1).unwrap();
                let count = if task.is_dense() { 4 * 49 } else { 4 };
                let targets = Targets::Classes { values: (0..count).map(|i| i % 3).collect(), classes: 3 };
                let read = |l: &dyn super::Learner| l.features(4, pixels.clone()).unwrap();
                let before = read(&*learner);
                let first = learner.step(4, pixels.clone(), &targets, 1).unwrap();
                let mut last = first;
                for step in 2..8 {
                    last = learner.step(4, pixels.clone(), &targets, step).unwrap();
                }
                assert_eq!(read(&*learner) == before, mode == Mode::Frozen, "{task} {mode}");
                assert!(last < first, "{task} {mode}: {first} to {last}");
                // A rate of nothing moves nothing that is learned.
                learner.set_rate(0.0);
                let outputs = learner.outputs(4, pixels.clone()).unwrap();
                learner.step(4, pixels.clone(), &targets, 8).unwrap();
                if mode == Mode::Frozen && !task.is_dense() {
                    assert_eq!(learner.outputs(4, pixels.clone()).unwrap(), outputs);
                }
            }
        }
    }

    /// Heads read every encoder: a row for each image, or for each location of its map.
    #[test]
    fn heads_fit_every_encoder() {
        for kind in EncoderKind::ALL {
            let pixels = vec![0.1; 2 * kind.image().iter().product::<usize>()];
            let (image, locations) = (Task::Classification, kind.map_side().pow(2));
            let heads =
                [(image, Mode::FineTune, 1), (image, Mode::FineTuneConv, 1), (Task::Depth, Mode::FineTune, locations)];
            for (task, mode, rows) in heads {
                let learner = build(kind, task, mode, 0.0, AdamConfig::default(), 1).unwrap();
                let (outputs, length) = learner.outputs(2, pixels.clone()).unwrap();
                assert_eq!(outputs.len(), 2 * rows * length, "{kind:?} {task}");
            }
        }
    }
}
