//! The autoencoder.

use super::model::{Task, descend, encode};
use crate::dim::part::{Part, device_error};
use crate::dim::{DimError, StepInput, StepReport};
use crate::encoder::Encoder;
use crate::nn::checkpoint::Array;
use crate::nn::{AdamConfig, Backend, Real};
use dfdx::prelude::*;
use std::collections::BTreeMap;

/// `½·‖x̂ − x‖²` summed over an image, mean over the batch: the negative log-likelihood of an image under a normal
/// distribution of variance 1 around its reconstruction, nats, without the constant `½·log 2π` a pixel.
///
/// # Errors
/// When the device fails.
pub fn reconstruction_loss<S: Shape, E: Real, D: Backend<E>, T: Tape<E, D>>(
    decoded: Tensor<S, E, D, T>,
    images: &Tensor<S, E, D>,
) -> Result<Tensor<Rank0, E, D, T>, D::Err> {
    let batch = images.shape().concrete()[0];
    decoded.try_sub(images.clone())?.try_square()?.try_sum::<Rank0, S::AllAxes>()?.try_mul(E::of(0.5 / batch as f64))
}

/// A decoder `G` from `Y` back to the image, trained with the encoder by [`reconstruction_loss`].
pub struct Autoencoder<G, D: Backend<f32>> {
    decoder: Part<G, D>,
}

impl<G: TensorCollection<f32, D>, D: Backend<f32>> Autoencoder<G, D> {
    /// With this decoder.
    pub(super) fn new(decoder: G, adam: AdamConfig) -> Result<Self, DimError> {
        Ok(Self { decoder: Part::new(decoder, adam)? })
    }
}

impl<N, G, const FC: usize, const Y: usize, D: Backend<f32>> Task<N, FC, Y, D> for Autoencoder<G, D>
where
    N: TensorCollection<f32, D, To<f32, D> = N> + Encoder<f32, D, Global<usize> = (usize, Const<Y>)>,
    G: TensorCollection<f32, D, To<f32, D> = G>
        + ModuleMut<
            Tensor<(usize, Const<Y>), f32, D, OwnedTape<f32, D>>,
            Output = Tensor<N::Image<usize>, f32, D, OwnedTape<f32, D>>,
            Error = D::Err,
        >,
{
    fn step(&mut self, encoder: &mut Part<N, D>, device: &D, input: StepInput) -> Result<StepReport, DimError> {
        let (x, f) = encode(&mut encoder.module, device, input.batch, input.pixels).map_err(device_error)?;
        let decoded = self.decoder.module.try_forward_mut(f.global.put_tape(f.tape)).map_err(device_error)?;
        let loss = reconstruction_loss(decoded, &x).map_err(device_error)?;
        let value = f64::from(loss.as_vec()[0]);
        let report = StepReport { loss: value, reconstruction: value, ..StepReport::default() };
        descend(loss, report, encoder, &mut self.decoder)
    }

    fn parameters(&self) -> usize {
        self.decoder.parameters()
    }

    fn collect(&self, arrays: &mut BTreeMap<String, Array>) {
        self.decoder.collect("decoder", arrays);
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.decoder.restore("decoder", arrays, steps)
    }
}
