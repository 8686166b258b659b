//! Estimators on distributions whose mutual information is known: who is right, by how much, and at what cost.

use super::Scaling;
use super::estimate::{EstimateConfig, Estimator, estimate};
use super::known::Known;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Instant;

/// One estimator on one draw of one distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The distribution's name.
    pub task: String,
    /// Who estimated.
    pub estimator: Estimator,
    /// Seed of the draw and of the estimator.
    pub seed: u64,
    /// Rows drawn.
    pub rows: usize,
    /// True mutual information, nats.
    pub truth: f64,
    /// The estimate, nats; none when the estimator refused.
    pub nats: Option<f64>,
    /// Its interval.
    pub interval: Option<[f64; 2]>,
    /// Its p-value of independence, where it has one.
    #[serde(default)]
    pub p_value: Option<f64>,
    /// Who was chosen by the automatic choice.
    pub chosen: Option<Estimator>,
    /// Why there is no estimate.
    pub error: Option<String>,
    /// Wall time, seconds.
    pub seconds: f64,
}

/// Draws `rows` samples and estimates. The classical estimators see columns of mean 0 and standard deviation 1, as in the
/// publications; neural ones and `auto` scale for themselves.
pub fn trial(task: &dyn Known, estimator: Estimator, rows: usize, seed: u64, config: &EstimateConfig) -> Trial {
    let scaling = if estimator == Estimator::Ksg { Scaling::ZScore } else { config.scaling };
    let config = EstimateConfig { estimator, seed, scaling, ..config.clone() };
    let began = Instant::now();
    let drawn = task.sample(rows, seed);
    let found = drawn.map_err(Into::into).and_then(|(x, y)| estimate(&x, &y, &config));
    let seconds = began.elapsed().as_secs_f64();
    let (task, truth) = (task.name(), task.truth().nats);
    let refused = Trial {
        task,
        estimator,
        seed,
        rows,
        truth,
        nats: None,
        interval: None,
        p_value: None,
        chosen: None,
        error: None,
        seconds,
    };
    match found {
        Ok(e) => Trial {
            nats: Some(e.nats),
            interval: e.interval,
            p_value: e.p_value,
            chosen: (estimator == Estimator::Auto).then_some(e.estimator),
            ..refused
        },
        Err(e) => Trial { error: Some(e.to_string()), ..refused },
    }
}

impl Trial {
    /// Whether this is of `estimator` on draws of `rows`.
    pub fn is(&self, estimator: Estimator, rows: usize) -> bool {
        self.estimator == estimator && self.rows == rows
    }

    /// Whether the interval holds the truth, where there is one.
    pub fn covers(&self) -> Option<bool> {
        self.interval.map(|[low, high]| low <= self.truth && self.truth <= high)
    }
}

/// One estimator over some trials.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Trials with an estimate.
    pub trials: usize,
    /// Mean of estimate − truth, nats.
    pub bias: f64,
    /// Root of the mean over distributions of the variance over seeds, nats; zero with one seed.
    pub sd: f64,
    /// Mean of |estimate − truth|, over the seeds of each distribution and then over distributions, nats.
    pub mae: f64,
    /// The largest of the distributions' means.
    pub worst: f64,
    /// Share of intervals that hold the truth, of those that are given.
    pub coverage: Option<f64>,
    /// Median wall time, seconds: that of a busy hour counts no more than another.
    pub seconds: f64,
}

/// The score of a set of trials of one estimator; none without an estimate among them.
pub fn score<'a>(trials: impl IntoIterator<Item = &'a Trial>) -> Option<Score> {
    let mut tasks: BTreeMap<&str, Vec<(f64, &Trial)>> = BTreeMap::new();
    for trial in trials {
        if let Some(nats) = trial.nats {
            tasks.entry(&trial.task).or_default().push((nats - trial.truth, trial));
        }
    }
    if tasks.is_empty() {
        return None;
    }
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (mut errors, mut variances, mut all, mut seconds, mut held) = (vec![], vec![], vec![], vec![], vec![]);
    for of_task in tasks.values() {
        let off: Vec<f64> = of_task.iter().map(|(e, _)| *e).collect();
        let centre = mean(&off);
        errors.push(mean(&off.iter().map(|e| e.abs()).collect::<Vec<_>>()));
        if off.len() > 1 {
            variances.push(off.iter().map(|e| (e - centre).powi(2)).sum::<f64>() / (off.len() - 1) as f64);
        }
        all.extend(off);
        seconds.extend(of_task.iter().map(|(_, t)| t.seconds));
        held.extend(of_task.iter().filter_map(|(_, t)| t.covers()).map(|c| f64::from(u8::from(c))));
    }
    Some(Score {
        trials: all.len(),
        bias: mean(&all),
        sd: if variances.is_empty() { 0.0 } else { mean(&variances).sqrt() },
        mae: mean(&errors),
        worst: errors.iter().copied().fold(0.0, f64::max),
        coverage: (!held.is_empty()).then(|| mean(&held)),
        seconds: median(seconds),
    })
}

/// The middle of some numbers, of an even number of them the upper middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mi::known;

    fn of(task: &str, seed: u64, nats: f64, interval: Option<[f64; 2]>) -> Trial {
        let estimator = Estimator::Ksg;
        let task = task.to_owned();
        Trial {
            task,
            estimator,
            seed,
            rows: 10,
            truth: 1.0,
            nats: Some(nats),
            interval,
            p_value: None,
            chosen: None,
            error: None,
            seconds: 2.0,
        }
    }

    #[test]
    fn scores_are_means_over_distributions() {
        let slow = Trial { seconds: 60.0, ..of("a", 1, 0.9, Some([1.1, 1.5])) };
        let trials = [of("a", 0, 1.3, Some([0.9, 1.5])), slow, of("b", 0, 0.7, None)];
        let found = score(&trials).unwrap();
        assert_eq!((found.trials, found.coverage, found.seconds), (3, Some(0.5), 2.0));
        for (value, expected) in
            [(found.bias, -0.1 / 3.0), (found.mae, 0.25), (found.worst, 0.3), (found.sd, 0.08f64.sqrt())]
        {
            assert!((value - expected).abs() < 1e-12, "{value} for {expected}");
        }
        let refused = Trial { nats: None, ..of("a", 0, 0.0, None) };
        assert!(score([&refused]).is_none());
    }

    #[test]
    fn a_trial_is_near_the_truth_and_repeats() {
        let task = known::by_name("1v1-normal-0.75").unwrap();
        let config = EstimateConfig::default();
        let found = trial(&*task, Estimator::Ksg, 2000, 1, &config);
        assert!((found.nats.unwrap() - found.truth).abs() < 0.06, "{found:?}");
        assert_eq!(trial(&*task, Estimator::Ksg, 2000, 1, &config).nats, found.nats);
        assert!(trial(&*task, Estimator::Ksg, 3, 1, &config).error.is_some());
    }
}
