//! Images brought to the shape that an encoder takes.

use super::augment::fit;
use super::{DataError, ImageSet, ImageShape, MAX_SIDE};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The shape that images are brought to once they are loaded, those that are trained on and those that are held out: the
/// shorter side is resized, the middle square cut out, grey repeated in three channels or colour taken to its luma.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// Channels: 1 or 3.
    pub channels: usize,
    /// Height and width, pixels.
    pub side: usize,
}

impl Fit {
    /// The fit to images of `[C, H, W]`, which are square.
    pub fn to([channels, side, _]: [usize; 3]) -> Self {
        Self { channels, side }
    }

    /// Brings a set's images to the shape.
    ///
    /// # Errors
    /// When the shape is none that images have.
    pub fn apply(&self, set: ImageSet) -> Result<ImageSet, DataError> {
        let Self { channels, side } = *self;
        if !matches!(channels, 1 | 3) || !(1..=MAX_SIDE as usize).contains(&side) {
            return Err(DataError::Setting(format!(
                "images are to be fitted to {channels} channels and {side} pixels; they have 1 or 3 channels and a side of 1 \
                 to {MAX_SIDE}"
            )));
        }
        let from = set.shape();
        if from == (ImageShape { channels, height: side, width: side }) {
            return Ok(set);
        }
        let bytes = set.len().saturating_mul(channels * side * side);
        let mut pixels = Vec::new();
        pixels.try_reserve_exact(bytes).map_err(|_| {
            let images = set.len();
            DataError::Setting(format!(
                "{images} images fitted to {side} pixels take {bytes} bytes, more than there are"
            ))
        })?;
        pixels.resize(bytes, 0);
        pixels.par_chunks_exact_mut(channels * side * side).enumerate().for_each(|(i, out)| {
            fit(set.image(i), from, side, out);
        });
        Ok(ImageSet { channels, height: side, width: side, pixels, ..set })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two images whose planes are constant.
    fn set(channels: usize, height: usize, width: usize, values: [&[u8]; 2]) -> ImageSet {
        let plane = |&v: &u8| std::iter::repeat_n(v, height * width);
        ImageSet {
            name: "flat".into(),
            classes: vec!["a".into(), "b".into()],
            channels,
            height,
            width,
            pixels: values.iter().flat_map(|image| image.iter().flat_map(plane)).collect(),
            labels: vec![1, 0],
            pieces: std::iter::once(0..2).collect(),
        }
    }

    #[test]
    fn grey_becomes_colour_and_colour_grey() {
        let colour = Fit { channels: 3, side: 8 }.apply(set(1, 4, 6, [&[10], &[200]])).unwrap();
        assert_eq!([colour.channels, colour.height, colour.width], [3, 8, 8]);
        assert!(colour.image(0).iter().all(|&p| p == 10) && colour.image(1).iter().all(|&p| p == 200));
        assert_eq!(colour.labels(), [1, 0]);
        // Rec. 601: 0.299 red, 0.587 green, 0.114 blue.
        let grey = Fit { channels: 1, side: 2 }.apply(set(3, 4, 4, [&[100, 200, 50], &[255, 255, 255]])).unwrap();
        assert_eq!((grey.image(0), grey.image(1)), (&[153u8; 4][..], &[255u8; 4][..]));
    }

    #[test]
    fn the_middle_is_kept() {
        // Columns 0 to 5; the middle square of a 4 x 6 image has 1 to 4.
        let mut wide = set(1, 4, 6, [&[0], &[0]]);
        wide.pixels.iter_mut().enumerate().for_each(|(i, p)| *p = (i % 6) as u8);
        let cut = Fit { channels: 1, side: 4 }.apply(wide.clone()).unwrap();
        assert_eq!(cut.image(1)[..4], [1, 2, 3, 4]);
        // What has the shape already is left alone.
        assert_eq!(Fit { channels: 1, side: 4 }.apply(cut.clone()).unwrap(), cut);
        assert!(Fit { channels: 2, side: 4 }.apply(wide.clone()).unwrap_err().to_string().contains("to 2 channels"));
        assert!(Fit { channels: 1, side: 0 }.apply(wide).unwrap_err().to_string().contains("0 pixels"));
    }
}
