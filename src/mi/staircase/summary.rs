//! What the values of a staircase are worth.

use super::{Climb, Staircase};
use serde::Serialize;

/// A bound on one level: its values over the second half of the steps, those of all seeds together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LevelSummary {
    /// The true value, nats.
    pub truth: f64,
    /// Mean value less the truth, nats; NaN where no run got there.
    pub bias: f64,
    /// Variance of the values around their mean, nats².
    pub variance: f64,
    /// Mean squared distance from the truth, nats²: `bias² + variance`.
    pub mse: f64,
    /// Standard deviation of the seeds' own mean values, nats; none for one seed.
    pub spread: Option<f64>,
    /// Runs that did not get to the end of the level, because their scores stopped being numbers. They are left out.
    pub diverged: usize,
}

/// Bias, variance and mean squared error of each level, over the second half of its steps. `climbs` are runs of one
/// critic and objective from different seeds.
pub fn summarise(stairs: &Staircase, climbs: &[&Climb]) -> Vec<LevelSummary> {
    let length = stairs.steps_per_level;
    let of_level = |(number, &truth): (usize, &f64)| {
        let (from, to) = (number * length + length / 2, (number + 1) * length);
        let halves: Vec<&[f32]> = climbs.iter().filter_map(|c| c.nats.get(from..to)).collect();
        let values = || halves.iter().copied().flatten().map(|&v| f64::from(v));
        let count = values().count() as f64;
        let mean = values().sum::<f64>() / count;
        let variance = values().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        let mse = values().map(|v| (v - truth).powi(2)).sum::<f64>() / count;
        let seeds = halves.len() as f64;
        let own = halves.iter().map(|h| h.iter().map(|&v| f64::from(v)).sum::<f64>() / h.len() as f64);
        let spread = (own.map(|m| (m - mean).powi(2)).sum::<f64>() / (seeds - 1.0)).sqrt();
        LevelSummary {
            truth,
            bias: mean - truth,
            variance,
            mse,
            spread: (halves.len() > 1).then_some(spread),
            diverged: climbs.len() - halves.len(),
        }
    };
    stairs.levels.iter().enumerate().map(of_level).collect()
}

/// The exponential moving average of `span`: weights fall by `1 − 2/(span + 1)` a step and are divided by their sum, so
/// that the first values are not drawn to zero. The published curves have a span of 200.
pub fn moving_average(values: &[f32], span: usize) -> Vec<f64> {
    let keep = 1.0 - 2.0 / (span as f64 + 1.0);
    let (mut sum, mut weight) = (0.0, 0.0);
    let mut next = |&v: &f32| {
        sum = keep * sum + f64::from(v);
        weight = keep * weight + 1.0;
        sum / weight
    };
    values.iter().map(&mut next).collect()
}
