//! A split of a data set, decoded and held as bytes.

use super::DataError;
use super::assemble::{form, labels, pixels};
use super::decode::Form;
use super::source::{Source, SourceError};
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
    /// Loads a split of `source`: a card's name, or a path to any of the formats that [`source`](super::source) lists. A
    /// named set is looked for in `dir`, in `INFOMAX_DATA`, in `datasets/` here and where infomax was built, and in the
    /// hub's cache (`HF_HUB_CACHE`, `HF_HOME`).
    ///
    /// Without a card, the images' own size counts; all must have it. They are taken in colour when one of them is.
    ///
    /// # Errors
    /// When nothing is found, or what is found is damaged; see [`DataError`].
    pub fn load(source: &str, split: Split, dir: Option<&Path>) -> Result<Self, DataError> {
        let found = Source::detect(source, dir)?;
        let records = found.load(split)?;
        if records.parts.iter().all(|p| p.labels.is_empty()) {
            let path = records.parts.first().map_or_else(|| PathBuf::from(source), |p| p.path.clone());
            return Err(DataError::Empty { path, split: split.name() });
        }
        let form = form(&records)?;
        let (classes, labels) = labels(&records)?;
        let pixels = pixels(records, form, Path::new(source))?;
        let Form { channels, height, width } = form;
        Ok(Self { name: found.name(source), classes, channels, height, width, pixels, labels })
    }

    /// Whether images of `other` can stand beside these: as many channels, and the same size.
    ///
    /// # Errors
    /// When they cannot.
    pub fn check_alike(&self, other: &Self) -> Result<(), DataError> {
        let [train, test] = [self, other].map(|s| [s.channels, s.height, s.width]);
        if train != test {
            return Err(SourceError::Splits { name: self.name.clone(), train, test }.into());
        }
        Ok(())
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
