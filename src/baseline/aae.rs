//! The adversarial autoencoder.

use super::autoencoder::reconstruction_loss;
use super::model::{Task, encode};
use crate::dim::part::{Part, check, device_error};
use crate::dim::{DimError, Prior, PriorNet, StepInput, StepReport, discriminator_loss, encoder_loss};
use crate::encoder::Encoder;
use crate::nn::checkpoint::Array;
use crate::nn::{Adam, AdamConfig, Backend};
use dfdx::prelude::*;
use std::collections::BTreeMap;

/// The adversarial autoencoder (Makhzani et al. 2016): encoder and a decoder `G` learn by [`reconstruction_loss`], then the
/// discriminator learns to tell codes from draws of the prior, then the encoder to deceive it, each with an optimiser of
/// its own. The code is `σ(Y)`, and prior and discriminator are those of the paper's prior matching: uniform on
/// [0, 1]; see [`PriorNet`].
pub struct Aae<G, const Y: usize, D: Backend<f32>> {
    decoder: Part<G, D>,
    prior: Part<PriorNet<Y, D>, D>,
    /// The encoder's optimiser as the discriminator's adversary.
    adversary: Adam<f32, D>,
}

/// The name of the adversary's moments.
const ADVERSARY: &str = "adversary.encoder";

impl<G, const Y: usize, D: Backend<f32>> Aae<G, Y, D>
where
    G: TensorCollection<f32, D, To<f32, D> = G>,
{
    /// With these networks beside `encoder`.
    pub(super) fn new<N: TensorCollection<f32, D>>(
        encoder: &N,
        decoder: G,
        prior: PriorNet<Y, D>,
        adam: AdamConfig,
    ) -> Result<Self, DimError> {
        Ok(Self {
            decoder: Part::new(decoder, adam)?,
            prior: Part::new(prior, adam)?,
            adversary: Adam::new(encoder, adam).map_err(device_error)?,
        })
    }
}

impl<N, G, const FC: usize, const Y: usize, D: Backend<f32>> Task<N, FC, Y, D> for Aae<G, Y, D>
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
        let StepInput { batch, pixels, noise, .. } = input;
        let step = encoder.adam.t + 1;
        let mut report = StepReport::default();
        let (x, f) = encode(&mut encoder.module, device, batch, pixels).map_err(device_error)?;
        let code = f.global.put_tape(f.tape).try_sigmoid().map_err(device_error)?;
        let decoded = self.decoder.module.try_forward_mut(code).map_err(device_error)?;
        let loss = reconstruction_loss(decoded, &x).map_err(device_error)?;
        report.reconstruction = f64::from(loss.as_vec()[0]);
        check(&mut report, step)?;
        let mut grads = loss.try_backward().map_err(device_error)?;
        encoder.update(&mut grads)?;
        self.decoder.update(&mut grads)?;
        drop(grads);

        let f = encoder.module.try_encode_train(x.leaky_traced()).map_err(device_error)?;
        let noise = device.try_tensor_from_vec(noise, (batch, Const)).map_err(device_error)?;
        let mapped = Prior::Uniform.try_map(f.global.clone()).map_err(device_error)?;
        let loss = discriminator_loss(&self.prior.module, noise, mapped).map_err(device_error)?;
        report.discriminator = f64::from(loss.as_vec()[0]);
        check(&mut report, step)?;
        self.prior.update(&mut loss.try_backward().map_err(device_error)?)?;

        let mapped = Prior::Uniform.try_map(f.global.put_tape(f.tape)).map_err(device_error)?;
        let loss = encoder_loss(&self.prior.module, mapped).map_err(device_error)?;
        report.prior = f64::from(loss.as_vec()[0]);
        report.loss = report.reconstruction + report.prior;
        check(&mut report, step)?;
        let mut grads = loss.try_backward().map_err(device_error)?;
        self.adversary.update(&mut encoder.module, &mut grads).map_err(device_error)?;
        Ok(report)
    }

    fn parameters(&self) -> usize {
        self.decoder.parameters() + self.prior.parameters()
    }

    fn collect(&self, arrays: &mut BTreeMap<String, Array>) {
        self.decoder.collect("decoder", arrays);
        self.prior.collect("prior", arrays);
        self.adversary.collect(ADVERSARY, arrays);
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.decoder.restore("decoder", arrays, steps)?;
        self.prior.restore("prior", arrays, steps)?;
        Ok(self.adversary.restore(ADVERSARY, arrays, steps)?)
    }
}
