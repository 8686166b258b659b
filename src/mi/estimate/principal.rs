//! Fewer columns where many say the same: principal components (Pearson 1901).
//!
//! Neighbouring pixels, frequencies or sensors repeat each other, and a critic of a thousand such columns is slow and sees
//! mostly noise. A map of x alone or of y alone can only lose information, so that an estimate through it stays a lower
//! bound.

use crate::mi::linalg::{Svd, dot, svd};
use crate::mi::{MiError, Samples};
use crate::nn::cpu::gemm::{Mat, par_matmul};
use crate::seed;
use rand::Rng;
use rand_distr::StandardNormal;

/// Up to so many columns are left as they are.
const FEW: usize = 64;
/// Share of the variance that the components must hold. Columns that do not repeat each other never get there with half as
/// many, and stay.
const SHARE: f64 = 0.995;
/// Rows for each component that is looked for: few rows lie in few directions by themselves, whatever their columns.
const ROWS_EACH: usize = 10;
/// Components that are looked for, first few and then more; each fits a width of the critics with the radius beside it.
const MOST: [usize; 4] = [15, 63, 127, 255];
/// Directions that are followed beyond those, so that the last of them settle.
const SPARE: usize = 8;
/// Rounds of orthogonal iteration; it stops once the variance that it holds grows by less than [`STILL`] of itself.
const ROUNDS: usize = 40;
const STILL: f64 = 1e-6;

/// A linear map from many columns to fewer, of mean 0 and variance 1 on the rows that it was fitted on.
pub(super) struct Principal {
    mean: Vec<f64>,
    /// `[columns, components]`
    weights: Vec<f64>,
    components: usize,
}

impl Principal {
    /// The components of standardised `samples` that hold [`SHARE`] of the variance of `rows`; none where there are few
    /// columns or rows, or more than half as many would be needed.
    pub fn fit(samples: &Samples, rows: &[usize]) -> Option<Self> {
        let d = samples.columns();
        let fits = |most: &usize| 2 * most <= d && ROWS_EACH * most <= rows.len();
        if d <= FEW || !fits(&MOST[0]) {
            return None;
        }
        let n = rows.len() as f64;
        let mut mean = vec![0.0; d];
        rows.iter().for_each(|&i| mean.iter_mut().zip(samples.row(i)).for_each(|(m, v)| *m += v / n));
        let centred: Vec<f64> =
            rows.iter().flat_map(|&i| samples.row(i).iter().zip(&mean).map(|(v, m)| v - m)).collect();
        let mut covariance = vec![0.0; d * d];
        let z = Mat::rows(&centred, rows.len(), d);
        par_matmul(&mut covariance, z.t(), z, false, &|_, _, _| ());
        covariance.iter_mut().for_each(|c| *c /= n);
        let total: f64 = covariance.iter().step_by(d + 1).sum();
        let mut axes = Vec::new();
        MOST.into_iter().take_while(fits).find_map(|most| {
            let variances = leading(&covariance, d, (most + SPARE).min(d), &mut axes);
            let mut held = 0.0;
            let components = variances.iter().take(most).position(|v| {
                held += v;
                held >= SHARE * total
            })?;
            let kept = &axes[..=components];
            let scale: Vec<f64> = variances[..=components].iter().map(|v| 1.0 / v.sqrt()).collect();
            let weights = (0..d).flat_map(|c| kept.iter().zip(&scale).map(move |(axis, s)| axis[c] * s)).collect();
            Some(Self { mean: mean.clone(), weights, components: kept.len() })
        })
    }

    /// The components of each row.
    pub fn apply(&self, samples: &Samples) -> Result<Samples, MiError> {
        let (n, d) = (samples.rows(), self.mean.len());
        let centred: Vec<f64> =
            samples.values().chunks_exact(d).flat_map(|row| row.iter().zip(&self.mean).map(|(v, m)| v - m)).collect();
        let mut values = vec![0.0; n * self.components];
        let weights = Mat::rows(&self.weights, d, self.components);
        par_matmul(&mut values, Mat::rows(&centred, n, d), weights, false, &|_, _, _| ());
        Samples::new(values, self.components)
    }
}

/// The largest `count` eigenvalues of a covariance `[d, d]`, descending, by orthogonal iteration (fewer when its rank is
/// less). `axes` are those found so far and become their unit vectors.
fn leading(covariance: &[f64], d: usize, count: usize, axes: &mut Vec<Vec<f64>>) -> Vec<f64> {
    let mut rng = seed::stream(0, "principal", count as u64);
    axes.extend((axes.len()..count).map(|_| (0..d).map(|_| rng.sample(StandardNormal)).collect()));
    orthonormal(axes);
    let mut before = 0.0;
    let mut images = Vec::new();
    for _ in 0..ROUNDS {
        images = product(covariance, d, axes);
        let held: f64 = axes.iter().zip(&images).map(|(a, i)| dot(a, i)).sum();
        if held - before < STILL * held {
            break;
        }
        before = held;
        *axes = std::mem::take(&mut images);
        orthonormal(axes);
    }
    if images.is_empty() {
        images = product(covariance, d, axes);
    }
    // Within the plane found, the eigenvectors are those of a small matrix.
    let r = axes.len();
    let small: Vec<f64> = (0..r * r)
        .map(|at| 0.5 * (dot(&axes[at / r], &images[at % r]) + dot(&axes[at % r], &images[at / r])))
        .collect();
    let Svd { u, singular, .. } = svd(&small, r, r);
    let turned = |weights: &Vec<f64>| {
        let mut axis = vec![0.0; d];
        for (w, a) in weights.iter().zip(&*axes) {
            axis.iter_mut().zip(a).for_each(|(s, a)| *s += w * a);
        }
        axis
    };
    *axes = u.iter().map(turned).collect();
    singular
}

/// The matrix times each of `axes`.
fn product(matrix: &[f64], d: usize, axes: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let flat = axes.concat();
    let mut out = vec![0.0; axes.len() * d];
    par_matmul(&mut out, Mat::rows(&flat, axes.len(), d), Mat::rows(matrix, d, d), false, &|_, _, _| ());
    out.chunks_exact(d).map(<[f64]>::to_vec).collect()
}

/// Gram and Schmidt's, twice for accuracy; axes that the others span are dropped.
fn orthonormal(axes: &mut Vec<Vec<f64>>) {
    let mut kept: Vec<Vec<f64>> = Vec::with_capacity(axes.len());
    for mut axis in axes.drain(..) {
        let length = dot(&axis, &axis).sqrt();
        for _ in 0..2 {
            for other in &kept {
                let along = dot(&axis, other);
                axis.iter_mut().zip(other).for_each(|(a, o)| *a -= along * o);
            }
        }
        let rest = dot(&axis, &axis).sqrt();
        if rest > 1e-10 * length {
            axis.iter_mut().for_each(|a| *a /= rest);
            kept.push(axis);
        }
    }
    *axes = kept;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `rank` normal numbers of falling variance, mixed into `columns` by a rotation of a kind, and a little noise.
    fn mixed(rows: usize, columns: usize, rank: usize, noise: f64) -> Samples {
        let mut rng = seed::stream(5, "test", 0);
        let mixing: Vec<f64> = (0..rank * columns).map(|_| rng.sample(StandardNormal)).collect();
        let values = (0..rows).flat_map(|_| {
            let hidden: Vec<f64> = (0..rank).map(|k| rng.sample::<f64, _>(StandardNormal) / (1.0 + k as f64)).collect();
            let row: Vec<f64> = (0..columns)
                .map(|c| {
                    let sum: f64 = hidden.iter().enumerate().map(|(k, h)| h * mixing[k * columns + c]).sum();
                    sum + noise * rng.sample::<f64, _>(StandardNormal)
                })
                .collect();
            row
        });
        Samples::new(values.collect(), columns).unwrap()
    }

    #[test]
    fn components_hold_what_the_columns_hold() {
        let samples = mixed(500, 100, 10, 0.0);
        let rows: Vec<usize> = (0..400).collect();
        let found = Principal::fit(&samples, &rows).expect("100 columns of rank 10");
        let parts = found.apply(&samples).unwrap();
        assert!(parts.columns() <= 10, "{}", parts.columns());
        assert_eq!(parts.rows(), 500);
        // Uncorrelated, of mean 0 and variance 1 on the rows of the fit.
        for a in 0..parts.columns() {
            for b in 0..=a {
                let mean: f64 = rows.iter().map(|&i| parts.row(i)[a] * parts.row(i)[b]).sum::<f64>() / 400.0;
                assert!((mean - f64::from(u8::from(a == b))).abs() < 1e-4, "{a} {b}: {mean}");
            }
        }
        // The columns are found again from them, up to the share that was let go.
        let (mut rest, mut total) = (0.0, 0.0);
        for c in 0..100 {
            let mean = rows.iter().map(|&i| samples.row(i)[c]).sum::<f64>() / 400.0;
            let along: Vec<f64> = (0..parts.columns())
                .map(|k| rows.iter().map(|&i| (samples.row(i)[c] - mean) * parts.row(i)[k]).sum::<f64>() / 400.0)
                .collect();
            for &i in &rows {
                let v = samples.row(i)[c] - mean;
                total += v * v;
                rest += (v - along.iter().zip(parts.row(i)).map(|(a, p)| a * p).sum::<f64>()).powi(2);
            }
        }
        assert!(rest / total <= 1.0 - SHARE + 1e-6, "{}", rest / total);
    }

    #[test]
    fn columns_that_do_not_repeat_each_other_stay() {
        let rows: Vec<usize> = (0..300).collect();
        assert!(Principal::fit(&mixed(300, 100, 1, 10.0), &rows).is_none());
        assert!(Principal::fit(&mixed(300, FEW, 3, 0.0), &rows).is_none());
        // Thirty rows of a hundred columns lie in 29 directions; that says nothing of the columns.
        assert!(Principal::fit(&mixed(300, 100, 100, 0.0), &rows[..30]).is_none());
    }

    #[test]
    fn leading_eigenvalues_are_those_of_the_whole_decomposition() {
        let samples = mixed(200, 80, 40, 0.1);
        let z = Mat::rows(samples.values(), 200, 80);
        let mut c = vec![0.0; 80 * 80];
        par_matmul(&mut c, z.t(), z, false, &|_, _, _| ());
        let mut axes = Vec::new();
        leading(&c, 80, 10, &mut axes);
        let values = leading(&c, 80, 20, &mut axes);
        let all = svd(&c, 80, 80);
        for (k, (value, axis)) in values.iter().zip(&axes).take(8).enumerate() {
            assert!((value / all.singular[k] - 1.0).abs() < 1e-4, "{k}: {value} {}", all.singular[k]);
            assert!(dot(axis, &all.u[k]).abs() > 0.99, "{k}");
        }
    }
}
