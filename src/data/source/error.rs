//! What can be wrong with files that a user points at.

use std::path::PathBuf;

/// What [`ImageSet::load`](crate::data::ImageSet::load) understands, for messages.
pub(super) const UNDERSTOOD: &str = "a card (.toml), a .parquet file, a .csv of paths and labels, or a folder with \
train-*.parquet, train/CLASS/*.png, CIFAR's data_batch_1.bin or train.bin, STL-10's train_X.bin, or MNIST's \
train-images-idx3-ubyte";

/// An error that names the file, the value and the way out, in one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A path that holds nothing that is understood.
    #[error("{} is no data set: {reason}; understood are {UNDERSTOOD}", path.display())]
    Format {
        /// The path.
        path: PathBuf,
        /// What speaks against it.
        reason: String,
    },
    /// A split that a source does not have.
    #[error("{} has no {split} split; looked for {looked}", path.display())]
    NoSplit {
        /// The source.
        path: PathBuf,
        /// Which split.
        split: &'static str,
        /// What would have been that split.
        looked: String,
    },
    /// Something else where a file should be.
    #[error("{} is not an ordinary file; copy the data to one", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A file that is larger than anything sensible of its kind.
    #[error("{} has {bytes} bytes, more than the {limit} that are read of a file of its kind; is it the right file?", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The most that is read.
        limit: u64,
    },
    /// More than the memory holds.
    #[error("{} needs {bytes} bytes of memory, which cannot be had; take fewer or smaller images", path.display())]
    Memory {
        /// The file or set.
        path: PathBuf,
        /// What was asked for.
        bytes: u64,
    },
    /// A file whose length does not fit its format.
    #[error("{} has {bytes} bytes, which is not {expected}; copy or download it again", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// What it should be.
        expected: String,
    },
    /// An idx file that is none.
    #[error("{} is not a usable idx file: {reason}; copy or download it again", path.display())]
    Idx {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Files of images and labels that do not belong together.
    #[error("{} has {images} images, but {} has {labels} labels; both must be of the same split", path.display(), beside.display())]
    Counts {
        /// The images' file.
        path: PathBuf,
        /// Images in it.
        images: usize,
        /// The labels' file.
        beside: PathBuf,
        /// Labels in it.
        labels: usize,
    },
    /// A label out of range in a format that counts from 1.
    #[error("{} row {row}: label {label} is out of range; in this format labels are 1 to {classes}", path.display())]
    FromOne {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: usize,
        /// The label.
        label: u8,
        /// The largest.
        classes: u8,
    },
    /// A file of class names that does not fit.
    #[error("{} names {found} classes where the format has {expected}; copy it again, or remove it to number the classes", path.display())]
    Names {
        /// The file.
        path: PathBuf,
        /// Names in it.
        found: usize,
        /// Classes of the format.
        expected: usize,
    },
    /// Text that is not UTF-8.
    #[error("{} line {line} is not UTF-8; save the file as UTF-8", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// A line of a CSV that cannot be used.
    #[error("{} line {line}: {reason}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it, and the way out.
        reason: String,
    },
    /// A label too large to be one where no card says how many classes there are.
    #[error("{} row {row}: label {label} is too large; without a card labels are 0 to {}", path.display(), limit - 1)]
    ManyClasses {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: usize,
        /// The label.
        label: i64,
        /// The most classes.
        limit: usize,
    },
    /// A class that one split has and another lacks.
    #[error("class `{class}` has a folder in {} but none in {}; all splits need the same classes", has.display(), lacks.display())]
    ClassMissing {
        /// The class.
        class: String,
        /// The split's folder that has it.
        has: PathBuf,
        /// The one that has not.
        lacks: PathBuf,
    },
    /// A folder of images that cannot be used.
    #[error("{}: {reason}", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it, and the way out.
        reason: String,
    },
    /// An image file that cannot be decoded.
    #[error("{}{}: the image does not decode: {reason}", path.display(), at(list))]
    Image {
        /// The image.
        path: PathBuf,
        /// The list that names it, and the line there.
        list: Option<(PathBuf, u64)>,
        /// What the decoder says.
        reason: String,
    },
    /// An image file that cannot be read.
    #[error("cannot read {}{}: {reason}", path.display(), at(list))]
    ImageFile {
        /// The image.
        path: PathBuf,
        /// The list that names it, and the line there.
        list: Option<(PathBuf, u64)>,
        /// Why not.
        reason: String,
    },
    /// An image file of another size.
    #[error("{}{}: the image is {}x{}, the others are {}x{} (width x height)", path.display(), at(list), found.0, found.1, expected.0, expected.1)]
    ImageSize {
        /// The image.
        path: PathBuf,
        /// The list that names it, and the line there.
        list: Option<(PathBuf, u64)>,
        /// Width and height.
        found: (u32, u32),
        /// Width and height of the set.
        expected: (u32, u32),
    },
    /// Splits whose images differ in kind.
    #[error(
        "{name}: the images of one split are {train:?}, those of the other {test:?} (channels, height, width); they must be alike"
    )]
    Splits {
        /// The set.
        name: String,
        /// Channels, height and width of the first.
        train: [usize; 3],
        /// Those of the second.
        test: [usize; 3],
    },
}

/// The line of a list, in brackets, if there is one.
fn at(list: &Option<(PathBuf, u64)>) -> String {
    list.as_ref().map_or_else(String::new, |(path, line)| format!(" ({} line {line})", path.display()))
}
