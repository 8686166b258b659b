//! Student's distribution: dependence without correlation, and heavy tails.

use super::gaussian::{Elliptic, identity};
use super::{Known, Truth, out_of_range};
use crate::mi::MiError;
use crate::mi::special::{digamma, ln_gamma};
use rand_chacha::ChaCha8Rng;
use rand_distr::{ChiSquared, Distribution};
use std::f64::consts::PI;

/// Student's distribution of (x, y): a normal vector divided by one common random length.
#[derive(Clone, Debug)]
pub struct Student {
    name: String,
    freedom: f64,
    elliptic: Elliptic,
    length: ChiSquared<f64>,
}

impl Student {
    /// With `freedom` degrees of freedom and a `dispersion [n, n]`, the numbers of x first. The dispersion is the
    /// covariance only in the limit of many degrees of freedom.
    ///
    /// # Errors
    /// When `freedom` is under 0.5 (rows would overflow), x or y would be empty, or the matrix is not symmetric and
    /// positive definite.
    pub fn new(
        name: impl Into<String>,
        dim_x: usize,
        dim_y: usize,
        freedom: f64,
        dispersion: &[f64],
    ) -> Result<Self, MiError> {
        let refused = || out_of_range("freedom", freedom, "a finite number of 0.5 or more");
        if !(freedom.is_finite() && freedom >= 0.5) {
            return Err(refused());
        }
        let length = ChiSquared::new(freedom).map_err(|_| refused())?;
        let elliptic = Elliptic::new(dim_x, vec![0.0; dim_x + dim_y], dispersion)?;
        Ok(Self { name: name.into(), freedom, elliptic, length })
    }

    /// Differential entropy of the standard distribution of `k` numbers (Arellano-Valle et al. 2013, equation 7).
    fn entropy(&self, k: usize) -> f64 {
        let (k, v) = (k as f64, self.freedom);
        let half = 0.5 * (v + k);
        ln_gamma(0.5 * v) - ln_gamma(half) + 0.5 * k * (v * PI).ln() + half * (digamma(half) - digamma(0.5 * v))
    }

    /// Log density of `k` numbers at a squared distance, less half the log determinant of the dispersion.
    fn log_density(&self, k: usize, distance: f64) -> f64 {
        let (k, v) = (k as f64, self.freedom);
        let half = 0.5 * (v + k);
        ln_gamma(half) - ln_gamma(0.5 * v) - 0.5 * k * (v * PI).ln() - half * (distance / v).ln_1p()
    }
}

impl Known for Student {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn dims(&self) -> (usize, usize) {
        self.elliptic.dims()
    }

    /// That of a normal distribution with the dispersion as covariance, and what the common length adds: it is not 0
    /// for uncorrelated numbers.
    fn truth(&self) -> Truth {
        let (x, y) = self.dims();
        Truth::exact(self.elliptic.normal_nats() + self.entropy(x) + self.entropy(y) - self.entropy(x + y))
    }

    fn draw(&self, rng: &mut ChaCha8Rng, x: &mut [f64], y: &mut [f64]) {
        let length = (self.freedom / self.length.sample(rng)).sqrt();
        self.elliptic.draw(rng, length, x, y);
    }

    fn pointwise(&self, x: &[f64], y: &[f64]) -> Option<f64> {
        let [joint, of_x, of_y] = self.elliptic.distances(x, y);
        let densities = self.log_density(x.len() + y.len(), joint)
            - self.log_density(x.len(), of_x)
            - self.log_density(y.len(), of_y);
        Some(self.elliptic.normal_nats() + densities)
    }
}

/// Student's distribution with the identity as dispersion, `student-identity-…` in Czyż et al. 2023: all numbers are
/// uncorrelated and dependent.
///
/// # Errors
/// As [`Student::new`].
pub fn student(dim_x: usize, dim_y: usize, freedom: f64) -> Result<Student, MiError> {
    let name = format!("student-identity-{dim_x}-{dim_y}-{freedom}");
    Student::new(name, dim_x, dim_y, freedom, &identity(dim_x + dim_y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cauchy_distribution_in_the_plane() {
        // Entropies in closed form: ln 4π of a Cauchy number; ln 2π + 3 of the bivariate one.
        let known = student(1, 1, 1.0).unwrap();
        let exact = 2.0 * (4.0 * PI).ln() - (2.0 * PI).ln() - 3.0;
        assert!((known.truth().nats - exact).abs() < 1e-12, "{} {exact}", known.truth().nats);
        // Half of all Cauchy numbers lie between −1 and 1.
        let rows = 20_000;
        let (x, _) = known.sample(rows, 3).unwrap();
        let inside = x.values().iter().filter(|v| v.abs() < 1.0).count() as f64 / rows as f64;
        assert!((inside - 0.5).abs() < 4.0 * (0.25 / rows as f64).sqrt());
    }

    #[test]
    fn many_degrees_of_freedom_are_normal() {
        let matrix = [1.0, 0.6, 0.6, 1.0];
        let known = Student::new("t", 1, 1, 1e6, &matrix).unwrap();
        assert!((known.truth().nats + 0.5 * (1.0 - 0.36f64).ln()).abs() < 1e-5);
        for bad in [0.0, 0.1, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Student::new("t", 1, 1, bad, &matrix).is_err());
        }
    }
}
