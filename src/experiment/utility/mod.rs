//! How many labels pretraining saves (Newell & Deng 2020, arXiv 2003.14323): a grid of tasks, arms, numbers of labels and
//! seeds.
//!
//! An arm is a way to begin: from scratch, from an encoder that is pretrained here without labels, or from the checkpoint of
//! a run. Arms are data, in `src/experiment/registry/utility.toml`: one that pretrains changes settings of the model.

mod data;
mod definition;
mod grid;
mod plan;
mod report;

pub use data::UtilityData;
pub use definition::{ArmDefinition, UtilityDefinition};
pub use grid::{UtilityCell, UtilityGrid, UtilityResult};
pub use plan::{
    PlannedArm, PretrainSettings, SceneSettings, Start, UtilityChoice, UtilityPlan, UtilitySettings, resolve_utility,
};
pub use report::{utilities, utility_report, write_utility_report};

/// The experiment's name on the command line.
pub const UTILITY: &str = "utility";

/// The source of data that is rendered here.
const SCENES: &str = "scenes";

/// The arm that others are held against.
const BASELINE: &str = "scratch";
