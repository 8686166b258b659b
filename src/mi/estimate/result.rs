//! What an estimate says.

use super::{EstimateConfig, Estimator};
use crate::mi::{Samples, Scaling};
use crate::seed;
use rand::Rng;
use rayon::prelude::*;
use serde::Serialize;

/// A point of a learning curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Steps done.
    pub step: usize,
    /// Value on the validation rows, nats.
    pub nats: f64,
}

/// The mutual information of samples, with what is known about its error.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Which estimator gave it; never [`Estimator::Auto`].
    pub estimator: Estimator,
    /// The estimate, nats. Not clamped at 0: a negative value is noise around a small truth.
    ///
    /// For a neural estimator, the middle between `bound` and `optimistic`.
    pub nats: f64,
    /// Interval for the truth at `confidence`, nats, if the estimator has one.
    pub interval: Option<[f64; 2]>,
    /// Probability that the interval is made for.
    pub confidence: f64,
    /// For a neural estimator: its value on rows that its critics never saw, a lower bound in expectation (but for SMILE).
    pub bound: Option<f64>,
    /// For a neural estimator: its value on the rows that its critics learned from.
    pub optimistic: Option<f64>,
    /// Standard error from the spread over rows, nats. It knows nothing of the estimator's bias.
    pub standard_error: Option<f64>,
    /// The largest value that `nats` can have for so many rows.
    pub ceiling: Option<f64>,
    /// Probability of dependence as strong as this between independent x and y.
    pub p_value: Option<f64>,
    /// Samples.
    pub n: usize,
    /// Columns of x and of y.
    pub columns: [usize; 2],
    /// How columns were brought to a common scale.
    pub scaling: Scaling,
    /// Principal components of x and y that critics saw instead of many columns that repeat each other; the fewest of the
    /// folds, and the number of columns where a side was left as it is. None where both were.
    pub components: Option<[usize; 2]>,
    /// Why the automatic choice fell on this estimator.
    pub why: Option<String>,
    /// What to know before believing it.
    pub warnings: Vec<String>,
    /// Value on validation rows in training, mean over folds; of LMI, the log-likelihood a column of what its codes tell.
    pub curve: Vec<CurvePoint>,
    /// Log density ratio of each row's pair, nats, for estimators that give one.
    #[serde(skip)]
    pub pointwise: Vec<f64>,
}

impl Estimate {
    /// One that has yet to be made.
    pub(super) fn new(estimator: Estimator, x: &Samples, y: &Samples, config: &EstimateConfig) -> Self {
        Self {
            estimator,
            nats: f64::NAN,
            interval: None,
            confidence: config.confidence,
            bound: None,
            optimistic: None,
            standard_error: None,
            ceiling: None,
            p_value: None,
            n: x.rows(),
            columns: [x.columns(), y.columns()],
            scaling: config.scaling,
            components: None,
            why: None,
            warnings: Vec::new(),
            curve: Vec::new(),
            pointwise: Vec::new(),
        }
    }
}

/// How often rows are drawn again for an interval.
const DRAWS: u64 = 1000;

/// Where the mean of `centred` (one number for each row, mean zero) lies with probability `confidence` when the rows are
/// drawn again with replacement (Efron 1979): the lower and the upper end.
pub(super) fn bootstrap(centred: &[f64], confidence: f64, seed: u64) -> [f64; 2] {
    let n = centred.len();
    let mut means: Vec<f64> = (0..DRAWS)
        .into_par_iter()
        .map(|draw| {
            let mut rng = seed::stream(seed, "bootstrap", draw);
            (0..n).map(|_| centred[rng.gen_range(0..n)]).sum::<f64>() / n as f64
        })
        .collect();
    means.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| means[((share * (means.len() - 1) as f64).round()) as usize];
    let tail = 0.5 * (1.0 - confidence);
    [at(tail), at(1.0 - tail)]
}

/// The mean of folds' curves, up to the shortest; all have their points at the same steps.
pub(super) fn mean_curve<'a>(curves: impl Iterator<Item = &'a [CurvePoint]>) -> Vec<CurvePoint> {
    let curves: Vec<_> = curves.collect();
    let shortest = curves.iter().map(|c| c.len()).min().unwrap_or(0);
    let mean = |at: usize| curves.iter().map(|c| c[at].nats).sum::<f64>() / curves.len() as f64;
    (0..shortest).map(|at| CurvePoint { step: curves[0][at].step, nats: mean(at) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bootstrap_knows_the_error_of_a_mean() {
        // A thousand numbers of variance one: the mean's 90 % interval is ±1.645/√1000.
        let values: Vec<f64> = (0..1000).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let [low, high] = bootstrap(&values, 0.9, 0);
        let expected = 1.645 / 1000f64.sqrt();
        assert!((low + expected).abs() < 0.1 * expected && (high - expected).abs() < 0.1 * expected, "{low} {high}");
        assert_eq!(bootstrap(&values, 0.9, 0), [low, high]);
    }
}
