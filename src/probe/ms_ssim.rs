//! Multi-scale structural similarity of images.

use super::ProbeError;
use rayon::prelude::*;

/// Settings of [`ms_ssim`].
#[derive(Debug, Clone, PartialEq)]
pub struct MsSsimConfig {
    /// Side of the Gaussian window, pixels, odd.
    pub window: usize,
    /// Standard deviation of the Gaussian, pixels.
    pub sigma: f64,
    /// Exponents of the scales, finest first; as many scales as there are.
    pub weights: Vec<f64>,
    /// Largest value minus smallest value that a pixel can have.
    pub range: f64,
}

impl Default for MsSsimConfig {
    /// The five scales of Wang, Simoncelli & Bovik 2003 with the window of Wang et al. 2004, for pixels in [−1, 1].
    fn default() -> Self {
        Self { window: 11, sigma: 1.5, weights: vec![0.0448, 0.2856, 0.3001, 0.2363, 0.1333], range: 2.0 }
    }
}

impl MsSsimConfig {
    /// The largest number of scales, up to five, whose coarsest image still holds the window, for images whose shorter side
    /// is `side`; where that is fewer, the exponents are the first of the five, divided by their sum. The window is shrunk first to 7 pixels
    /// for images too small for two scales with 11.
    pub fn for_side(side: usize) -> Self {
        let Self { sigma, weights, range, .. } = Self::default();
        let scales = |window: usize| (1..=weights.len()).take_while(|s| side > (window - 1) << (s - 1)).count();
        let window = if scales(11) >= 2 || scales(7) == 0 { 11 } else { 7 };
        let kept = &weights[..scales(window).max(1)];
        let sum: f64 = if kept.len() == weights.len() { 1.0 } else { kept.iter().sum() };
        Self { window, sigma, weights: kept.iter().map(|w| w / sum).collect(), range }
    }

    /// Rejects settings that cannot work on images of `[C, H, W]`.
    fn check(&self, [_, h, w]: [usize; 3]) -> Result<(), ProbeError> {
        let fail = |name, value: String, range| Err(ProbeError::Setting { name, value, range });
        if self.window.is_multiple_of(2) {
            return fail("window", self.window.to_string(), "odd");
        }
        for (name, value) in [("sigma", self.sigma), ("range", self.range)] {
            if !(value > 0.0 && value.is_finite()) {
                return fail(name, value.to_string(), "positive and finite");
            }
        }
        let scales = self.weights.len();
        if scales == 0 || scales > 16 || self.weights.iter().any(|w| !(w.is_finite() && *w >= 0.0)) {
            return fail("weights", format!("{:?}", self.weights), "1 to 16 numbers of 0 or more");
        }
        if h.min(w) <= (self.window - 1) << (scales - 1) {
            let range = "so small that the window fits the coarsest scale: the shorter side is more than \
                         (window − 1)·2^(scales − 1); take fewer scales or a smaller window";
            return fail("scales", format!("{scales} with a window of {} on {h} x {w} pixels", self.window), range);
        }
        Ok(())
    }
}

/// Multi-scale structural similarity (Wang, Simoncelli & Bovik 2003, eq. 7) of pairs of images `[N, C, H, W]`, the mean over
/// pairs and channels: 1 for equal images, 0 or more.
///
/// The product over the scales of contrast-structure terms, and of the full similarity at the coarsest, each to the power
/// of its weight. Means are taken over the places where the window fits; between scales images are averaged over 2×2
/// pixels, an odd side being padded with zeros in front; terms below zero count as zero. These are the choices of the
/// `pytorch-msssim` package.
///
/// # Errors
/// [`ProbeError::Size`] when the buffers are not `N·C·H·W` numbers of equal length, [`ProbeError::Setting`].
pub fn ms_ssim(x: &[f32], y: &[f32], shape: [usize; 3], config: &MsSsimConfig) -> Result<f64, ProbeError> {
    let [c, h, w] = shape;
    config.check(shape)?;
    let image = c * h * w;
    if image == 0 || x.is_empty() || !x.len().is_multiple_of(image) || x.len() != y.len() {
        return Err(ProbeError::Size { rows: x.len().checked_div(image).unwrap_or(0), dim: image, len: y.len() });
    }
    let window = gaussian(config);
    let values: Vec<f64> = x
        .par_chunks(h * w)
        .zip(y.par_chunks(h * w))
        .map(|(x, y)| {
            let wide = |p: &[f32]| Plane { values: p.iter().map(|&v| f64::from(v)).collect(), h, w };
            channel(wide(x), wide(y), &window, config)
        })
        .collect();
    Ok(values.iter().sum::<f64>() / values.len() as f64)
}

/// One channel of one image.
struct Plane {
    values: Vec<f64>,
    h: usize,
    w: usize,
}

/// The window along one axis, of sum 1.
fn gaussian(config: &MsSsimConfig) -> Vec<f64> {
    let middle = (config.window / 2) as f64;
    let raw: Vec<f64> = (0..config.window)
        .map(|i| (-(i as f64 - middle).powi(2) / (2.0 * config.sigma * config.sigma)).exp())
        .collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|v| v / sum).collect()
}

fn channel(mut x: Plane, mut y: Plane, window: &[f64], config: &MsSsimConfig) -> f64 {
    let last = config.weights.len() - 1;
    let mut product = 1.0;
    for (scale, &weight) in config.weights.iter().enumerate() {
        let [similarity, contrast] = ssim(&x, &y, window, config.range);
        let term = if scale == last { similarity } else { contrast };
        product *= term.max(0.0).powf(weight);
        if scale < last {
            (x, y) = (halve(&x), halve(&y));
        }
    }
    product
}

/// Mean structural similarity, and the mean of its contrast-structure term alone (Wang et al. 2004, eq. 13).
fn ssim(x: &Plane, y: &Plane, window: &[f64], range: f64) -> [f64; 2] {
    let (c1, c2) = ((0.01 * range).powi(2), (0.03 * range).powi(2));
    let product = |a: &Plane, b: &Plane| Plane {
        values: a.values.iter().zip(&b.values).map(|(a, b)| a * b).collect(),
        h: a.h,
        w: a.w,
    };
    let [mx, my] = [x, y].map(|p| blur(p, window));
    let [xx, yy, xy] = [(x, x), (y, y), (x, y)].map(|(a, b)| blur(&product(a, b), window));
    let mut sums = [0.0; 2];
    for i in 0..mx.len() {
        let (a, b) = (mx[i], my[i]);
        let contrast = (2.0 * (xy[i] - a * b) + c2) / (xx[i] - a * a + yy[i] - b * b + c2);
        sums[0] += contrast * (2.0 * a * b + c1) / (a * a + b * b + c1);
        sums[1] += contrast;
    }
    sums.map(|s| s / mx.len() as f64)
}

/// Weighted means under the window wherever it fits: `[(H − k + 1)·(W − k + 1)]`.
fn blur(p: &Plane, window: &[f64]) -> Vec<f64> {
    let k = window.len();
    let (oh, ow) = (p.h - k + 1, p.w - k + 1);
    let mut down = vec![0.0; oh * p.w];
    for (r, out) in down.chunks_exact_mut(p.w).enumerate() {
        for (weight, row) in window.iter().zip(p.values[r * p.w..].chunks_exact(p.w)) {
            out.iter_mut().zip(row).for_each(|(o, v)| *o += weight * v);
        }
    }
    let mut out = Vec::with_capacity(oh * ow);
    for row in down.chunks_exact(p.w) {
        out.extend(row.windows(k).map(|v| v.iter().zip(window).map(|(v, w)| v * w).sum::<f64>()));
    }
    out
}

/// Means of 2×2 pixels; an odd side has a row or column of zeros in front, which counts in the mean.
fn halve(p: &Plane) -> Plane {
    let (ph, pw) = (p.h % 2, p.w % 2);
    let (h, w) = ((p.h + 2 * ph - 2) / 2 + 1, (p.w + 2 * pw - 2) / 2 + 1);
    let at = |r: usize, c: usize| match (r.checked_sub(ph), c.checked_sub(pw)) {
        (Some(r), Some(c)) if r < p.h && c < p.w => p.values[r * p.w + c],
        _ => 0.0,
    };
    let values = (0..h * w)
        .map(|i| {
            let (r, c) = (2 * (i / w), 2 * (i % w));
            (at(r, c) + at(r, c + 1) + at(r + 1, c) + at(r + 1, c + 1)) / 4.0
        })
        .collect();
    Plane { values, h, w }
}
