//! What an export writes, whatever the format.

use crate::data::{DataError, ImageSet, UNLABELLED};
use crate::patch::{Cutter, PatchError, Position};
use std::borrow::Cow;
use std::io::Write;
use std::ops::Range;

/// Bytes of pixels that are prepared at a time.
const BLOCK: usize = 32 << 20;

/// The first images of a set, whole or in patches.
pub(super) struct Rows<'a> {
    pub set: &'a ImageSet,
    pub images: usize,
    pub cutter: Option<&'a Cutter>,
}

/// What belongs to the pixels, as little-endian `int64`.
#[derive(Clone, Copy)]
pub(super) enum Integers {
    Indices,
    Labels,
    Positions,
}

impl Integers {
    pub fn name(self) -> &'static str {
        match self {
            Self::Indices => "indices",
            Self::Labels => "labels",
            Self::Positions => "positions",
        }
    }
}

impl<'a> Rows<'a> {
    pub fn new(set: &'a ImageSet, images: usize, cutter: Option<&'a Cutter>) -> Result<Self, DataError> {
        let shape = [set.channels, set.height, set.width];
        if let Some(other) = cutter.map(Cutter::shape).filter(|s| *s != shape) {
            let expected = format!("{} (images of {shape:?}, not {other:?})", set.image_len());
            let found = other.iter().product();
            return Err(PatchError::Length { what: "the values of an image to cut", found, expected }.into());
        }
        Ok(Self { set, images, cutter })
    }

    /// What the pixels are called.
    pub fn name(&self) -> &'static str {
        if self.cutter.is_some() { "patches" } else { "images" }
    }

    /// `[N, C, H, W]` or `[N, P, C, K, K]`.
    pub fn shape(&self) -> Vec<usize> {
        match self.cutter {
            Some(c) => vec![self.images, c.per_image(), self.set.channels, c.size(), c.size()],
            None => vec![self.images, self.set.channels, self.set.height, self.set.width],
        }
    }

    /// Bytes of pixels of each image.
    pub fn pixels_of_each(&self) -> usize {
        self.cutter.map_or(self.set.image_len(), |c| c.per_image() * c.patch_len())
    }

    /// The images in blocks that fit in memory, in order.
    pub fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (images, step) = (self.images, (BLOCK / self.pixels_of_each()).max(1));
        (0..images).step_by(step).map(move |first| first..images.min(first + step))
    }

    /// The pixels of some images.
    pub fn pixels(&self, images: Range<usize>) -> Result<Vec<u8>, DataError> {
        let whole: Vec<u8> = images.clone().flat_map(|i| self.set.image(i)).copied().collect();
        match self.cutter {
            Some(cutter) => Ok(cutter.cut(&whole, &images.collect::<Vec<_>>())?),
            None => Ok(whole),
        }
    }

    /// The label of an image; −1 when it has none.
    pub fn label(&self, image: usize) -> i64 {
        match self.set.label(image) {
            UNLABELLED => -1,
            label => i64::from(label),
        }
    }

    /// Where the patches of an image lie; nothing for whole images.
    pub fn positions(&self, image: usize) -> Cow<'_, [Position]> {
        self.cutter.map_or(Cow::Borrowed(&[]), |c| c.positions(image))
    }

    /// What belongs to the pixels, with its shape.
    pub fn integers(&self) -> Vec<(Integers, Vec<usize>)> {
        let n = self.images;
        let mut all = vec![(Integers::Indices, vec![n]), (Integers::Labels, vec![n])];
        all.extend(self.cutter.map(|c| (Integers::Positions, vec![n, c.per_image(), 2])));
        all
    }

    /// Writes the values of one of [`integers`](Self::integers).
    pub fn write_integers(&self, which: Integers, out: &mut impl Write) -> std::io::Result<()> {
        for i in 0..self.images {
            match which {
                Integers::Indices => out.write_all(&(i as i64).to_le_bytes())?,
                Integers::Labels => out.write_all(&self.label(i).to_le_bytes())?,
                Integers::Positions => {
                    for at in self.positions(i).iter() {
                        out.write_all(&(at.row as i64).to_le_bytes())?;
                        out.write_all(&(at.column as i64).to_le_bytes())?;
                    }
                }
            }
        }
        Ok(())
    }
}
