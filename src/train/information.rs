//! How much the global vector says about the image: an estimate of their mutual information.

use super::TrainError;
use crate::data::ImageSet;
use crate::mi::Samples;
use crate::mi::estimate::{EstimateConfig, Estimator, Learning, NeuralBound, estimate};
use crate::probe::Features;
use serde::Serialize;

/// Settings of [`information`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InformationConfig {
    /// Images, the first of the set.
    pub rows: usize,
    /// Most steps of each of the five critics.
    pub steps: usize,
    /// Root seed.
    pub seed: u64,
}

impl Default for InformationConfig {
    fn default() -> Self {
        Self { rows: 5000, steps: 2000, seed: 0 }
    }
}

impl InformationConfig {
    /// Rejects settings that cannot work.
    ///
    /// # Errors
    /// [`TrainError::Config`].
    pub fn check(&self) -> Result<(), TrainError> {
        if self.rows < 100 || self.steps == 0 {
            return Err(TrainError::Config(format!(
                "mutual information of {} images and their global vectors in {} steps; it takes 100 images and 1 step or more",
                self.rows, self.steps
            )));
        }
        Ok(())
    }
}

/// An estimate of I(X; Y) of images and global vectors, nats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Information {
    /// Images.
    pub rows: usize,
    /// The Donsker-Varadhan value on images that the critics have not seen: a lower bound in expectation.
    pub held_out: f64,
    /// The same on those that they learned from, as the paper reads it: optimistic.
    pub training: f64,
}

/// MINE (Belghazi et al. 2018) between the pixels of images and their frozen global vectors `y` (Hjelm et al. 2019, section
/// 4.1), by [`estimate`]: critics on principal components of the pixels, cross-fitted. Where images determine Y, as here,
/// the true value is not finite for continuous pixels; what is measured is how much critics of this size and schedule find.
///
/// # Errors
/// When there are too few images, Y is constant, or the device fails.
pub fn information(set: &ImageSet, y: &Features, config: &InformationConfig) -> Result<Information, TrainError> {
    config.check()?;
    let rows = config.rows.min(set.len()).min(y.rows);
    let pixels = (0..rows).flat_map(|i| set.image(i)).map(|&v| f64::from(v) / 127.5 - 1.0).collect();
    let x = varying(pixels, set.image_len(), "pixel")?;
    let y = varying((0..rows).flat_map(|i| y.row(i)).map(|&v| f64::from(v)).collect(), y.dim, "unit of Y")?;
    let settings = EstimateConfig {
        estimator: Estimator::Neural(NeuralBound::Mine),
        learning: Learning { steps: config.steps, ..Learning::default() },
        seed: config.seed,
        ..EstimateConfig::default()
    };
    let found = estimate(&x, &y, &settings)?;
    let none = || TrainError::Config("the estimate of mutual information has no held-out value".into());
    let (held_out, training) = found.bound.zip(found.optimistic).ok_or_else(none)?;
    Ok(Information { rows, held_out, training })
}

/// The columns of `values [rows, columns]` that are not constant.
fn varying(values: Vec<f64>, columns: usize, what: &str) -> Result<Samples, TrainError> {
    let first = values.get(..columns).unwrap_or_default();
    let kept: Vec<usize> =
        (0..first.len()).filter(|&c| values.chunks_exact(columns).any(|row| row[c] != first[c])).collect();
    if kept.is_empty() {
        return Err(TrainError::Config(format!("every {what} is constant; there is no mutual information to measure")));
    }
    let values = values.chunks_exact(columns).flat_map(|row| kept.iter().map(|&c| row[c])).collect();
    let names = kept.iter().map(|c| format!("{what} {c}")).collect();
    Ok(Samples::named(values, names).map_err(crate::mi::estimate::EstimateError::from)?)
}
