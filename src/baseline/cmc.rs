//! Contrastive multiview coding of lightness and colour.

use super::lab::split;
use super::model::encode;
use super::sphere::on_sphere;
use crate::dim::part::{Part, check, device_error};
use crate::dim::{DimError, Model, ModelConfig, StepInput, StepReport};
use crate::encoder::Encoder;
use crate::mi::Pairing;
use crate::mi::bound::{BoundKind, objective};
use crate::nn::checkpoint::Array;
use crate::nn::{Backend, Real};
use dfdx::prelude::*;
use std::collections::BTreeMap;

/// The mean of both cross-entropies of finding the other view of an image in a batch, `a [B, Y]` from `b [B, Y]` and back,
/// by their cosines over `temperature` (Tian, Krishnan & Isola 2019, eq. 3 with the batch for its memory bank), nats: 0 or
/// more, `log B` for a guess. The tape of `a` must hold what `b` was computed with.
///
/// # Errors
/// When the device fails.
pub fn two_view_loss<const Y: usize, E: Real, D: Backend<E>, T: Tape<E, D>>(
    a: Tensor<(usize, Const<Y>), E, D, T>,
    b: Tensor<(usize, Const<Y>), E, D>,
    temperature: f64,
) -> Result<Tensor<Rank0, E, D, T>, D::Err> {
    let batch = a.shape().0;
    let (a, tape) = on_sphere(a)?.split_tape();
    let (b, tape) = on_sphere(b.put_tape(tape))?.try_mul(E::of(1.0 / temperature))?.split_tape();
    let scores = D::linear::<Y, _, _, _, _>(a.put_tape(tape), &b, None, (batch, 1, batch), false)?;
    objective(BoundKind::InfoNceSymmetric, scores, Pairing::All)?.value.try_negate()
}

/// Contrastive multiview coding with the Lab split (Tian, Krishnan & Isola 2019): an encoder `L` sees an image's lightness,
/// another one, `A`, its two channels of colour, and their global vectors learn by [`two_view_loss`] to find each other.
///
/// As in the paper each encoder has half the channels and units of the one that other methods train, and what is probed
/// is both, side by side, layer by layer: conv, fc and `Y` have the sizes that they have elsewhere. Images of the batch
/// stand for the paper's memory bank of negatives.
pub struct Cmc<L, A, const Y: usize, D: Backend<f32>> {
    device: D,
    lightness: Part<L, D>,
    colour: Part<A, D>,
    temperature: f64,
}

impl<L, A, const Y: usize, D: Backend<f32>> Cmc<L, A, Y, D>
where
    L: TensorCollection<f32, D, To<f32, D> = L>,
    A: TensorCollection<f32, D, To<f32, D> = A>,
{
    /// With these encoders.
    pub(super) fn new(
        device: D,
        lightness: L,
        colour: A,
        temperature: f64,
        config: &ModelConfig,
    ) -> Result<Self, DimError> {
        let ModelConfig { adam, average, .. } = *config;
        let (lightness, colour) = (Part::averaged(lightness, adam, average)?, Part::averaged(colour, adam, average)?);
        Ok(Self { device, lightness, colour, temperature })
    }
}

/// Names of the two encoders in checkpoints.
const NAMES: [&str; 2] = ["encoder.lightness", "encoder.colour"];

impl<L, A, const Y: usize, D: Backend<f32>> Model for Cmc<L, A, Y, D>
where
    L: TensorCollection<f32, D, To<f32, D> = L> + Clone + Encoder<f32, D, Global<usize> = (usize, Const<Y>)>,
    A: TensorCollection<f32, D, To<f32, D> = A> + Clone + Encoder<f32, D, Global<usize> = (usize, Const<Y>)>,
{
    fn step(&mut self, input: StepInput) -> Result<StepReport, DimError> {
        let StepInput { batch, pixels, .. } = input;
        let [_, height, width] = self.image();
        let [lightness, colour] = split(&pixels, height * width);
        let (_, a) = encode(&mut self.lightness.module, &self.device, batch, lightness).map_err(device_error)?;
        let x = self.device.try_tensor_from_vec(colour, A::image(batch)).map_err(device_error)?;
        let b = self.colour.module.try_encode_train(x.put_tape(a.tape)).map_err(device_error)?;
        let loss = two_view_loss(b.global.put_tape(b.tape), a.global, self.temperature).map_err(device_error)?;
        let mut report = StepReport { loss: f64::from(loss.as_vec()[0]), ..StepReport::default() };
        check(&mut report, self.steps() + 1)?;
        let mut grads = loss.try_backward().map_err(device_error)?;
        self.lightness.update(&mut grads)?;
        self.colour.update(&mut grads)?;
        Ok(report)
    }

    fn features(&self, batch: usize, pixels: Vec<f32>) -> Result<[Vec<f32>; 3], DimError> {
        let [_, height, width] = self.image();
        let [lightness, colour] = split(&pixels, height * width);
        let [conv, fc, y] = self.lightness.features(&self.device, batch, lightness)?;
        let others = self.colour.features(&self.device, batch, colour)?;
        Ok([beside(batch, &conv, &others[0]), beside(batch, &fc, &others[1]), beside(batch, &y, &others[2])])
    }

    fn image(&self) -> [usize; 3] {
        let sizes = L::image(1usize).concrete();
        [3, sizes[2], sizes[3]]
    }

    fn global_size(&self) -> usize {
        2 * Y
    }

    fn parameters(&self) -> [usize; 2] {
        [self.lightness.parameters() + self.colour.parameters(), 0]
    }

    fn arrays(&self) -> BTreeMap<String, Array> {
        let mut arrays = BTreeMap::new();
        self.lightness.collect(NAMES[0], &mut arrays);
        self.colour.collect(NAMES[1], &mut arrays);
        arrays
    }

    fn steps(&self) -> u64 {
        self.lightness.adam.t
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.lightness.restore(NAMES[0], arrays, steps)?;
        self.colour.restore(NAMES[1], arrays, steps)
    }

    fn restore_encoder(&mut self, arrays: &BTreeMap<String, Array>) -> Result<(), DimError> {
        self.lightness.restore_learned(NAMES[0], arrays)?;
        self.colour.restore_learned(NAMES[1], arrays)
    }
}

/// `[rows, n]` and `[rows, m]` side by side, `[rows, n + m]`.
fn beside(rows: usize, a: &[f32], b: &[f32]) -> Vec<f32> {
    let (n, m) = (a.len() / rows, b.len() / rows);
    let mut out = Vec::with_capacity(a.len() + b.len());
    for row in 0..rows {
        out.extend_from_slice(&a[row * n..][..n]);
        out.extend_from_slice(&b[row * m..][..m]);
    }
    out
}
