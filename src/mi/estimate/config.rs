//! Settings of an estimate.

use super::NeuralBound;
use crate::mi::{MiError, Scaling};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Who estimates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Estimator {
    /// Chosen by the number of rows and columns and by what the columns hold; the result says why.
    Auto,
    /// Critics trained on a bound, cross-fitted.
    Neural(NeuralBound),
    /// Kraskov, Stögbauer and Grassberger's nearest neighbours, equation 8.
    Ksg,
    /// Nearest neighbours in codes that paired autoencoders learn on the other half of the rows (Gowri et al. 2024).
    Lmi,
    /// Canonical correlations of the columns as they are: exact for Gaussians.
    Cca,
    /// Canonical correlations of normal scores: exact for Gaussians through any increasing functions of columns.
    Copula,
    /// Counts of distinct rows, with Miller and Madow's correction.
    Discrete,
    /// Nearest neighbours of x within the classes of y (Ross 2014): numbers against labels.
    Mixed,
}

/// Names on the command line and in results.
const NAMES: [(&str, Estimator); 13] = [
    ("auto", Estimator::Auto),
    ("infonce", Estimator::Neural(NeuralBound::InfoNce)),
    ("dv", Estimator::Neural(NeuralBound::Dv)),
    ("mine", Estimator::Neural(NeuralBound::Mine)),
    ("nwj", Estimator::Neural(NeuralBound::Nwj)),
    ("jsd", Estimator::Neural(NeuralBound::Jsd)),
    ("smile", Estimator::Neural(NeuralBound::Smile)),
    ("ksg", Estimator::Ksg),
    ("lmi", Estimator::Lmi),
    ("cca", Estimator::Cca),
    ("copula", Estimator::Copula),
    ("discrete", Estimator::Discrete),
    ("mixed", Estimator::Mixed),
];

impl Estimator {
    /// All of them, by name.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// Those that can be compared on numbers: all but the automatic choice and those for labels.
    pub fn for_numbers() -> Vec<Self> {
        let labels = [Self::Auto, Self::Discrete, Self::Mixed];
        NAMES.iter().map(|(_, e)| *e).filter(|e| !labels.contains(e)).collect()
    }
}

impl fmt::Display for Estimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(NAMES.iter().find(|(_, e)| e == self).map_or("?", |(name, _)| name))
    }
}

impl FromStr for Estimator {
    type Err = MiError;

    fn from_str(s: &str) -> Result<Self, MiError> {
        let found = NAMES.iter().find(|(name, _)| *name == s).map(|(_, e)| *e);
        found.ok_or_else(|| MiError::Setting {
            name: "estimator",
            value: s.into(),
            allowed: "auto, infonce, dv, mine, nwj, jsd, smile, ksg, lmi, cca, copula, discrete or mixed",
        })
    }
}

impl Serialize for Estimator {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Estimator {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Which network scores pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Two perceptrons (two hidden layers of 256) and a dot product of 32 numbers.
    Separable,
    /// One perceptron on both (two hidden layers of 256). A step costs as many passes as there are pairs.
    Joint,
}

/// How critics are trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Learning {
    /// Network.
    pub architecture: Architecture,
    /// Folds; each row reports in one. At least 2.
    pub folds: usize,
    /// Share of a fold's other rows that stops the training, above 0 and below 1.
    pub validation: f64,
    /// Joint pairs in a step; all other pairs among them are marginal ones. At least 2.
    pub batch: usize,
    /// Learning rate of Adam.
    pub lr: f64,
    /// Decay of the weights (AdamW).
    pub decay: f64,
    /// Most steps of a critic.
    pub steps: usize,
    /// Steps between checks on the validation rows.
    pub check: usize,
    /// Checks without gain after which training stops.
    pub patience: usize,
    /// Critics for each fold, their scores averaged.
    pub restarts: usize,
    /// Share of the old average kept at each step in the moving average of the weights, from 0 to below 1.
    pub average: f64,
}

impl Default for Learning {
    fn default() -> Self {
        Self {
            architecture: Architecture::Separable,
            folds: 5,
            validation: 0.125,
            batch: 256,
            lr: 1e-3,
            decay: 0.0,
            steps: 5000,
            check: 25,
            patience: 12,
            restarts: 1,
            average: 0.98,
        }
    }
}

/// Settings of [`estimate`](super::estimate).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EstimateConfig {
    /// Who estimates.
    pub estimator: Estimator,
    /// How columns are brought to a common scale. `Cca` and `Copula` have their own.
    pub scaling: Scaling,
    /// Whether critics start from a Gaussian fitted to the training rows.
    pub gaussian: bool,
    /// How critics are trained.
    pub learning: Learning,
    /// Neighbours of `Ksg`, `Lmi` and `Mixed`.
    pub neighbours: usize,
    /// Probability that the interval is made for, above 0 and below 1.
    pub confidence: f64,
    /// Everything random flows from it.
    pub seed: u64,
}

impl Default for EstimateConfig {
    fn default() -> Self {
        Self {
            estimator: Estimator::Auto,
            scaling: Scaling::NormalScores,
            gaussian: true,
            learning: Learning::default(),
            neighbours: 3,
            confidence: 0.9,
            seed: 0,
        }
    }
}

impl EstimateConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first that is out of range.
    pub fn check(&self) -> Result<(), MiError> {
        let l = &self.learning;
        let inside = |v: f64| v > 0.0 && v < 1.0;
        let checks = [
            ("folds", l.folds.to_string(), l.folds >= 2, "at least 2"),
            ("validation", l.validation.to_string(), inside(l.validation), "above 0 and below 1"),
            ("batch", l.batch.to_string(), l.batch >= 2, "at least 2"),
            ("lr", l.lr.to_string(), l.lr > 0.0 && l.lr.is_finite(), "above 0"),
            ("decay", l.decay.to_string(), l.decay >= 0.0 && l.decay.is_finite(), "0 or more"),
            ("check", l.check.to_string(), l.check >= 1, "at least 1"),
            ("restarts", l.restarts.to_string(), l.restarts >= 1, "at least 1"),
            ("average", l.average.to_string(), (0.0..1.0).contains(&l.average), "from 0 to below 1"),
            ("neighbours", self.neighbours.to_string(), self.neighbours >= 1, "at least 1"),
            ("confidence", self.confidence.to_string(), inside(self.confidence), "above 0 and below 1"),
        ];
        match checks.into_iter().find(|(_, _, fine, _)| !fine) {
            Some((name, value, _, allowed)) => Err(MiError::Setting { name, value, allowed }),
            None => Ok(()),
        }
    }
}
