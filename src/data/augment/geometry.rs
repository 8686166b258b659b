//! Resizing and cropping of byte planes.

use super::colour::WEIGHTS;
use crate::data::{DataError, ImageShape};
use image::imageops::{FilterType, crop_imm, resize as scale};
use image::{ImageBuffer, Luma};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// How a square of `size` pixels is cut out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Crop {
    /// From the middle.
    Centre {
        /// Side, pixels.
        size: usize,
    },
    /// From anywhere, after `padding` black pixels were put on every side.
    Random {
        /// Side, pixels.
        size: usize,
        /// Pixels put on every side.
        #[serde(default)]
        padding: usize,
    },
    /// A rectangle of random area and shape, resized to the square (Szegedy et al. 2015).
    Resized {
        /// Side, pixels.
        size: usize,
        /// Smallest and largest share of the image's area.
        scale: [f64; 2],
        /// Smallest and largest width over height.
        ratio: [f64; 2],
    },
}

/// Draws of a rectangle before the middle is taken.
const ATTEMPTS: usize = 10;

impl Crop {
    /// Side of the square, pixels.
    pub fn size(&self) -> usize {
        match *self {
            Self::Centre { size } | Self::Random { size, .. } | Self::Resized { size, .. } => size,
        }
    }

    pub(super) fn check(&self, height: usize, width: usize) -> Result<(), DataError> {
        let fail = |text: String| Err(DataError::Setting(text));
        let size = self.size();
        if size == 0 {
            return fail("the crop's size is 0; it is a side in pixels, 1 or more".into());
        }
        match *self {
            Self::Centre { .. } if size > height.min(width) => {
                fail(format!("a crop of {size} pixels does not fit an image of {width}x{height}"))
            }
            Self::Random { padding, .. } if size > height.min(width) + 2 * padding => fail(format!(
                "a crop of {size} pixels does not fit an image of {width}x{height} with {padding} pixels around it"
            )),
            Self::Resized { scale: [a, b], ratio: [r, s], .. }
                if !(0.0 < a && a <= b && b <= 1.0 && 0.0 < r && r <= s && s.is_finite()) =>
            {
                fail(format!(
                    "a crop of area {a} to {b} and shape {r} to {s}: areas are in (0, 1], shapes above 0, smaller first"
                ))
            }
            _ => Ok(()),
        }
    }

    /// Cuts the planes `image` into `out`.
    pub(super) fn apply(&self, image: &[u8], shape: ImageShape, rng: &mut impl Rng, out: &mut Vec<u8>) -> ImageShape {
        let ImageShape { channels, height, width } = shape;
        let size = self.size();
        match *self {
            Self::Centre { .. } => cut(image, shape, [(height - size) / 2, (width - size) / 2], 0, size, out),
            Self::Random { padding, .. } => {
                let top = rng.gen_range(0..=height + 2 * padding - size);
                let left = rng.gen_range(0..=width + 2 * padding - size);
                cut(image, shape, [top, left], padding, size, out);
            }
            Self::Resized { scale, ratio, .. } => {
                let [y, x, h, w] = rectangle(height, width, scale, ratio, rng);
                out.clear();
                for plane in image.chunks_exact(height * width) {
                    let plane = planes(plane, height, width);
                    let part = crop_imm(&plane, x as u32, y as u32, w as u32, h as u32);
                    out.extend(scale_to(&*part, size, size));
                }
            }
        }
        ImageShape { channels, height: size, width: size }
    }
}

/// A plane as an image of the crate `image`, without a copy.
fn planes(plane: &[u8], height: usize, width: usize) -> ImageBuffer<Luma<u8>, &[u8]> {
    ImageBuffer::from_raw(width as u32, height as u32, plane).expect("a plane has height x width bytes")
}

/// Bilinear, with the filter widened when shrinking (no aliasing), as PIL's.
fn scale_to<V: image::GenericImageView<Pixel = Luma<u8>>>(view: &V, height: usize, width: usize) -> Vec<u8> {
    scale(view, width as u32, height as u32, FilterType::Triangle).into_raw()
}

/// Copies a square at `[top, left]` of the image with `padding` black pixels on every side.
fn cut(image: &[u8], shape: ImageShape, [top, left]: [usize; 2], padding: usize, size: usize, out: &mut Vec<u8>) {
    let ImageShape { channels, height, width } = shape;
    out.clear();
    out.resize(channels * size * size, 0);
    // Columns of the square that lie in the image.
    let from = padding.saturating_sub(left).min(size);
    let to = (padding + width).saturating_sub(left).min(size).max(from);
    for (plane, out) in image.chunks_exact(height * width).zip(out.chunks_exact_mut(size * size)) {
        for (y, row) in out.chunks_exact_mut(size).enumerate() {
            if let Some(y) = (y + top).checked_sub(padding).filter(|&y| y < height) {
                row[from..to].copy_from_slice(&plane[y * width + left + from - padding..][..to - from]);
            }
        }
    }
}

/// A rectangle `[y, x, h, w]` of random area and shape inside the image; the largest middle one when ten draws do not fit.
fn rectangle(height: usize, width: usize, scale: [f64; 2], ratio: [f64; 2], rng: &mut impl Rng) -> [usize; 4] {
    let area = (height * width) as f64;
    for _ in 0..ATTEMPTS {
        let target = area * rng.gen_range(scale[0]..=scale[1]);
        let aspect = rng.gen_range(ratio[0].ln()..=ratio[1].ln()).exp();
        let w = (target * aspect).sqrt().round() as usize;
        let h = (target / aspect).sqrt().round() as usize;
        if (1..=width).contains(&w) && (1..=height).contains(&h) {
            return [rng.gen_range(0..=height - h), rng.gen_range(0..=width - w), h, w];
        }
    }
    let aspect = width as f64 / height as f64;
    let (h, w) = if aspect < ratio[0] {
        ((width as f64 / ratio[0]).round() as usize, width)
    } else if aspect > ratio[1] {
        (height, (height as f64 * ratio[1]).round() as usize)
    } else {
        (height, width)
    };
    let (h, w) = (h.clamp(1, height), w.clamp(1, width));
    [(height - h) / 2, (width - w) / 2, h, w]
}

/// Height and width after resizing the shorter side to `side`.
pub(super) fn resized(height: usize, width: usize, side: usize) -> (usize, usize) {
    let long = |long: usize, short: usize| ((long as f64 * side as f64 / short as f64).floor() as usize).max(1);
    if height <= width { (side, long(width, height)) } else { (long(height, width), side) }
}

/// Resizes the planes so that the shorter side is `side`.
pub(super) fn resize(image: &[u8], shape: ImageShape, side: usize, out: &mut Vec<u8>) -> ImageShape {
    let (height, width) = resized(shape.height, shape.width, side);
    out.clear();
    if (height, width) == (shape.height, shape.width) {
        out.extend_from_slice(image);
    } else {
        for plane in image.chunks_exact(shape.height * shape.width) {
            out.extend(scale_to(&planes(plane, shape.height, shape.width), height, width));
        }
    }
    ImageShape { channels: shape.channels, height, width }
}

/// The middle of the planes `image`, resized so that it is a square of `side`, in as many channels as `out` has room for:
/// as many as it has, or grey in each of three, or the luma (Rec. 601) of three.
pub(in crate::data) fn fit(image: &[u8], shape: ImageShape, side: usize, out: &mut [u8]) {
    let (mut resized, mut square) = (Vec::new(), Vec::new());
    let shape = resize(image, shape, side, &mut resized);
    cut(&resized, shape, [(shape.height - side) / 2, (shape.width - side) / 2], 0, side, &mut square);
    let area = side * side;
    match (shape.channels, out.len() / area) {
        (3, 1) => {
            for (i, grey) in out.iter_mut().enumerate() {
                let luma: f32 = (0..3).map(|c| WEIGHTS[c] * f32::from(square[c * area + i])).sum();
                *grey = (luma + 0.5) as u8;
            }
        }
        (1, _) => out.chunks_exact_mut(area).for_each(|plane| plane.copy_from_slice(&square)),
        _ => out.copy_from_slice(&square),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::stream;

    const SHAPE: ImageShape = ImageShape { channels: 1, height: 3, width: 4 };

    #[test]
    fn crops_are_where_they_should_be() {
        let image: Vec<u8> = (1..=12).collect();
        let mut out = Vec::new();
        let mut rng = stream(0, "crop", 0);
        Crop::Centre { size: 2 }.apply(&image, SHAPE, &mut rng, &mut out);
        assert_eq!(out, [2, 3, 6, 7]);
        cut(&image, SHAPE, [0, 0], 1, 3, &mut out);
        assert_eq!(out, [0, 0, 0, 0, 1, 2, 0, 5, 6]);
        cut(&image, SHAPE, [2, 3], 1, 3, &mut out);
        assert_eq!(out, [7, 8, 0, 11, 12, 0, 0, 0, 0]);
        // Every place of a padded crop comes up, and none outside.
        let mut seen = std::collections::HashSet::new();
        for _ in 0..500 {
            Crop::Random { size: 3, padding: 1 }.apply(&image, SHAPE, &mut rng, &mut out);
            seen.insert(out.clone());
        }
        assert_eq!(seen.len(), 3 * 4);
    }

    #[test]
    fn rectangles_keep_their_area_and_shape() {
        let mut rng = stream(0, "crop", 1);
        for _ in 0..1000 {
            let [y, x, h, w] = rectangle(100, 80, [0.2, 0.5], [0.75, 4.0 / 3.0], &mut rng);
            assert!(y + h <= 100 && x + w <= 80);
            let (share, aspect) = ((h * w) as f64 / 8000.0, w as f64 / h as f64);
            assert!((0.19..=0.51).contains(&share) && (0.72..=1.39).contains(&aspect), "{share} {aspect}");
        }
        // A shape that never fits: the largest middle part.
        assert_eq!(rectangle(10, 100, [1.0, 1.0], [1.0, 1.0], &mut rng), [0, 45, 10, 10]);
    }

    #[test]
    fn resizing_keeps_constants_and_means() {
        let flat = vec![77; 3 * 4];
        let mut out = Vec::new();
        let shape = resize(&flat, SHAPE, 6, &mut out);
        assert_eq!((shape.height, shape.width, out), (6, 8, vec![77; 48]));
        // Halving a checkerboard of 0 and 200 gives its mean away from the border.
        let board: Vec<u8> = (0..64).map(|i| if (i / 8 + i % 8) % 2 == 0 { 0 } else { 200 }).collect();
        let mut out = Vec::new();
        resize(&board, ImageShape { channels: 1, height: 8, width: 8 }, 4, &mut out);
        assert!([5, 6, 9, 10].iter().all(|&i| out[i].abs_diff(100) <= 1), "{out:?}");
    }
}
