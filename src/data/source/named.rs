//! Data sets with a card: where their files may lie.

use super::shards::all_shards;
use super::{Records, parquet};
use crate::data::decode::ImageShape;
use crate::data::hub::HubConfig;
use crate::data::{Card, DataError, Split};
use std::path::{Path, PathBuf};

/// A card and the folders that may hold its repository's files, the first of which counts.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub card: Card,
    places: Vec<PathBuf>,
}

impl Named {
    /// A data set whose card ships. It is looked for in `dir`, in `INFOMAX_DATA`, in `datasets/` here and where infomax
    /// was built, and in the hub's cache; a sample that ships, in `datasets/samples/` instead of the last.
    pub(super) fn shipped(card: Card, dir: Option<&Path>) -> Self {
        Self { places: places(&card, dir), card }
    }

    /// A user's own card. Its files are looked for beside it first, then where those of the cards that ship are.
    pub(super) fn own(path: &Path, dir: Option<&Path>) -> Result<Self, DataError> {
        let card = Card::read(path)?;
        let beside = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut all = vec![beside.join(&card.repo), beside];
        all.extend(places(&card, dir));
        Ok(Self { card, places: all })
    }

    /// The parquet files of a split, of the first place that has all of them.
    pub(crate) fn files(&self, split: Split) -> Result<Vec<PathBuf>, DataError> {
        let pattern = Path::new(self.card.pattern(split)?);
        let mut in_part = None;
        for place in &self.places {
            match all_shards(matching(&place.join(pattern))?, split) {
                Ok(files) if files.is_empty() => {}
                Ok(files) => return Ok(files),
                Err(e) => _ = in_part.get_or_insert(e),
            }
        }
        if let Some(e) = in_part {
            return Err(e);
        }
        let looked = self.places.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
        Err(DataError::NotFound { name: self.card.name.clone(), split: split.name(), looked })
    }

    pub(super) fn load(&self, split: Split) -> Result<Records, DataError> {
        let Card { channels, height, width, classes, .. } = &self.card;
        Ok(Records {
            form: Some(ImageShape { channels: *channels, height: *height as usize, width: *width as usize }),
            classes: Some(classes.clone()),
            ..parquet::tables(&self.files(split)?, Some(&self.card), split)?
        })
    }
}

/// Where a named set may lie: folders that hold the repository's files.
fn places(card: &Card, dir: Option<&Path>) -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let mut places = Vec::new();
    for root in dir.map(Path::to_owned).into_iter().chain(variable("INFOMAX_DATA")) {
        places.extend([root.join("datasets").join(&card.repo), root.join(&card.repo), root]);
    }
    let folder = if card.ships { "datasets/samples" } else { "datasets" };
    for root in ["", env!("CARGO_MANIFEST_DIR")] {
        places.push(Path::new(root).join(folder).join(&card.repo));
    }
    if card.ships {
        return places;
    }
    if let Ok(hub) = HubConfig::from_env() {
        let repo = hub.cache.join(format!("datasets--{}", card.repo.replace('/', "--")));
        let snapshots = repo.join("snapshots");
        // The commit that the card was written for, what the hub's main branch was last, then the others.
        places.push(snapshots.join(&card.revision));
        places.extend(std::fs::read_to_string(repo.join("refs/main")).map(|commit| snapshots.join(commit.trim())));
        if let Ok(entries) = std::fs::read_dir(snapshots) {
            let mut found: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
            found.sort();
            places.extend(found);
        }
    }
    places
}

/// The files that a pattern with at most one `*` in its last part names, in order. No folder, no files.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, DataError> {
    let (Some(folder), Some(name)) = (pattern.parent(), pattern.file_name().and_then(|n| n.to_str())) else {
        return Ok(Vec::new());
    };
    let (start, end) = name.split_once('*').unwrap_or((name, ""));
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(e) => return Err(DataError::io("read", folder)(e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(DataError::io("read", folder))?;
        let file = entry.file_name();
        let file = file.to_string_lossy();
        if file.len() >= start.len() + end.len() && file.starts_with(start) && file.ends_with(end) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
