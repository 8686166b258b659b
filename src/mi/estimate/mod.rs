//! The mutual information of samples: [`estimate`].
//!
//! ```
//! use infomax::mi::{Samples, estimate::{EstimateConfig, Estimator, estimate}};
//! let wave: Vec<f64> = (0..400).map(|i| (i as f64 * 0.37).sin() + i as f64 * 1e-3).collect();
//! let x = Samples::new(wave[..399].to_vec(), 1)?;
//! let y = Samples::new(wave[1..].to_vec(), 1)?;
//! let found = estimate(&x, &y, &EstimateConfig { estimator: Estimator::Ksg, ..EstimateConfig::default() })?;
//! println!("{:.2} nats, at most {:.2} can be seen in {} rows", found.nats, found.ceiling.unwrap(), found.n);
//! # Ok::<(), infomax::mi::estimate::EstimateError>(())
//! ```

mod auto;
mod classical;
mod conditional;
mod config;
mod copies;
mod copula;
mod fit;
mod folds;
mod inputs;
mod latent;
mod neural;
mod objective;
mod principal;
mod read_out;
mod result;

pub use conditional::estimate_conditional;
pub use config::{Architecture, EstimateConfig, Estimator, Learning};
pub use objective::NeuralBound;
pub use result::{CurvePoint, Estimate};

use super::{MiError, Samples};

/// Why there is no estimate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EstimateError {
    /// The samples do not allow one.
    #[error(transparent)]
    Samples(#[from] MiError),
    /// The device failed.
    #[error("the device failed: {0}")]
    Device(String),
}

/// Fewest rows for any estimate.
const LEAST_ROWS: usize = 10;

/// Estimates I(X;Y) from paired samples, in nats.
///
/// Neural estimators standardise each column (by its normal scores, unless told otherwise), train one critic for each of
/// several folds on rows that exclude the fold's own, stop by validation rows, and read the fold's rows with it; every row
/// is read by a critic that never saw it. A critic's score is the log density ratio of a Gaussian fitted to the training
/// rows plus what a network learns beyond it, so that nearly Gaussian data cost nothing. Where that
/// Gaussian alone says less than nothing of the validation rows, it is left out.
///
/// Where more than 64 columns of a side mostly repeat each other, as pixels do, critics see their principal components (see
/// [`Estimate::components`]).
///
/// Such a value is a lower bound in expectation, low by what the critic has yet to learn; on the rows that it learned from,
/// the critic is optimistic by about as much (as for any fit by likelihood, Akaike 1974). The estimate is the middle of the
/// two, and the interval goes from the one to the other, each widened by the spread over rows.
///
/// No critic is read on a row whose copy it learned from. A column that x and y share, whatever monotone function is between
/// the two, is an error, and a warning from neural estimators that are asked for by name.
///
/// The same samples, settings and build give the same bits on any number of threads.
///
/// # Errors
/// Unpaired rows, fewer than ten, a constant column, for critics rows of which most are copies, a setting out of range, and
/// what the chosen estimator says.
pub fn estimate(x: &Samples, y: &Samples, config: &EstimateConfig) -> Result<Estimate, EstimateError> {
    x.check_paired(y, LEAST_ROWS)?;
    config.check()?;
    for side in [x, y] {
        for c in 0..side.columns() {
            let first = side.row(0)[c];
            if side.column(c).all(|v| v == first) {
                return Err(MiError::Constant { column: side.names()[c].clone(), value: first }.into());
            }
        }
    }
    let endless = || copies::endless(x, y);
    match config.estimator {
        Estimator::Auto => auto::estimate(x, y, config),
        Estimator::Neural(_) | Estimator::Lmi => {
            let mut found = match config.estimator {
                Estimator::Neural(bound) => neural::estimate(x, y, bound, config)?,
                _ => latent::estimate(x, y, config)?,
            };
            // Pictures that share pixels are compared by what so many rows can show of it.
            found.warnings.extend(endless().map(|e| e.to_string()));
            Ok(found)
        }
        Estimator::Ksg | Estimator::Cca | Estimator::Copula => match endless() {
            Some(error) => Err(error.into()),
            None => classical::estimate(x, y, config),
        },
        Estimator::Discrete | Estimator::Mixed => classical::estimate(x, y, config),
    }
}
