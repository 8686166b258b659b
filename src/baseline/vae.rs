//! The variational autoencoder, and β-VAE.

use super::autoencoder::reconstruction_loss;
use super::model::{Task, encode};
use crate::dim::part::{Part, check, device_error};
use crate::dim::{DimError, Noise, StepInput, StepReport};
use crate::encoder::Encoder;
use crate::nn::checkpoint::Array;
use crate::nn::{AdamConfig, Backend, Linear, Real};
use dfdx::prelude::*;
use std::collections::BTreeMap;

/// Kullback-Leibler divergence of `N(m, diag e^v)` from `N(0, I)`, mean over the batch, nats:
/// `½·Σ(m² + e^v − v − 1)` (Kingma & Welling 2014, appendix B).
///
/// The tape travels with `mean`; it must also hold what `log_variance` was computed with.
///
/// # Errors
/// When the device fails.
pub fn gaussian_kl<const Y: usize, E: Real, D: Backend<E>, T: Tape<E, D>>(
    mean: Tensor<(usize, Const<Y>), E, D, T>,
    log_variance: &Tensor<(usize, Const<Y>), E, D>,
) -> Result<Tensor<Rank0, E, D, T>, D::Err> {
    let batch = mean.shape().0 as f64;
    let (squares, tape) = mean.try_square()?.split_tape();
    let (spread, tape) = log_variance.clone().put_tape(tape).try_exp()?.split_tape();
    let sum = log_variance.clone().put_tape(tape).try_negate()?.try_add(spread)?.try_add(squares)?;
    sum.try_sum::<Rank0, _>()?.try_mul(E::of(0.5 / batch))?.try_sub(E::of(0.5 * Y as f64))
}

/// A draw of `N(m, diag e^v)` as `m + e^(v/2)·ε`, with `noise` ε of `N(0, I)` (Kingma & Welling 2014, section 2.4).
///
/// The tape travels with `mean`; it must also hold what `log_variance` was computed with.
///
/// # Errors
/// When the device fails.
pub fn reparameterise<const Y: usize, E: Real, D: Backend<E>, T: Tape<E, D>>(
    mean: Tensor<(usize, Const<Y>), E, D, T>,
    log_variance: &Tensor<(usize, Const<Y>), E, D>,
    noise: Tensor<(usize, Const<Y>), E, D>,
) -> Result<Tensor<(usize, Const<Y>), E, D, T>, D::Err> {
    let (mean, tape) = mean.split_tape();
    log_variance.clone().put_tape(tape).try_mul(E::of(0.5))?.try_exp()?.try_mul(noise)?.try_add(mean)
}

/// A posterior `N(Y, diag e^v)`, with `v` a linear layer beside `Y` on the encoder's `FC` hidden units, and a decoder `G`.
/// Encoder and both are trained by [`reconstruction_loss`] of a decoded draw plus β times [`gaussian_kl`] (Kingma &
/// Welling 2014; β: Higgins et al. 2017). The features are the means.
pub struct Vae<const FC: usize, const Y: usize, G, D: Backend<f32>> {
    log_variance: Part<Linear<FC, Y, false, f32, D>, D>,
    decoder: Part<G, D>,
    weight: f64,
}

impl<const FC: usize, const Y: usize, G, D: Backend<f32>> Vae<FC, Y, G, D>
where
    G: TensorCollection<f32, D, To<f32, D> = G>,
{
    /// With these networks, and β = `weight`.
    pub(super) fn new(
        log_variance: Linear<FC, Y, false, f32, D>,
        decoder: G,
        weight: f64,
        adam: AdamConfig,
    ) -> Result<Self, DimError> {
        Ok(Self { log_variance: Part::new(log_variance, adam)?, decoder: Part::new(decoder, adam)?, weight })
    }
}

impl<N, G, const FC: usize, const Y: usize, D: Backend<f32>> Task<N, FC, Y, D> for Vae<FC, Y, G, D>
where
    N: TensorCollection<f32, D, To<f32, D> = N>
        + Encoder<f32, D, Fc<usize> = (usize, Const<FC>), Global<usize> = (usize, Const<Y>)>,
    G: TensorCollection<f32, D, To<f32, D> = G>
        + ModuleMut<
            Tensor<(usize, Const<Y>), f32, D, OwnedTape<f32, D>>,
            Output = Tensor<N::Image<usize>, f32, D, OwnedTape<f32, D>>,
            Error = D::Err,
        >,
{
    const NOISE: Noise = Noise::Normal;

    fn step(&mut self, encoder: &mut Part<N, D>, device: &D, input: StepInput) -> Result<StepReport, DimError> {
        let StepInput { batch, pixels, noise, .. } = input;
        let noise = device.try_tensor_from_vec(noise, (batch, Const)).map_err(device_error)?;
        let (x, f) = encode(&mut encoder.module, device, batch, pixels).map_err(device_error)?;
        let v = self.log_variance.module.try_forward(f.fc.put_tape(f.tape)).map_err(device_error)?;
        let (v, tape) = v.split_tape();
        let drawn = reparameterise(f.global.clone().put_tape(tape), &v, noise).map_err(device_error)?;
        let decoded = self.decoder.module.try_forward_mut(drawn).map_err(device_error)?;
        let (reconstruction, tape) = reconstruction_loss(decoded, &x).map_err(device_error)?.split_tape();
        let kl = gaussian_kl(f.global.put_tape(tape), &v).map_err(device_error)?;
        let mut report = StepReport {
            reconstruction: f64::from(reconstruction.as_vec()[0]),
            kl: f64::from(kl.as_vec()[0]),
            ..StepReport::default()
        };
        let loss = kl.try_mul(self.weight as f32).and_then(|kl| kl.try_add(reconstruction)).map_err(device_error)?;
        report.loss = f64::from(loss.as_vec()[0]);
        check(&mut report, encoder.adam.t + 1)?;
        let mut grads = loss.try_backward().map_err(device_error)?;
        encoder.update(&mut grads)?;
        self.log_variance.update(&mut grads)?;
        self.decoder.update(&mut grads)?;
        Ok(report)
    }

    fn parameters(&self) -> usize {
        self.log_variance.parameters() + self.decoder.parameters()
    }

    fn collect(&self, arrays: &mut BTreeMap<String, Array>) {
        self.log_variance.collect("log_variance", arrays);
        self.decoder.collect("decoder", arrays);
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.log_variance.restore("log_variance", arrays, steps)?;
        self.decoder.restore("decoder", arrays, steps)
    }
}
