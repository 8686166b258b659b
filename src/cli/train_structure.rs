//! What `infomax train` lays on global vectors and local features beside mutual information.

use crate::dim::{CoordinateWeights, Prior, PriorConfig};
use clap::{Args, ValueEnum};

/// Settings of prior matching, coordinate prediction and occlusion.
#[derive(Debug, Args)]
pub(super) struct StructureArgs {
    /// What prior matching makes the global vectors look like
    #[arg(long, value_enum, default_value_t = PriorName::Uniform)]
    prior: PriorName,
    /// Weight of the gradient penalty on the discriminator of prior matching (the authors' code: 1)
    #[arg(long, default_value_t = 0.0, value_name = "WEIGHT")]
    gradient_penalty: f64,
    /// Predict where a location is, or where two of them are from each other, from features and global vector
    #[arg(long, value_enum, value_name = "KIND")]
    coordinates: Option<Coordinates>,
    /// Weight of each kind of coordinate prediction [default: 1]
    #[arg(long, value_name = "WEIGHT", requires = "coordinates")]
    coordinate_weight: Option<f64>,
    /// Hide a block of so many pixels a side, at a random place of each image, from the global path
    #[arg(long, value_name = "PIXELS", default_value_t = 0, hide_default_value = true)]
    pub occlude: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PriorName {
    /// Uniform on [0, 1] in each number
    Uniform,
    /// Normal of mean 0 and variance 1 in each number
    Gaussian,
    /// Uniform in the unit ball
    Ball,
    /// Uniform on the unit sphere
    Sphere,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Coordinates {
    /// Row and column of a location
    Absolute,
    /// Offsets between two locations of an image
    Relative,
    /// Both
    Both,
}

impl StructureArgs {
    pub(super) fn prior(&self) -> PriorConfig {
        let kind = match self.prior {
            PriorName::Uniform => Prior::Uniform,
            PriorName::Gaussian => Prior::Gaussian,
            PriorName::Ball => Prior::Ball,
            PriorName::Sphere => Prior::Sphere,
        };
        PriorConfig { kind, gradient_penalty: self.gradient_penalty }
    }

    pub(super) fn coordinates(&self) -> CoordinateWeights {
        let weight = self.coordinate_weight.unwrap_or(1.0);
        let [absolute, relative] = match self.coordinates {
            None => [0.0, 0.0],
            Some(Coordinates::Absolute) => [weight, 0.0],
            Some(Coordinates::Relative) => [0.0, weight],
            Some(Coordinates::Both) => [weight, weight],
        };
        CoordinateWeights { absolute, relative }
    }
}
