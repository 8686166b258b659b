//! Preprocessing and augmentation of one image: bytes in, normalised numbers out.
//!
//! The steps come in one order: resize → crop → flip → colour jitter → grey → normalise. What is random is drawn from the
//! generator that is handed in, a fixed stream for each sample and epoch, so an image comes out the same whichever thread
//! makes it and whatever was made before it.

mod colour;
mod geometry;
mod normalise;

pub use colour::Jitter;
pub use geometry::Crop;
pub(super) use geometry::fit;
pub use normalise::Normalise;

use super::{DataError, ImageShape};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// What is done to each image. The default changes nothing but the range, to [−1, 1].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Resize so that the shorter side has this many pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<usize>,
    /// Cut out a square.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<Crop>,
    /// Probability of mirroring left to right, in [0, 1].
    pub flip: f64,
    /// Change brightness, contrast, saturation and hue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Jitter>,
    /// Probability of taking the colour out, in [0, 1].
    pub grey: f64,
    /// The range that comes out.
    pub normalise: Normalise,
}

/// Buffers that are used again from image to image.
#[derive(Debug, Default)]
pub struct Scratch {
    bytes: Vec<u8>,
    more: Vec<u8>,
}

impl Augment {
    /// SimCLR's augmentation of small images, to squares of `size` pixels (Chen et al. 2020, appendices A and B.9): a crop of
    /// 8 % to 100 % of the area and 3:4 to 4:3, resized; a flip by half; colour jitter of strength 0.5 with probability 0.8;
    /// grey with probability 0.2; no blur.
    pub fn simclr(size: usize) -> Self {
        Self {
            crop: Some(Crop::Resized { size, scale: [0.08, 1.0], ratio: [0.75, 4.0 / 3.0] }),
            flip: 0.5,
            jitter: Some(Jitter::of_strength(0.5)),
            grey: 0.2,
            ..Self::default()
        }
    }

    /// Rejects settings that cannot work on images of this shape, and says what shape comes out.
    ///
    /// # Errors
    /// Names the setting, its value and what is allowed.
    pub fn check(&self, shape: ImageShape) -> Result<ImageShape, DataError> {
        let fail = |text: String| Err(DataError::Setting(text));
        for (name, p) in [("flip", self.flip), ("grey", self.grey)] {
            if !(0.0..=1.0).contains(&p) {
                return fail(format!("{name} is {p}; it is a probability, 0 to 1"));
            }
        }
        if let Some(jitter) = &self.jitter {
            jitter.check()?;
        }
        self.normalise.check(shape.channels)?;
        let mut out = shape;
        if let Some(side) = self.resize {
            if side == 0 {
                return fail("resize is 0; it is the shorter side in pixels, 1 or more".into());
            }
            (out.height, out.width) = geometry::resized(shape.height, shape.width, side);
        }
        if let Some(crop) = &self.crop {
            crop.check(out.height, out.width)?;
            (out.height, out.width) = (crop.size(), crop.size());
        }
        Ok(out)
    }

    /// Whether any of it is random.
    pub fn is_random(&self) -> bool {
        self.flip > 0.0
            || self.grey > 0.0
            || self.jitter.is_some()
            || !matches!(self.crop, None | Some(Crop::Centre { .. }))
    }

    /// Makes `out` from the planes `image` of shape `shape`. `out` has the length that [`Augment::check`] says.
    ///
    /// # Panics
    /// When a length does not fit, or [`Augment::check`] would reject the settings.
    pub fn apply(&self, image: &[u8], shape: ImageShape, rng: &mut impl Rng, scratch: &mut Scratch, out: &mut [f32]) {
        assert_eq!(image.len(), shape.numel(), "an image of the shape it is said to have");
        let Scratch { bytes, more } = scratch;
        let mut shape = shape;
        let mut current = image;
        if let Some(side) = self.resize {
            shape = geometry::resize(current, shape, side, more);
            current = more;
        }
        if let Some(crop) = &self.crop {
            shape = crop.apply(current, shape, rng, bytes);
            current = bytes;
        }
        assert_eq!(out.len(), shape.numel(), "room for the image that comes out");
        let mirrored = self.flip > 0.0 && rng.r#gen::<f64>() < self.flip;
        if self.jitter.is_none() && self.grey == 0.0 {
            self.normalise.bytes(current, shape, out);
        } else {
            out.iter_mut().zip(current).for_each(|(o, &b)| *o = f32::from(b) / 255.0);
            if let Some(jitter) = &self.jitter {
                jitter.apply(out, shape, rng);
            }
            if self.grey > 0.0 && rng.r#gen::<f64>() < self.grey {
                colour::remove(out, shape);
            }
            self.normalise.unit(out, shape);
        }
        if mirrored {
            out.chunks_exact_mut(shape.width).for_each(<[f32]>::reverse);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::stream;

    fn image(shape: ImageShape) -> Vec<u8> {
        let mut rng = stream(3, "test image", 0);
        (0..shape.numel()).map(|_| rng.r#gen()).collect()
    }

    fn run(augment: &Augment, image: &[u8], shape: ImageShape, index: u64) -> Vec<f32> {
        let mut out = vec![0.0; augment.check(shape).unwrap().numel()];
        augment.apply(image, shape, &mut stream(0, "augment", index), &mut Scratch::default(), &mut out);
        out
    }

    const RGB: ImageShape = ImageShape { channels: 3, height: 9, width: 7 };

    #[test]
    fn the_default_only_changes_the_range() {
        let bytes = image(RGB);
        let out = run(&Augment::default(), &bytes, RGB, 0);
        assert!(out.iter().zip(&bytes).all(|(&o, &b)| o == f32::from(b) / 127.5 - 1.0));
    }

    #[test]
    fn mirroring_twice_is_nothing_and_half_are_mirrored() {
        let bytes = image(RGB);
        let plain = run(&Augment::default(), &bytes, RGB, 0);
        let always = run(&Augment { flip: 1.0, ..Augment::default() }, &bytes, RGB, 0);
        let mut back = always.clone();
        back.chunks_exact_mut(7).for_each(<[f32]>::reverse);
        assert_eq!(back, plain);
        assert_ne!(always, plain);
        let half = Augment { flip: 0.5, ..Augment::default() };
        let mirrored = (0..400).filter(|&i| run(&half, &bytes, RGB, i) == always).count();
        assert!((160..240).contains(&mirrored), "{mirrored} of 400");
    }

    #[test]
    fn a_sample_is_a_function_of_its_stream() {
        let all = Augment {
            resize: Some(8),
            crop: Some(Crop::Resized { size: 6, scale: [0.3, 1.0], ratio: [0.75, 4.0 / 3.0] }),
            flip: 0.5,
            jitter: Some(Jitter { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1, probability: 0.8 }),
            grey: 0.2,
            normalise: Normalise::Symmetric,
        };
        let bytes = image(RGB);
        assert_eq!(run(&all, &bytes, RGB, 5), run(&all, &bytes, RGB, 5));
        assert_ne!(run(&all, &bytes, RGB, 5), run(&all, &bytes, RGB, 6));
        assert!((0..50).all(|i| run(&all, &bytes, RGB, i).iter().all(|v| (-1.0..=1.0).contains(v))));
    }

    #[test]
    fn settings_that_cannot_work_are_named() {
        let square = ImageShape { channels: 3, height: 8, width: 8 };
        let said = |augment: Augment| augment.check(square).unwrap_err().to_string();
        assert!(said(Augment { flip: 1.5, ..Augment::default() }).contains("flip is 1.5"));
        assert!(said(Augment { resize: Some(0), ..Augment::default() }).contains("resize is 0"));
        let crop = Some(Crop::Centre { size: 9 });
        assert!(said(Augment { crop, ..Augment::default() }).contains("9"));
        let normalise = Normalise::Channels { mean: vec![0.5], std: vec![0.5] };
        assert!(said(Augment { normalise, ..Augment::default() }).contains("3 channels"));
    }
}
