//! Distributions whose mutual information is known, to try estimators on.
//!
//! | what | source | truth |
//! |---|---|---|
//! | [`beyond_normal`]: 40 tasks | Czyż et al., "Beyond Normal", NeurIPS 2023 | closed forms |
//! | [`fine_distributions`]: X, AI, galaxy, waves, concentric, inliers | Czyż et al., TMLR 2025 | Monte Carlo, with its error |
//! | [`CorrelatedGaussian`]: the staircase, plain and cubic | Poole et al., ICML 2019, section 4 | closed form |
//! | [`blobs`], [`rectangles`]: pictures | Butakov et al., ICLR 2024 | closed form |
//! | [`Table`]: discrete pairs | | a sum |
//! | [`rotated`], [`noise()`], [`independent`]: many columns, few or none of use | | the base's, or 0 |
//!
//! Names and parameters of the first two are those of the authors' package, so that results can be put side by side.
//! Maps of x and of y that are one-to-one leave the mutual information as it is, so distributions are built from others:
//!
//! ```
//! use infomax::mi::known::{Known, by_name, monte_carlo, normal_cdf, sparse, spiral};
//! let task = spiral(normal_cdf(sparse(5, 5, 2, 2.0)?))?;
//! assert_eq!(task.name(), "spiral-normal_cdf-multinormal-sparse-5-5-2-2.0");
//! assert!((task.truth().nats - 1.0217).abs() < 1e-4);
//! let (x, y) = task.sample(1000, 0)?;
//! assert_eq!((x.rows(), x.columns(), y.columns()), (1000, 5, 5));
//! // The same, from the list of all; and its truth found again from samples and densities.
//! let again = monte_carlo(&*by_name(&task.name())?, 10_000, 0).expect("its density is known");
//! assert!((again.nats - task.truth().nats).abs() < 0.1);
//! # Ok::<(), infomax::mi::MiError>(())
//! ```

mod additive;
mod fine;
mod gaussian;
mod list;
mod map;
mod mapped;
mod matrix;
mod mixture;
mod picture;
mod staircase;
mod student;
mod table;

pub use additive::{AdditiveUniform, additive};
pub use fine::{ai_shape, concentric, galaxy, inliers, waves, x_shape};
pub use gaussian::{Gaussian, binormal, dense, nothing_shared, sparse};
pub use list::{all, beyond_normal, by_name, fine_distributions};
pub use map::Map;
pub use mapped::{
    Independent, Mapped, Noise, asinh, bimodal, blobs, half_cube, independent, noise, normal_cdf, rectangles, rotated,
    spiral, swiss_roll, wiggly,
};
pub use mixture::{Component, GaussianMixture};
pub use picture::{Blob, Rectangle};
pub use staircase::CorrelatedGaussian;
pub use student::{Student, student};
pub use table::{Table, binary_symmetric, copied};

use super::{MiError, Samples};
use crate::seed;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use std::fmt::Debug;

/// The mutual information of a known distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// In nats.
    pub nats: f64,
    /// Standard error, where `nats` is a mean over samples.
    pub error: Option<f64>,
    /// Where `nats` comes from.
    pub how: How,
}

impl Truth {
    fn exact(nats: f64) -> Self {
        Self { nats, error: None, how: How::Exact }
    }
}

/// Where a truth comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// A closed form.
    Exact,
    /// [`monte_carlo`] with these arguments.
    MonteCarlo {
        /// Rows.
        rows: usize,
        /// Seed.
        seed: u64,
    },
}

/// A distribution of (x, y) whose mutual information is known.
pub trait Known: Debug + Send + Sync {
    /// Its name; it says what the distribution is, parameters included.
    fn name(&self) -> String;

    /// Numbers in a row of x and of y.
    fn dims(&self) -> (usize, usize);

    /// Its mutual information.
    fn truth(&self) -> Truth;

    /// Draws one row into `x` and `y`, which are as long as [`dims`](Known::dims) says.
    fn draw(&self, rng: &mut ChaCha8Rng, x: &mut [f64], y: &mut [f64]);

    /// `ln p(x,y)/(p(x)·p(y))` in nats, where the densities are known; −∞ outside of the distribution. Its mean is the
    /// mutual information.
    fn pointwise(&self, x: &[f64], y: &[f64]) -> Option<f64> {
        let _ = (x, y);
        None
    }

    /// Draws paired samples, one after the other from the one stream `"known"` of `seed`: the first 100 of 1,000 rows are
    /// the 100 of the same seed.
    ///
    /// # Errors
    /// When no rows are asked for.
    fn sample(&self, rows: usize, seed: u64) -> Result<(Samples, Samples), MiError> {
        let (dim_x, dim_y) = self.dims();
        let (mut x, mut y) = (vec![0.0; rows * dim_x], vec![0.0; rows * dim_y]);
        let mut rng = seed::stream(seed, "known", 0);
        for (x, y) in x.chunks_exact_mut(dim_x).zip(y.chunks_exact_mut(dim_y)) {
            self.draw(&mut rng, x, y);
        }
        let names = |letter: char, dim: usize| (0..dim).map(|c| format!("{letter}{c}")).collect();
        Ok((Samples::named(x, names('x', dim_x))?, Samples::named(y, names('y', dim_y))?))
    }
}

impl Known for Box<dyn Known> {
    fn name(&self) -> String {
        (**self).name()
    }

    fn dims(&self) -> (usize, usize) {
        (**self).dims()
    }

    fn truth(&self) -> Truth {
        (**self).truth()
    }

    fn draw(&self, rng: &mut ChaCha8Rng, x: &mut [f64], y: &mut [f64]) {
        (**self).draw(rng, x, y);
    }

    fn pointwise(&self, x: &[f64], y: &[f64]) -> Option<f64> {
        (**self).pointwise(x, y)
    }
}

/// Rows of one stream of [`monte_carlo`].
const BLOCK: usize = 5_000;

/// The mean and standard error of the [`pointwise`](Known::pointwise) mutual information over fresh rows; none when the
/// densities are not known or fewer than 2 rows are asked for.
///
/// Rows come in blocks of 5,000, each from its own stream, so that the result does not depend on the number of threads.
pub fn monte_carlo<K: Known + ?Sized>(known: &K, rows: usize, seed: u64) -> Option<Truth> {
    let (dim_x, dim_y) = known.dims();
    let block = |b: usize| {
        let mut rng = seed::stream(seed, "truth", b as u64);
        let (mut x, mut y) = (vec![0.0; dim_x], vec![0.0; dim_y]);
        let of_row = |_| {
            known.draw(&mut rng, &mut x, &mut y);
            known.pointwise(&x, &y)
        };
        (b * BLOCK..rows.min((b + 1) * BLOCK))
            .map(of_row)
            .collect::<Option<Vec<f64>>>()
            .map(|values| Moments::of(&values))
    };
    let blocks: Vec<_> = (0..rows.div_ceil(BLOCK)).into_par_iter().map(block).collect();
    let Moments { count, mean, squares } = blocks.into_iter().try_fold(Moments::default(), |a, b| Some(a.with(b?)))?;
    let error = (squares / (count - 1.0) / count).sqrt();
    (count >= 2.0).then_some(Truth { nats: mean, error: Some(error), how: How::MonteCarlo { rows, seed } })
}

/// How many numbers, their mean, and the sum of their squared distances from it.
#[derive(Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        Self { count, mean, squares: values.iter().map(|v| (v - mean).powi(2)).sum() }
    }

    /// Of both together (Chan, Golub & LeVeque 1979).
    fn with(self, other: Self) -> Self {
        let (count, apart) = (self.count + other.count, other.mean - self.mean);
        Self {
            count,
            mean: self.mean + apart * other.count / count,
            squares: self.squares + other.squares + apart * apart * self.count * other.count / count,
        }
    }
}

fn out_of_range(name: &'static str, value: impl ToString, allowed: &'static str) -> MiError {
    MiError::Setting { name, value: value.to_string(), allowed }
}

#[cfg(test)]
mod tests;
