//! Adam whose state can be saved.

use super::Real;
use super::backend::{AdamStep, Backend};
use super::checkpoint::{Array, RestoreError};
use super::walk::{Leaf, Place, change, read};
use dfdx::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// Adam over the learned tensors of a module: one fused pass in place, with its moments open to be saved.
#[derive(Clone, Debug)]
pub struct Adam<E: Real, D: Backend<E>> {
    /// Settings; may be changed between steps.
    pub config: AdamConfig,
    /// Steps done.
    pub t: u64,
    /// Those of each tensor, in the module's order.
    pub moments: Vec<Moments<E, D>>,
}

/// The moments of one tensor.
#[derive(Clone, Debug)]
pub struct Moments<E: Real, D: Backend<E>> {
    /// The tensor's path in the module.
    pub name: String,
    /// The tensor's sizes.
    pub shape: Vec<usize>,
    /// First and second moment of each of its numbers.
    pub values: [Tensor<(usize,), E, D>; 2],
}

/// The names of the two moments where they are saved.
const SAVED: [&str; 2] = ["adam.first", "adam.second"];

impl<E: Real, D: Backend<E>> Adam<E, D> {
    /// An optimiser for `module`, with moments of zero. On Linux the process keeps, from then on, memory that is freed: each
    /// step asks for the same again.
    ///
    /// # Errors
    /// When the device is out of memory.
    pub fn new<M: TensorCollection<E, D>>(module: &M, config: AdamConfig) -> Result<Self, D::Err> {
        super::cpu::memory::keep();
        let mut moments = Ok(Vec::new());
        read(module, Some(""), &mut Self::gathering(&mut moments));
        Ok(Self { config, t: 0, moments: moments? })
    }

    /// Moments of zero for each tensor. A function of its own: what is within `new` is compiled for each module.
    fn gathering(moments: &mut Result<Vec<Moments<E, D>>, D::Err>) -> impl FnMut(Place<'_>, &dyn Leaf<E, D>) {
        |place, tensor| {
            let zeros = tensor.zeros().and_then(|first| Ok([first, tensor.zeros()?]));
            match (&mut *moments, zeros) {
                (Ok(all), Ok(values)) => {
                    all.push(Moments { name: place.name.to_owned(), shape: tensor.sizes(), values });
                }
                (Ok(_), Err(e)) => *moments = Err(e),
                (Err(_), _) => (),
            }
        }
    }

    /// Moves the learned tensors of `module` one step down their gradients. Tensors without a gradient are taken to
    /// have one of zero.
    ///
    /// # Errors
    /// When the device fails.
    pub fn update<M: TensorCollection<E, D>>(
        &mut self,
        module: &mut M,
        grads: &mut Gradients<E, D>,
    ) -> Result<(), D::Err> {
        self.t += 1;
        let AdamConfig { lr, betas, epsilon, l2, decoupled } = self.config;
        let step = AdamStep { lr, betas, epsilon, l2, decoupled, t: self.t };
        let mut later = D::Later::default();
        change(module, None, &mut Self::stepping(&mut self.moments, grads, step, &mut later))?;
        // SAFETY: moments and gradients are borrowed here, and nothing but `stepping` has been at them; `adam_later` holds the
        // weights.
        unsafe { D::adam_now(later, step) };
        Ok(())
    }

    /// A step of each learned tensor, perhaps put off.
    fn stepping(
        moments: &mut [Moments<E, D>],
        grads: &mut Gradients<E, D>,
        step: AdamStep,
        later: &mut D::Later,
    ) -> impl FnMut(Place<'_>, &mut dyn Leaf<E, D>) -> Result<(), D::Err> {
        let mut moments = moments.iter_mut();
        move |place, tensor| match moments.next() {
            // SAFETY: each of the moments is given once, and `update` does what was put off when all are.
            Some(moments) if place.learned => unsafe { tensor.adam_later(&mut moments.values, grads, step, later) },
            _ => Ok(()),
        }
    }
}

impl<D: Backend<f32>> Adam<f32, D> {
    /// Copies the moments to `arrays`, under the names of the tensors below `prefix`.
    pub fn collect(&self, prefix: &str, arrays: &mut BTreeMap<String, Array>) {
        for Moments { name, shape, values } in &self.moments {
            for (saved, moment) in SAVED.iter().zip(values) {
                let array = Array { shape: shape.clone(), values: moment.as_vec() };
                arrays.insert(format!("{saved}.{prefix}.{name}"), array);
            }
        }
    }

    /// Puts back what [`Adam::collect`] gave under the same `prefix`, at step `t`.
    ///
    /// # Errors
    /// When a moment is missing or has other sizes; the optimiser may then be half restored and must not be used.
    pub fn restore(&mut self, prefix: &str, arrays: &BTreeMap<String, Array>, t: u64) -> Result<(), RestoreError> {
        for Moments { name, shape, values } in &mut self.moments {
            for (saved, moment) in SAVED.iter().zip(values) {
                moment.copy_from(&Array::of(arrays, format!("{saved}.{prefix}.{name}"), shape.clone())?.values);
            }
        }
        self.t = t;
        Ok(())
    }
}
