//! The paper's experiments: grids of runs that are data, not code.
//!
//! An experiment is a TOML file in `src/experiment/registry/`: rows (what differs between them, and the paper's figures),
//! budgets (data set, epochs, probes) and the settings that all share. [`resolve`] turns one of them, with overrides, into
//! a [`Plan`]; [`Grid`] is the folder in which the plan's cells (row × seed) are run, each a [`RunDir`](crate::train::RunDir)
//! and a small file of results. A grid that was stopped, whatever stopped it, goes on where it stood and ends with the same
//! bytes as one that was not.
//!
//! The study of utility ([`UtilityDefinition`], [`UtilityPlan`], [`UtilityGrid`]) is a grid of another kind: tasks, arms,
//! numbers of labels and seeds.
//!
//! ```
//! use infomax::experiment::{Budget, Choice, Definition, resolve};
//! let definition = Definition::named("table1-cifar10")?;
//! let choice = Choice { overrides: vec!["epochs=3".into()], ..Choice::default() };
//! let plan = resolve(&definition, Budget::Smoke, &choice)?;
//! assert!(plan.rows.iter().all(|row| row.run.epochs == 3));
//! # Ok::<(), infomax::experiment::ExperimentError>(())
//! ```

mod cell;
mod chart;
mod definition;
mod error;
mod fine_tune;
mod grid;
mod measures;
mod near;
mod page;
mod parquet;
mod report;
mod resolve;
mod results;
mod utility;

pub use cell::{CellResult, CellTime, Images, LayerScore};
pub use definition::{Budget, BudgetSettings, Compare, Definition, PlotSettings, Row};
pub use error::ExperimentError;
pub use fine_tune::check_fine_tuning;
pub use grid::{Cell, Ended, Grid};
pub use measures::Measures;
pub use page::{Block, Page};
pub use parquet::write_parquet;
pub use report::{comparison, report, write_report};
pub use resolve::{Choice, MeasureSettings, Plan, PlannedRow, ProbeSettings, resolve};
pub use results::{Finished, Spread, all_results, spread};
pub use utility::{
    ArmDefinition, PlannedArm, PretrainSettings, SceneSettings, Start, UTILITY, UtilityCell, UtilityChoice,
    UtilityData, UtilityDefinition, UtilityGrid, UtilityPlan, UtilityResult, UtilitySettings, resolve_utility,
    utilities, utility_report, write_utility_report,
};
