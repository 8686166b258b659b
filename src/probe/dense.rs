//! Probes of local feature maps: a class or a depth for every location.
//!
//! A location is a row: [`location_rows`] for what the encoder says there, [`at_locations`] for what is true there; then
//! a [`LinearProbe`](super::LinearProbe) with [`accuracy`](super::accuracy) tells segmentation, and a [`DepthProbe`] with
//! [`depth_scores`] depth, by the measures of Newell & Deng 2020 (arXiv 2003.14323).

use super::{Features, ProbeError};
use crate::mi::linalg::{cholesky, solve_lower, solve_upper};
use rayon::prelude::*;
use serde::Serialize;

/// Rows that are summed as one.
const CHUNK: usize = 2048;
/// Chunks that are summed at a time, each in memory of its own.
const AT_ONCE: usize = 16;

/// Local feature maps `[N, C, M, M]` with a row for each location: `[N·M², C]`, an image's locations in reading order.
///
/// # Errors
/// [`ProbeError::Size`] when `maps` does not hold that many values; as [`Features::try_new`].
pub fn location_rows(maps: &[f32], channels: usize, side: usize) -> Result<Features, ProbeError> {
    let area = side * side;
    let image = channels * area;
    if image == 0 || !maps.len().is_multiple_of(image) {
        return Err(ProbeError::Size { rows: maps.len() / image.max(1) * area, dim: channels, len: maps.len() });
    }
    let mut rows = vec![0.0; maps.len()];
    rows.par_chunks_mut(image).zip(maps.par_chunks(image)).for_each(|(rows, map)| {
        for (location, row) in rows.chunks_exact_mut(channels).enumerate() {
            row.iter_mut().enumerate().for_each(|(c, v)| *v = map[c * area + location]);
        }
    });
    Features::try_new(maps.len() / channels, channels, rows)
}

/// Values of pixels, `[N, H, W]`, at the locations of a map of `side` x `side`: that of the pixel in the middle of each,
/// `[N·side²]`.
///
/// # Errors
/// [`ProbeError::Size`] when `values` is not whole images; [`ProbeError::Setting`] when the map is finer than the image.
pub fn at_locations<T: Copy>(values: &[T], [height, width]: [usize; 2], side: usize) -> Result<Vec<T>, ProbeError> {
    let area = height * width;
    if side == 0 || side > height.min(width) {
        let range = "at least 1, and no more than the sides of the image";
        return Err(ProbeError::Setting { name: "side of the map", value: side.to_string(), range });
    }
    if !values.len().is_multiple_of(area) {
        return Err(ProbeError::Size { rows: values.len() / area, dim: area, len: values.len() });
    }
    let middle = |i: usize, length: usize| (2 * i + 1) * length / (2 * side);
    let locations: Vec<usize> =
        (0..side * side).map(|i| middle(i / side, height) * width + middle(i % side, width)).collect();
    Ok(values.chunks_exact(area).flat_map(|image| locations.iter().map(|&i| image[i])).collect())
}

/// How well depths are told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DepthScores {
    /// Share of pixels with max(p/g, g/p) < 1.25, p predicted and g true.
    pub within_25: f64,
    /// The same below 1.1.
    pub within_10: f64,
    /// Root of the mean squared error, in units of depth.
    pub rmse: f64,
}

/// Scores of predicted depths. A prediction that is not positive is within no ratio.
///
/// # Errors
/// [`ProbeError::LabelCount`] when the numbers differ, [`ProbeError::Empty`] when there are none, and as
/// [`DepthProbe::fit`] for true depths.
pub fn depth_scores(predicted: &[f32], truth: &[f32]) -> Result<DepthScores, ProbeError> {
    check_depths(predicted.len(), truth)?;
    let pairs = || predicted.iter().zip(truth).map(|(&p, &g)| (f64::from(p), f64::from(g)));
    let n = truth.len() as f64;
    let within = |limit: f64| pairs().filter(|&(p, g)| p > 0.0 && (p / g).max(g / p) < limit).count() as f64 / n;
    let squares: f64 = pairs().map(|(p, g)| (p - g) * (p - g)).sum();
    Ok(DepthScores { within_25: within(1.25), within_10: within(1.1), rmse: (squares / n).sqrt() })
}

fn check_depths(rows: usize, depths: &[f32]) -> Result<(), ProbeError> {
    if depths.len() != rows {
        return Err(ProbeError::LabelCount { rows, labels: depths.len() });
    }
    if depths.is_empty() {
        return Err(ProbeError::Empty { rows: 0, dim: 1 });
    }
    match depths.iter().position(|d| !(d.is_finite() && *d > 0.0)) {
        Some(row) => Err(ProbeError::Depth { row, value: depths[row].to_string() }),
        None => Ok(()),
    }
}

/// A linear map from features to depth, by least squares. (The paper trains its heads with the absolute error; least
/// squares has a closed form.)
#[derive(Debug, Clone, PartialEq)]
pub struct DepthProbe {
    weights: Vec<f64>,
    bias: f64,
}

impl DepthProbe {
    /// Minimises the sum of squared errors plus `ridge` times the squared weights, as scikit-learn's `Ridge(alpha)`; the
    /// bias is not penalised. Standardise the features first: the penalty treats all alike.
    ///
    /// Give the background a depth before, such as the largest that counts: depths are positive and finite.
    ///
    /// # Errors
    /// Shapes; a depth that is not positive and finite; a negative `ridge`; [`ProbeError::Dependent`] when columns of the
    /// features depend on each other and `ridge` is too small to tell them apart.
    pub fn fit(x: &Features, depths: &[f32], ridge: f64) -> Result<Self, ProbeError> {
        x.check()?;
        check_depths(x.rows, depths)?;
        if !(ridge.is_finite() && ridge >= 0.0) {
            return Err(ProbeError::Setting { name: "ridge", value: ridge.to_string(), range: "0 or more" });
        }
        let (d, n) = (x.dim, x.rows as f64);
        let sums = summed(x, depths, d + 1, |row, depth, sums| {
            sums.iter_mut().zip(row).for_each(|(s, &v)| *s += f64::from(v));
            sums[d] += f64::from(depth);
        });
        let means: Vec<f64> = sums.iter().map(|s| s / n).collect();
        // The lower triangle of XᵀX, then Xᵀy, of centred columns.
        let mut products = summed(x, depths, d * d + d, |row, depth, sums| {
            let centred: Vec<f64> = row.iter().zip(&means).map(|(&v, m)| f64::from(v) - m).collect();
            let (squares, cross) = sums.split_at_mut(d * d);
            for (i, (&a, line)) in centred.iter().zip(squares.chunks_exact_mut(d)).enumerate() {
                line[..=i].iter_mut().zip(&centred).for_each(|(s, b)| *s += a * b);
            }
            let y = f64::from(depth) - means[d];
            cross.iter_mut().zip(&centred).for_each(|(s, a)| *s += a * y);
        });
        let mut weights = products.split_off(d * d);
        for i in 0..d {
            products[i * d + i] += ridge;
        }
        let lower = cholesky(&products, d).map_err(|column| ProbeError::Dependent { column })?;
        solve_lower(&lower, d, &mut weights, 1);
        solve_upper(&lower, d, &mut weights, 1);
        let bias = means[d] - weights.iter().zip(&means).map(|(w, m)| w * m).sum::<f64>();
        Ok(Self { weights, bias })
    }

    /// The depth of each row, `[N]`.
    ///
    /// # Errors
    /// [`ProbeError::Width`] when the columns differ from those fitted.
    pub fn predict(&self, x: &Features) -> Result<Vec<f32>, ProbeError> {
        x.check_width(self.weights.len())?;
        let of = |row: &[f32]| row.iter().zip(&self.weights).map(|(&v, w)| f64::from(v) * w).sum::<f64>() + self.bias;
        Ok(x.values.par_chunks(x.dim).map(|row| of(row) as f32).collect())
    }
}

/// Sums over all rows, chunk by chunk in a fixed order, so that the number of threads changes no bit.
fn summed(x: &Features, y: &[f32], size: usize, add: impl Fn(&[f32], f32, &mut [f64]) + Sync) -> Vec<f64> {
    let mut total = vec![0.0; size];
    let (rows, step) = (CHUNK * AT_ONCE * x.dim, CHUNK * AT_ONCE);
    for (rows, y) in x.values.chunks(rows).zip(y.chunks(step)) {
        let parts: Vec<Vec<f64>> = rows
            .par_chunks(CHUNK * x.dim)
            .zip(y.par_chunks(CHUNK))
            .map(|(rows, y)| {
                let mut sums = vec![0.0; size];
                rows.chunks_exact(x.dim).zip(y).for_each(|(row, &y)| add(row, y, &mut sums));
                sums
            })
            .collect();
        for part in parts {
            total.iter_mut().zip(part).for_each(|(t, p)| *t += p);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::stream;
    use rand::Rng;

    #[test]
    fn locations_are_rows_and_their_pixels_the_middle_ones() {
        // Two images, three channels, 2x2: value = 100·image + 10·channel + location.
        let maps: Vec<f32> =
            (0..2).flat_map(|n| (0..3).flat_map(move |c| (0..4).map(move |l| (100 * n + 10 * c + l) as f32))).collect();
        let rows = location_rows(&maps, 3, 2).unwrap();
        assert_eq!((rows.rows, rows.dim), (8, 3));
        assert_eq!((rows.row(0), rows.row(5)), (&[0.0, 10.0, 20.0][..], &[101.0, 111.0, 121.0][..]));
        assert!(matches!(location_rows(&maps[1..], 3, 2), Err(ProbeError::Size { .. })));
        assert!(matches!(location_rows(&[], 0, 2), Err(ProbeError::Size { .. })));
        let pixels: Vec<u8> = (0..2 * 4 * 6).collect();
        // Of 4x6 pixels in 2x2 locations, rows 1 and 3, columns 1 and 4.
        assert_eq!(at_locations(&pixels, [4, 6], 2).unwrap(), [7, 10, 19, 22, 31, 34, 43, 46]);
        assert_eq!(at_locations(&pixels, [4, 6], 1).unwrap(), [15, 39]);
        assert_eq!(at_locations(&[1u8, 2, 3, 4], [2, 2], 2).unwrap(), [1, 2, 3, 4]);
        assert!(at_locations(&pixels[1..], [4, 6], 2).is_err() && at_locations(&pixels, [4, 6], 5).is_err());
    }

    #[test]
    fn scores_of_depths_by_hand() {
        let scores = depth_scores(&[1.0, 1.2, 0.75, 3.0, -1.0], &[1.0, 1.0, 1.0, 2.0, 1.0]).unwrap();
        // Ratios 1, 1.2, 1.33, 1.5 and none.
        assert_eq!((scores.within_25, scores.within_10), (0.4, 0.2));
        assert!((scores.rmse - (5.1025f64 / 5.0).sqrt()).abs() < 1e-6);
        for bad in [f32::INFINITY, 0.0, -1.0, f32::NAN] {
            let error = depth_scores(&[1.0, 1.0], &[1.0, bad]).unwrap_err().to_string();
            assert!(error.contains("row 1") && error.contains("positive"), "{error}");
        }
        assert!(depth_scores(&[1.0], &[1.0, 2.0]).is_err() && depth_scores(&[], &[]).is_err());
    }

    fn noisy(rows: usize, dim: usize) -> (Features, Vec<f32>) {
        let mut rng = stream(2, "test", 0);
        let x: Vec<f32> = (0..rows * dim).map(|_| rng.gen_range(-1.0..1.0)).collect();
        let y = x.chunks_exact(dim).map(|r| 5.0 + r[0] - 0.5 * r[1] + rng.gen_range(-0.1..0.1)).collect();
        (Features::try_new(rows, dim, x).unwrap(), y)
    }

    /// At the minimum the gradient of the objective is zero; a line without noise is found exactly.
    #[test]
    fn depth_probes_are_at_the_minimum() {
        let (x, y) = noisy(5000, 4);
        for ridge in [0.0, 1.0, 300.0] {
            let probe = DepthProbe::fit(&x, &y, ridge).unwrap();
            let predicted = probe.predict(&x).unwrap();
            let residual: Vec<f64> = y.iter().zip(&predicted).map(|(y, p)| f64::from(y - p)).collect();
            assert!((residual.iter().sum::<f64>()).abs() < 1e-2, "{ridge}");
            for k in 0..4 {
                let slope: f64 = (0..5000).map(|i| f64::from(x.row(i)[k]) * residual[i]).sum();
                assert!((slope - ridge * probe.weights[k]).abs() < 1e-2, "{ridge} {k}: {slope}");
            }
        }
        let probe = DepthProbe::fit(&x, &y, 0.0).unwrap();
        assert!((probe.weights[0] - 1.0).abs() < 0.01 && (probe.bias - 5.0).abs() < 0.01);
        let exact: Vec<f32> = (0..5000).map(|i| 3.0 + 0.25 * x.row(i)[2]).collect();
        let probe = DepthProbe::fit(&x, &exact, 0.0).unwrap();
        assert!(depth_scores(&probe.predict(&x).unwrap(), &exact).unwrap().rmse < 1e-6);
    }

    #[test]
    fn depth_probes_repeat_whatever_the_threads_and_say_what_is_wrong() {
        let (x, y) = noisy(70_000, 3);
        let fit = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| DepthProbe::fit(&x, &y, 0.5).unwrap())
        };
        assert_eq!(fit(1), fit(3));
        let twin: Vec<f32> = (0..300).flat_map(|i| [x.row(i)[0], 2.0 * x.row(i)[0]]).collect();
        let twin = Features::try_new(300, 2, twin).unwrap();
        let error = DepthProbe::fit(&twin, &y[..300], 0.0).unwrap_err().to_string();
        assert!(error.contains("column 1") && error.contains("ridge"), "{error}");
        assert!(DepthProbe::fit(&twin, &y[..300], 1.0).is_ok());
        assert!(DepthProbe::fit(&twin, &y[..300], -1.0).is_err() && DepthProbe::fit(&twin, &y[..5], 1.0).is_err());
        assert!(DepthProbe::fit(&twin, &y[..300], 1.0).unwrap().predict(&x).is_err());
    }
}
