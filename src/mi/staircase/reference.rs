//! Figures of others to put beside ours.

use super::{CriticKind, Objective, Staircase};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// `[bias, variance, mean squared error]`, nats and nats².
pub type Figure = [f64; 3];

/// A table of figures with its settings.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Where they come from, in words.
    pub source: String,
    /// Numbers in x.
    pub dim: usize,
    /// Pairs in a batch.
    pub batch: usize,
    /// Steps on each level.
    pub steps_per_level: usize,
    /// Levels, nats.
    pub levels: Vec<f64>,
    /// Rows.
    pub rows: Vec<Row>,
}

/// One bound's figures, level by level.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Which network.
    pub critic: CriticKind,
    /// Whether y was cubed.
    pub cubic: bool,
    /// Which bound.
    pub objective: Objective,
    /// What was done otherwise than here, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs: Option<String>,
    /// One for each level.
    pub figures: Vec<Figure>,
}

impl Reference {
    /// The row of an objective, if it was tried with these settings. Levels beyond those tried, or other ones, have none.
    pub fn row(&self, stairs: &Staircase, critic: CriticKind, objective: Objective) -> Option<&Row> {
        let same = self.dim == stairs.dim
            && self.batch == stairs.batch
            && self.steps_per_level == stairs.steps_per_level
            && self.levels == stairs.levels;
        let fits = |r: &&Row| r.critic == critic && r.cubic == stairs.cubic && r.objective == objective;
        self.rows.iter().find(fits).filter(|_| same)
    }
}

/// The figures that ship. Papers show curves and no numbers; these are a re-run of the published settings by another
/// program.
pub fn reference() -> &'static Reference {
    static TABLE: OnceLock<Reference> = OnceLock::new();
    TABLE.get_or_init(|| toml::from_str(include_str!("reference.toml")).expect("the shipped table, which a test reads"))
}
