//! Prior matching: an adversarial discriminator makes the global vectors look like draws from a prior.

use crate::nn::{Backend, Linear, builder};
use dfdx::losses::binary_cross_entropy_with_logits_loss as cross_entropy;
use dfdx::prelude::*;

/// The discriminator of the authors' code: `Y → 1000 → 200 → 1` with ReLU, no batch norm.
pub type PriorNet<const Y: usize, D> =
    (Linear<Y, 1000, true, f32, D>, Linear<1000, 200, true, f32, D>, Linear<200, 1, false, f32, D>);

/// [`PriorNet`] by its sizes.
pub(crate) type PriorLayers<const Y: usize> =
    (builder::Linear<Y, 1000, true>, builder::Linear<1000, 200, true>, builder::Linear<200, 1>);

/// What the encoder minimises (non-saturating; Goodfellow et al. 2014): `mean −log D(σ(y))`. The sigmoid belongs to this
/// term alone; the mutual-information terms see `y` as it is.
///
/// # Errors
/// When the device fails.
pub fn encoder_loss<const Y: usize, D: Backend<f32>, T: Tape<f32, D>>(
    net: &PriorNet<Y, D>,
    y: Tensor<(usize, Const<Y>), f32, D, T>,
) -> Result<Tensor<Rank0, f32, D, T>, D::Err> {
    let logits = net.try_forward(y.try_sigmoid()?)?;
    let ones = logits.device().try_ones_like(&logits)?;
    Ok(cross_entropy(logits, ones))
}

/// What the discriminator minimises (eq. 7, negated): `−mean log D(v) − mean log(1 − D(σ(y)))`, with `v` drawn from the
/// prior, uniform on [0, 1]. `y` must not carry a tape: the encoder does not learn from this term.
///
/// # Errors
/// When the device fails.
pub fn discriminator_loss<const Y: usize, D: Backend<f32>>(
    net: &PriorNet<Y, D>,
    prior: Tensor<(usize, Const<Y>), f32, D>,
    y: Tensor<(usize, Const<Y>), f32, D>,
) -> Result<Tensor<Rank0, f32, D, OwnedTape<f32, D>>, D::Err> {
    let real = net.try_forward(prior.leaky_traced())?;
    let ones = real.device().try_ones_like(&real)?;
    let (real, tape) = cross_entropy(real, ones).split_tape();
    let fake = net.try_forward(y.try_sigmoid()?.put_tape(tape))?;
    let zeros = fake.device().try_zeros_like(&fake)?;
    cross_entropy(fake, zeros).try_add(real)
}
