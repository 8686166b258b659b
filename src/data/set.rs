//! A split of a data set, decoded and held as bytes.

use super::decode::{channels_of, decode, size_of};
use super::{Card, DataError, Table};
use crate::seed::stream;
use rand::seq::SliceRandom;
use std::path::{Path, PathBuf};

/// Part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// What is learned from.
    Train,
    /// What is held out.
    Test,
}

impl Split {
    /// `train` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
        }
    }
}

/// Images as bytes, with their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageSet {
    /// The set's name, or its folder's.
    pub name: String,
    /// Names of the classes, by label.
    pub classes: Vec<String>,
    /// 1 or 3.
    pub channels: usize,
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
    /// `[N, C, H, W]`.
    pixels: Vec<u8>,
    /// `[N]`, each below the number of classes.
    labels: Vec<u32>,
}

impl ImageSet {
    /// Loads a split of `source`: a card's name or a folder. A named set is looked for in `dir`, in `INFOMAX_DATA`, in
    /// `datasets/` here and where infomax was built, and in the hub's cache (`HF_HUB_CACHE`, `HF_HOME`).
    ///
    /// # Errors
    /// When nothing is found, or what is found is damaged; see [`DataError`].
    pub fn load(source: &str, split: Split, dir: Option<&Path>) -> Result<Self, DataError> {
        let (files, card) = find(source, split, dir)?;
        let tables = files
            .iter()
            .map(|f| {
                let card = card.as_ref();
                Table::read(f, card.map(|c| c.image_column.as_str()), card.map(|c| c.label_column.as_str()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Self::from_tables(source, split, &tables, card.as_ref())
    }

    fn from_tables(source: &str, split: Split, tables: &[Table], card: Option<&Card>) -> Result<Self, DataError> {
        let Some(first) = tables.iter().find(|t| !t.images.is_empty()) else {
            let path = tables.first().map_or_else(|| PathBuf::from(source), |t| t.path.clone());
            return Err(DataError::Empty { path, split: split.name() });
        };
        let (size, channels) = match card {
            Some(card) => ((card.width, card.height), card.channels),
            None => (size_of(first, 0)?, channels_of(first, 0)?),
        };
        let largest = tables.iter().flat_map(|t| &t.labels).copied().max().unwrap_or(0);
        let classes = match card {
            Some(card) => card.classes.clone(),
            None => (0..=largest.max(0)).map(|i| format!("class {i}")).collect(),
        };
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for table in tables {
            for (row, &label) in table.labels.iter().enumerate() {
                let fits = u32::try_from(label).ok().filter(|&l| (l as usize) < classes.len());
                labels.push(fits.ok_or_else(|| DataError::Label {
                    path: table.path.clone(),
                    row,
                    label,
                    classes: classes.len(),
                })?);
            }
            pixels.extend(decode(table, channels, size)?);
        }
        let name = card.map_or_else(|| source.to_owned(), |c| c.name.clone());
        Ok(Self { name, classes, channels, height: size.1 as usize, width: size.0 as usize, pixels, labels })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none; never true of a loaded set.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Bytes of one image.
    pub fn image_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// The planes of image `i`, `[C, H, W]`.
    ///
    /// # Panics
    /// When there is no image `i`.
    pub fn image(&self, i: usize) -> &[u8] {
        &self.pixels[i * self.image_len()..][..self.image_len()]
    }

    /// The labels, `[N]`.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Images of each class.
    pub fn per_class(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        self.labels.iter().for_each(|&l| counts[l as usize] += 1);
        counts
    }
}

/// Indices of `per_class` rows of each class, in ascending order, from one seeded shuffle: a larger cut contains a
/// smaller one of the same seed.
///
/// # Errors
/// When a class has too few rows.
pub(super) fn balanced(
    name: &str,
    labels: &[i64],
    classes: usize,
    per_class: usize,
    seed: u64,
) -> Result<Vec<usize>, DataError> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.shuffle(&mut stream(seed, "sample", 0));
    let mut taken = vec![0usize; classes];
    let mut chosen: Vec<usize> = order
        .into_iter()
        .filter(|&i| {
            let Some(count) = usize::try_from(labels[i]).ok().and_then(|l| taken.get_mut(l)) else { return false };
            *count += 1;
            *count <= per_class
        })
        .collect();
    if let Some((class, &found)) = taken.iter().enumerate().find(|&(_, &n)| n < per_class) {
        return Err(DataError::FewImages { name: name.to_owned(), class, found, wanted: per_class });
    }
    chosen.sort_unstable();
    Ok(chosen)
}

/// The parquet files of a split, and the card if the source is a name.
pub(super) fn find(source: &str, split: Split, dir: Option<&Path>) -> Result<(Vec<PathBuf>, Option<Card>), DataError> {
    if let Some(card) = Card::named(source)? {
        let places = places(&card, dir);
        for place in &places {
            let files = matching(&place.join(card.pattern(split)?))?;
            if !files.is_empty() {
                return Ok((files, Some(card)));
            }
        }
        let looked = places.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
        return Err(DataError::NotFound { name: card.name, split: split.name(), looked });
    }
    let folder = Path::new(source);
    if !folder.is_dir() {
        let known = Card::names().collect::<Vec<_>>().join(", ");
        return Err(DataError::Unknown { name: source.to_owned(), known });
    }
    let pattern = format!("{}-*.parquet", split.name());
    let mut folders = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).map_err(DataError::io("read", folder))? {
        let path = entry.map_err(DataError::io("read", folder))?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    for folder in &folders {
        let files = matching(&folder.join(&pattern))?;
        if !files.is_empty() {
            return Ok((files, None));
        }
    }
    let looked = format!("{} and the folders in it, for {pattern}", folder.display());
    Err(DataError::NotFound { name: source.to_owned(), split: split.name(), looked })
}

/// Where a named set may lie: folders that hold the repository's files.
fn places(card: &Card, dir: Option<&Path>) -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let mut places = Vec::new();
    for root in dir.map(Path::to_owned).into_iter().chain(variable("INFOMAX_DATA")) {
        places.extend([root.join("datasets").join(&card.repo), root.join(&card.repo), root]);
    }
    places.push(Path::new("datasets").join(&card.repo));
    places.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets").join(&card.repo));
    let hub = variable("HF_HUB_CACHE")
        .or_else(|| variable("HF_HOME").map(|h| h.join("hub")))
        .or_else(|| std::env::home_dir().map(|h| h.join(".cache/huggingface/hub")));
    if let Some(hub) = hub {
        let snapshots = hub.join(format!("datasets--{}", card.repo.replace('/', "--"))).join("snapshots");
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
