//! The common form of all sources.

use crate::data::decode::ImageShape;
use crate::data::table::TableImages;
use std::path::PathBuf;

/// A split as a source gives it: images not yet decoded, labels not yet held against the classes.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// In the set's order.
    pub parts: Vec<Part>,
    /// The classes' names, by label; without, there are as many as the largest label asks for.
    pub classes: Option<Vec<String>>,
    /// What the images must be; without, their own headers say.
    pub form: Option<ImageShape>,
    /// Image files of the source's other splits, which must be of the same size, and may be what makes it a set in colour.
    pub others: Vec<ImageFile>,
}

/// Images and labels that were read from one file or folder.
#[derive(Debug)]
pub(crate) struct Part {
    /// That file or folder.
    pub path: PathBuf,
    /// The images.
    pub images: Images,
    /// Each image's label, as it stands.
    pub labels: Vec<i64>,
}

/// Images, encoded or not.
#[derive(Debug)]
pub(crate) enum Images {
    /// Rows of a table, not yet read.
    Table(TableImages),
    /// Files of their own.
    Files(Vec<ImageFile>),
    /// Planes `[N, C, H, W]`.
    Planes(ImageShape, Vec<u8>),
}

/// An image in a file of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ImageFile {
    /// The file.
    pub path: PathBuf,
    /// The list that names it, and the line there.
    pub list: Option<(PathBuf, u64)>,
}
