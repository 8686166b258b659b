//! The colour space CIE L\*a\*b\*.

use rayon::prelude::*;

/// sRGB (IEC 61966-2-1) to XYZ under D65, each row over the white's own value, so that white is (1, 1, 1).
const TO_XYZ: [[f64; 3]; 3] = [
    [0.412_456_4 / 0.950_47, 0.357_576_1 / 0.950_47, 0.180_437_5 / 0.950_47],
    [0.212_672_9, 0.715_152_2, 0.072_175_0],
    [0.019_333_9 / 1.088_83, 0.119_192_0 / 1.088_83, 0.950_304_1 / 1.088_83],
];

/// Half the range of lightness, and the number that a\* and b\* are divided by: those of sRGB lie within ±108.
const SCALES: [f64; 2] = [50.0, 110.0];

/// L\*, a\* and b\* of a colour in sRGB, each of its numbers in [0, 1] (CIE 1976, white of D65): L\* in [0, 100], the others
/// within ±108.
///
/// ```
/// let [l, a, b] = infomax::baseline::lab([1.0, 0.0, 0.0]);
/// assert!((l - 53.24).abs() < 0.01 && (a - 80.09).abs() < 0.01 && (b - 67.20).abs() < 0.01);
/// ```
pub fn lab(rgb: [f64; 3]) -> [f64; 3] {
    let linear = rgb.map(|v| if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) });
    let [x, y, z] = TO_XYZ.map(|row| {
        let t: f64 = row.iter().zip(linear).map(|(r, v)| r * v).sum();
        if t > (6.0f64 / 29.0).powi(3) { t.cbrt() } else { t * (29.0f64 / 6.0).powi(2) / 3.0 + 4.0 / 29.0 }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// Splits colour images `[B, 3, area]` of numbers in [−1, 1] into lightness, `[B, 1, area]` in [−1, 1], and colour,
/// `[B, 2, area]`, a\* and b\* over 110.
pub(super) fn split(pixels: &[f32], area: usize) -> [Vec<f32>; 2] {
    let images = pixels.len() / (3 * area);
    let (mut lightness, mut colour) = (vec![0f32; images * area], vec![0f32; images * 2 * area]);
    let parts = lightness.par_chunks_exact_mut(area).zip(colour.par_chunks_exact_mut(2 * area));
    parts.zip(pixels.par_chunks_exact(3 * area)).for_each(|((lightness, colour), image)| {
        for i in 0..area {
            let [l, a, b] = lab([0, 1, 2].map(|c| (f64::from(image[c * area + i]) + 1.0) / 2.0));
            lightness[i] = (l / SCALES[0] - 1.0) as f32;
            (colour[i], colour[area + i]) = ((a / SCALES[1]) as f32, (b / SCALES[1]) as f32);
        }
    });
    [lightness, colour]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_has_the_planes_in_their_places() {
        // White and red, then grey and blue.
        let images = [1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 0.0, -1.0, 0.0, -1.0, 0.0, 1.0];
        let [lightness, colour] = split(&images, 2);
        let near = |found: &[f32], expected: &[f64]| {
            assert_eq!(found.len(), expected.len());
            found.iter().zip(expected).for_each(|(f, e)| assert!((f64::from(*f) - e).abs() < 1e-4, "{f} is not {e}"));
        };
        near(&lightness, &[1.0, 53.2408 / 50.0 - 1.0, 53.3890 / 50.0 - 1.0, 32.2970 / 50.0 - 1.0]);
        let ab = [0.0, 80.0925, 0.0, 67.2032, 0.0, 79.1875, 0.0, -107.8602];
        near(&colour, &ab.map(|v| v / 110.0));
    }
}
