//! Changes of colour, on planes in [0, 1].

use crate::data::{DataError, ImageShape};
use rand::Rng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

/// Random brightness, contrast, saturation and hue, in random order (torchvision's `ColorJitter`).
///
/// Brightness, contrast and saturation are scaled by a factor uniform on `[max(0, 1 − s), 1 + s]`; hue moves by a share of
/// the colour circle uniform on `[−hue, hue]`. On grey images only brightness and contrast do anything.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jitter {
    /// 0 or more.
    pub brightness: f64,
    /// 0 or more.
    pub contrast: f64,
    /// 0 or more.
    pub saturation: f64,
    /// In [0, 0.5].
    pub hue: f64,
    /// Probability that an image is changed at all, in [0, 1].
    pub probability: f64,
}

/// Luma weights (ITU-R BT.601).
pub(super) const WEIGHTS: [f32; 3] = [0.299, 0.587, 0.114];

impl Jitter {
    /// SimCLR's (Chen et al. 2020, appendix A): brightness, contrast and saturation by 0.8 of `strength`, hue by 0.2 of it,
    /// with probability 0.8.
    pub fn of_strength(strength: f64) -> Self {
        let (most, hue) = (0.8 * strength, 0.2 * strength);
        Self { brightness: most, contrast: most, saturation: most, hue, probability: 0.8 }
    }

    pub(super) fn check(&self) -> Result<(), DataError> {
        let Self { brightness, contrast, saturation, hue, probability } = *self;
        for (name, value, most) in [
            ("brightness", brightness, f64::MAX),
            ("contrast", contrast, f64::MAX),
            ("saturation", saturation, f64::MAX),
            ("hue", hue, 0.5),
            ("probability", probability, 1.0),
        ] {
            if !(0.0..=most).contains(&value) {
                let range = if most == f64::MAX { "0 or more".into() } else { format!("0 to {most}") };
                return Err(DataError::Setting(format!("jitter's {name} is {value}; it is {range}")));
            }
        }
        Ok(())
    }

    pub(super) fn apply(&self, image: &mut [f32], shape: ImageShape, rng: &mut impl Rng) {
        if rng.r#gen::<f64>() >= self.probability {
            return;
        }
        let mut order = [0, 1, 2, 3];
        order.shuffle(rng);
        let mut factor = |strength: f64| rng.gen_range((1.0 - strength).max(0.0)..=1.0 + strength) as f32;
        let [b, c, s] = [self.brightness, self.contrast, self.saturation].map(&mut factor);
        let shift = rng.gen_range(-self.hue..=self.hue) as f32;
        for step in order {
            match step {
                0 => image.iter_mut().for_each(|v| *v = (*v * b).clamp(0.0, 1.0)),
                1 => contrast(image, shape, c),
                2 => saturate(image, shape, s),
                _ => turn(image, shape, shift),
            }
        }
    }
}

/// Luma of each pixel.
fn luma(image: &[f32], shape: ImageShape) -> impl Iterator<Item = f32> + '_ {
    let area = shape.height * shape.width;
    (0..area).map(move |i| match shape.channels {
        3 => (0..3).map(|c| WEIGHTS[c] * image[c * area + i]).sum(),
        _ => image[i],
    })
}

/// Blends with the mean luma: `f·v + (1 − f)·mean`.
fn contrast(image: &mut [f32], shape: ImageShape, f: f32) {
    let mean = (luma(image, shape).map(f64::from).sum::<f64>() / (shape.height * shape.width) as f64) as f32;
    image.iter_mut().for_each(|v| *v = (f * *v + (1.0 - f) * mean).clamp(0.0, 1.0));
}

/// Blends with each pixel's luma.
fn saturate(image: &mut [f32], shape: ImageShape, f: f32) {
    if shape.channels != 3 {
        return;
    }
    let grey: Vec<f32> = luma(image, shape).collect();
    for plane in image.chunks_exact_mut(grey.len()) {
        plane.iter_mut().zip(&grey).for_each(|(v, g)| *v = (f * *v + (1.0 - f) * g).clamp(0.0, 1.0));
    }
}

/// Every channel becomes the luma.
pub(super) fn remove(image: &mut [f32], shape: ImageShape) {
    saturate(image, shape, 0.0);
}

/// Moves the hue by `shift`, a share of the circle.
fn turn(image: &mut [f32], shape: ImageShape, shift: f32) {
    if shape.channels != 3 || shift == 0.0 {
        return;
    }
    let area = shape.height * shape.width;
    for i in 0..area {
        let [h, s, v] = to_hsv([image[i], image[area + i], image[2 * area + i]]);
        let rgb = to_rgb([(h + shift).rem_euclid(1.0), s, v]);
        for (c, value) in rgb.into_iter().enumerate() {
            image[c * area + i] = value;
        }
    }
}

fn to_hsv([r, g, b]: [f32; 3]) -> [f32; 3] {
    let (high, low) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = high - low;
    if chroma <= 0.0 {
        return [0.0, 0.0, high];
    }
    let sixth = if high == r {
        ((g - b) / chroma).rem_euclid(6.0)
    } else if high == g {
        (b - r) / chroma + 2.0
    } else {
        (r - g) / chroma + 4.0
    };
    [sixth / 6.0, chroma / high, high]
}

fn to_rgb([h, s, v]: [f32; 3]) -> [f32; 3] {
    let sector = (h * 6.0).floor();
    let f = h * 6.0 - sector;
    let (p, q, t) = (v * (1.0 - s), v * (1.0 - s * f), v * (1.0 - s * (1.0 - f)));
    match sector as i32 % 6 {
        0 => [v, t, p],
        1 => [q, v, p],
        2 => [p, v, t],
        3 => [p, q, v],
        4 => [t, p, v],
        _ => [v, p, q],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIXEL: ImageShape = ImageShape { channels: 3, height: 1, width: 1 };

    #[test]
    fn hue_agrees_with_an_independent_implementation() {
        // (r, g, b), shift, expected: from Python's `colorsys`, rgb_to_hsv then hsv_to_rgb at (h + shift) mod 1.
        for (rgb, shift, expected) in [
            ([0.2, 0.5, 0.9], 0.25, [0.9, 0.2, 0.85]),
            ([0.9, 0.1, 0.3], -0.1, [0.9, 0.1, 0.78]),
            ([0.3, 0.8, 0.25], 0.4, [0.42, 0.25, 0.8]),
        ] {
            let mut image = rgb;
            turn(&mut image, PIXEL, shift);
            for (a, e) in image.iter().zip(expected) {
                assert!((a - e).abs() < 1e-5, "{image:?} is not {expected:?}");
            }
        }
    }

    #[test]
    fn no_change_is_no_change_and_grey_is_grey() {
        let image = [0.2, 0.4, 0.9, 0.1, 0.5, 0.6];
        let shape = ImageShape { channels: 3, height: 1, width: 2 };
        let mut same = image;
        contrast(&mut same, shape, 1.0);
        saturate(&mut same, shape, 1.0);
        assert_eq!(same, image);
        let mut grey = image;
        remove(&mut grey, shape);
        for i in 0..2 {
            let luma = 0.299 * image[i] + 0.587 * image[2 + i] + 0.114 * image[4 + i];
            assert!((0..3).all(|c| (grey[2 * c + i] - luma).abs() < 1e-6));
        }
        let mut flat = image;
        contrast(&mut flat, shape, 0.0);
        assert!(flat.iter().all(|v| (v - flat[0]).abs() < 1e-6));
    }
}
