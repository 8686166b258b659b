//! The neural dependency measure: how far the units of a representation are from being independent.

use super::{Features, ProbeError};
use crate::dim::PriorNet;
use crate::dim::prior::PriorLayers;
use crate::mi::Pairing;
use crate::mi::bound::{BoundKind, ScoreSizes, dv, objective};
use crate::nn::{Adam, AdamConfig};
use crate::seed::{child, stream};
use dfdx::prelude::*;
use rand::Rng;
use rand::seq::SliceRandom;
use serde::Serialize;

/// Settings of [`ndm`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NdmConfig {
    /// Steps of training; the learning rate falls to a tenth after half of them and again after three quarters.
    pub steps: usize,
    /// Rows of a step.
    pub batch: usize,
    /// Learning rate of Adam.
    pub lr: f64,
    /// Root seed.
    pub seed: u64,
}

impl Default for NdmConfig {
    /// The authors' code has batches of 10,000 and 1,000 epochs at 1e-4; this is about a thousandth of that work.
    fn default() -> Self {
        Self { steps: 1000, batch: 512, lr: 1e-4, seed: 0 }
    }
}

impl NdmConfig {
    /// Rejects settings that cannot work.
    ///
    /// # Errors
    /// [`ProbeError::Setting`].
    pub fn check(&self) -> Result<(), ProbeError> {
        for (name, value) in [("steps", self.steps), ("batch", self.batch)] {
            if value < 2 {
                return Err(ProbeError::Setting { name, value: value.to_string(), range: "at least 2" });
            }
        }
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return Err(ProbeError::Setting { name: "lr", value: self.lr.to_string(), range: "positive and finite" });
        }
        Ok(())
    }
}

/// The neural dependency measure of features `[N, Y]` (Hjelm et al. 2019, section 4.1; Brakel & Bengio 2017): the
/// Donsker-Varadhan estimate, nats, of the divergence between the distribution of a row and that of a row whose units are
/// each taken from another row at random. Zero for independent units, larger for dependent ones.
///
/// A network `Y → 1000 → 200 → 1` learns to tell the two apart on `train` by the f-GAN objective of the KL divergence
/// ([`nwj`](crate::mi::bound::nwj())), as in the authors' code; the value is read on `test`, which it has not seen, so that
/// what it learned by heart does not count. On finite data it can be a little below zero.
///
/// # Errors
/// [`ProbeError::Width`] unless both have `Y` columns, [`ProbeError::Setting`], [`ProbeError::Diverged`],
/// [`ProbeError::Device`].
pub fn ndm<const Y: usize>(train: &Features, test: &Features, config: &NdmConfig) -> Result<f64, ProbeError> {
    train.check_width(Y)?;
    test.check_width(Y)?;
    let NdmConfig { steps, batch, lr, seed } = *config;
    config.check()?;
    let failed = |e: CpuError| ProbeError::Device { reason: e.to_string() };
    let device = Cpu::seed_from_u64(child(seed, "ndm", 0));
    let mut net = device.try_build_module::<PriorLayers<Y>, f32>().map_err(failed)?;
    let mut adam = Adam::new(&net, AdamConfig { lr, betas: [0.9, 0.999], ..AdamConfig::default() }).map_err(failed)?;
    for step in 0..steps {
        let mut rng = stream(seed, "ndm step", step as u64);
        let rows: Vec<usize> = (0..batch).map(|_| rng.gen_range(0..train.rows)).collect();
        let pairs = pairs(train, &rows, &mut rng);
        let x = device.try_tensor_from_vec(pairs, (2 * batch, Const::<Y>)).map_err(failed)?;
        let scores = net.try_forward(x.leaky_traced()).and_then(|s| s.try_reshape_like(&(batch, 1, 2)));
        let bound = objective(BoundKind::Nwj, scores.map_err(failed)?, Pairing::Rolled(1)).map_err(failed)?;
        if !bound.nats.is_finite() {
            return Err(ProbeError::Diverged { step });
        }
        adam.config.lr = lr
            * if 4 * step >= 3 * steps {
                0.01
            } else if 2 * step >= steps {
                0.1
            } else {
                1.0
            };
        let mut grads = (-bound.value).try_backward().map_err(failed)?;
        adam.update(&mut net, &mut grads).map_err(failed)?;
    }
    read(&net, test, &device, seed).map_err(failed)
}

/// Copies of the test rows that are read, each with other units beside it.
const READINGS: u64 = 4;

/// The Donsker-Varadhan value of `net` on `test`.
fn read<const Y: usize>(net: &PriorNet<Y, Cpu>, test: &Features, device: &Cpu, seed: u64) -> Result<f64, CpuError> {
    let rows: Vec<usize> = (0..test.rows).collect();
    let score = |values: Vec<f32>| -> Result<Vec<f64>, CpuError> {
        let x = device.try_tensor_from_vec(values, (test.rows, Const::<Y>))?;
        Ok(net.try_forward(x)?.as_vec().into_iter().map(f64::from).collect())
    };
    let own = score(test.values.clone())?;
    let mut scores = Vec::with_capacity(2 * test.rows * READINGS as usize);
    for reading in 0..READINGS {
        let other = score(shuffled(test, &rows, &mut stream(seed, "ndm reading", reading)))?;
        scores.extend(own.iter().zip(other).flat_map(|(&own, other)| [own, other]));
    }
    let sizes = ScoreSizes { batch: scores.len() / 2, locations: 1, pairing: Pairing::Rolled(1) };
    Ok(dv(&scores, sizes).objective)
}

/// Each of these rows, and after it one of [`shuffled`]: `[2·rows, F]`.
fn pairs(x: &Features, rows: &[usize], rng: &mut impl Rng) -> Vec<f32> {
    let others = shuffled(x, rows, rng);
    let others = others.chunks_exact(x.dim);
    rows.iter().zip(others).flat_map(|(&row, other)| x.row(row).iter().chain(other).copied()).collect()
}

/// Rows whose every unit is that of one of these rows, drawn for each unit by a permutation of its own: `[rows, F]`.
fn shuffled(x: &Features, rows: &[usize], rng: &mut impl Rng) -> Vec<f32> {
    let mut others = vec![0f32; rows.len() * x.dim];
    let mut order: Vec<usize> = (0..rows.len()).collect();
    for unit in 0..x.dim {
        order.shuffle(rng);
        for (i, &from) in order.iter().enumerate() {
            others[i * x.dim + unit] = x.row(rows[from])[unit];
        }
    }
    others
}
