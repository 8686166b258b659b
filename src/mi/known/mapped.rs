//! Distributions made of others: x and y mapped, columns of noise, the dependence taken away.

use super::{CorrelatedGaussian, Known, Truth, binormal, map::Map, picture};
use crate::mi::MiError;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// A distribution after one-to-one maps of x and of y.
#[derive(Debug)]
pub struct Mapped {
    name: String,
    base: Box<dyn Known>,
    x: Vec<Map>,
    y: Vec<Map>,
    /// Numbers in a row before each map, and after the last.
    dims: (Vec<usize>, Vec<usize>),
}

impl Mapped {
    /// The maps are taken from the first to the last.
    ///
    /// # Errors
    /// When a map does not fit what comes to it.
    pub fn new(name: impl Into<String>, base: impl Known + 'static, x: Vec<Map>, y: Vec<Map>) -> Result<Self, MiError> {
        let chain = |first: usize, maps: &[Map]| {
            let mut dims = vec![first];
            for map in maps {
                dims.push(map.dims(dims[dims.len() - 1])?);
            }
            Ok::<_, MiError>(dims)
        };
        let (dim_x, dim_y) = base.dims();
        let dims = (chain(dim_x, &x)?, chain(dim_y, &y)?);
        Ok(Self { name: name.into(), base: Box::new(base), x, y, dims })
    }

    /// One map each of x and of y that fit rows of any length and keep it.
    fn each(name: &str, base: impl Known + 'static, x: Map, y: Map) -> Self {
        let (dim_x, dim_y) = base.dims();
        let name = format!("{name}-{}", base.name());
        let dims = (vec![dim_x; 2], vec![dim_y; 2]);
        Self { name, base: Box::new(base), x: vec![x], y: vec![y], dims }
    }
}

/// Takes a row back through `maps` to the numbers before the first.
fn original(maps: &[Map], dims: &[usize], row: &[f64]) -> Vec<f64> {
    let mut row = row.to_vec();
    for (map, sizes) in maps.iter().zip(dims.windows(2)).rev() {
        map.invert(&mut row[..sizes[1]]);
    }
    row.truncate(dims[0]);
    row
}

impl Known for Mapped {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn dims(&self) -> (usize, usize) {
        (self.dims.0[self.x.len()], self.dims.1[self.y.len()])
    }

    /// That of what is mapped.
    fn truth(&self) -> Truth {
        self.base.truth()
    }

    fn draw(&self, rng: &mut ChaCha8Rng, x: &mut [f64], y: &mut [f64]) {
        self.base.draw(rng, &mut x[..self.dims.0[0]], &mut y[..self.dims.1[0]]);
        for (maps, dims, row) in [(&self.x, &self.dims.0, x), (&self.y, &self.dims.1, y)] {
            maps.iter().zip(&dims[1..]).for_each(|(map, size)| map.apply(&mut row[..*size]));
        }
    }

    fn pointwise(&self, x: &[f64], y: &[f64]) -> Option<f64> {
        self.base.pointwise(&original(&self.x, &self.dims.0, x), &original(&self.y, &self.dims.1, y))
    }
}

/// Φ of every number (`normal_cdf-…`).
pub fn normal_cdf(base: impl Known + 'static) -> Mapped {
    Mapped::each("normal_cdf", base, Map::NormalCdf, Map::NormalCdf)
}

/// `x·√|x|` of every number (`half_cube-…`).
pub fn half_cube(base: impl Known + 'static) -> Mapped {
    Mapped::each("half_cube", base, Map::HalfCube, Map::HalfCube)
}

/// `asinh x` of every number (`asinh-…`).
pub fn asinh(base: impl Known + 'static) -> Mapped {
    Mapped::each("asinh", base, Map::Asinh, Map::Asinh)
}

/// Two increasing functions with waves, one for x and one for y (`wiggly-…`).
pub fn wiggly(base: impl Known + 'static) -> Mapped {
    Mapped::each("wiggly", base, Map::wiggle_x(), Map::wiggle_y())
}

/// Turns the first two numbers of x and the second and third of y by an angle of the squared length over the number of
/// dimensions (`spiral-…`).
///
/// # Errors
/// When x has fewer than 2 numbers or y fewer than 3.
pub fn spiral(base: impl Known + 'static) -> Result<Mapped, MiError> {
    let (dim_x, dim_y) = base.dims();
    let x = vec![Map::Spiral { plane: [0, 1], speed: 1.0 / dim_x as f64 }];
    let y = vec![Map::Spiral { plane: [1, 2], speed: 1.0 / dim_y as f64 }];
    Mapped::new(format!("spiral-{}", base.name()), base, x, y)
}

/// x, one number of [0, 1], rolled up in the plane (`swissroll_x-…`).
///
/// # Errors
/// When x is not one number.
pub fn swiss_roll(base: impl Known + 'static) -> Result<Mapped, MiError> {
    Mapped::new(format!("swissroll_x-{}", base.name()), base, vec![Map::SwissRoll], vec![])
}

/// Two correlated normal numbers, brought to have two modes each: 0.3·N(0, 1) + 0.7·N(5, 1) and
/// 0.5·N(−1, 1) + 0.5·N(3, 1) (`1v1-bimodal-…`).
///
/// # Errors
/// As [`binormal`].
pub fn bimodal(correlation: f64) -> Result<Mapped, MiError> {
    let x = vec![Map::NormalCdf, Map::TwoModes { first: 0.3, means: [0.0, 5.0] }];
    let y = vec![Map::NormalCdf, Map::TwoModes { first: 0.5, means: [-1.0, 3.0] }];
    Mapped::new(format!("1v1-bimodal-{correlation:?}"), binormal(correlation)?, x, y)
}

/// x and y each times a random orthogonal matrix, so that no column stands for itself (`rotated-…`).
pub fn rotated(base: impl Known + 'static, seed: u64) -> Mapped {
    let (dim_x, dim_y) = base.dims();
    let (x, y) = (Map::random_rotation(dim_x, seed, 0), Map::random_rotation(dim_y, seed, 1));
    Mapped::each(&format!("rotated-{seed}"), base, x, y)
}

/// Pictures of blobs at correlated places (Butakov et al. 2024): two pairs of uniform numbers with `nats` in all, half in
/// each pair (correlated normal numbers through Φ), drawn on `side`² pixels (`blobs-…`).
///
/// Their code shuffles which numbers of x and y go together; here it is the first with the first.
///
/// # Errors
/// As [`CorrelatedGaussian::new`] and [`picture::Blob::new`].
pub fn blobs(side: usize, nats: f64) -> Result<Mapped, MiError> {
    let maps = vec![Map::NormalCdf, Map::Blob(picture::Blob::new(side)?)];
    Mapped::new(format!("blobs-{side}-{nats:?}"), CorrelatedGaussian::new(2, nats)?, maps.clone(), maps)
}

/// As [`blobs`], with rectangles of four numbers each (`rectangles-…`).
///
/// # Errors
/// As [`CorrelatedGaussian::new`] and [`picture::Rectangle::new`].
pub fn rectangles(side: usize, nats: f64) -> Result<Mapped, MiError> {
    let maps = vec![Map::NormalCdf, Map::Rectangle(picture::Rectangle::new(side)?)];
    Mapped::new(format!("rectangles-{side}-{nats:?}"), CorrelatedGaussian::new(4, nats)?, maps.clone(), maps)
}

/// A distribution with columns of independent standard normal noise after its own: see [`noise`].
#[derive(Debug)]
pub struct Noise {
    base: Box<dyn Known>,
    extra: (usize, usize),
}

/// `base` with `extra_x` and `extra_y` columns of noise (`noise-…`).
pub fn noise(base: impl Known + 'static, extra_x: usize, extra_y: usize) -> Noise {
    Noise { base: Box::new(base), extra: (extra_x, extra_y) }
}

impl Known for Noise {
    fn name(&self) -> String {
        format!("noise-{}-{}-{}", self.extra.0, self.extra.1, self.base.name())
    }

    fn dims(&self) -> (usize, usize) {
        let (x, y) = self.base.dims();
        (x + self.extra.0, y + self.extra.1)
    }

    fn truth(&self) -> Truth {
        self.base.truth()
    }

    fn draw(&self, rng: &mut ChaCha8Rng, x: &mut [f64], y: &mut [f64]) {
        let (dim_x, dim_y) = self.base.dims();
        let ((x, extra_x), (y, extra_y)) = (x.split_at_mut(dim_x), y.split_at_mut(dim_y));
        self.base.draw(rng, x, y);
        extra_x.iter_mut().chain(extra_y).for_each(|v| *v = rng.sample(StandardNormal));
    }

    fn pointwise(&self, x: &[f64], y: &[f64]) -> Option<f64> {
        let (dim_x, dim_y) = self.base.dims();
        self.base.pointwise(&x[..dim_x], &y[..dim_y])
    }
}

/// The x of one draw with the y of another: see [`independent`].
#[derive(Debug)]
pub struct Independent {
    base: Box<dyn Known>,
}

/// x and y distributed as in `base`, but independent of each other (`independent-…`): mutual information 0.
pub fn independent(base: impl Known + 'static) -> Independent {
    Independent { base: Box::new(base) }
}

impl Known for Independent {
    fn name(&self) -> String {
        format!("independent-{}", self.base.name())
    }

    fn dims(&self) -> (usize, usize) {
        self.base.dims()
    }

    fn truth(&self) -> Truth {
        Truth::exact(0.0)
    }

    fn draw(&self, rng: &mut ChaCha8Rng, x: &mut [f64], y: &mut [f64]) {
        self.base.draw(rng, x, y);
        let mut other = vec![0.0; x.len()];
        self.base.draw(rng, &mut other, y);
    }

    fn pointwise(&self, _: &[f64], _: &[f64]) -> Option<f64> {
        Some(0.0)
    }
}
