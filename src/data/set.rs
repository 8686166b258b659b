//! A split of a data set, decoded and held as bytes.

use super::DataError;
use super::assemble::{form, labels, pieces, pixels, ranges};
use super::decode::ImageShape;
use super::source::{Source, SourceError};
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

/// Whether held-out images can stand beside training images.
pub(super) fn alike(name: &str, train: ImageShape, test: ImageShape) -> Result<(), DataError> {
    if train != test {
        let [train, test] = [train, test].map(|s| [s.channels, s.height, s.width]);
        return Err(SourceError::Splits { name: name.to_owned(), train, test }.into());
    }
    Ok(())
}

/// The label of an image that has none.
pub const UNLABELLED: u32 = u32::MAX;

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
    pub(super) pixels: Vec<u8>,
    /// Labels of the first images: `[N]`, fewer where images without follow, none in a split without. Each is below the number
    /// of classes.
    pub(super) labels: Vec<u32>,
    /// What is read at a time when the set is streamed.
    pub(super) pieces: Vec<Range<usize>>,
}

impl ImageSet {
    /// Loads a split of `source`: a card's name, or a path to any of the formats that [`source`](super::source) lists. A
    /// named set is looked for in `dir`, in `INFOMAX_DATA`, in `datasets/` here and where infomax was built, and in the
    /// hub's cache (`HF_HUB_CACHE`, `HF_HOME`).
    ///
    /// Nothing is kept of what was decoded; [`load_cached`](Self::load_cached) does that.
    ///
    /// Without a card, the images' own size counts; all must have it. They are taken in colour when one of them is.
    ///
    /// # Errors
    /// When nothing is found, or what is found is damaged; see [`DataError`].
    pub fn load(source: &str, split: Split, dir: Option<&Path>) -> Result<Self, DataError> {
        Self::decode(&Source::detect(source, dir)?, source, split)
    }

    /// Reads and decodes a split of what was found.
    pub(super) fn decode(found: &Source, source: &str, split: Split) -> Result<Self, DataError> {
        let mut records = found.load(split)?;
        if records.parts.iter().all(|p| p.labels.is_empty()) {
            let path = records.parts.first().map_or_else(|| PathBuf::from(source), |p| p.path.clone());
            return Err(DataError::Empty { path, split: split.name() });
        }
        let form = form(&records)?;
        let (classes, labels) = labels(&records, split)?;
        let pieces = ranges(&pieces(&records));
        let pixels = pixels(&mut records, form, Path::new(source))?;
        let ImageShape { channels, height, width } = form;
        Ok(Self { name: found.name(source), classes, channels, height, width, pixels, labels, pieces })
    }

    /// Whether images of `other` can stand beside these: as many channels, and the same size.
    ///
    /// # Errors
    /// When they cannot.
    pub fn check_alike(&self, other: &Self) -> Result<(), DataError> {
        alike(&self.name, self.shape(), other.shape())
    }

    /// Whether files of a split are on this machine; nothing is read of the images.
    pub fn is_here(source: &str, split: Split, dir: Option<&Path>) -> bool {
        match Source::detect(source, dir) {
            Ok(Source::Named(named)) => named.files(split).is_ok(),
            Ok(found) => found.load(split).is_ok(),
            Err(_) => false,
        }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.pieces.last().map_or(0, |p| p.end)
    }

    /// Whether there are none; never true of a loaded set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

    /// The same set with other pixels: `change` is given each image's index and its planes `[C, H, W]`.
    pub fn with_images(mut self, mut change: impl FnMut(usize, &mut [u8])) -> Self {
        let len = self.image_len();
        self.pixels.chunks_exact_mut(len).enumerate().for_each(|(i, image)| change(i, image));
        self
    }

    /// The same set with the images of `more` after its own, without their labels.
    ///
    /// # Errors
    /// When they have another shape.
    pub fn with_unlabelled(mut self, more: &Self) -> Result<Self, DataError> {
        self.check_alike(more)?;
        let begin = self.len();
        self.pixels.extend_from_slice(&more.pixels);
        self.pieces.extend(more.pieces.iter().map(|p| begin + p.start..begin + p.end));
        Ok(self)
    }

    /// The first `n` images.
    ///
    /// # Errors
    /// When there are none or fewer than `n`.
    pub fn first(&self, n: usize) -> Result<Self, DataError> {
        if !(1..=self.len()).contains(&n) {
            return Err(DataError::Rows { rows: n, images: self.len(), name: self.name.clone() });
        }
        Ok(Self {
            name: self.name.clone(),
            classes: self.classes.clone(),
            pixels: self.pixels[..n * self.image_len()].to_vec(),
            labels: self.labels[..n.min(self.labels.len())].to_vec(),
            pieces: self.pieces.iter().filter(|p| p.start < n).map(|p| p.start..p.end.min(n)).collect(),
            ..*self
        })
    }

    /// The label of image `i`, or [`UNLABELLED`].
    pub fn label(&self, i: usize) -> u32 {
        self.labels.get(i).copied().unwrap_or(UNLABELLED)
    }

    /// Labels of the first images: `[N]`, fewer where images without follow, none in a split without.
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
