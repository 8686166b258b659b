//! Images, or patches of them, to files that other programs read.

mod features;
mod npy;
mod parquet;
mod rows;
mod safetensors;

pub use features::FeatureExport;

use super::{DataError, ImageSet};
use crate::patch::Cutter;
use rows::Rows;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What an export is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// NumPy's arrays, one file each: the pixels in `FILE.npy` (`uint8`), and beside it `FILE.labels.npy`,
    /// `FILE.indices.npy` and for patches `FILE.positions.npy` (`int64`).
    Npy,
    /// One file with the tensors `images` or `patches` (`U8`), `labels`, `indices` and for patches `positions` (`I64`).
    Safetensors,
    /// The hub's layout, one row for each image or patch: `image` (a struct of PNG `bytes` and `path`), `label`, `index`,
    /// and for patches `row` and `column`.
    Parquet,
}

impl ExportFormat {
    /// All formats, each with the ending of its files.
    pub const ALL: [(Self, &str); 3] =
        [(Self::Npy, "npy"), (Self::Safetensors, "safetensors"), (Self::Parquet, "parquet")];

    /// The format that a file's ending stands for.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension().and_then(OsStr::to_str)?;
        Self::ALL.iter().find(|(_, known)| *known == ending).map(|(format, _)| *format)
    }
}

/// A file that an export wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFile {
    /// Where it is.
    pub path: PathBuf,
    /// The arrays or columns in it, with their types and shapes.
    pub content: Vec<String>,
}

/// An export: the first `images` of a set, whole or cut into patches.
///
/// Pixels are `[N, C, H, W]`, patches `[N, P, C, K, K]`; labels and indices (each image's index in the set) `[N]`;
/// positions `[N, P, 2]`, the row and column of a patch's upper left pixel.
#[derive(Clone, Debug)]
pub struct Export<'a> {
    /// The images.
    pub set: &'a ImageSet,
    /// How many of them, from the first.
    pub images: usize,
    /// How they are cut; whole if `None`.
    pub patches: Option<Cutter>,
    /// What is written.
    pub format: ExportFormat,
    /// Whether files that exist are replaced.
    pub overwrite: bool,
}

impl Export<'_> {
    /// Writes the export to `out`, block by block, so that memory holds a small part of it. Every file appears whole or
    /// not at all, `out` itself last. Returns the files, `out` first.
    ///
    /// # Errors
    /// When there are no images or fewer than asked for, the patches are of images of another size, a file exists
    /// already, or cannot be written.
    pub fn write(&self, out: &Path) -> Result<Vec<ExportedFile>, DataError> {
        let (rows, set) = (self.images, self.set);
        if rows == 0 || rows > set.len() {
            return Err(DataError::Rows { rows, images: set.len(), name: set.name.clone() });
        }
        let rows = Rows::new(set, rows, self.patches.as_ref())?;
        match self.format {
            ExportFormat::Npy => npy::write(&rows, out, self.overwrite),
            ExportFormat::Safetensors => safetensors::write(&rows, out, self.overwrite),
            ExportFormat::Parquet => parquet::write(&rows, out, self.overwrite),
        }
    }
}

/// Refuses a place that is taken.
fn check_free(path: &Path, overwrite: bool) -> Result<(), DataError> {
    if !overwrite && path.try_exists().map_err(DataError::io("look for", path))? {
        return Err(DataError::Exists { path: path.to_owned() });
    }
    Ok(())
}

/// For `map_err`: that `path` cannot be written.
fn unwritable(path: &Path) -> impl FnOnce(std::io::Error) -> DataError + use<> {
    DataError::io("write", path.to_owned())
}
