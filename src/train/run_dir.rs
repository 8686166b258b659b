//! The folder of a run.
//!
//! ```text
//! runs/<name>-<utc>-<seed>/
//!   config.toml        resolved settings
//!   environment.json   versions, features, processor
//!   metrics.jsonl      loss history: the same bytes for the same seed, settings and build
//!   probes.jsonl       probes during training, if asked for
//!   timing.jsonl       images a second, by epoch
//!   checkpoints/       step-<n>.safetensors (the last two) and best.safetensors
//!   report/            tables and pictures
//! ```

use super::{Checkpoint, OnlineReport, RunConfig, TrainError, io, online};
use crate::files::write_atomic;
use serde::Serialize;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A run's folder, open for writing.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    history: File,
}

impl RunDir {
    /// Makes a new folder under `root`; never an existing one.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn create(root: &Path, config: &RunConfig) -> Result<Self, TrainError> {
        let path = new_folder(root, &format!("{}-{}-{}", config.name, utc(SystemTime::now()), config.seed))?;
        for sub in ["checkpoints", "report"] {
            let sub = path.join(sub);
            fs::create_dir(&sub).map_err(io("create", sub))?;
        }
        let file = path.join("config.toml");
        write_atomic(&file, config_toml(config)?.as_bytes()).map_err(io("write", file))?;
        let environment =
            serde_json::to_vec_pretty(&Environment::read()).map_err(|e| TrainError::Config(e.to_string()))?;
        let file = path.join("environment.json");
        write_atomic(&file, &environment).map_err(io("write", file))?;
        let file = path.join("metrics.jsonl");
        let history = OpenOptions::new().append(true).create_new(true).open(&file).map_err(io("create", file))?;
        Ok(Self { path, history })
    }

    /// Opens an existing run to go on with it: the newest checkpoint that can be read, with the loss history cut back to
    /// that point. Returns what made newer checkpoints unusable, too.
    ///
    /// # Errors
    /// When the folder is not a run, or has no usable checkpoint.
    pub fn resume(path: &Path) -> Result<(Self, RunConfig, Option<Checkpoint>, Vec<TrainError>), TrainError> {
        let config = read_config(path)?;
        let mut damaged = Vec::new();
        let mut checkpoint = None;
        for file in checkpoints(path)?.into_iter().rev() {
            match Checkpoint::read(&file) {
                Ok(found) => {
                    checkpoint = Some(found);
                    break;
                }
                Err(e) => damaged.push(e),
            }
        }
        let file = path.join("metrics.jsonl");
        let history = OpenOptions::new().append(true).open(&file).map_err(io("open", &file))?;
        let length = checkpoint.as_ref().map_or(0, |c| c.position.history);
        let written = history.metadata().map_err(io("read", &file))?.len();
        if written < length {
            return Err(TrainError::Checkpoint {
                path: path.to_owned(),
                reason: format!("metrics.jsonl has {written} bytes, fewer than the {length} of the checkpoint"),
            });
        }
        history.set_len(length).map_err(io("cut back", &file))?;
        online::cut_back(path, checkpoint.as_ref().map_or(0, |c| c.position.epoch))?;
        Ok((Self { path: path.to_owned(), history }, config, checkpoint, damaged))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of tables and pictures.
    pub fn report(&self) -> PathBuf {
        self.path.join("report")
    }

    /// Appends one line to the loss history and returns its length in bytes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn log(&mut self, entry: &impl Serialize) -> Result<u64, TrainError> {
        let file = self.path.join("metrics.jsonl");
        let mut line = serde_json::to_vec(entry).map_err(|e| TrainError::Config(e.to_string()))?;
        line.push(b'\n');
        self.history.write_all(&line).map_err(io("write", &file))?;
        Ok(self.history.metadata().map_err(io("read", &file))?.len())
    }

    /// What probes during training found so far.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn probes(&self) -> Result<Vec<OnlineReport>, TrainError> {
        online::read(&self.path)
    }

    /// Appends one line to `probes.jsonl`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn log_probes(&self, report: &OnlineReport) -> Result<(), TrainError> {
        online::append(&self.path, report)
    }

    /// Appends one line to `timing.jsonl`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn log_timing(&self, entry: &impl Serialize) -> Result<(), TrainError> {
        let file = self.path.join("timing.jsonl");
        let mut line = serde_json::to_vec(entry).map_err(|e| TrainError::Config(e.to_string()))?;
        line.push(b'\n');
        let mut out = OpenOptions::new().append(true).create(true).open(&file).map_err(io("open", &file))?;
        out.write_all(&line).map_err(io("write", file))
    }

    /// Writes a checkpoint, keeps the one before it, and removes older ones. `best` also becomes `best.safetensors`.
    ///
    /// # Errors
    /// When it cannot be written; earlier checkpoints are untouched then.
    pub fn save(&self, checkpoint: &Checkpoint, best: bool) -> Result<(), TrainError> {
        self.history.sync_all().map_err(io("write", self.path.join("metrics.jsonl")))?;
        let folder = self.path.join("checkpoints");
        checkpoint.write(&folder.join(format!("step-{:09}.safetensors", checkpoint.position.step)))?;
        if best {
            checkpoint.write(&folder.join("best.safetensors"))?;
        }
        let kept = checkpoints(&self.path)?;
        for old in &kept[..kept.len().saturating_sub(2)] {
            fs::remove_file(old).map_err(io("remove", old))?;
        }
        Ok(())
    }
}

/// Makes the folder `base` under `root`, or `base-2` and so on where there is one: two begun in the same second get
/// different folders.
pub(crate) fn new_folder(root: &Path, base: &str) -> Result<PathBuf, TrainError> {
    fs::create_dir_all(root).map_err(io("create", root))?;
    let mut path = root.join(base);
    for again in 2.. {
        match fs::create_dir(&path) {
            Ok(()) => break,
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => path = root.join(format!("{base}-{again}")),
            Err(e) => return Err(io("create", path)(e)),
        }
    }
    Ok(path)
}

/// The settings as TOML.
pub(super) fn config_toml(config: &RunConfig) -> Result<String, TrainError> {
    toml::to_string_pretty(config).map_err(|e| TrainError::Config(format!("the settings cannot be written: {e}")))
}

/// Reads a run folder's settings.
fn read_config(path: &Path) -> Result<RunConfig, TrainError> {
    let file = path.join("config.toml");
    let text = fs::read_to_string(&file).map_err(|e| TrainError::Checkpoint {
        path: path.to_owned(),
        reason: format!("no config.toml in it ({e}); name a folder under runs/"),
    })?;
    toml::from_str(&text).map_err(|e| TrainError::Checkpoint { path: file, reason: e.message().to_owned() })
}

/// The numbered checkpoints of a run, oldest first.
fn checkpoints(run: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let folder = run.join("checkpoints");
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(io("read", &folder))? {
        let path = entry.map_err(io("read", &folder))?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.starts_with("step-") && name.ends_with(".safetensors") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

impl Checkpoint {
    /// The newest usable checkpoint of a run folder, or the checkpoint file itself, with its settings.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(path: &Path) -> Result<(Self, RunConfig), TrainError> {
        let bad = |reason: String| TrainError::Checkpoint { path: path.to_owned(), reason };
        let checkpoint = if path.is_dir() {
            let files = checkpoints(path).map_err(|_| bad("no checkpoints in it; name a folder under runs/".into()))?;
            let newest = files.last().ok_or_else(|| bad("the run has not saved a checkpoint yet".into()))?;
            Self::read(newest)?
        } else {
            Self::read(path)?
        };
        let config = toml::from_str(&checkpoint.config).map_err(|e| bad(format!("its settings: {}", e.message())))?;
        Ok((checkpoint, config))
    }
}

/// What a run is made with.
#[derive(Debug, Serialize)]
pub struct Environment {
    /// This crate's version.
    pub infomax: &'static str,
    /// Cargo features of this build.
    pub features: Vec<&'static str>,
    /// Operating system.
    pub os: &'static str,
    /// Processor family.
    pub architecture: &'static str,
    /// Threads of the kernels.
    pub threads: usize,
    /// The processor's own name, where the system tells it.
    pub processor: Option<String>,
}

impl Environment {
    /// Looks it up.
    pub fn read() -> Self {
        let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            let line = text.lines().find(|l| l.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        let features = [("cli", cfg!(feature = "cli")), ("cuda", cfg!(feature = "cuda"))];
        Self {
            infomax: env!("CARGO_PKG_VERSION"),
            features: features.into_iter().filter(|f| f.1).map(|f| f.0).collect(),
            os: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
            threads: rayon::current_num_threads(),
            processor,
        }
    }
}

/// `20260131T235959Z`, from the days-to-date rule of Hinnant's `civil_from_days`.
pub(crate) fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (days, clock) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", clock / 3600, clock / 60 % 60, clock % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates_are_right_on_leap_days_and_turns_of_the_year() {
        let at = |s| utc(UNIX_EPOCH + Duration::from_secs(s));
        assert_eq!(at(0), "19700101T000000Z");
        assert_eq!(at(951_782_400), "20000229T000000Z");
        assert_eq!(at(1_735_689_599), "20241231T235959Z");
    }
}
