//! Fully supervised training: the paper's upper row.

use super::model::{Task, descend, encode};
use crate::dim::part::{Part, device_error};
use crate::dim::{DimError, StepInput, StepReport};
use crate::encoder::Encoder;
use crate::nn::checkpoint::Array;
use crate::nn::{AdamConfig, Backend, Linear, Real};
use dfdx::prelude::*;
use std::collections::BTreeMap;

/// Mean cross-entropy of labels under the softmax of the first `classes` of each image's `K` logits, nats: 0 or more, and
/// `log classes` for a guess.
///
/// # Errors
/// When the device fails.
///
/// # Panics
/// When there are not as many labels as rows, or a label is `classes` or more.
pub fn label_loss<const K: usize, E: Real, D: Backend<E>, T: Tape<E, D>>(
    logits: Tensor<(usize, Const<K>), E, D, T>,
    classes: usize,
    labels: &[u32],
) -> Result<Tensor<Rank0, E, D, T>, D::Err> {
    let batch = logits.shape().0;
    assert_eq!(batch, labels.len(), "one label for each row");
    let share = E::of(-1.0 / batch as f64);
    let mut targets = vec![E::zero(); batch * classes];
    for (row, &label) in targets.chunks_exact_mut(classes).zip(labels) {
        row[label as usize] = share;
    }
    let targets = logits.device().try_tensor_from_vec(targets, (batch, classes))?;
    let logits: Tensor<(usize, usize), E, D, T> = logits.try_slice((0..batch, 0..classes))?;
    logits.try_log_softmax::<Axis<1>>()?.try_mul(targets)?.try_sum::<Rank0, _>()
}

/// A linear layer from `Y` to the logits of the classes, trained with the encoder by [`label_loss`]. It has room for `K`
/// classes; what is beyond those of the data gets no gradient and is never looked at.
pub struct Supervised<const K: usize, const Y: usize, D: Backend<f32>> {
    head: Part<Linear<Y, K, false, f32, D>, D>,
    classes: usize,
}

impl<const K: usize, const Y: usize, D: Backend<f32>> Supervised<K, Y, D> {
    /// For `classes` of at most `K`.
    pub(super) fn new(head: Linear<Y, K, false, f32, D>, classes: usize, adam: AdamConfig) -> Result<Self, DimError> {
        Ok(Self { head: Part::new(head, adam)?, classes })
    }
}

impl<N, const K: usize, const FC: usize, const Y: usize, D: Backend<f32>> Task<N, FC, Y, D> for Supervised<K, Y, D>
where
    N: TensorCollection<f32, D, To<f32, D> = N> + Encoder<f32, D, Global<usize> = (usize, Const<Y>)>,
{
    fn step(&mut self, encoder: &mut Part<N, D>, device: &D, input: StepInput) -> Result<StepReport, DimError> {
        let StepInput { batch, pixels, labels, .. } = input;
        if labels.len() != batch || labels.iter().any(|&l| l as usize >= self.classes) {
            return Err(DimError::Config(format!(
                "{} labels up to {:?} for {batch} images: supervised training wants one of 0 to {} for each",
                labels.len(),
                labels.iter().max(),
                self.classes - 1
            )));
        }
        let (_, f) = encode(&mut encoder.module, device, batch, pixels).map_err(device_error)?;
        let logits = self.head.module.try_forward(f.global.put_tape(f.tape)).map_err(device_error)?;
        let loss = label_loss(logits, self.classes, &labels).map_err(device_error)?;
        let value = f64::from(loss.as_vec()[0]);
        let report = StepReport { loss: value, cross_entropy: value, ..StepReport::default() };
        descend(loss, report, encoder, &mut self.head)
    }

    fn parameters(&self) -> usize {
        self.head.parameters()
    }

    fn collect(&self, arrays: &mut BTreeMap<String, Array>) {
        self.head.collect("head", arrays);
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        self.head.restore("head", arrays, steps)
    }
}
