//! The correlated normal vectors of the staircase (Poole et al. 2019).

use super::{Known, Truth, out_of_range};
use crate::mi::MiError;
use crate::seed;
use num_traits::AsPrimitive;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// x standard normal of `dim` numbers and `y = ρ·x + √(1−ρ²)·ε`, number by number, with
/// `ρ = √(1 − e^{−2·nats/dim})`; optionally y³ for y, which leaves the mutual information as it is (Poole et al. 2019,
/// section 4; Song & Ermon 2020).
///
/// ```
/// use infomax::mi::known::{CorrelatedGaussian, Known};
/// let stair = CorrelatedGaussian::new(20, 4.0)?;
/// assert_eq!(stair.truth().nats, 4.0);
/// // The batch of training step 17: 64 rows of x and of y.
/// let (mut x, mut y) = (vec![0f32; 64 * 20], vec![0f32; 64 * 20]);
/// stair.batch(0, 17, &mut x, &mut y);
/// # Ok::<(), infomax::mi::MiError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CorrelatedGaussian {
    dim: usize,
    nats: f64,
    cubic: bool,
    /// ρ.
    shared: f64,
    /// √(1−ρ²).
    noise: f64,
}

impl CorrelatedGaussian {
    /// With `nats` of mutual information in all.
    ///
    /// # Errors
    /// When there are no numbers, or `nats` is negative or more than 300 a number (y would be x in f64 long before).
    pub fn new(dim: usize, nats: f64) -> Result<Self, MiError> {
        if dim == 0 {
            return Err(out_of_range("dim", dim, "1 or more"));
        }
        let each = nats / dim as f64;
        if !(0.0..=300.0).contains(&each) {
            return Err(out_of_range("nats", nats, "0 or more, and at most 300 for each number of x"));
        }
        Ok(Self { dim, nats, cubic: false, shared: (-(-2.0 * each).exp_m1()).sqrt(), noise: (-each).exp() })
    }

    /// The same with y³ for y.
    pub fn cubic(self) -> Self {
        Self { cubic: true, ..self }
    }

    /// ρ, the correlation of each number of x with its number of y (before the cube).
    pub fn correlation(&self) -> f64 {
        self.shared
    }

    /// The rows of training step `step`: a function of `seed` and `step` alone. `x` and `y` are row-major and as long as
    /// each other.
    pub fn batch<F: Copy + 'static>(&self, seed: u64, step: u64, x: &mut [F], y: &mut [F])
    where
        f64: AsPrimitive<F>,
    {
        self.fill(&mut seed::stream(seed, "staircase", step), x, y);
    }

    /// Draws rows, number by number, x before its y.
    pub fn fill<F: Copy + 'static>(&self, rng: &mut ChaCha8Rng, x: &mut [F], y: &mut [F])
    where
        f64: AsPrimitive<F>,
    {
        for (x, y) in x.iter_mut().zip(y) {
            let a: f64 = rng.sample(StandardNormal);
            let b = self.shared * a + self.noise * rng.sample::<f64, _>(StandardNormal);
            *x = a.as_();
            *y = if self.cubic { b * b * b } else { b }.as_();
        }
    }
}

impl Known for CorrelatedGaussian {
    fn name(&self) -> String {
        let cubic = if self.cubic { "cubic-" } else { "" };
        format!("staircase-{cubic}{}-{:?}", self.dim, self.nats)
    }

    fn dims(&self) -> (usize, usize) {
        (self.dim, self.dim)
    }

    fn truth(&self) -> Truth {
        Truth::exact(self.nats)
    }

    fn draw(&self, rng: &mut ChaCha8Rng, x: &mut [f64], y: &mut [f64]) {
        self.fill(rng, x, y);
    }

    fn pointwise(&self, x: &[f64], y: &[f64]) -> Option<f64> {
        let parts = x.iter().zip(y).map(|(x, y)| {
            let y = if self.cubic { y.cbrt() } else { *y };
            let rest = (y - self.shared * x) / self.noise;
            0.5 * (y * y - rest * rest)
        });
        Some(self.nats + parts.sum::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mi::known::sparse;

    #[test]
    fn the_density_ratio_is_that_of_the_covariance() {
        // Two pairs of correlation 0.8, by another way.
        let stair = CorrelatedGaussian::new(2, sparse(2, 2, 2, 2.0).unwrap().truth().nats).unwrap();
        assert!((stair.correlation() - 0.8).abs() < 1e-14);
        let (x, y) = ([0.3, -1.2], [0.5, 2.0]);
        let other = sparse(2, 2, 2, 2.0).unwrap().pointwise(&x, &y).unwrap();
        assert!((stair.pointwise(&x, &y).unwrap() - other).abs() < 1e-12);
        let cubes = y.map(|v| v * v * v);
        assert!((stair.cubic().pointwise(&x, &cubes).unwrap() - other).abs() < 1e-12);
    }

    #[test]
    fn steps_have_their_own_rows_at_their_correlation() {
        let stair = CorrelatedGaussian::new(20, 6.0).unwrap();
        let mut batches = [(); 4].map(|()| (vec![0f64; 1280], vec![0f64; 1280]));
        for ((seed, step), (x, y)) in [(0, 5), (0, 5), (0, 6), (1, 5)].into_iter().zip(&mut batches) {
            stair.batch(seed, step, x, y);
        }
        assert_eq!(batches[0], batches[1]);
        assert!(batches[0].0 != batches[2].0 && batches[0].0 != batches[3].0);
        let (mut cubes, mut single) = ((vec![0f64; 1280], vec![0f64; 1280]), (vec![0f32; 1280], vec![0f32; 1280]));
        stair.clone().cubic().batch(0, 5, &mut cubes.0, &mut cubes.1);
        stair.batch(0, 5, &mut single.0, &mut single.1);
        assert!(cubes.1.iter().zip(&batches[0].1).all(|(c, y)| *c == y * y * y));
        assert!(single.1.iter().zip(&batches[0].1).all(|(s, y)| *s == *y as f32));
        let all: Vec<_> = batches.iter().skip(1).flat_map(|(x, y)| x.iter().zip(y)).collect();
        let moment = all.iter().map(|(x, y)| *x * *y).sum::<f64>() / all.len() as f64;
        let r = stair.correlation();
        assert!((moment - r).abs() < 4.0 * ((1.0 + r * r) / all.len() as f64).sqrt());
    }

    #[test]
    fn what_is_out_of_range() {
        for (dim, nats) in [(0, 1.0), (2, -1.0), (2, f64::NAN), (1, 301.0)] {
            assert!(CorrelatedGaussian::new(dim, nats).is_err());
        }
        assert_eq!(CorrelatedGaussian::new(3, 0.0).unwrap().correlation(), 0.0);
    }
}
