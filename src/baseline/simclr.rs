//! SimCLR: two views of an image are to be found among those of others.

use super::model::{Task, descend, encode};
use super::sphere::on_sphere;
use crate::dim::part::{Part, device_error};
use crate::dim::{DimError, StepInput, StepReport};
use crate::encoder::Encoder;
use crate::mi::bound::{Evaluated, on_tape};
use crate::nn::checkpoint::Array;
use crate::nn::{AdamConfig, Backend, Linear, Real};
use dfdx::prelude::*;
use std::collections::BTreeMap;

/// Hidden units of the projection head.
pub(super) const HIDDEN: usize = 512;

/// Size of the vectors that are compared, the paper's.
pub(super) const PROJECTED: usize = 128;

/// The projection head from `Y`: a hidden layer with ReLU, and a linear one.
pub(super) type Projection<const Y: usize, D> =
    (Linear<Y, HIDDEN, true, f32, D>, Linear<HIDDEN, PROJECTED, false, f32, D>);

/// NT-Xent, the normalised and temperature-scaled cross-entropy (Chen et al. 2020, eq. 1), of the vectors `z [2N, P]` of
/// two views of `N` images, all first views before all second ones, nats: the mean over the `2N` vectors of
/// `−log( e^{s(i, j)} / Σ_{k≠i} e^{s(i, k)} )`, with `s` the cosine over `temperature` and `j` the other view of `i`'s image.
///
/// It is symmetrical in the views and has all `2N − 2` vectors of other images as negatives; 0 or more, `log(2N − 1)` for
/// vectors that are all alike.
///
/// # Errors
/// When the device fails.
///
/// # Panics
/// When the number of vectors is odd or 0.
pub fn nt_xent<const P: usize, E: Real, D: Backend<E>, T: Tape<E, D>>(
    z: Tensor<(usize, Const<P>), E, D, T>,
    temperature: f64,
) -> Result<Tensor<Rank0, E, D, T>, D::Err> {
    let rows = z.shape().0;
    let (z, tape) = on_sphere(z)?.split_tape();
    let (scaled, tape) = z.clone().put_tape(tape).try_mul(E::of(1.0 / temperature))?.split_tape();
    let scores = D::linear::<P, _, _, _, _>(z.put_tape(tape), &scaled, None, (rows, 1, rows), false)?;
    on_tape(scores, None, |scores| contrast(scores, rows).into())?.value.try_negate()
}

/// The negative of [`nt_xent`] and its gradient, from the scores of each of the `rows` vectors with each.
fn contrast<E: Real>(scores: &[E], rows: usize) -> Evaluated<E> {
    assert!(rows > 0 && rows.is_multiple_of(2), "two views of each image");
    let mut gradient = vec![E::zero(); scores.len()];
    let mut total = 0.0;
    for (i, (row, out)) in scores.chunks_exact(rows).zip(gradient.chunks_exact_mut(rows)).enumerate() {
        let other = (i + rows / 2) % rows;
        let candidates = || row.iter().enumerate().filter(|&(k, _)| k != i).map(|(k, s)| (k, s.wide()));
        let top = candidates().fold(f64::NEG_INFINITY, |top, (_, s)| top.max(s));
        let sum: f64 = candidates().map(|(_, s)| (s - top).exp()).sum();
        total += row[other].wide() - top - sum.ln();
        candidates().for_each(|(k, s)| out[k] = E::of(-(s - top).exp() / (sum * rows as f64)));
        out[other] += E::of(1.0 / rows as f64);
    }
    let objective = total / rows as f64;
    Evaluated { objective, nats: objective + ((rows - 1) as f64).ln(), gradient }
}

/// SimCLR (Chen et al. 2020): the encoder and a projection head on `Y` learn by [`nt_xent`] to make the two views of an
/// image alike. What is probed are the layers before the head, as in the paper. Both views go through the encoder
/// together, so batch norm sees them as one batch.
///
/// The views are images augmented apart from each other, which the batches' loader makes; the step is given `2N` images, all
/// first views before all second ones.
pub struct Simclr<const Y: usize, D: Backend<f32>> {
    head: Part<Projection<Y, D>, D>,
    temperature: f64,
}

impl<const Y: usize, D: Backend<f32>> Simclr<Y, D> {
    /// With this head.
    pub(super) fn new(head: Projection<Y, D>, temperature: f64, adam: AdamConfig) -> Result<Self, DimError> {
        Ok(Self { head: Part::new(head, adam)?, temperature })
    }
}

impl<N, const FC: usize, const Y: usize, D: Backend<f32>> Task<N, FC, Y, D> for Simclr<Y, D>
where
    N: TensorCollection<f32, D, To<f32, D> = N> + Encoder<f32, D, Global<usize> = (usize, Const<Y>)>,
{
    fn step(&mut self, encoder: &mut Part<N, D>, device: &D, input: StepInput) -> Result<StepReport, DimError> {
        let StepInput { batch, pixels, .. } = input;
        let wanted = N::image(2 * batch).num_elements();
        if pixels.len() != wanted {
            return Err(DimError::Config(format!(
                "{} numbers for {batch} images: SimCLR compares two views of each, {wanted} numbers",
                pixels.len()
            )));
        }
        let (_, f) = encode(&mut encoder.module, device, 2 * batch, pixels).map_err(device_error)?;
        let z = self.head.module.try_forward(f.global.put_tape(f.tape)).map_err(device_error)?;
        let loss = nt_xent(z, self.temperature).map_err(device_error)?;
        let report = StepReport { loss: f64::from(loss.as_vec()[0]), ..StepReport::default() };
        descend(loss, report, encoder, &mut self.head)
    }

    fn parameters(&self) -> usize {
        self.head.parameters()
    }

    fn collect(&self, arrays: &mut BTreeMap<String, Array>) {
        self.head.collect("projection", arrays);
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.head.restore("projection", arrays, steps)
    }
}
