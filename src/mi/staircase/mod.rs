//! The staircase: how bounds follow a known mutual information that rises while they train (Poole et al. 2019, section 4;
//! Song & Ermon 2020, section 6.1).
//!
//! A critic meets a fresh batch of correlated normal vectors at every step. Their mutual information is 2 nats for the
//! first 4,000 steps, then 4, 6, 8 and 10. The value of each batch is recorded as the bound reads it; bias, variance and
//! mean squared error of these values say what the bound is worth at each level.
//!
//! ```
//! use infomax::mi::staircase::{CriticKind, Objective, Run, Staircase, climb, summarise};
//! // A small one: two levels of 100 steps.
//! let stairs = Staircase { dim: 5, levels: vec![0.5, 1.0], steps_per_level: 100, ..Staircase::default() };
//! let run = Run { critic: CriticKind::Separable, objective: Objective::InfoNce, seed: 0 };
//! let done = climb(&stairs, run, |_| true)?.expect("it was not stopped");
//! let levels = summarise(&stairs, &[&done]);
//! assert_eq!(levels.len(), 2);
//! assert!(levels.iter().all(|l| (l.bias * l.bias + l.variance - l.mse).abs() < 1e-9));
//! # Ok::<(), infomax::mi::MiError>(())
//! ```

mod climb;
mod fleet;
mod objective;
mod reference;
mod second;
mod store;
mod summary;

#[cfg(test)]
mod tests;

pub use climb::{Climb, climb};
pub use fleet::{Watch, climb_all};
pub use objective::{CriticKind, Objective};
pub use reference::{Figure, Reference, Row, reference};
pub use store::Store;
pub use summary::{LevelSummary, moving_average, summarise};

use super::MiError;
use super::bound::ScoreSizes;
use super::known::CorrelatedGaussian;
use crate::nn::AdamConfig;
use serde::{Deserialize, Serialize};

/// What is climbed, and how critics learn. The defaults are the published settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Staircase {
    /// Numbers in x and in y; one of [`DIMS`].
    pub dim: usize,
    /// Pairs in a batch; at least 3.
    pub batch: usize,
    /// Mutual information of each level, nats.
    pub levels: Vec<f64>,
    /// Steps on each level; at least 2.
    pub steps_per_level: usize,
    /// Whether y is cubed, which leaves the mutual information as it is.
    pub cubic: bool,
    /// The optimiser.
    pub adam: AdamConfig,
}

/// Sizes of x and y that critics are made for.
pub const DIMS: [usize; 4] = [5, 10, 20, 50];

impl Default for Staircase {
    fn default() -> Self {
        Self {
            dim: 20,
            batch: 64,
            levels: vec![2.0, 4.0, 6.0, 8.0, 10.0],
            steps_per_level: 4_000,
            cubic: false,
            adam: AdamConfig { lr: 5e-4, betas: [0.9, 0.999], ..AdamConfig::default() },
        }
    }
}

impl Staircase {
    /// Steps in all.
    pub fn steps(&self) -> usize {
        self.levels.len() * self.steps_per_level
    }

    /// The true value at a step, nats; none beyond the last.
    pub fn truth(&self, step: usize) -> Option<f64> {
        self.levels.get(step / self.steps_per_level.max(1)).copied()
    }

    /// The distribution of each level.
    ///
    /// # Errors
    /// When there are no levels, or one is negative or too high.
    pub fn distributions(&self) -> Result<Vec<CorrelatedGaussian>, MiError> {
        if self.levels.is_empty() {
            return Err(setting("levels", "none", "give at least one, in nats"));
        }
        let of = |&nats: &f64| {
            let known = CorrelatedGaussian::new(self.dim, nats)?;
            Ok(if self.cubic { known.cubic() } else { known })
        };
        self.levels.iter().map(of).collect()
    }

    /// Checks what comes from a user, for these objectives too.
    ///
    /// # Errors
    /// The first setting that is out of range.
    pub fn check(&self, objectives: &[Objective]) -> Result<(), MiError> {
        if !DIMS.contains(&self.dim) {
            return Err(setting("dim", self.dim, "it must be 5, 10, 20 or 50"));
        }
        if !(3..=4096).contains(&self.batch) {
            return Err(setting("batch", self.batch, "it must be from 3 to 4096"));
        }
        if self.steps_per_level < 2 {
            return Err(setting("steps per level", self.steps_per_level, "it must be at least 2"));
        }
        if !(self.adam.lr > 0.0 && self.adam.lr.is_finite()) {
            return Err(setting("learning rate", self.adam.lr, "it must be positive, and is usually 5e-4"));
        }
        self.distributions()?;
        objectives.iter().try_for_each(|o| o.bound().check(ScoreSizes::matrix(self.batch)))
    }
}

/// One climb: what is trained, and from which seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The network.
    pub critic: CriticKind,
    /// What it maximises.
    pub objective: Objective,
    /// Root of its samples and first weights. Runs of one seed see the same samples and, with the same critic, start
    /// from the same weights.
    pub seed: u64,
}

fn setting(name: &'static str, value: impl ToString, allowed: &'static str) -> MiError {
    MiError::Setting { name, value: value.to_string(), allowed }
}
