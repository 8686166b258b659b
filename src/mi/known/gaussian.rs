//! Normal distributions: mutual information from the determinants of the covariance.

use super::matrix::Cholesky;
use super::{Known, Truth, out_of_range};
use crate::mi::MiError;
use crate::mi::special::LN_2_PI;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// What a normal distribution of (x, y) and its multiples of random length have in common: where it lies, and the
/// triangles of the matrix of both, of x and of y.
#[derive(Clone, Debug)]
pub(super) struct Elliptic {
    pub(super) mean: Vec<f64>,
    pub(super) joint: Cholesky,
    pub(super) x: Cholesky,
    pub(super) y: Cholesky,
}

/// Three numbers of a pair: of (x, y) together, of x, of y.
pub(super) type Three = [f64; 3];

impl Elliptic {
    /// Of x with `dim_x` numbers; `matrix` has a row for each number of `mean`.
    pub(super) fn new(dim_x: usize, mean: Vec<f64>, matrix: &[f64]) -> Result<Self, MiError> {
        let n = mean.len();
        if dim_x == 0 || dim_x >= n {
            return Err(out_of_range("dimensions", format!("{dim_x} of {n}"), "x and y have at least one number each"));
        }
        if mean.iter().any(|m| !m.is_finite()) {
            return Err(out_of_range("mean", format!("{mean:?}"), "finite numbers"));
        }
        let symmetric = || (0..n).all(|i| (0..i).all(|j| matrix[i * n + j] == matrix[j * n + i]));
        if matrix.len() != n * n || !symmetric() {
            return Err(out_of_range("covariance", format!("{} numbers", matrix.len()), "a symmetric square matrix"));
        }
        let block = |from: usize, to: usize| {
            let block: Vec<f64> = (from..to).flat_map(|i| &matrix[i * n + from..i * n + to]).copied().collect();
            Cholesky::new(&block, to - from)
        };
        match (block(0, n), block(0, dim_x), block(dim_x, n)) {
            (Some(joint), Some(x), Some(y)) => Ok(Self { mean, joint, x, y }),
            _ => Err(out_of_range("covariance", format!("{n} x {n}"), "it must be positive definite")),
        }
    }

    pub(super) fn dims(&self) -> (usize, usize) {
        (self.x.size(), self.y.size())
    }

    /// The normal distribution's mutual information, `½(ln|Σx| + ln|Σy| − ln|Σ|)`.
    pub(super) fn normal_nats(&self) -> f64 {
        // A difference of rounded logarithms; independent variables must not have less than nothing.
        (0.5 * (self.x.log_det() + self.y.log_det() - self.joint.log_det())).max(0.0)
    }

    /// Fills (x, y) with `length·L·z`, z standard normal, and adds the mean.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng, length: f64, x: &mut [f64], y: &mut [f64]) {
        x.iter_mut().chain(y.iter_mut()).for_each(|v| *v = length * rng.sample::<f64, _>(StandardNormal));
        self.joint.colour(x, y);
        x.iter_mut().chain(y.iter_mut()).zip(&self.mean).for_each(|(v, m)| *v += m);
    }

    /// Squared distances from the mean in units of the matrices.
    pub(super) fn distances(&self, x: &[f64], y: &[f64]) -> Three {
        let (mean_x, mean_y) = self.mean.split_at(self.x.size());
        let (from_x, from_y) = (x.iter().zip(mean_x).map(|(v, m)| v - m), y.iter().zip(mean_y).map(|(v, m)| v - m));
        let joint = self.joint.squared_norm(from_x.clone().chain(from_y.clone()));
        [joint, self.x.squared_norm(from_x), self.y.squared_norm(from_y)]
    }

    /// Log densities of the normal distribution.
    pub(super) fn normal_log_densities(&self, x: &[f64], y: &[f64]) -> Three {
        let distances = self.distances(x, y);
        let parts = [&self.joint, &self.x, &self.y];
        [0, 1, 2].map(|k| -0.5 * (parts[k].size() as f64 * LN_2_PI + parts[k].log_det() + distances[k]))
    }
}

/// A normal distribution of (x, y).
#[derive(Clone, Debug)]
pub struct Gaussian {
    name: String,
    elliptic: Elliptic,
}

impl Gaussian {
    /// Of mean 0. `covariance [n, n]` has the `dim_x` numbers of x first, then those of y.
    ///
    /// # Errors
    /// When x or y would be empty, or the matrix is not symmetric and positive definite.
    pub fn new(name: impl Into<String>, dim_x: usize, dim_y: usize, covariance: &[f64]) -> Result<Self, MiError> {
        let elliptic = Elliptic::new(dim_x, vec![0.0; dim_x + dim_y], covariance)?;
        Ok(Self { name: name.into(), elliptic })
    }
}

impl Known for Gaussian {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn dims(&self) -> (usize, usize) {
        self.elliptic.dims()
    }

    fn truth(&self) -> Truth {
        Truth::exact(self.elliptic.normal_nats())
    }

    fn draw(&self, rng: &mut ChaCha8Rng, x: &mut [f64], y: &mut [f64]) {
        self.elliptic.draw(rng, 1.0, x, y);
    }

    fn pointwise(&self, x: &[f64], y: &[f64]) -> Option<f64> {
        let [joint, x, y] = self.elliptic.normal_log_densities(x, y);
        Some(joint - x - y)
    }
}

/// Two normal numbers with the given correlation, `1v1-normal-…` in Czyż et al. 2023.
///
/// # Errors
/// When the correlation is not between −1 and 1, both excluded.
pub fn binormal(correlation: f64) -> Result<Gaussian, MiError> {
    Gaussian::new(format!("1v1-normal-{correlation:?}"), 1, 1, &[1.0, correlation, correlation, 1.0])
}

/// Normal numbers of which any two have the same correlation, `multinormal-dense-…` in Czyż et al. 2023.
///
/// # Errors
/// When x or y would be empty, or no distribution has these correlations.
pub fn dense(dim_x: usize, dim_y: usize, correlation: f64) -> Result<Gaussian, MiError> {
    let n = dim_x + dim_y;
    let covariance: Vec<f64> = (0..n * n).map(|k| if k / n == k % n { 1.0 } else { correlation }).collect();
    Gaussian::new(format!("multinormal-dense-{dim_x}-{dim_y}-{correlation:?}"), dim_x, dim_y, &covariance)
}

/// `pairs` pairs of normal numbers that share a hidden one, weighted by `strength` against noise of weight 1, beside
/// numbers that are independent of all: `multinormal-sparse-…` in Czyż et al. 2023. Each pair has correlation
/// `s²/(1 + s²)`; all variances are 1.
///
/// # Errors
/// When there are more pairs than numbers in x or y, x or y would be empty, or the strength is not finite.
pub fn sparse(dim_x: usize, dim_y: usize, pairs: usize, strength: f64) -> Result<Gaussian, MiError> {
    let covariance = sparse_covariance(dim_x, dim_y, pairs, strength)?;
    Gaussian::new(format!("multinormal-sparse-{dim_x}-{dim_y}-{pairs}-{strength:?}"), dim_x, dim_y, &covariance)
}

pub(super) fn sparse_covariance(dim_x: usize, dim_y: usize, pairs: usize, strength: f64) -> Result<Vec<f64>, MiError> {
    if pairs > dim_x.min(dim_y) {
        return Err(out_of_range("pairs", pairs, "at most as many as x and y have numbers"));
    }
    let (n, correlation) = (dim_x + dim_y, strength * strength / (1.0 + strength * strength));
    let mut covariance = identity(n);
    for i in 0..pairs {
        let j = dim_x + i;
        covariance[i * n + j] = correlation;
        covariance[j * n + i] = correlation;
    }
    Ok(covariance)
}

/// Independent standard normal numbers: mutual information 0.
///
/// # Errors
/// When x or y would be empty.
pub fn nothing_shared(dim_x: usize, dim_y: usize) -> Result<Gaussian, MiError> {
    Gaussian::new(format!("multinormal-nothing-{dim_x}-{dim_y}"), dim_x, dim_y, &identity(dim_x + dim_y))
}

pub(super) fn identity(n: usize) -> Vec<f64> {
    (0..n * n).map(|k| if k / n == k % n { 1.0 } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms() {
        let half_log = |r: f64| -0.5 * (1.0 - r * r).ln();
        assert!((binormal(-0.75).unwrap().truth().nats - half_log(0.75)).abs() < 1e-14);
        assert!((sparse(4, 7, 3, 2.0).unwrap().truth().nats - 3.0 * half_log(0.8)).abs() < 1e-13);
        assert_eq!(nothing_shared(3, 4).unwrap().truth().nats, 0.0);
        // Equal correlations c within and between: the canonical correlation is that of the two sums.
        let (m, k, c) = (3f64, 5.0, 0.5);
        let sums = c * m * k / ((m * (1.0 + (m - 1.0) * c)) * (k * (1.0 + (k - 1.0) * c))).sqrt();
        assert!((dense(3, 5, 0.5).unwrap().truth().nats - half_log(sums)).abs() < 1e-13);
    }

    #[test]
    fn moments_of_samples() {
        let covariance = [2.0, 0.5, -0.3, 0.5, 1.0, 0.4, -0.3, 0.4, 3.0];
        let known = Gaussian::new("g", 2, 1, &covariance).unwrap();
        let rows = 40_000;
        let (x, y) = known.sample(rows, 1).unwrap();
        let column = |c: usize| if c < 2 { x.column(c).collect::<Vec<_>>() } else { y.column(0).collect() };
        for i in 0..3 {
            let a = column(i);
            let mean = a.iter().sum::<f64>() / rows as f64;
            assert!(mean.abs() < 4.0 * (covariance[i * 4] / rows as f64).sqrt());
            for j in 0..3 {
                let product = a.iter().zip(column(j)).map(|(a, b)| a * b).sum::<f64>() / rows as f64;
                let variance = covariance[i * 4] * covariance[j * 4] + covariance[i * 3 + j].powi(2);
                assert!((product - covariance[i * 3 + j]).abs() < 4.0 * (variance / rows as f64).sqrt(), "{i} {j}");
            }
        }
    }

    #[test]
    fn what_is_no_covariance_is_refused() {
        for r in [1.0, -1.5, f64::NAN] {
            assert!(matches!(binormal(r), Err(MiError::Setting { name: "covariance", .. })), "{r}");
        }
        assert!(Gaussian::new("g", 1, 1, &[1.0, 0.2, 0.3, 1.0]).is_err());
        assert!(Gaussian::new("g", 1, 1, &[1.0]).is_err());
        assert!(nothing_shared(0, 3).is_err() && nothing_shared(3, 0).is_err());
        assert!(sparse(2, 5, 3, 1.0).is_err() && sparse(2, 2, 1, f64::INFINITY).is_err());
    }
}
