//! What the study is: its TOML file.

use super::UTILITY;
use crate::experiment::{Budget, BudgetSettings, ExperimentError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::Table;

/// A study of utility.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UtilityDefinition {
    /// Its name on the command line.
    pub name: String,
    /// Heading of its report.
    pub title: String,
    /// What it shows, in a sentence.
    pub shows: String,
    /// Where the question is from.
    pub source: String,
    /// What a reader must know to read the numbers.
    pub notes: Vec<String>,
    /// Settings that all budgets and arms share: those of [`UtilitySettings`](super::UtilitySettings).
    pub base: Table,
    /// Settings by budget.
    pub budgets: BTreeMap<String, BudgetSettings>,
    /// The ways to begin, from scratch first.
    pub arms: Vec<ArmDefinition>,
}

/// A way to begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmDefinition {
    /// Letters, digits and dashes.
    pub id: String,
    /// As the report prints it.
    pub name: String,
    /// Runs only when it is named.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_request: bool,
    /// Settings of pretraining, over those of the budget; without, the arm begins from scratch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Table>,
}

impl UtilityDefinition {
    /// The one that ships.
    ///
    /// # Errors
    /// When its file is malformed.
    pub fn shipped() -> Result<Self, ExperimentError> {
        Self::parse(include_str!("../registry/utility.toml"))
    }

    /// Reads a definition.
    ///
    /// # Errors
    /// When a field is missing or unknown.
    pub fn parse(text: &str) -> Result<Self, ExperimentError> {
        toml::from_str(text).map_err(|e| ExperimentError::Definition {
            name: UTILITY.to_owned(),
            reason: e.to_string().replace('\n', " "),
        })
    }

    /// The settings of `budget`.
    ///
    /// # Errors
    /// When it has none.
    pub fn budget(&self, budget: Budget) -> Result<&BudgetSettings, ExperimentError> {
        self.budgets.get(budget.name()).ok_or_else(|| ExperimentError::NoBudget {
            experiment: self.name.clone(),
            budget,
            known: self.budgets.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }
}
