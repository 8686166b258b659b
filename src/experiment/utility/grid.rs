//! The folder of a study.
//!
//! ```text
//! OUT/utility-<budget>-<utc>/
//!   utility.toml              resolved settings, arms, seeds
//!   definition.toml           the study as this build has it
//!   environment.json          versions, features, processor
//!   commands.txt              each command that worked on it
//!   pretrained/<arm>/         of every seed, a run's folder; or encoder.safetensors, of a checkpoint
//!   cells/<task>/<arm>/       a file for every number of labels and seed
//!   results.json              all finished cells: the same bytes for the same plan and build
//!   trials-<task>.csv         the raw table, as `infomax experiment utility` reads it
//!   report/                   report.md, report.html, pictures
//! ```

use super::{PlannedArm, Start, UTILITY, UtilityData, UtilityDefinition, UtilityPlan};
use crate::experiment::cell::{open_run, write_json};
use crate::experiment::error::io;
use crate::experiment::grid::{commands, lock, of_experiment, read_json, with_file};
use crate::experiment::{Budget, Ended, ExperimentError};
use crate::files::write_atomic;
use crate::nn::checkpoint::Array;
use crate::probe::Trial;
use crate::train::{Checkpoint, Environment, Outcome, Progress, RunConfig, Trainer, new_folder, utc};
use crate::transfer::{Task, Transfer, TransferScore, transfer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

/// The file that makes a folder one of these.
const PLAN: &str = "utility.toml";

/// A task of an arm with some labels and a seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UtilityCell<'a> {
    /// The task.
    pub task: Task,
    /// The arm.
    pub arm: &'a PlannedArm,
    /// Labelled images.
    pub labels: usize,
    /// The root seed.
    pub seed: u64,
    /// Its number in the grid, from 1.
    pub number: usize,
    /// Cells of the grid.
    pub of: usize,
}

/// What came of a cell: a function of settings, seed and build, without times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UtilityResult {
    /// The task.
    pub task: Task,
    /// The arm's `id`.
    pub arm: String,
    /// Labelled images.
    pub labels: usize,
    /// The root seed.
    pub seed: u64,
    /// The scores.
    #[serde(flatten)]
    pub scores: TransferScore,
}

/// A study's folder.
#[derive(Debug)]
pub struct UtilityGrid {
    path: PathBuf,
    /// What it runs.
    pub plan: UtilityPlan,
    /// The study, as it was when the grid began.
    pub definition: UtilityDefinition,
    /// Held while this process works in the folder.
    lock: Option<File>,
}

/// The tensors that an arm begins from; none from scratch.
type Tensors = Option<BTreeMap<String, Array>>;

impl UtilityGrid {
    /// Makes a new folder under `root`; never an existing one. `command` is noted, and checkpoints of arms are copied.
    ///
    /// # Errors
    /// When a checkpoint cannot be used, or the folder cannot be made or written.
    pub fn create(
        root: &Path,
        plan: UtilityPlan,
        definition: UtilityDefinition,
        command: &str,
    ) -> Result<Self, ExperimentError> {
        let found = plan.arms.iter().map(|arm| arm.checkpoint(&plan.settings)).collect::<Result<Vec<_>, _>>()?;
        let path = new_folder(root, &format!("{UTILITY}-{}-{}", plan.budget, utc(SystemTime::now())))?;
        let malformed = |e: toml::ser::Error| ExperimentError::Definition {
            name: UTILITY.to_owned(),
            reason: format!("it cannot be written: {e}"),
        };
        let text = |name: &str, text: String| {
            let file = path.join(name);
            write_atomic(&file, text.as_bytes()).map_err(io("write", file))
        };
        for (arm, checkpoint) in plan.arms.iter().zip(found) {
            if let Some(checkpoint) = checkpoint {
                checkpoint.write(&path.join("pretrained").join(&arm.id).join("encoder.safetensors"))?;
            }
        }
        text("definition.toml", toml::to_string_pretty(&definition).map_err(malformed)?)?;
        write_json(&path.join("environment.json"), &Environment::read())?;
        // The plan comes last: a folder without one is no grid.
        text(PLAN, toml::to_string_pretty(&plan).map_err(malformed)?)?;
        let mut grid = Self { path, plan, definition, lock: None };
        grid.work(command)?;
        Ok(grid)
    }

    /// Opens a study to read it.
    ///
    /// # Errors
    /// When the folder is none, or damaged.
    pub fn open(path: &Path) -> Result<Self, ExperimentError> {
        let read = |name: &str| {
            let file = path.join(name);
            fs::read_to_string(&file).map_err(|e| ExperimentError::Grid {
                path: path.to_owned(),
                reason: format!("no {name} in it ({e}); name a folder that `infomax experiment run {UTILITY}` made"),
            })
        };
        let plan = toml::from_str(&read(PLAN)?)
            .map_err(|e| ExperimentError::Grid { path: path.join(PLAN), reason: e.to_string().replace('\n', " ") })?;
        let definition = UtilityDefinition::parse(&read("definition.toml")?)?;
        Ok(Self { path: path.to_owned(), plan, definition, lock: None })
    }

    /// Whether a folder is a study's.
    pub fn is_one(path: &Path) -> bool {
        path.join(PLAN).is_file()
    }

    /// Takes the folder for this process. `command` is noted.
    ///
    /// # Errors
    /// When another process has it.
    pub fn work(&mut self, command: &str) -> Result<(), ExperimentError> {
        self.lock = Some(lock(&self.path, command)?);
        Ok(())
    }

    /// The folders of studies under `root`, oldest first; of one budget, or of all.
    ///
    /// # Errors
    /// When `root` cannot be read; one that does not exist has none.
    pub fn find(root: &Path, budget: Option<Budget>) -> Result<Vec<PathBuf>, ExperimentError> {
        Ok(of_experiment(with_file(root, PLAN)?, UTILITY, budget))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The commands that worked on it, first to last.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn commands(&self) -> Result<Vec<String>, ExperimentError> {
        commands(&self.path)
    }

    /// All cells, seed by seed, arm by arm.
    pub fn cells(&self) -> Vec<UtilityCell<'_>> {
        let settings = &self.plan.settings;
        let mut cells = Vec::new();
        for &seed in &self.plan.seeds {
            for arm in &self.plan.arms {
                for &task in &settings.tasks {
                    for &labels in &settings.labels {
                        cells.push(UtilityCell { task, arm, labels, seed, number: cells.len() + 1, of: 0 });
                    }
                }
            }
        }
        let of = cells.len();
        cells.iter_mut().for_each(|c| c.of = of);
        cells
    }

    /// The stem of a cell's files.
    fn stem(&self, cell: UtilityCell<'_>) -> PathBuf {
        let folder = self.path.join("cells").join(cell.task.name()).join(&cell.arm.id);
        folder.join(format!("labels-{}-seed-{}", cell.labels, cell.seed))
    }

    /// What came of a cell, if it is finished.
    ///
    /// # Errors
    /// When its file is damaged.
    pub fn result(&self, cell: UtilityCell<'_>) -> Result<Option<UtilityResult>, ExperimentError> {
        read_json(&self.stem(cell).with_extension("json"))
    }

    /// Seconds that a cell took, if it is finished.
    ///
    /// # Errors
    /// When its file is damaged.
    pub fn seconds(&self, cell: UtilityCell<'_>) -> Result<Option<f64>, ExperimentError> {
        read_json(&self.stem(cell).with_extension("seconds"))
    }

    /// Results of the finished cells, in the order of [`UtilityGrid::cells`].
    ///
    /// # Errors
    /// When one is damaged.
    pub fn results(&self) -> Result<Vec<UtilityResult>, ExperimentError> {
        self.cells().into_iter().filter_map(|cell| self.result(cell).transpose()).collect()
    }

    /// Whether every cell is finished.
    ///
    /// # Errors
    /// When a result is damaged.
    pub fn is_finished(&self) -> Result<bool, ExperimentError> {
        Ok(self.results()?.len() == self.cells().len())
    }

    /// The raw table of a task.
    ///
    /// # Errors
    /// When a result is damaged.
    pub fn trials(&self, task: Task) -> Result<Vec<Trial>, ExperimentError> {
        Ok(trials_of(&self.results()?, task))
    }

    /// Runs the cells that are not finished. `tell` hears of a cell before it is run, and whether it is finished already.
    ///
    /// # Errors
    /// When pretraining or a cell fails.
    pub fn run(
        &self,
        data: &UtilityData,
        tell: &mut dyn FnMut(UtilityCell<'_>, bool),
        progress: &mut dyn Progress,
        stop: &AtomicBool,
    ) -> Result<Ended, ExperimentError> {
        let mut begun: Option<(&str, u64, Tensors)> = None;
        let settings = &self.plan.settings;
        for cell in self.cells() {
            let finished = self.result(cell)?.is_some();
            tell(cell, finished);
            if finished {
                continue;
            }
            if begun.as_ref().is_none_or(|b| (b.0, b.1) != (cell.arm.id.as_str(), cell.seed)) {
                let Some(tensors) = self.begin(cell.arm, cell.seed, data, progress, stop)? else {
                    return Ok(Ended::Interrupted);
                };
                begun = Some((&cell.arm.id, cell.seed, tensors));
            }
            let start = begun.as_ref().and_then(|b| b.2.as_ref());
            let Some([train, test]) = data.examples(cell.task) else { continue };
            let order = data.order(cell.task, cell.seed);
            let labelled = order.get(..cell.labels).unwrap_or(&order);
            let (encoder, config) = (settings.model.encoder, settings.tune);
            let of = Transfer { encoder, start, task: cell.task, train, test, config, seed: cell.seed };
            let began = Instant::now();
            let Some(scores) = transfer(&of, labelled, progress, stop)? else { return Ok(Ended::Interrupted) };
            let UtilityCell { task, labels, seed, .. } = cell;
            let result = UtilityResult { task, arm: cell.arm.id.clone(), labels, seed, scores };
            write_json(&self.stem(cell).with_extension("seconds"), &began.elapsed().as_secs_f64())?;
            // The result comes last: it is what makes the cell a finished one.
            write_json(&self.stem(cell).with_extension("json"), &result)?;
            self.write_results()?;
            if stop.load(Ordering::Relaxed) && !self.is_finished()? {
                return Ok(Ended::Interrupted);
            }
        }
        self.write_results()?;
        Ok(Ended::Finished)
    }

    /// What an arm begins from. `None` when pretraining was asked to stop.
    fn begin(
        &self,
        arm: &PlannedArm,
        seed: u64,
        data: &UtilityData,
        progress: &mut dyn Progress,
        stop: &AtomicBool,
    ) -> Result<Option<Tensors>, ExperimentError> {
        let folder = self.path.join("pretrained").join(&arm.id);
        let arrays = match &arm.start {
            Start::Scratch => return Ok(Some(None)),
            Start::Checkpoint(_) => {
                let file = folder.join("encoder.safetensors");
                let lost = |e: crate::train::TrainError| arm.missing(e.to_string());
                Checkpoint::read(&file).map_err(lost)?.arrays
            }
            Start::Pretrain(run) => {
                let config = RunConfig { seed, ..(**run).clone() };
                let (dir, checkpoint) = open_run(&folder.join(format!("seed-{seed}")), &config)?;
                let mut trainer = Trainer::new(config, Arc::clone(&data.train), dir, checkpoint)?;
                match trainer.run(progress, stop)? {
                    Outcome::Interrupted => return Ok(None),
                    Outcome::Finished => trainer.model().arrays(),
                }
            }
        };
        Ok(Some(Some(arrays.into_iter().filter(|(name, _)| name.starts_with("encoder.")).collect())))
    }

    /// Writes `results.json` and the raw tables.
    fn write_results(&self) -> Result<(), ExperimentError> {
        let results = self.results()?;
        write_json(&self.path.join("results.json"), &results)?;
        for &task in &self.plan.settings.tasks {
            let mut text = "arm,labels,seed,score\n".to_owned();
            for Trial { arm, labels, seed, score } in trials_of(&results, task) {
                text += &format!("{arm},{labels},{seed},{score}\n");
            }
            let file = self.path.join(format!("trials-{task}.csv"));
            write_atomic(&file, text.as_bytes()).map_err(io("write", file))?;
        }
        Ok(())
    }
}

/// The trials of a task.
fn trials_of(results: &[UtilityResult], task: Task) -> Vec<Trial> {
    let of_task = results.iter().filter(|r| r.task == task);
    let trial =
        |r: &UtilityResult| Trial { arm: r.arm.clone(), labels: r.labels as u64, seed: r.seed, score: r.scores.score };
    of_task.map(trial).collect()
}
