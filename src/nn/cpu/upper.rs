//! The upper layers of a concat critic as slices, and their gradients to the tape.

use super::access::{data, grad};
use super::add_to;
use super::gemm::Real;
use super::pair::{PairGrads, Upper};
use crate::nn::backend::PairArgs;
use dfdx::prelude::*;

/// The tensors that a backward pass holds on to.
pub(crate) struct UpperTensors<const U: usize, E: Real> {
    w2: Tensor<Rank2<U, U>, E, Cpu>,
    b2: Tensor<Rank1<U>, E, Cpu>,
    w3: Tensor<Rank2<1, U>, E, Cpu>,
    b3: Tensor<Rank1<1>, E, Cpu>,
}

impl<const U: usize, E: Real> UpperTensors<U, E> {
    pub(crate) fn new(args: &PairArgs<U, E, Cpu>) -> Self {
        Self { w2: args.w2.clone(), b2: args.b2.clone(), w3: args.w3.clone(), b3: args.b3.clone() }
    }

    pub(crate) fn slices(&self) -> Upper<'_, E> {
        Upper { w2: data(&self.w2), b2: data(&self.b2), w3: data(&self.w3), b3: data(&self.b3) }
    }

    /// Adds to the gradients of `q` and of these tensors.
    pub(crate) fn add<Q: Shape>(
        &self,
        grads: &mut Gradients<E, Cpu>,
        q: &Tensor<Q, E, Cpu>,
        g: &PairGrads<E>,
    ) -> Result<(), CpuError> {
        add_to(grad(grads, q)?, &g.q);
        add_to(grad(grads, &self.w2)?, &g.w2);
        add_to(grad(grads, &self.b2)?, &g.b2);
        add_to(grad(grads, &self.w3)?, &g.w3);
        add_to(grad(grads, &self.b3)?, &g.b3);
        Ok(())
    }
}
