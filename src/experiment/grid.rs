//! The folder of a grid.
//!
//! ```text
//! OUT/<experiment>-<budget>-<utc>/
//!   plan.toml                 resolved settings of every row, overrides, seeds
//!   definition.toml           the experiment as this build has it, with the paper's figures
//!   environment.json          versions, features, processor
//!   commands.txt              each command that worked on it
//!   cells/<row>/seed-<n>/     a run folder, then time.json and result.json; probed.json before fine-tuning
//!   results.json              the results of all finished cells: the same bytes for the same plan and build
//!   results.parquet           the same as a table, with times
//!   report/                   report.md, report.html, pictures
//! ```

use super::cell::{CellResult, CellTime, Images, run_cell, write_json};
use super::error::io;
use super::{Budget, Definition, ExperimentError, Plan, PlannedRow};
use crate::files::write_atomic;
use crate::train::{Environment, Progress, RunConfig, new_folder, utc};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// A row with a seed.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// The row.
    pub row: &'a PlannedRow,
    /// The root seed.
    pub seed: u64,
    /// Its number in the grid, from 1.
    pub number: usize,
    /// Cells of the grid.
    pub of: usize,
}

/// How a grid's run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All cells are finished.
    Finished,
    /// It was asked to stop; what is done is kept.
    Interrupted,
}

/// A grid's folder.
#[derive(Debug)]
pub struct Grid {
    path: PathBuf,
    /// What it runs.
    pub plan: Plan,
    /// The experiment, as it was when the grid began.
    pub definition: Definition,
    /// Held while this process works in the folder.
    lock: Option<File>,
}

impl Grid {
    /// Makes a new folder under `root` for `plan`; never an existing one. `command` is noted.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn create(root: &Path, plan: Plan, definition: Definition, command: &str) -> Result<Self, ExperimentError> {
        let base = format!("{}-{}-{}", plan.experiment, plan.budget, utc(SystemTime::now()));
        let path = new_folder(root, &base)?;
        let malformed = |e: toml::ser::Error| ExperimentError::Definition {
            name: plan.experiment.clone(),
            reason: format!("it cannot be written: {e}"),
        };
        let text = |name: &str, text: String| {
            let file = path.join(name);
            write_atomic(&file, text.as_bytes()).map_err(io("write", file))
        };
        text("definition.toml", toml::to_string_pretty(&definition).map_err(malformed)?)?;
        write_json(&path.join("environment.json"), &Environment::read())?;
        // The plan comes last: a folder without one is no grid.
        text("plan.toml", toml::to_string_pretty(&plan).map_err(malformed)?)?;
        let mut grid = Self { path, plan, definition, lock: None };
        grid.work(command)?;
        Ok(grid)
    }

    /// Opens a grid to read it.
    ///
    /// # Errors
    /// When the folder is no grid, or damaged.
    pub fn open(path: &Path) -> Result<Self, ExperimentError> {
        let read = |name: &str| {
            let file = path.join(name);
            fs::read_to_string(&file).map_err(|e| ExperimentError::Grid {
                path: path.to_owned(),
                reason: format!("no {name} in it ({e}); name a folder that `infomax experiment run` made"),
            })
        };
        let plan: Plan = toml::from_str(&read("plan.toml")?).map_err(|e| ExperimentError::Grid {
            path: path.join("plan.toml"),
            reason: e.to_string().replace('\n', " "),
        })?;
        let definition = Definition::parse(&plan.experiment, &read("definition.toml")?)?;
        Ok(Self { path: path.to_owned(), plan, definition, lock: None })
    }

    /// Takes the folder for this process, which goes on with the grid. `command` is noted.
    ///
    /// # Errors
    /// When another process has it.
    pub fn work(&mut self, command: &str) -> Result<(), ExperimentError> {
        self.lock = Some(lock(&self.path, command)?);
        Ok(())
    }

    /// The folders of `experiment`'s grids under `root`, oldest first; of one budget, or of all.
    ///
    /// # Errors
    /// When `root` cannot be read; one that does not exist has none.
    pub fn find(root: &Path, experiment: &str, budget: Option<Budget>) -> Result<Vec<PathBuf>, ExperimentError> {
        Ok(of_experiment(Self::all(root)?, experiment, budget))
    }

    /// The folders of all grids under `root`, by name.
    ///
    /// # Errors
    /// As [`Grid::find`].
    pub fn all(root: &Path) -> Result<Vec<PathBuf>, ExperimentError> {
        with_file(root, "plan.toml")
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of a cell.
    pub fn cell_path(&self, row: &str, seed: u64) -> PathBuf {
        self.path.join("cells").join(row).join(format!("seed-{seed}"))
    }

    /// The commands that worked on it, first to last.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn commands(&self) -> Result<Vec<String>, ExperimentError> {
        commands(&self.path)
    }

    /// All cells, seed by seed, so that the first whole table is there early.
    pub fn cells(&self) -> Vec<Cell<'_>> {
        let rows = &self.plan.rows;
        let of = rows.len() * self.plan.seeds.len();
        let pairs = self.plan.seeds.iter().flat_map(|&seed| rows.iter().map(move |row| (row, seed)));
        pairs.enumerate().map(|(i, (row, seed))| Cell { row, seed, number: i + 1, of }).collect()
    }

    /// What came of a cell, if it is finished.
    ///
    /// # Errors
    /// When its file is damaged.
    pub fn result(&self, cell: Cell<'_>) -> Result<Option<CellResult>, ExperimentError> {
        read_json(&self.cell_path(&cell.row.id, cell.seed).join("result.json"))
    }

    /// How long a cell took, if it is finished.
    ///
    /// # Errors
    /// When its file is damaged.
    pub fn time(&self, cell: Cell<'_>) -> Result<Option<CellTime>, ExperimentError> {
        read_json(&self.cell_path(&cell.row.id, cell.seed).join("time.json"))
    }

    /// Results of the finished cells, in the order of [`Grid::cells`].
    ///
    /// # Errors
    /// When one is damaged.
    pub fn results(&self) -> Result<Vec<CellResult>, ExperimentError> {
        self.cells().into_iter().filter_map(|cell| self.result(cell).transpose()).collect()
    }

    /// Whether every cell is finished.
    ///
    /// # Errors
    /// When a result is damaged.
    pub fn is_finished(&self) -> Result<bool, ExperimentError> {
        Ok(self.results()?.len() == self.cells().len())
    }

    /// Runs the cells that are not finished. `images` gives each its data; `tell` hears of a cell before it is run, and
    /// whether it is finished already.
    ///
    /// # Errors
    /// When a cell fails for another reason than diverged training, which is a result.
    pub fn run<E: From<ExperimentError>>(
        &self,
        images: &mut dyn FnMut(&RunConfig) -> Result<Images, E>,
        tell: &mut dyn FnMut(Cell<'_>, bool),
        progress: &mut dyn Progress,
        stop: &AtomicBool,
    ) -> Result<Ended, E> {
        for cell in self.cells() {
            let finished = self.result(cell)?.is_some();
            tell(cell, finished);
            if !finished {
                let images = images(&RunConfig { seed: cell.seed, ..cell.row.run.clone() })?;
                let folder = self.cell_path(&cell.row.id, cell.seed);
                let done = run_cell(&folder, cell.row, cell.seed, &images, progress, stop)?;
                if done.is_none() {
                    return Ok(Ended::Interrupted);
                }
                self.write_results()?;
                if stop.load(Ordering::Relaxed) && !self.is_finished()? {
                    return Ok(Ended::Interrupted);
                }
            }
        }
        self.write_results()?;
        Ok(Ended::Finished)
    }

    /// Writes `results.json` and `results.parquet`.
    fn write_results(&self) -> Result<(), ExperimentError> {
        write_json(&self.path.join("results.json"), &self.results()?)?;
        super::write_parquet(&self.path.join("results.parquet"), &self.finished()?)
    }
}

/// The commands that worked on a grid, first to last.
pub(super) fn commands(grid: &Path) -> Result<Vec<String>, ExperimentError> {
    let file = grid.join("commands.txt");
    let text = fs::read_to_string(&file).map_err(io("read", file))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Takes a grid's folder for this process, as long as the file is held, and notes `command`.
pub(super) fn lock(grid: &Path, command: &str) -> Result<File, ExperimentError> {
    let file = grid.join("commands.txt");
    let mut open = OpenOptions::new().create(true).append(true).open(&file).map_err(io("open", &file))?;
    match open.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(ExperimentError::Busy { path: grid.to_owned() }),
        Err(TryLockError::Error(e)) => return Err(io("lock", file)(e)),
    }
    writeln!(open, "{command}").map_err(io("write", file))?;
    Ok(open)
}

/// The folders in `root` that hold a file of this name, by name.
pub(super) fn with_file(root: &Path, file: &str) -> Result<Vec<PathBuf>, ExperimentError> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(io("read", root)(e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(io("read", root))?.path();
        if path.join(file).is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Those of an experiment, oldest first; of one budget, or of all.
pub(super) fn of_experiment(grids: Vec<PathBuf>, experiment: &str, budget: Option<Budget>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in grids {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let budgets = budget.map_or(Budget::ALL.to_vec(), |b| vec![b]);
        let of = |b: &Budget| name.strip_prefix(&format!("{experiment}-{b}-")).map(str::to_owned);
        if let Some(time) = budgets.iter().find_map(of) {
            found.push((time, path));
        }
    }
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

pub(super) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, ExperimentError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io("read", path)(e)),
    };
    let damaged = |e: serde_json::Error| ExperimentError::Grid {
        path: path.to_owned(),
        reason: format!("{e}; remove the file, and the cell is run again"),
    };
    serde_json::from_slice(&text).map(Some).map_err(damaged)
}
