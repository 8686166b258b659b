//! What an experiment is, and the registry of those that ship.

use super::ExperimentError;
use super::measures::MEASURES;
use super::near::near;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use toml::Table;

/// The experiments that ship with the crate: one TOML file each.
const REGISTRY: [(&str, &str); 11] = [
    ("table1-cifar10", include_str!("registry/table1-cifar10.toml")),
    ("table1-cifar100", include_str!("registry/table1-cifar100.toml")),
    ("table2-tiny-imagenet", include_str!("registry/table2-tiny-imagenet.toml")),
    ("table2-stl10", include_str!("registry/table2-stl10.toml")),
    ("cpc-cifar10", include_str!("registry/cpc-cifar10.toml")),
    ("negatives", include_str!("registry/negatives.toml")),
    ("gamma", include_str!("registry/gamma.toml")),
    ("coordinates", include_str!("registry/coordinates.toml")),
    ("ndm", include_str!("registry/ndm.toml")),
    ("local-global", include_str!("registry/local-global.toml")),
    ("fashion-mnist", include_str!("registry/fashion-mnist.toml")),
];

/// How much is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Budget {
    /// Minutes, on the sample that ships.
    Smoke,
    /// Hours, on the experiment's own data.
    Quick,
    /// The authors' settings.
    Paper,
}

impl Budget {
    /// All budgets, the smallest first.
    pub const ALL: [Self; 3] = [Self::Smoke, Self::Quick, Self::Paper];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Quick => "quick",
            Self::Paper => "paper",
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The probe whose accuracy stands beside the paper's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compare {
    /// Logistic regression.
    Linear,
    /// A support vector machine.
    Svm,
    /// 200 hidden units.
    Mlp,
}

impl Compare {
    /// All, in the order of reports.
    pub const ALL: [Self; 3] = [Self::Linear, Self::Svm, Self::Mlp];

    /// As headings have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Svm => "SVM",
            Self::Mlp => "MLP",
        }
    }
}

/// An experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Its name on the command line.
    pub name: String,
    /// Heading of its report.
    pub title: String,
    /// What it shows, in a sentence.
    pub shows: String,
    /// Where the paper's figures are from.
    pub source: String,
    /// The probe that the paper's figures are of.
    pub probe: Compare,
    /// What a reader must know to read the numbers: where the settings depart from the paper's, above all.
    #[serde(default)]
    pub notes: Vec<String>,
    /// A chart of accuracy against a setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plot: Option<PlotSettings>,
    /// Settings that all budgets and rows share: keys of [`RunConfig`](crate::train::RunConfig), and `probes`.
    pub base: Table,
    /// Settings by budget.
    pub budgets: BTreeMap<String, BudgetSettings>,
    /// Rows of the table, in its order.
    pub rows: Vec<Row>,
}

/// A chart of accuracy on Y against a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlotSettings {
    /// Name of the x axis; rows give their place on it as `x`.
    pub x: String,
    /// Whether it is logarithmic.
    #[serde(default)]
    pub log: bool,
}

/// What a budget changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetSettings {
    /// How long one seed of all rows takes, and on what.
    pub cost: String,
    /// Seeds that are run if nothing is said: 0 to this, exclusive.
    pub seeds: u64,
    /// Whether the paper's figures are of the same data, so that differences mean something.
    pub comparable: bool,
    /// Settings, over those of `base`.
    pub set: Table,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Letters, digits and dashes.
    pub id: String,
    /// As the table prints it.
    pub name: String,
    /// The paper's accuracy in %, by layer (`conv`, `fc`, `Y`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paper: BTreeMap<String, f64>,
    /// The paper's other measures, by name: `ndm`, `ndm_linear`, `ms_ssim`, `mine`, `mine_training`,
    /// `semi_supervised` (in %).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measures: BTreeMap<String, f64>,
    /// The paper's figures could not be looked up in its text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
    /// What a reader should know of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The encoder is probed as it was initialised.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untrained: bool,
    /// Settings, over those of the budget. A row with neither these nor `untrained` is the paper's alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Table>,
    /// Settings over those, by budget.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub budgets: BTreeMap<String, Table>,
    /// Its place on the plot's x axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<f64>,
    /// Its line of the plot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
}

impl Row {
    /// Whether it is run, not only quoted.
    pub fn runs(&self) -> bool {
        self.untrained || self.set.is_some()
    }
}

impl Definition {
    /// The names of all experiments.
    pub fn names() -> impl Iterator<Item = &'static str> {
        REGISTRY.iter().map(|(name, _)| *name)
    }

    /// All experiments.
    ///
    /// # Errors
    /// When a file of the registry is malformed.
    pub fn all() -> Result<Vec<Self>, ExperimentError> {
        REGISTRY.iter().map(|(name, text)| Self::parse(name, text)).collect()
    }

    /// The experiment called `name`.
    ///
    /// # Errors
    /// When there is none; the error names one like it, and all.
    pub fn named(name: &str) -> Result<Self, ExperimentError> {
        let Some((_, text)) = REGISTRY.iter().find(|(known, _)| *known == name) else {
            return Err(ExperimentError::Unknown {
                name: name.to_owned(),
                near: near(name, Self::names().chain([super::UTILITY])).map(str::to_owned),
                known: Self::names().chain([super::UTILITY]).collect::<Vec<_>>().join(", "),
            });
        };
        Self::parse(name, text)
    }

    /// Reads and checks an experiment's TOML.
    ///
    /// # Errors
    /// When a field is missing or unknown, or rows repeat or have bad names.
    pub fn parse(name: &str, text: &str) -> Result<Self, ExperimentError> {
        let wrong = |reason: String| ExperimentError::Definition { name: name.to_owned(), reason };
        let found: Self = toml::from_str(text).map_err(|e| wrong(e.to_string().replace('\n', " ")))?;
        if found.name != name {
            return Err(wrong(format!("it calls itself {}", found.name)));
        }
        if let Some(other) = found.budgets.keys().find(|k| !Budget::ALL.iter().any(|b| b.name() == *k)) {
            return Err(wrong(format!("it has a budget `{other}`; budgets are smoke, quick and paper")));
        }
        for (i, row) in found.rows.iter().enumerate() {
            if let Some(other) = row.budgets.keys().find(|k| !found.budgets.contains_key(*k)) {
                return Err(wrong(format!("row {} has settings for a budget `{other}`, which there is not", row.id)));
            }
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if row.id.is_empty() || !row.id.chars().all(plain) || row.id.starts_with('-') {
                return Err(wrong(format!("row id {:?} is not of lower-case letters, digits and dashes", row.id)));
            }
            if found.rows[..i].iter().any(|r| r.id == row.id) {
                return Err(wrong(format!("two rows are called {}", row.id)));
            }
            if let Some(layer) = row.paper.keys().find(|l| !crate::train::LAYERS.contains(&l.as_str())) {
                return Err(wrong(format!("row {} has figures of {layer:?}; layers are conv, fc and Y", row.id)));
            }
            if let Some(name) = row.measures.keys().find(|k| !MEASURES.iter().any(|m| m.0 == *k)) {
                return Err(wrong(format!("row {} has a figure of {name:?}, which is no measure", row.id)));
            }
        }
        Ok(found)
    }

    /// The settings of `budget`.
    ///
    /// # Errors
    /// When it has none.
    pub fn budget(&self, budget: Budget) -> Result<&BudgetSettings, ExperimentError> {
        self.budgets.get(budget.name()).ok_or_else(|| ExperimentError::NoBudget {
            experiment: self.name.clone(),
            budget,
            known: self.known_budgets(),
        })
    }

    /// The budgets it has, in order, with commas.
    fn known_budgets(&self) -> String {
        let known = Budget::ALL.map(Budget::name);
        known.into_iter().filter(|b| self.budgets.contains_key(*b)).collect::<Vec<_>>().join(", ")
    }
}
