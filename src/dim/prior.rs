//! Prior matching: an adversarial discriminator makes the global vectors look like draws from a prior.

use super::Noise;
use crate::nn::{Backend, Linear, Real, builder};
use dfdx::losses::binary_cross_entropy_with_logits_loss as cross_entropy;
use dfdx::prelude::*;
use serde::{Deserialize, Serialize};

/// The distribution that the global vectors are matched to. The mutual-information terms see `Y` as it is; the
/// discriminator sees it mapped to where the prior lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// Uniform on [0, 1] in each number, the paper's choice. The discriminator sees `σ(y)`.
    #[default]
    Uniform,
    /// Normal of mean 0 and variance 1 in each number. The discriminator sees `y`.
    Gaussian,
    /// Uniform in the unit ball. The discriminator sees `y / √(1 + ‖y‖²)`.
    Ball,
    /// Uniform on the unit sphere. The discriminator sees `y / ‖y‖`.
    Sphere,
}

/// Added to `‖y‖²` on the sphere, so that the gradient is finite at zero.
const TINY: f64 = 1e-12;

impl Prior {
    /// What draws from it are made of.
    pub fn noise(self) -> Noise {
        match self {
            Self::Uniform => Noise::Uniform,
            Self::Gaussian => Noise::Normal,
            Self::Ball => Noise::Ball,
            Self::Sphere => Noise::Sphere,
        }
    }

    /// Global vectors `[B, Y]` as the discriminator sees them, `[B, Y]`. The paper names the four priors and gives the
    /// sigmoid of the first (Hjelm et al. 2019, section 4.2); the maps of ball and sphere are ours.
    ///
    /// # Errors
    /// When the device fails.
    pub fn try_map<const Y: usize, E: Real, D: Backend<E>, T: Tape<E, D>>(
        self,
        y: Tensor<(usize, Const<Y>), E, D, T>,
    ) -> Result<Tensor<(usize, Const<Y>), E, D, T>, D::Err> {
        let added = match self {
            Self::Uniform => return y.try_sigmoid(),
            Self::Gaussian => return Ok(y),
            Self::Ball => 1.0,
            Self::Sphere => TINY,
        };
        let shape = *y.shape();
        let squared = y.retaped::<T>().try_square()?.try_sum::<(usize,), Axis<1>>()?;
        let length = squared.try_add(E::of(added))?.try_sqrt()?;
        y.try_div(length.try_broadcast_like::<_, Axis<1>>(&shape)?)
    }
}

/// Settings of prior matching besides its weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PriorConfig {
    /// The prior.
    pub kind: Prior,
    /// Weight of [`gradient_penalty`] in the discriminator's loss, the mean over both kinds of its inputs. Zero leaves it
    /// out; the authors' code has 1.
    pub gradient_penalty: f64,
}

/// The discriminator of the authors' code: `Y → 1000 → 200 → 1` with ReLU, no batch norm.
pub type PriorNet<const Y: usize, D, E = f32, const H: usize = 1000, const K: usize = 200> =
    (Linear<Y, H, true, E, D>, Linear<H, K, true, E, D>, Linear<K, 1, false, E, D>);

/// [`PriorNet`] by its sizes.
pub(crate) type PriorLayers<const Y: usize> =
    (builder::Linear<Y, 1000, true>, builder::Linear<1000, 200, true>, builder::Linear<200, 1>);

/// What the encoder minimises (non-saturating; Goodfellow et al. 2014): `mean −log D(v)` over its vectors `v [B, Y]` as
/// [`Prior::try_map`] gives them, nats.
///
/// # Errors
/// When the device fails.
pub fn encoder_loss<const Y: usize, const H: usize, const K: usize, E: Real, D: Backend<E>, T: Tape<E, D>>(
    net: &PriorNet<Y, D, E, H, K>,
    mapped: Tensor<(usize, Const<Y>), E, D, T>,
) -> Result<Tensor<Rank0, E, D, T>, D::Err> {
    let logits = net.try_forward(mapped)?;
    let ones = logits.device().try_ones_like(&logits)?;
    Ok(cross_entropy(logits, ones))
}

/// What the discriminator minimises (Hjelm et al. 2019, eq. 7, negated): `−mean log D(v) − mean log(1 − D(u))`, nats, with
/// draws `v [B, Y]` of the prior and the encoder's vectors `u [B, Y]` as [`Prior::try_map`] gives them; `2·log 2` when it
/// cannot tell. `u` must not carry a tape: the encoder does not learn from this term.
///
/// # Errors
/// When the device fails.
pub fn discriminator_loss<const Y: usize, const H: usize, const K: usize, E: Real, D: Backend<E>>(
    net: &PriorNet<Y, D, E, H, K>,
    drawn: Tensor<(usize, Const<Y>), E, D>,
    mapped: Tensor<(usize, Const<Y>), E, D>,
) -> Result<Tensor<Rank0, E, D, OwnedTape<E, D>>, D::Err> {
    let real = net.try_forward(drawn.leaky_traced())?;
    let ones = real.device().try_ones_like(&real)?;
    let (real, tape) = cross_entropy(real, ones).split_tape();
    let fake = net.try_forward(mapped.put_tape(tape))?;
    let zeros = fake.device().try_zeros_like(&fake)?;
    cross_entropy(fake, zeros).try_add(real)
}

/// The gradient penalty at `v [B, Y]`: `mean ‖∇ᵥ D(v)‖²` of the discriminator's logit (Roth et al. 2017; Mescheder et al.
/// 2018, eq. 9). The authors' code takes the mean of it at draws of the prior and at the encoder's vectors.
///
/// The tape differentiates once, so the gradient is written out: between the edges of the ReLUs the network is linear, and
/// `∇D = W₁ᵀ·diag(m₁)·W₂ᵀ·diag(m₂)·w₃` with masks `m` of ones where a hidden unit is above zero. Masks do not change
/// with anything but at the edges, so they are constants; and as `v` and the biases act through them alone, those get no
/// gradient.
///
/// # Errors
/// When the device fails.
pub fn gradient_penalty<const Y: usize, const H: usize, const K: usize, E: Real, D: Backend<E>, T: Tape<E, D>>(
    net: &PriorNet<Y, D, E, H, K>,
    v: Tensor<(usize, Const<Y>), E, D, T>,
) -> Result<Tensor<Rank0, E, D, T>, D::Err> {
    let (v, tape) = v.split_tape();
    let rows = v.shape().0;
    let first = net.0.try_forward(v)?;
    let second = net.1.try_forward(first.clone())?;
    let last = net.2.weight.clone().put_tape(tape).try_reshape_like(&(Const::<K>,))?;
    let slope = last.try_broadcast_like::<_, Axis<0>>(&(rows, Const::<K>))?;
    let slope = where_positive(&second, slope)?.try_matmul(net.1.weight.retaped::<T>())?;
    let slope = where_positive(&first, slope)?.try_matmul(net.0.weight.retaped::<T>())?;
    slope.try_square()?.try_sum::<Rank0, _>()?.try_mul(E::of(1.0 / rows as f64))
}

/// `slope` where `hidden` is above zero, zero elsewhere.
fn where_positive<S: Shape, E: Real, D: Backend<E>, T: Tape<E, D>>(
    hidden: &Tensor<S, E, D>,
    slope: Tensor<S, E, D, T>,
) -> Result<Tensor<S, E, D, T>, D::Err> {
    let zeros = hidden.device().try_zeros_like(hidden)?;
    hidden.try_gt(E::zero())?.try_choose(slope, zeros)
}
