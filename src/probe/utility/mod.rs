//! Utility: how many labels pretraining saves (Newell & Deng 2020, arXiv 2003.14323).
//!
//! Of a model trained from scratch on n labels with score a(n), and a pretrained one with score b(n), utility is
//! U(n) = n̂/n − 1, where a(n̂) = b(n): the share of labels more that the former would need to do as well. It is 0 where
//! pretraining saves nothing and negative where it harms.

mod isotonic;
mod table;

pub use isotonic::isotonic_fit;

use super::ProbeError;
use isotonic::{Reached, reaches};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{ChiSquared, StandardNormal};
use serde::{Deserialize, Serialize};
use std::fmt;
use table::Scores;

/// One measurement: a row of the raw table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Which way of training.
    pub arm: String,
    /// The number of labels, 1 or more.
    pub labels: u64,
    /// Which repetition: other labelled images, another start.
    pub seed: u64,
    /// The score on held-out images; more is better (negate errors).
    pub score: f64,
}

/// How the interval is found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct UtilityConfig {
    /// Probability that the interval holds the true value.
    pub level: f64,
    /// Resamples of the seeds.
    pub resamples: usize,
    /// Seed of the resampling.
    pub seed: u64,
}

/// 95 %, 2,000 resamples, seed 0.
impl Default for UtilityConfig {
    fn default() -> Self {
        Self { level: 0.95, resamples: 2000, seed: 0 }
    }
}

/// A utility, as far as the label budgets can tell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Utility {
    /// The value.
    Value(f64),
    /// Right-censored: the score is above all that the model from scratch reached with N labels; at least N/n − 1.
    AtLeast(f64),
    /// Left-censored: the score is below what it reached with its fewest labels n₀; at most n₀/n − 1.
    AtMost(f64),
}

impl Utility {
    /// The number, whatever it bounds.
    pub fn number(self) -> f64 {
        match self {
            Self::Value(u) | Self::AtLeast(u) | Self::AtMost(u) => u,
        }
    }

    /// Order for quantiles: what is censored lies outside all values.
    fn rank(self) -> (i8, f64) {
        match self {
            Self::AtMost(u) => (-1, u),
            Self::Value(u) => (0, u),
            Self::AtLeast(u) => (1, u),
        }
    }
}

/// `1.28`, `≥ 1.00` or `≤ 0.00`.
impl fmt::Display for Utility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(u) => write!(f, "{u:.2}"),
            Self::AtLeast(u) => write!(f, "≥ {u:.2}"),
            Self::AtMost(u) => write!(f, "≤ {u:.2}"),
        }
    }
}

/// Utility at one number of labels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UtilityPoint {
    /// The number of labels n.
    pub labels: u64,
    /// Mean score over seeds.
    pub score: f64,
    /// U(n) of the mean.
    pub utility: Utility,
    /// Both ends of the interval; a censored end is open. None where an arm has a single seed.
    pub interval: Option<[Utility; 2]>,
}

impl UtilityPoint {
    /// Whether the interval holds a value. A point without one holds every value.
    pub fn holds(&self, value: f64) -> bool {
        self.interval.is_none_or(|[low, high]| {
            let above = matches!(low, Utility::AtMost(_)) || low.number() <= value;
            above && (matches!(high, Utility::AtLeast(_)) || value <= high.number())
        })
    }
}

/// Mean score of the model from scratch, and the fit that is inverted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BaselinePoint {
    /// The number of labels.
    pub labels: u64,
    /// Mean score over seeds.
    pub score: f64,
    /// The non-decreasing fit of the means.
    pub fitted: f64,
}

/// Utility of one arm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArmUtility {
    /// Which way of training.
    pub arm: String,
    /// By number of labels, ascending.
    pub points: Vec<UtilityPoint>,
}

/// Utilities with all that they were computed from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UtilityReport {
    /// The arm that is trained from scratch.
    pub baseline: String,
    /// How intervals were found.
    pub config: UtilityConfig,
    /// Its curve.
    pub curve: Vec<BaselinePoint>,
    /// The other arms, in the order in which they first appear.
    pub arms: Vec<ArmUtility>,
    /// The raw table.
    pub trials: Vec<Trial>,
}

/// Utility of every arm against `baseline`, at each of the arm's numbers of labels.
///
/// The baseline's means over seeds are made non-decreasing ([`isotonic_fit`]) and interpolated linearly in log n; n̂ is
/// where that curve first reaches the arm's mean. With budgets that double, the interpolation overstates U by about 2 %
/// on curves of a power law. What is beyond the baseline's budgets is censored, not guessed.
///
/// The interval is by a bootstrap over the seeds of both arms: a seed keeps or loses weight at all budgets at once, as its
/// scores belong together. Weights are normal and share a Student factor, so that of a single mean the interval is
/// Student's; resampling three seeds with replacement would be far too narrow.
///
/// ```
/// use infomax::probe::{Trial, Utility, UtilityConfig, utility};
/// let trial = |arm: &str, labels, score| Trial { arm: arm.into(), labels, seed: 0, score };
/// let table = [
///     trial("scratch", 100, 0.5), trial("scratch", 200, 0.6), trial("scratch", 400, 0.7),
///     trial("pretrained", 100, 0.6), trial("pretrained", 200, 0.71),
/// ];
/// let report = utility(&table, "scratch", &UtilityConfig::default())?;
/// let found: Vec<String> = report.arms[0].points.iter().map(|p| p.utility.to_string()).collect();
/// assert_eq!(found, ["1.00", "≥ 1.00"]);
/// # Ok::<(), infomax::probe::ProbeError>(())
/// ```
///
/// # Errors
/// When a setting is out of range, the baseline has no trials or fewer than two budgets, there is no other arm, or a table
/// of an arm is incomplete: every seed needs one finite score at every budget.
pub fn utility(trials: &[Trial], baseline: &str, config: &UtilityConfig) -> Result<UtilityReport, ProbeError> {
    config.check()?;
    let scratch = Scores::of(trials, baseline)?;
    if scratch.labels.len() < 2 {
        return Err(ProbeError::Trials {
            arm: baseline.to_owned(),
            problem: "it has one number of labels, and a curve needs two or more: run it with others".into(),
        });
    }
    let mut names: Vec<&str> = Vec::new();
    for trial in trials {
        if trial.arm != baseline && !names.contains(&trial.arm.as_str()) {
            names.push(&trial.arm);
        }
    }
    if names.is_empty() {
        return Err(ProbeError::Trials {
            arm: baseline.to_owned(),
            problem: "it is the only one, and utility compares: add trials of a pretrained arm".into(),
        });
    }
    let means = scratch.means();
    let curve = Curve::fit(&scratch.labels, &means);
    let mut arms = Vec::with_capacity(names.len());
    for (index, arm) in names.iter().enumerate() {
        let scores = Scores::of(trials, arm)?;
        let mut rng = crate::seed::stream(config.seed, "utility", index as u64);
        let points = points(&curve, &scratch, &scores, config, &mut rng);
        arms.push(ArmUtility { arm: (*arm).to_owned(), points });
    }
    let curve = scratch.labels.iter().zip(&means).zip(&curve.heights);
    Ok(UtilityReport {
        baseline: baseline.to_owned(),
        config: *config,
        curve: curve.map(|((&labels, &score), &fitted)| BaselinePoint { labels, score, fitted }).collect(),
        arms,
        trials: trials.to_vec(),
    })
}

impl UtilityConfig {
    fn check(&self) -> Result<(), ProbeError> {
        if !(self.level > 0.0 && self.level < 1.0) {
            let value = self.level.to_string();
            return Err(ProbeError::Setting { name: "level", value, range: "above 0 and below 1" });
        }
        if self.resamples < 100 {
            let value = self.resamples.to_string();
            return Err(ProbeError::Setting { name: "resamples", value, range: "at least 100" });
        }
        Ok(())
    }
}

/// The baseline's fit over log n.
struct Curve {
    places: Vec<f64>,
    heights: Vec<f64>,
}

impl Curve {
    fn fit(labels: &[u64], means: &[f64]) -> Self {
        let places = labels.iter().map(|&n| (n as f64).ln()).collect();
        // Every budget has as many seeds.
        Self { places, heights: isotonic_fit(means, &vec![1.0; means.len()]) }
    }

    fn utility(&self, labels: u64, score: f64) -> Utility {
        let n = (labels as f64).ln();
        let more = |place: Option<f64>| place.map_or(0.0, |p| (p - n).exp_m1());
        match reaches(&self.places, &self.heights, score) {
            Reached::At(place) => Utility::Value(more(Some(place))),
            Reached::Before => Utility::AtMost(more(self.places.first().copied())),
            Reached::Beyond => Utility::AtLeast(more(self.places.last().copied())),
        }
    }
}

fn points(
    curve: &Curve,
    scratch: &Scores,
    arm: &Scores,
    config: &UtilityConfig,
    rng: &mut ChaCha8Rng,
) -> Vec<UtilityPoint> {
    let means = arm.means();
    let mut drawn: Vec<Vec<Utility>> = vec![Vec::new(); means.len()];
    if scratch.seeds > 1 && arm.seeds > 1 {
        for _ in 0..config.resamples {
            let curve = Curve::fit(&scratch.labels, &resampled(scratch, rng));
            for ((&labels, score), all) in arm.labels.iter().zip(resampled(arm, rng)).zip(&mut drawn) {
                all.push(curve.utility(labels, score));
            }
        }
    }
    let all = arm.labels.iter().zip(means).zip(drawn);
    all.map(|((&labels, score), drawn)| UtilityPoint {
        labels,
        score,
        utility: curve.utility(labels, score),
        interval: interval(drawn, config.level),
    })
    .collect()
}

/// Means at every budget after seeds have changed their weights.
fn resampled(scores: &Scores, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let n = scores.seeds as f64;
    let weights: Vec<f64> = (0..scores.seeds).map(|_| rng.sample(StandardNormal)).collect();
    let freedom = n - 1.0;
    // Of a chi-square with one or more degrees of freedom there is always a distribution.
    let spread = ChiSquared::new(freedom).map_or(freedom, |d| rng.sample(d));
    let scale = (freedom / spread / (n * freedom)).sqrt();
    let shift = |row: &[f64], mean: f64| row.iter().zip(&weights).map(|(s, w)| w * (s - mean)).sum::<f64>() * scale;
    scores.rows().zip(scores.means()).map(|(row, mean)| mean + shift(row, mean)).collect()
}

/// The central quantiles.
fn interval(mut drawn: Vec<Utility>, level: f64) -> Option<[Utility; 2]> {
    drawn.sort_by(|a, b| {
        let (a, b) = (a.rank(), b.rank());
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    let last = drawn.len().checked_sub(1)?;
    let cut = ((1.0 - level) / 2.0 * last as f64).floor() as usize;
    Some([*drawn.get(cut)?, *drawn.get(last - cut)?])
}

#[cfg(test)]
mod tests;
