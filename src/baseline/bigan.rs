//! The bidirectional GAN.

use super::model::{Task, encode};
use crate::dim::part::{Part, check, device_error};
use crate::dim::{DimError, Noise, StepInput, StepReport};
use crate::encoder::Encoder;
use crate::nn::checkpoint::Array;
use crate::nn::{AdamConfig, Backend, Linear, Real, builder};
use dfdx::losses::binary_cross_entropy_with_logits_loss as cross_entropy;
use dfdx::prelude::*;
use std::collections::BTreeMap;

/// `max(x, 0.2·x)`, the activation of DCGAN's discriminator (Radford, Metz & Chintala 2016).
#[derive(Clone, Copy, Debug, Default)]
pub struct Leaky;

impl ZeroSizedModule for Leaky {}
impl NonMutableModule for Leaky {}

impl<S: Shape, E: Real, D: Backend<E>, T: Tape<E, D>> Module<Tensor<S, E, D, T>> for Leaky {
    type Output = Tensor<S, E, D, T>;
    type Error = D::Err;

    fn try_forward(&self, x: Tensor<S, E, D, T>) -> Result<Self::Output, D::Err> {
        D::leaky(x, 0.2)
    }
}

/// The image's half of a joint discriminator for 32×32 images, as a size-only description: the convolutions of
/// [`Dcgan32`](crate::encoder::Dcgan32) with leaky activations, no batch norm after the first, and `U` numbers out.
pub type JointNet32<const CH: usize, const C1: usize, const C2: usize, const C3: usize, const U: usize> = (
    (builder::Conv2d<CH, C1, 4, 2, 1>, Leaky),
    (builder::Conv2d<C1, C2, 4, 2, 1>, builder::BatchNorm2d<C2>, Leaky),
    (builder::Conv2d<C2, C3, 4, 2, 1>, builder::BatchNorm2d<C3>, Leaky),
    builder::FlattenLinear<C3, 4, 4, U>,
);

/// The same for 64×64 images, after [`Dcgan64`](crate::encoder::Dcgan64).
pub type JointNet64<
    const CH: usize,
    const C1: usize,
    const C2: usize,
    const C3: usize,
    const C4: usize,
    const U: usize,
> = (
    (builder::Conv2d<CH, C1, 4, 2, 1>, Leaky),
    (builder::Conv2d<C1, C2, 4, 2, 1>, builder::BatchNorm2d<C2>, Leaky),
    (builder::Conv2d<C2, C3, 4, 2, 1>, builder::BatchNorm2d<C3>, Leaky),
    (builder::Conv2d<C3, C4, 4, 2, 1>, builder::BatchNorm2d<C4>, Leaky),
    builder::FlattenLinear<C4, 4, 4, U>,
);

/// The same for 28×28 images, after [`Dcgan28`](crate::encoder::Dcgan28).
pub type JointNet28<const CH: usize, const C1: usize, const C2: usize, const U: usize> = (
    (builder::Conv2d<CH, C1, 5, 2, 2>, Leaky),
    (builder::Conv2d<C1, C2, 5, 2, 2>, builder::BatchNorm2d<C2>, Leaky),
    builder::FlattenLinear<C2, 7, 7, U>,
);

/// A discriminator of pairs of an image and a global vector: both go linearly to `U` numbers, whose sum goes through two
/// leaky layers to one logit. `M` is the image's half.
pub type JointDiscriminator<M, const Y: usize, const U: usize, E, D> =
    (M, Linear<Y, U, false, E, D>, (Leaky, Linear<U, U, false, E, D>, Leaky, Linear<U, 1, false, E, D>));

/// Logits `[B, 1]` of pairs, positive where the discriminator takes them for an image and its code. The tape of `x` must
/// hold what `z` was computed with.
fn judge<M, X: Shape, const Y: usize, const U: usize, E: Real, D: Backend<E>>(
    net: &mut JointDiscriminator<M, Y, U, E, D>,
    x: Tensor<X, E, D, OwnedTape<E, D>>,
    z: Tensor<(usize, Const<Y>), E, D>,
) -> Result<Tensor<(usize, Const<1>), E, D, OwnedTape<E, D>>, D::Err>
where
    M: ModuleMut<
            Tensor<X, E, D, OwnedTape<E, D>>,
            Output = Tensor<(usize, Const<U>), E, D, OwnedTape<E, D>>,
            Error = D::Err,
        >,
{
    let (image, tape) = net.0.try_forward_mut(x)?.split_tape();
    let both = net.1.try_forward(z.put_tape(tape))?.try_add(image)?;
    net.2.try_forward(both)
}

/// What the discriminator minimises: `−mean log D(x, E(x)) − mean log(1 − D(G(z), z))` by the logits of both (Donahue,
/// Krähenbühl & Darrell 2017, eq. 3, negated); `2·log 2` when it cannot tell.
///
/// The tape travels with `fake`; it must also hold what `real` was computed with.
///
/// # Errors
/// When the device fails.
pub fn discriminator_loss<E: Real, D: Backend<E>, T: Tape<E, D>>(
    real: Tensor<(usize, Const<1>), E, D>,
    fake: Tensor<(usize, Const<1>), E, D, T>,
) -> Result<Tensor<Rank0, E, D, T>, D::Err> {
    let (zeros, ones) = (fake.device().try_zeros_like(&fake)?, real.device().try_ones_like(&real)?);
    let (fake, tape) = cross_entropy(fake, zeros).split_tape();
    cross_entropy(real.put_tape(tape), ones).try_add(fake)
}

/// What encoder and generator minimise: the same with the labels exchanged, `−mean log(1 − D(x, E(x))) − mean log
/// D(G(z), z)` (the same paper, section 3.4).
///
/// The tape travels with `fake`; it must also hold what `real` was computed with.
///
/// # Errors
/// When the device fails.
pub fn encoder_generator_loss<E: Real, D: Backend<E>, T: Tape<E, D>>(
    real: Tensor<(usize, Const<1>), E, D>,
    fake: Tensor<(usize, Const<1>), E, D, T>,
) -> Result<Tensor<Rank0, E, D, T>, D::Err> {
    let (zeros, ones) = (real.device().try_zeros_like(&real)?, fake.device().try_ones_like(&fake)?);
    let (fake, tape) = cross_entropy(fake, ones).split_tape();
    cross_entropy(real.put_tape(tape), zeros).try_add(fake)
}

/// A bidirectional GAN (Donahue, Krähenbühl & Darrell 2017; Dumoulin et al. 2017): a generator `G` from normal noise `z` to
/// images, and a discriminator that tells `(x, E(x))` from `(G(z), z)`, which encoder and generator learn to prevent.
/// In each step the discriminator learns first.
pub struct Bigan<M, G, const Y: usize, const U: usize, D: Backend<f32>> {
    generator: Part<G, D>,
    discriminator: Part<JointDiscriminator<M, Y, U, f32, D>, D>,
}

impl<M, G, const Y: usize, const U: usize, D: Backend<f32>> Bigan<M, G, Y, U, D>
where
    M: TensorCollection<f32, D, To<f32, D> = M>,
    G: TensorCollection<f32, D, To<f32, D> = G>,
{
    /// With these networks.
    pub(super) fn new(
        generator: G,
        discriminator: JointDiscriminator<M, Y, U, f32, D>,
        adam: AdamConfig,
    ) -> Result<Self, DimError> {
        Ok(Self { generator: Part::new(generator, adam)?, discriminator: Part::new(discriminator, adam)? })
    }
}

impl<N, M, G, const FC: usize, const Y: usize, const U: usize, D: Backend<f32>> Task<N, FC, Y, D>
    for Bigan<M, G, Y, U, D>
where
    N: TensorCollection<f32, D, To<f32, D> = N> + Encoder<f32, D, Global<usize> = (usize, Const<Y>)>,
    M: TensorCollection<f32, D, To<f32, D> = M>
        + ModuleMut<
            Tensor<N::Image<usize>, f32, D, OwnedTape<f32, D>>,
            Output = Tensor<(usize, Const<U>), f32, D, OwnedTape<f32, D>>,
            Error = D::Err,
        >,
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
        let step = encoder.adam.t + 1;
        let mut report = StepReport::default();
        let z = device.try_tensor_from_vec(noise, (batch, Const)).map_err(device_error)?;
        let (x, f) = encode(&mut encoder.module, device, batch, pixels).map_err(device_error)?;
        let made = self.generator.module.try_forward_mut(z.clone().put_tape(f.tape)).map_err(device_error)?;
        let (made, tape) = made.split_tape();

        let net = &mut self.discriminator.module;
        let (real, d_tape) = judge(net, x.clone().leaky_traced(), f.global.clone()).map_err(device_error)?.split_tape();
        let fake = judge(net, made.clone().put_tape(d_tape), z.clone()).map_err(device_error)?;
        let loss = discriminator_loss(real, fake).map_err(device_error)?;
        report.discriminator = f64::from(loss.as_vec()[0]);
        check(&mut report, step)?;
        self.discriminator.update(&mut loss.try_backward().map_err(device_error)?)?;

        let net = &mut self.discriminator.module;
        let (real, tape) = judge(net, x.put_tape(tape), f.global).map_err(device_error)?.split_tape();
        let fake = judge(net, made.put_tape(tape), z).map_err(device_error)?;
        let loss = encoder_generator_loss(real, fake).map_err(device_error)?;
        report.loss = f64::from(loss.as_vec()[0]);
        check(&mut report, step)?;
        let mut grads = loss.try_backward().map_err(device_error)?;
        encoder.update(&mut grads)?;
        self.generator.update(&mut grads)?;
        Ok(report)
    }

    fn parameters(&self) -> usize {
        self.generator.parameters() + self.discriminator.parameters()
    }

    fn collect(&self, arrays: &mut BTreeMap<String, Array>) {
        self.generator.collect("generator", arrays);
        self.discriminator.collect("discriminator", arrays);
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.generator.restore("generator", arrays, steps)?;
        self.discriminator.restore("discriminator", arrays, steps)
    }
}
