//! Images of which some patches are noise.

use super::{DataError, ImageSet, ImageShape, Split};
use crate::seed::stream;
use rand::Rng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

/// Noise in place of some patches of each image: squares of `grain` pixels, each black or white in each channel by a fair
/// coin of its own. The places are the same in all images, the noise is not: it tells one image from another, and says
/// nothing of what is on them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatchNoise {
    /// Side of a patch, pixels; it divides the images' sides.
    pub side: usize,
    /// Side of the squares, pixels; it divides `side`.
    pub grain: usize,
    /// Share of the patches, in [0, 1]; their number is rounded.
    pub share: f64,
    /// Root seed of places and noise.
    pub seed: u64,
}

impl PatchNoise {
    /// Rejects settings that cannot work on images of this shape.
    ///
    /// # Errors
    /// Names the setting, its value and what is allowed.
    pub fn check(&self, shape: ImageShape) -> Result<(), DataError> {
        let Self { side, grain, share, .. } = *self;
        let ImageShape { height, width, .. } = shape;
        if side == 0 || !height.is_multiple_of(side) || !width.is_multiple_of(side) {
            return Err(DataError::Setting(format!(
                "noise in patches of {side} pixels; the side divides those of the images, {height} x {width}"
            )));
        }
        if grain == 0 || !side.is_multiple_of(grain) {
            return Err(DataError::Setting(format!(
                "noise of squares of {grain} pixels; their side divides that of the patches, {side}"
            )));
        }
        if !(0.0..=1.0).contains(&share) {
            return Err(DataError::Setting(format!("noise in a share of {share} of the patches; it is 0 to 1")));
        }
        Ok(())
    }

    /// The numbers of the patches that are noise, row by row from the top left, in ascending order. With more of them there
    /// are all those that there are with fewer.
    pub fn places(&self, shape: ImageShape) -> Vec<usize> {
        let mut all: Vec<usize> = (0..shape.height / self.side * (shape.width / self.side)).collect();
        let noisy = (self.share * all.len() as f64).round() as usize;
        all.shuffle(&mut stream(self.seed, "noise places", 0));
        all.truncate(noisy);
        all.sort_unstable();
        all
    }

    /// The squares of the noise of image `index` of a split, whether each is white: patch by patch in the order of
    /// [`places`](Self::places), in each channel by channel, and there row by row.
    pub fn squares(&self, shape: ImageShape, split: Split, index: usize) -> Vec<bool> {
        let in_patch = (self.side / self.grain).pow(2) * shape.channels;
        let root = crate::seed::child(self.seed, split.name(), 0);
        let mut rng = stream(root, "noise squares", index as u64);
        (0..self.places(shape).len() * in_patch).map(|_| rng.r#gen()).collect()
    }

    /// Puts the noise into a split of a set.
    ///
    /// # Errors
    /// As [`PatchNoise::check`].
    pub fn apply(&self, set: ImageSet, split: Split) -> Result<ImageSet, DataError> {
        let shape = set.shape();
        self.check(shape)?;
        let Self { side, grain, .. } = *self;
        let (places, across, row) = (self.places(shape), shape.width / side, side / grain);
        Ok(set.with_images(|index, image| {
            let squares = self.squares(shape, split, index);
            let patches = squares.chunks_exact(shape.channels * row * row).zip(&places);
            for (squares, place) in patches {
                let (top, left) = (place / across * side, place % across * side);
                let planes = image.chunks_exact_mut(shape.height * shape.width).zip(squares.chunks_exact(row * row));
                for (plane, squares) in planes {
                    for (y, pixels) in plane.chunks_exact_mut(shape.width).skip(top).take(side).enumerate() {
                        for (x, pixel) in pixels[left..left + side].iter_mut().enumerate() {
                            *pixel = if squares[y / grain * row + x / grain] { 255 } else { 0 };
                        }
                    }
                }
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> ImageSet {
        let pixels = (0..20 * 2 * 8 * 12).map(|i| (i % 200 + 20) as u8).collect();
        ImageSet {
            name: "ramp".into(),
            classes: Vec::new(),
            channels: 2,
            height: 8,
            width: 12,
            pixels,
            labels: Vec::new(),
            pieces: std::iter::once(0..20).collect(),
        }
    }

    const NOISE: PatchNoise = PatchNoise { side: 4, grain: 2, share: 0.5, seed: 3 };

    #[test]
    fn noise_is_where_it_should_be_and_nowhere_else() {
        let (plain, noisy) = (set(), NOISE.apply(set(), Split::Train).unwrap());
        let places = NOISE.places(plain.shape());
        assert_eq!(places.len(), 3);
        let (mut white, mut all) = (0, 0);
        for i in 0..20 {
            let squares = NOISE.squares(plain.shape(), Split::Train, i);
            assert_eq!(squares.len(), 3 * 2 * 4);
            for (at, (&before, &after)) in plain.image(i).iter().zip(noisy.image(i)).enumerate() {
                let (channel, y, x) = (at / 96, at % 96 / 12, at % 12);
                match places.iter().position(|&p| p == y / 4 * 3 + x / 4) {
                    None => assert_eq!(before, after),
                    Some(patch) => {
                        let square = squares[(patch * 2 + channel) * 4 + y % 4 / 2 * 2 + x % 4 / 2];
                        assert_eq!(after, if square { 255 } else { 0 });
                    }
                }
            }
            white += squares.iter().filter(|s| **s).count();
            all += squares.len();
        }
        assert!((0.4..0.6).contains(&(white as f64 / all as f64)), "{white} of {all}");
        // Other images, splits and seeds have other noise, and a larger share has the places of a smaller.
        assert_ne!(noisy.image(0), noisy.image(1));
        assert_ne!(NOISE.apply(set(), Split::Test).unwrap(), noisy);
        assert_ne!(PatchNoise { seed: 4, ..NOISE }.apply(set(), Split::Train).unwrap(), noisy);
        assert_eq!(NOISE.apply(set(), Split::Train).unwrap(), noisy);
        let more = PatchNoise { share: 0.8, ..NOISE }.places(plain.shape());
        assert!(more.len() == 5 && places.iter().all(|p| more.contains(p)));
        assert_eq!(PatchNoise { share: 0.0, ..NOISE }.apply(set(), Split::Train).unwrap(), plain);
    }

    #[test]
    fn settings_that_cannot_work_are_named() {
        let said = |noise: PatchNoise| noise.apply(set(), Split::Train).unwrap_err().to_string();
        assert!(said(PatchNoise { side: 5, ..NOISE }).contains("patches of 5 pixels"));
        assert!(said(PatchNoise { side: 0, ..NOISE }).contains("patches of 0 pixels"));
        assert!(said(PatchNoise { grain: 3, ..NOISE }).contains("squares of 3 pixels"));
        assert!(said(PatchNoise { share: 1.5, ..NOISE }).contains("a share of 1.5"));
        assert!(said(PatchNoise { share: f64::NAN, ..NOISE }).contains("a share of NaN"));
    }
}
