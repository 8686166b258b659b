//! A split of a data set, decoded and held as bytes.

use super::augment::ImageShape;
use super::decode::{channels_of, decode, size_of};
use super::stream::PIECE;
use super::{Card, DataError, Table};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// What is learned from.
    Train,
    /// Held out to choose settings by; few sets have one.
    Validation,
    /// What is held out.
    Test,
    /// More to learn from, without labels.
    Unlabeled,
}

impl Split {
    /// Every split.
    pub const ALL: [Self; 4] = [Self::Train, Self::Validation, Self::Test, Self::Unlabeled];

    /// `train`, `valid`, `test` or `unlabeled`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "valid",
            Self::Test => "test",
            Self::Unlabeled => "unlabeled",
        }
    }

    /// The split of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
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
    pieces: Vec<Range<usize>>,
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

    /// Whether files of a named set's split are on this machine; nothing is read of them.
    pub fn is_here(source: &str, split: Split, dir: Option<&Path>) -> bool {
        find(source, split, dir).is_ok()
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
        let (mut pixels, mut labels, mut pieces) = (Vec::new(), Vec::new(), Vec::new());
        for table in tables {
            let begin = labels.len();
            let rows = table.labels.len();
            pieces.extend((0..rows).step_by(PIECE).map(|row| begin + row..begin + rows.min(row + PIECE)));
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
        Ok(Self { name, classes, channels, height: size.1 as usize, width: size.0 as usize, pixels, labels, pieces })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none; never true of a loaded set.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// What each image is.
    pub fn shape(&self) -> ImageShape {
        ImageShape { channels: self.channels, height: self.height, width: self.width }
    }

    /// The ranges of indices that the set is read in when it is streamed, for [`Order::Buffered`](super::Order).
    pub fn pieces(&self) -> &[Range<usize>] {
        &self.pieces
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
