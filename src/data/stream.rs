//! Sets that are read as they are needed, for those larger than memory.

use super::augment::ImageShape;
use super::decode::{channels_of, decode, size_of};
use super::order::piece_order;
use super::{Card, DataError, Split, Table};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Rows that are read and decoded at a time.
pub(super) const PIECE: usize = 1024;

/// A split in parquet files, of which only a piece and a shuffle buffer are in memory at any time.
#[derive(Clone, Debug)]
pub struct StreamSet {
    /// The set's name, or its folder's.
    pub name: String,
    /// Number of classes.
    pub classes: usize,
    shape: ImageShape,
    files: Vec<PathBuf>,
    card: Option<Card>,
    pieces: Vec<Range<usize>>,
    /// For each piece, its file and the row in the file that it begins with.
    places: Vec<(usize, usize)>,
}

impl StreamSet {
    /// Finds a split as [`ImageSet::load`](super::ImageSet::load) does, and reads the files' sizes and the first image.
    /// Without a card, labels may be up to `classes` − 1.
    ///
    /// # Errors
    /// When nothing is found, or what is found is damaged; see [`DataError`].
    pub fn open(source: &str, split: Split, dir: Option<&Path>, classes: usize) -> Result<Self, DataError> {
        let (files, card) = super::set::find(source, split, dir)?;
        let (mut pieces, mut places, mut begin) = (Vec::new(), Vec::new(), 0);
        for (number, file) in files.iter().enumerate() {
            let rows = Table::count(file)?;
            for row in (0..rows).step_by(PIECE) {
                pieces.push(begin + row..begin + rows.min(row + PIECE));
                places.push((number, row));
            }
            begin += rows;
        }
        let Some(&(number, row)) = places.first() else {
            let path = files.first().cloned().unwrap_or_else(|| PathBuf::from(source));
            return Err(DataError::Empty { path, split: split.name() });
        };
        let shape = match &card {
            Some(c) => ImageShape { channels: c.channels, height: c.height as usize, width: c.width as usize },
            None => {
                let first = read(&files[number], None, row, 1)?;
                let (width, height) = size_of(&first, 0)?;
                ImageShape { channels: channels_of(&first, 0)?, height: height as usize, width: width as usize }
            }
        };
        let name = card.as_ref().map_or_else(|| source.to_owned(), |c| c.name.clone());
        let classes = card.as_ref().map_or(classes, |c| c.classes.len());
        Ok(Self { name, classes, shape, files, card, pieces, places })
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
        self.shape
    }

    /// The pieces that are read at a time, as ranges of indices.
    pub fn pieces(&self) -> &[Range<usize>] {
        &self.pieces
    }

    /// Decodes those of a piece's images that are wanted.
    fn piece(
        &self,
        piece: &Range<usize>,
        wanted: impl Fn(usize) -> bool,
    ) -> Result<Vec<(usize, (Vec<u8>, u32))>, DataError> {
        let at = self.pieces.binary_search_by_key(&piece.start, |p| p.start).expect("it is one of the pieces");
        let (number, row) = self.places[at];
        let mut table = read(&self.files[number], self.card.as_ref(), row, piece.len())?;
        let mut labels = Vec::with_capacity(piece.len());
        for (k, &label) in table.labels.iter().enumerate() {
            let fits = u32::try_from(label).ok().filter(|&l| (l as usize) < self.classes);
            labels.push(fits.ok_or_else(|| DataError::Label {
                path: table.path.clone(),
                row: table.rows[k],
                label,
                classes: self.classes,
            })?);
        }
        let kept: Vec<usize> = (0..labels.len()).filter(|&k| wanted(piece.start + k)).collect();
        table.images = kept.iter().map(|&k| std::mem::take(&mut table.images[k])).collect();
        table.rows = kept.iter().map(|&k| table.rows[k]).collect();
        let pixels = decode(&table, self.shape.channels, (self.shape.width as u32, self.shape.height as u32))?;
        let images = pixels.chunks_exact(self.shape.numel());
        Ok(kept.iter().zip(images).map(|(&k, p)| (piece.start + k, (p.to_vec(), labels[k]))).collect())
    }
}

fn read(file: &Path, card: Option<&Card>, row: usize, count: usize) -> Result<Table, DataError> {
    let (image, label) = (card.map(|c| c.image_column.as_str()), card.map(|c| c.label_column.as_str()));
    Table::read_rows(file, image, label, row, count)
}

/// Reads a streamed set in the order of an epoch, holding what was read and not yet given out.
pub(super) struct Cursor<'a> {
    set: &'a StreamSet,
    pieces: std::vec::IntoIter<Range<usize>>,
    given: HashSet<usize>,
    held: HashMap<usize, (Vec<u8>, u32)>,
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
            images.push(image);
        }
        Ok(images)
    }
}
