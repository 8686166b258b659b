//! Mixtures of normal distributions: the density is known, the mutual information is a mean of its logarithms.

use super::gaussian::{Elliptic, Three};
use super::{Known, Truth, monte_carlo, out_of_range};
use crate::mi::MiError;
use crate::mi::special::log_sum_exp;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// One normal distribution of a mixture.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// How likely it is, against the others.
    pub weight: f64,
    /// `[n]`: of x, then of y.
    pub mean: Vec<f64>,
    /// `[n, n]`, row-major.
    pub covariance: Vec<f64>,
}

/// A mixture of normal distributions of (x, y).
///
/// There is no closed form of its mutual information; the truth is a Monte-Carlo mean of the exact log density ratio,
/// with its standard error.
#[derive(Clone, Debug)]
pub struct GaussianMixture {
    name: String,
    /// Sums of the weights up to and with each component; the last is 1.
    up_to: Vec<f64>,
    log_weights: Vec<f64>,
    parts: Vec<Elliptic>,
    cached: Option<Truth>,
}

/// Rows behind a truth that is not cached.
const ROWS: usize = 200_000;

impl GaussianMixture {
    /// Of x with `dim_x` numbers.
    ///
    /// # Errors
    /// When there are no components, a weight is not positive, the means are not as long as each other, x or y would be
    /// empty, or a covariance is not symmetric and positive definite.
    pub fn new(name: impl Into<String>, dim_x: usize, components: &[Component]) -> Result<Self, MiError> {
        let total: f64 = components.iter().map(|c| c.weight).sum();
        if components.is_empty() {
            return Err(MiError::Empty);
        }
        if let Some(bad) = components.iter().find(|c| !(c.weight > 0.0 && c.weight.is_finite())) {
            return Err(out_of_range("weight", bad.weight, "a positive number"));
        }
        if let Some(bad) = components.iter().find(|c| c.mean.len() != components[0].mean.len()) {
            return Err(out_of_range("mean", format!("{:?}", bad.mean), "as many numbers as the other components'"));
        }
        let part = |c: &Component| Elliptic::new(dim_x, c.mean.clone(), &c.covariance);
        let parts = components.iter().map(part).collect::<Result<_, _>>()?;
        let sums = components.iter().scan(0.0, |sum, c| {
            *sum += c.weight / total;
            Some(*sum)
        });
        let up_to = sums.collect();
        let log_weights = components.iter().map(|c| (c.weight / total).ln()).collect();
        Ok(Self { name: name.into(), up_to, log_weights, parts, cached: None })
    }

    /// With a truth found before.
    pub(super) fn with_truth(self, truth: Truth) -> Self {
        Self { cached: Some(truth), ..self }
    }
}

impl Known for GaussianMixture {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn dims(&self) -> (usize, usize) {
        self.parts[0].dims()
    }

    /// Of the mixtures in [`all`](super::all): a committed constant. Of others: a mean over 200,000 rows, anew each time.
    fn truth(&self) -> Truth {
        let now = || monte_carlo(self, ROWS, 0).expect("a mixture knows its density");
        self.cached.clone().unwrap_or_else(now)
    }

    fn draw(&self, rng: &mut ChaCha8Rng, x: &mut [f64], y: &mut [f64]) {
        let u: f64 = rng.r#gen();
        let part = self.up_to.partition_point(|sum| *sum <= u).min(self.parts.len() - 1);
        self.parts[part].draw(rng, 1.0, x, y);
    }

    fn pointwise(&self, x: &[f64], y: &[f64]) -> Option<f64> {
        let logs: Vec<Three> = self.parts.iter().map(|part| part.normal_log_densities(x, y)).collect();
        let mixed = |k: usize| log_sum_exp(logs.iter().zip(&self.log_weights).map(move |(log, w)| log[k] + w));
        Some(mixed(0) - mixed(1) - mixed(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(weight: f64, mean: [f64; 2], correlation: f64) -> Component {
        Component { weight, mean: mean.to_vec(), covariance: vec![1.0, correlation, correlation, 1.0] }
    }

    #[test]
    fn a_mixture_of_equals_is_one_of_them() {
        let parts = [component(1.0, [1.0, 2.0], 0.6), component(3.0, [1.0, 2.0], 0.6)];
        let known = GaussianMixture::new("m", 1, &parts).unwrap();
        let exact = -0.5 * (1.0 - 0.36f64).ln();
        // At the mean the ratio of densities is 1/√(1−ρ²).
        assert!((known.pointwise(&[1.0], &[2.0]).unwrap() - exact).abs() < 1e-13);
        let truth = known.truth();
        assert!((truth.nats - exact).abs() < 4.0 * truth.error.unwrap());
    }

    #[test]
    fn far_clusters_share_which_they_are() {
        // Independent within, 100 apart: the mutual information is the entropy of the component.
        let parts = [component(1.0, [0.0, 0.0], 0.0), component(3.0, [100.0, 100.0], 0.0)];
        let known = GaussianMixture::new("m", 1, &parts).unwrap();
        let exact = -(0.25 * 0.25f64.ln() + 0.75 * 0.75f64.ln());
        let truth = monte_carlo(&known, 20_000, 3).unwrap();
        assert!((truth.nats - exact).abs() < 4.0 * truth.error.unwrap(), "{truth:?} {exact}");
        let (x, _) = known.sample(10_000, 0).unwrap();
        let far = x.values().iter().filter(|v| **v > 50.0).count() as f64 / 10_000.0;
        assert!((far - 0.75).abs() < 4.0 * (0.1875f64 / 10_000.0).sqrt());
    }

    #[test]
    fn what_is_no_mixture() {
        assert!(matches!(GaussianMixture::new("m", 1, &[]), Err(MiError::Empty)));
        assert!(GaussianMixture::new("m", 1, &[component(0.0, [0.0; 2], 0.0)]).is_err());
        assert!(GaussianMixture::new("m", 1, &[component(1.0, [0.0; 2], 1.0)]).is_err());
        assert!(GaussianMixture::new("m", 2, &[component(1.0, [0.0; 2], 0.0)]).is_err());
        let longer = Component { weight: 1.0, mean: vec![0.0; 3], covariance: vec![1.0; 9] };
        assert!(GaussianMixture::new("m", 1, &[component(1.0, [0.0; 2], 0.0), longer]).is_err());
    }
}
