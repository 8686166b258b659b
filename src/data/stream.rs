//! Sets that are read as they are needed, for those larger than memory.

use super::assemble::{append, form, labels, pieces, ranges};
use super::decode::ImageShape;
use super::order::piece_order;
use super::source::files::reserve;
use super::source::{Images, Part, Records, Source};
use super::{DataError, ImageSet, Split, UNLABELLED};
use crate::seed::stream;
use rand::seq::index::sample;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A split of which only labels, a piece of the images and a shuffle buffer are in memory at any time.
///
/// The binary formats of CIFAR, STL-10 and MNIST are read whole all the same.
#[derive(Debug)]
pub struct StreamSet {
    /// The set's name, or its path.
    pub name: String,
    /// Names of the classes, by label.
    pub classes: Vec<String>,
    form: ImageShape,
    records: Records,
    labels: Vec<u32>,
    /// For each piece, its part and its rows there.
    places: Vec<(usize, Range<usize>)>,
    pieces: Vec<Range<usize>>,
}

impl StreamSet {
    /// Finds a split as [`ImageSet::load`](super::ImageSet::load) does, and reads its labels. Without a card, the headers
    /// of all images are read too.
    ///
    /// # Errors
    /// When nothing is found, or what is found is damaged; see [`DataError`].
    pub fn open(source: &str, split: Split, dir: Option<&Path>) -> Result<Self, DataError> {
        let found = Source::detect(source, dir)?;
        let records = found.load(split)?;
        let places = pieces(&records);
        let pieces = ranges(&places);
        if pieces.is_empty() {
            let path = records.parts.first().map_or_else(|| PathBuf::from(source), |p| p.path.clone());
            return Err(DataError::Empty { path, split: split.name() });
        }
        let form = form(&records)?;
        let (classes, labels) = labels(&records, split)?;
        Ok(Self { name: found.name(source), classes, form, records, labels, places, pieces })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.pieces.last().map_or(0, |p| p.end)
    }

    /// Whether there are none; never true of an opened set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What each image is.
    pub fn shape(&self) -> ImageShape {
        self.form
    }

    /// The labels, `[N]`; empty for a split without.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Images of each class; empty for a split without labels.
    pub fn per_class(&self) -> Vec<usize> {
        if self.labels.is_empty() {
            return Vec::new();
        }
        let mut counts = vec![0; self.classes.len()];
        self.labels.iter().for_each(|&l| counts[l as usize] += 1);
        counts
    }

    /// The files (or folders, or lists) that the split was read from.
    pub fn files(&self) -> Vec<&Path> {
        self.records.parts.iter().map(|p| p.path.as_path()).collect()
    }

    /// Bytes of those files on the disk; of images in files of their own, of these.
    pub fn bytes(&self) -> u64 {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |m| m.len());
        let part = |part: &Part| match &part.images {
            Images::Files(files) => files.iter().map(|f| size(&f.path)).sum(),
            _ => size(&part.path),
        };
        self.records.parts.iter().map(part).sum()
    }

    /// The pieces that are read at a time, as ranges of indices.
    pub fn pieces(&self) -> &[Range<usize>] {
        &self.pieces
    }

    /// So many of the images, or all if there are no more, in memory: drawn at random without repetition, a function of the
    /// seed alone, in the set's order.
    ///
    /// # Errors
    /// When an image cannot be read or decoded, or there is no memory for them.
    pub fn draw(&self, images: usize, seed: u64) -> Result<ImageSet, DataError> {
        let mut drawn = sample(&mut stream(seed, "drawn images", 0), self.len(), images.min(self.len())).into_vec();
        drawn.sort_unstable();
        let mut pixels = Vec::new();
        let bytes = (drawn.len() as u64).saturating_mul(self.form.numel() as u64);
        reserve(&mut pixels, bytes, Path::new(&self.name))?;
        for piece in &self.pieces {
            let found = self.piece(piece, |i| drawn.binary_search(&i).is_ok())?;
            found.into_iter().for_each(|(_, image)| pixels.extend(image));
        }
        let labels = drawn.iter().filter_map(|&i| self.labels.get(i).copied()).collect();
        let ImageShape { channels, height, width } = self.form;
        let (name, classes, all) = (self.name.clone(), self.classes.clone(), 0..drawn.len());
        Ok(ImageSet { name, classes, channels, height, width, pixels, labels, pieces: vec![all] })
    }

    /// Decodes those of a piece's images that are wanted.
    fn piece(&self, piece: &Range<usize>, wanted: impl Fn(usize) -> bool) -> Result<Vec<(usize, Vec<u8>)>, DataError> {
        let at = self.pieces.partition_point(|p| p.start < piece.start);
        let (Some((part, rows)), indices) = (self.places.get(at), piece.clone().filter(|&i| wanted(i))) else {
            return Ok(Vec::new());
        };
        let indices: Vec<usize> = indices.collect();
        let rows: Vec<usize> = indices.iter().map(|i| rows.start + (i - piece.start)).collect();
        let mut pixels = Vec::with_capacity(rows.len() * self.form.numel());
        append(&mut pixels, self.form, &self.records.parts[*part], &rows)?;
        Ok(indices.into_iter().zip(pixels.chunks_exact(self.form.numel().max(1)).map(<[u8]>::to_vec)).collect())
    }
}

/// Reads a streamed set in the order of an epoch, holding what was read and not yet given out.
pub(super) struct Cursor<'a> {
    set: &'a StreamSet,
    pieces: std::vec::IntoIter<Range<usize>>,
    given: HashSet<usize>,
    held: HashMap<usize, Vec<u8>>,
}

impl<'a> Cursor<'a> {
    /// Begins after the images `given`, which a run that is taken up again has seen already.
    pub(super) fn new(set: &'a StreamSet, seed: u64, epoch: u64, given: &[usize]) -> Self {
        let pieces = piece_order(&set.pieces, seed, epoch).into_iter();
        Self { set, pieces, given: given.iter().copied().collect(), held: HashMap::new() }
    }

    /// The images of these indices and their labels.
    pub(super) fn take(&mut self, indices: &[usize]) -> Result<Vec<(Vec<u8>, u32)>, DataError> {
        let mut images = Vec::with_capacity(indices.len());
        for &index in indices {
            let image = loop {
                if let Some(image) = self.held.remove(&index) {
                    break image;
                }
                let piece = self.pieces.next().expect("an epoch's order is of images in its pieces, each once");
                self.held.extend(self.set.piece(&piece, |i| !self.given.contains(&i))?);
            };
            images.push((image, self.set.labels.get(index).copied().unwrap_or(UNLABELLED)));
        }
        Ok(images)
    }
}
