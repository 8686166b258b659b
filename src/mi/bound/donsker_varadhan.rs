//! The Donsker-Varadhan bound, and MINE.

use super::pairs::{capped_exp, exponentials, fill_joint, joint_mean, log_add, masked, scale};
use super::{Evaluated, ScoreSizes};
use crate::mi::MiError;
use crate::nn::Real;
use serde::{Deserialize, Serialize};

/// The Donsker-Varadhan bound (Donsker & Varadhan 1975; Belghazi et al. 2018, eq. 5):
/// `E_joint[f] − log E_marginal[eᶠ]`.
///
/// A lower bound for expectations over all data. On a batch the logarithm of a mean is too small on average, so that
/// the value is biased upwards; and its variance grows as `e^MI` (Song & Ermon 2020). No ceiling. Adding a constant to
/// the scores changes nothing; the best critic is the logarithm of the density ratio plus any constant.
///
/// # Panics
/// When `scores` is not `[B, L, K]`, or the pairing does not fit the batch.
pub fn dv<E: Real>(scores: &[E], sizes: ScoreSizes) -> Evaluated<E> {
    sizes.check(scores.len());
    let joint = joint_mean(scores, sizes);
    let mut gradient = masked(scores, sizes);
    let sum = exponentials(&mut gradient);
    let objective = joint - (sum.ln() - sizes.marginal_count().ln());
    scale(&mut gradient, -1.0 / sum.sum);
    fill_joint(&mut gradient, sizes, 1.0 / sizes.joint_count());
    Evaluated { objective, nats: objective, gradient }
}

/// Mutual information neural estimation (Belghazi et al. 2018): [`dv`] with a gradient whose denominator is a moving
/// average over batches, which takes away most of the bias of the batch gradient (their eq. 12).
///
/// With `EMA ← m·EMA + (1 − m)·E_marginal[eᶠ]`, the gradient is `E_joint[∇f] − E_marginal[eᶠ∇f]/EMA`. That is the
/// gradient of the objective returned, `1 + E_joint[f] − log EMA − E_marginal[eᶠ]/EMA` at a fixed EMA: the TUBA bound
/// whose baseline is the average. The read-out is the Donsker-Varadhan value of the batch alone. Its average over a
/// few training batches is what is usually reported; it is **not a bound**, and may converge from above.
///
/// The average begins with the first batch and is kept as a logarithm. It includes the present batch, so that no weight
/// exceeds `1/(1 − m)`.
///
/// ```
/// use infomax::mi::{Pairing, bound::{Mine, ScoreSizes, dv}};
/// let sizes = ScoreSizes { batch: 2, locations: 1, pairing: Pairing::All };
/// let mut mine = Mine::new(0.9);
/// let first = mine.step(&[1.0, 0.0, 0.5, 2.0], sizes);
/// // The first batch is its own average.
/// assert_eq!(first.gradient, dv(&[1.0, 0.0, 0.5, 2.0], sizes).gradient);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mine {
    /// Weight of the past, `0 ≤ m < 1`.
    momentum: f64,
    /// `log EMA`; none before the first batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log_average: Option<f64>,
}

impl Mine {
    /// With the weight of the past `momentum`, `0 ≤ m < 1`, usually 0.9 or 0.99; with 0 it is [`dv`].
    pub fn new(momentum: f64) -> Self {
        Self { momentum, log_average: None }
    }

    /// Checks what comes from a file or a user before [`step`](Mine::step) relies on it.
    ///
    /// # Errors
    /// When the weight of the past is not in `[0, 1)`.
    pub fn check(&self) -> Result<(), MiError> {
        if (0.0..1.0).contains(&self.momentum) {
            return Ok(());
        }
        Err(MiError::Setting {
            name: "momentum",
            value: self.momentum.to_string(),
            allowed: "it must be at least 0 and less than 1, and is usually 0.9",
        })
    }

    /// The logarithm of the moving average of `E_marginal[eᶠ]`, once there was a batch.
    pub fn log_average(&self) -> Option<f64> {
        self.log_average
    }

    /// Value and gradient at a batch, which is taken into the average.
    ///
    /// A batch whose mean is NaN leaves the average alone; its value and gradient are NaN.
    ///
    /// # Panics
    /// As [`dv`], and when the weight of the past is not in `[0, 1)`.
    pub fn step<E: Real>(&mut self, scores: &[E], sizes: ScoreSizes) -> Evaluated<E> {
        sizes.check(scores.len());
        assert!((0.0..1.0).contains(&self.momentum), "momentum {} is not in [0, 1)", self.momentum);
        let joint = joint_mean(scores, sizes);
        let mut gradient = masked(scores, sizes);
        let sum = exponentials(&mut gradient);
        let log_mean = sum.ln() - sizes.marginal_count().ln();
        let log_average = match self.log_average {
            None => log_mean,
            Some(past) => log_add(self.momentum.ln() + past, (-self.momentum).ln_1p() + log_mean),
        };
        if !log_average.is_nan() {
            self.log_average = Some(log_average);
        }
        let ratio = capped_exp(log_mean - log_average);
        scale(&mut gradient, -ratio / sum.sum);
        fill_joint(&mut gradient, sizes, 1.0 / sizes.joint_count());
        Evaluated { objective: 1.0 + joint - log_average - ratio, nats: joint - log_mean, gradient }
    }
}
