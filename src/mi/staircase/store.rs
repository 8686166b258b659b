//! Finished climbs on disk, so that a long comparison can be stopped and gone on with.

use super::{Climb, Run, Staircase};
use crate::files::write_atomic;
use serde::{Deserialize, Serialize};
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// A folder with a file for each finished climb.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// What a file holds.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Raised when the same settings would give other values.
    version: u32,
    settings: Staircase,
    climb: Climb,
}

const VERSION: u32 = 1;

impl Store {
    /// In `folder`, which is made when the first file is.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The file of a run: its name has the critic, the objective, the seed, and a hash of the settings, so that those of
    /// other settings are left alone.
    pub fn path(&self, stairs: &Staircase, run: Run) -> Result<PathBuf> {
        let settings = serde_json::to_vec(&(VERSION, stairs))?;
        let hash =
            settings.iter().fold(0xcbf2_9ce4_8422_2325, |h: u64, &b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        let name = format!("{}-{}-{}-{hash:016x}.json", run.critic.name(), run.objective, run.seed);
        Ok(self.folder.join(name))
    }

    /// The climb of these settings, if it was finished.
    ///
    /// # Errors
    /// When there is a file that cannot be read, or is not one of [`save`](Store::save) for these settings.
    pub fn load(&self, stairs: &Staircase, run: Run) -> Result<Option<Climb>> {
        let path = self.path(stairs, run)?;
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(at(&path, e)),
        };
        let kept: Kept = serde_json::from_slice(&text).map_err(|e| at(&path, e.into()))?;
        if kept.version != VERSION || kept.settings != *stairs || kept.climb.run != run {
            return Err(at(&path, Error::new(ErrorKind::InvalidData, "it is of other settings")));
        }
        Ok(Some(kept.climb))
    }

    /// Keeps a finished climb; its file appears whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, stairs: &Staircase, climb: &Climb) -> Result<()> {
        let path = self.path(stairs, climb.run)?;
        let kept = Kept { version: VERSION, settings: stairs.clone(), climb: climb.clone() };
        write_atomic(&path, &serde_json::to_vec(&kept)?).map_err(|e| at(&path, e))
    }
}

/// Names the file.
fn at(path: &Path, e: Error) -> Error {
    Error::new(e.kind(), format!("{}: {e}; delete it to have it made again", path.display()))
}
