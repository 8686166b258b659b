//! The loss of depths.

use crate::nn::{Backend, Real};
use dfdx::prelude::*;

/// Mean of |p − g| over all predictions `p` and truths `g`, in units of depth, 0 or more: the loss of Newell & Deng 2020
/// (arXiv 2003.14323, their code's `tasks/depth.py`).
///
/// # Errors
/// When the device fails.
pub fn depth_loss<S: Shape, E: Real, D: Backend<E>, T: Tape<E, D>>(
    predicted: Tensor<S, E, D, T>,
    truth: &Tensor<S, E, D>,
) -> Result<Tensor<Rank0, E, D, T>, D::Err> {
    let count = truth.shape().num_elements() as f64;
    predicted.try_sub(truth.clone())?.try_abs()?.try_sum::<Rank0, S::AllAxes>()?.try_mul(E::of(1.0 / count))
}
