//! Adam whose state can be saved.

use super::Real;
use super::backend::{AdamStep, Backend};
use dfdx::prelude::*;
use serde::{Deserialize, Serialize};

/// Settings of [`Adam`] (Kingma & Ba 2015).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamConfig {
    /// Learning rate.
    pub lr: f64,
    /// Decay rates of the first and second moment.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// L2 penalty added to the gradient (PyTorch's `Adam(weight_decay)`).
    pub l2: f64,
    /// Decay applied to the weights themselves (AdamW; Loshchilov & Hutter 2019).
    pub decoupled: f64,
}

impl Default for AdamConfig {
    /// The paper's setting: 1e-4, (0.5, 0.999), no decay.
    fn default() -> Self {
        Self { lr: 1e-4, betas: [0.5, 0.999], epsilon: 1e-8, l2: 0.0, decoupled: 0.0 }
    }
}

/// Adam over the learned tensors of a module `M`: one fused pass in place, with its moments open to be saved.
///
/// The moments are kept as two modules of the same type, so whatever saves a module saves them.
#[derive(Clone, Debug)]
pub struct Adam<M> {
    /// Settings; may be changed between steps.
    pub config: AdamConfig,
    /// Steps done.
    pub t: u64,
    /// First moments, tensor by tensor.
    pub first: M,
    /// Second moments, tensor by tensor.
    pub second: M,
}

impl<M> Adam<M> {
    /// An optimiser for `module`, with moments of zero. On Linux the process keeps, from then on, memory that is freed: each
    /// step asks for the same again.
    ///
    /// # Errors
    /// When the device is out of memory.
    pub fn new<E: Real, D: Backend<E>>(module: &M, config: AdamConfig) -> Result<Self, D::Err>
    where
        M: TensorCollection<E, D, To<E, D> = M>,
    {
        super::cpu::memory::keep();
        Ok(Self { config, t: 0, first: zeros_like(module)?, second: zeros_like(module)? })
    }

    /// Moves the learned tensors of `module` one step down their gradients. Tensors without a gradient are taken to
    /// have one of zero.
    ///
    /// # Errors
    /// When the device fails.
    pub fn update<E: Real, D: Backend<E>>(&mut self, module: &mut M, grads: &mut Gradients<E, D>) -> Result<(), D::Err>
    where
        M: TensorCollection<E, D>,
    {
        self.t += 1;
        let AdamConfig { lr, betas, epsilon, l2, decoupled } = self.config;
        let mut visitor = Update { grads, step: AdamStep { lr, betas, epsilon, l2, decoupled, t: self.t } };
        M::iter_tensors(&mut RecursiveWalker { m: (module, &mut self.first, &mut self.second), f: &mut visitor })?;
        Ok(())
    }
}

struct Update<'a, E: Real, D: Backend<E>> {
    grads: &'a mut Gradients<E, D>,
    step: AdamStep,
}

impl<E: Real, D: Backend<E>> TensorVisitor<E, D> for Update<'_, E, D> {
    type Viewer = (ViewTensorMut, ViewTensorMut, ViewTensorMut);
    type Err = D::Err;
    type E2 = E;
    type D2 = D;

    fn visit<S: Shape>(
        &mut self,
        options: TensorOptions<S, E, D>,
        (p, m, v): (&mut Tensor<S, E, D>, &mut Tensor<S, E, D>, &mut Tensor<S, E, D>),
    ) -> Result<Option<Tensor<S, E, D>>, D::Err> {
        if options.do_gradient_update {
            D::adam(p, m, v, self.grads, self.step)?;
        }
        Ok(None)
    }
}

/// A module of the same sizes with every tensor zero.
fn zeros_like<E: Real, D: Backend<E>, M: TensorCollection<E, D, To<E, D> = M>>(module: &M) -> Result<M, D::Err> {
    struct Zeros;
    impl<E: Real, D: Backend<E>> TensorVisitor<E, D> for Zeros {
        type Viewer = ViewTensorRef;
        type Err = D::Err;
        type E2 = E;
        type D2 = D;

        fn visit<S: Shape>(
            &mut self,
            _: TensorOptions<S, E, D>,
            t: &Tensor<S, E, D>,
        ) -> Result<Option<Tensor<S, E, D>>, D::Err> {
            t.device().try_zeros_like(t).map(Some)
        }
    }
    let zeros = M::iter_tensors(&mut RecursiveWalker { m: module, f: &mut Zeros })?;
    Ok(zeros.expect("every tensor was given a counterpart"))
}
