//! What can be wrong with data.

use super::source::SourceError;
use std::path::PathBuf;

/// An error that names the file, the row and the way out, in one line.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A name without a card that is no path either.
    #[error("no data set is called `{name}`; known are {known}, and a path to a card, a file or a folder works too")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The cards' names.
        known: String,
    },
    /// A known set that is not on this machine.
    #[error("{name} ({split}) is not on this machine; looked in {looked}; name its folder with --data-dir")]
    NotFound {
        /// The set.
        name: String,
        /// Which split.
        split: &'static str,
        /// The places, joined.
        looked: String,
    },
    /// A split that is cut into files, not all of which are there.
    #[error(
        "the {split} split is here in part only: {} has {there} of its {of} files, and not {missing}; download or copy that \
         too, or rename those that are there to use them as they are",
        folder.display()
    )]
    MissingShard {
        /// Which split.
        split: &'static str,
        /// Where the others are.
        folder: PathBuf,
        /// The first file that is not there.
        missing: String,
        /// Files that are there.
        there: usize,
        /// Files that there should be.
        of: usize,
    },
    /// A file could not be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A parquet file that is none, or is cut off.
    #[error("{} is not a readable parquet file ({reason}); copy or download it again", path.display())]
    Parquet {
        /// Which file.
        path: PathBuf,
        /// What the reader says.
        reason: String,
    },
    /// A column that is not there, or has the wrong type.
    #[error("{} has no usable column `{column}` ({expected}); its columns are {found}", path.display())]
    Column {
        /// Which file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What it should be.
        expected: &'static str,
        /// The columns that exist.
        found: String,
    },
    /// A row without an image or label.
    #[error("{} row {row}: no {what}", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
        /// Which row, from 0.
        row: usize,
        /// What is missing.
        what: &'static str,
    },
    /// A file without rows.
    #[error("{} has no rows; the {split} split is empty", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
        /// Which split.
        split: &'static str,
    },
    /// A label that names no class.
    #[error("{} row {row}: label {label} is out of range; the set has {classes} classes, 0 to {}", path.display(), classes - 1)]
    Label {
        /// Which file.
        path: PathBuf,
        /// Which row, from 0.
        row: usize,
        /// The label.
        label: i64,
        /// Number of classes.
        classes: usize,
    },
    /// An image that cannot be decoded.
    #[error("{} row {row}: the image does not decode: {reason}", path.display())]
    Decode {
        /// Which file.
        path: PathBuf,
        /// Which row, from 0.
        row: usize,
        /// What the decoder says.
        reason: String,
    },
    /// An image of another size.
    #[error("{} row {row}: the image is {}x{}, the others are {}x{} (width x height)", path.display(), found.0, found.1, expected.0, expected.1)]
    Size {
        /// Which file.
        path: PathBuf,
        /// Which row, from 0.
        row: usize,
        /// Width and height.
        found: (u32, u32),
        /// Width and height of the set.
        expected: (u32, u32),
    },
    /// A batch that the set cannot fill.
    #[error("a batch of {batch} is larger than the {images} images of {name}; lower --batch")]
    Batch {
        /// Images asked for.
        batch: usize,
        /// Images there are.
        images: usize,
        /// The set.
        name: String,
    },
    /// A setting that cannot work.
    #[error("{0}")]
    Setting(String),
    /// A batch of other sizes than the type says.
    #[error("the batch is {found:?} (images, channels, height, width), the type asks for {expected:?}")]
    Shape {
        /// Sizes found.
        found: [usize; 4],
        /// Sizes that the type says.
        expected: [usize; 4],
    },
    /// A device failed.
    #[error("the device failed: {0}")]
    Device(String),
    /// A class with too few images.
    #[error("class {class} of {name} has {found} images, fewer than the {wanted} asked for")]
    FewImages {
        /// The set.
        name: String,
        /// The class.
        class: usize,
        /// Images that it has.
        found: usize,
        /// Images asked for.
        wanted: usize,
    },
    /// A file that holds no whitening.
    #[error("{} is no saved whitening: {reason}; fit and save it again", path.display())]
    Whitening {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A path that a user pointed at, and what is wrong with the files there.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A card that cannot be read.
    #[error("the card {name} is wrong: {reason}")]
    Card {
        /// Which card.
        name: String,
        /// Why.
        reason: String,
    },
    /// Patches that cannot be cut.
    #[error(transparent)]
    Patch(#[from] crate::patch::PatchError),
    /// More rows than the set has, or none.
    #[error("{rows} rows of {name} cannot be taken: it has {images} images; give 1 to {images}")]
    Rows {
        /// Rows asked for.
        rows: usize,
        /// Images there are.
        images: usize,
        /// The set.
        name: String,
    },
    /// A file that would be overwritten.
    #[error("{} exists already; choose another name, or pass --force to replace it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
}

impl DataError {
    /// For `map_err`: an I/O error with what was tried and where.
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}
