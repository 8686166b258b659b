//! The layers of a residual embedding as slices, and their gradients from and to the tape.

use super::access::{data, give, take};
use super::gemm::Real;
use super::residual::{Grads, Layer, Residual};
use crate::nn::backend::{ResidualArgs, Weights};
use dfdx::prelude::*;

/// The tensors that a backward pass holds on to.
pub(crate) struct ResidualTensors<const I: usize, const U: usize, E: Real> {
    first: Weights<U, I, E, Cpu>,
    second: Weights<U, U, E, Cpu>,
    shortcut: Weights<U, I, E, Cpu>,
    scale: Tensor<Rank1<U>, E, Cpu>,
    bias: Tensor<Rank1<U>, E, Cpu>,
    epsilon: f64,
}

impl<const I: usize, const U: usize, E: Real> ResidualTensors<I, U, E> {
    pub(crate) fn new(args: &ResidualArgs<I, U, E, Cpu>) -> Self {
        let &ResidualArgs { first, second, shortcut, norm, epsilon } = args;
        Self {
            first: (first.0.clone(), first.1.clone()),
            second: (second.0.clone(), second.1.clone()),
            shortcut: (shortcut.0.clone(), shortcut.1.clone()),
            scale: norm.0.clone(),
            bias: norm.1.clone(),
            epsilon,
        }
    }

    pub(crate) fn slices(&self) -> Residual<'_, E> {
        Residual {
            first: Layer { w: data(&self.first.0), b: data(&self.first.1) },
            second: Layer { w: data(&self.second.0), b: data(&self.second.1) },
            shortcut: Layer { w: data(&self.shortcut.0), b: data(&self.shortcut.1) },
            scale: data(&self.scale),
            bias: data(&self.bias),
            epsilon: self.epsilon,
        }
    }

    /// Their gradients so far, out of `grads`.
    pub(crate) fn take(&self, grads: &mut Gradients<E, Cpu>) -> Result<Grads<E>, CpuError> {
        Ok(Grads {
            first_w: take(grads, &self.first.0)?,
            first_b: take(grads, &self.first.1)?,
            second_w: take(grads, &self.second.0)?,
            second_b: take(grads, &self.second.1)?,
            shortcut_w: take(grads, &self.shortcut.0)?,
            shortcut_b: take(grads, &self.shortcut.1)?,
            scale: take(grads, &self.scale)?,
            bias: take(grads, &self.bias)?,
        })
    }

    /// Puts them back.
    pub(crate) fn give(&self, grads: &mut Gradients<E, Cpu>, g: Grads<E>) -> Result<(), CpuError> {
        give(grads, &self.first.0, g.first_w)?;
        give(grads, &self.first.1, g.first_b)?;
        give(grads, &self.second.0, g.second_w)?;
        give(grads, &self.second.1, g.second_b)?;
        give(grads, &self.shortcut.0, g.shortcut_w)?;
        give(grads, &self.shortcut.1, g.shortcut_b)?;
        give(grads, &self.scale, g.scale)?;
        give(grads, &self.bias, g.bias)
    }
}
