//! One-to-one maps of x or of y: they leave the mutual information as it is.

use super::matrix::random_rotation;
use super::out_of_range;
use super::picture::{Blob, Rectangle};
use crate::mi::MiError;
use crate::mi::linalg::dot;
use crate::mi::special::{normal_cdf, normal_density, normal_quantile, solve_increasing};
use std::f64::consts::PI;

/// A one-to-one map of a row of numbers.
///
/// A row is changed where it lies. A map to more numbers than it takes finds its input at the front of the row, and its
/// inverse leaves it there.
#[derive(Clone, Debug, PartialEq)]
pub enum Map {
    /// Φ of each number: standard normal numbers become uniform on [0, 1].
    NormalCdf,
    /// `x·√|x|` of each number.
    HalfCube,
    /// `asinh x` of each number: tames heavy tails.
    Asinh,
    /// `x + Σ a·sin(f·x + p)` of each number, with the `(a, f, p)` given; increasing while `Σ |a·f| < 1`.
    Wiggle(Vec<[f64; 3]>),
    /// The quantile function of `first·N(means[0], 1) + (1 − first)·N(means[1], 1)`: uniform numbers get two modes.
    TwoModes {
        /// Weight of the first mode.
        first: f64,
        /// The two means.
        means: [f64; 2],
    },
    /// A number u of [0, 1] to `(t·cos t, t·sin t)/21`, `t = 1.5·π·(1 + 2u)`.
    SwissRoll,
    /// Turns the plane of two numbers by the angle `speed·|row|²`.
    Spiral {
        /// The two numbers.
        plane: [usize; 2],
        /// Radians for each unit of squared length.
        speed: f64,
    },
    /// Adds `amplitude·sin(frequency·second)` to the first number.
    Wave {
        /// Height of the waves.
        amplitude: f64,
        /// Radians for each unit of the second number.
        frequency: f64,
    },
    /// `scale·x + shift`, number by number.
    Affine(Vec<[f64; 2]>),
    /// An orthogonal matrix `[n, n]`, row-major, times the row.
    Rotation(Vec<f64>),
    /// Two numbers of [0, 1] to a picture of a blob there.
    Blob(Blob),
    /// Four numbers of [0, 1] to a picture of a rectangle.
    Rectangle(Rectangle),
}

impl Map {
    /// The wiggle of x in Czyż et al. 2023.
    pub fn wiggle_x() -> Self {
        Self::Wiggle(vec![[0.4, 1.0, 0.0], [0.2, 1.7, 1.0], [0.03, 3.3, -2.5]])
    }

    /// The wiggle of y in Czyż et al. 2023.
    pub fn wiggle_y() -> Self {
        Self::Wiggle(vec![[-0.4, 0.4, 0.0], [0.17, 1.3, 3.5], [0.02, 4.3, -2.5]])
    }

    /// A random rotation (or reflection) of `size` numbers; `index` tells those of one seed apart.
    pub fn random_rotation(size: usize, seed: u64, index: u64) -> Self {
        Self::Rotation(random_rotation(size, seed, index))
    }

    /// How many numbers come of rows of `from`.
    ///
    /// # Errors
    /// When the map is not one of rows of `from` numbers, or would not be one-to-one.
    pub fn dims(&self, from: usize) -> Result<usize, MiError> {
        let needs = |fits: bool, to: usize, allowed: &'static str| {
            if fits { Ok(to) } else { Err(out_of_range("dimensions", from, allowed)) }
        };
        match self {
            Self::NormalCdf | Self::HalfCube | Self::Asinh => Ok(from),
            Self::Wiggle(terms) if terms.iter().map(|[a, f, _]| (a * f).abs()).sum::<f64>() < 1.0 => Ok(from),
            Self::Wiggle(terms) => Err(out_of_range("wiggle", format!("{terms:?}"), "the sum of |a·f| is under 1")),
            Self::TwoModes { first, .. } if (0.0..=1.0).contains(first) => Ok(from),
            Self::TwoModes { first, .. } => Err(out_of_range("first", first, "0 to 1")),
            Self::SwissRoll => needs(from == 1, 2, "a swiss roll is made of one number"),
            Self::Spiral { plane: [i, j], .. } => {
                needs(i != j && *i.max(j) < from, from, "a spiral turns two numbers of the row")
            }
            Self::Wave { .. } => needs(from >= 2, from, "a wave needs two numbers"),
            Self::Affine(each) => {
                needs(each.len() == from && each.iter().all(|[s, _]| *s != 0.0), from, "one scale, not 0, a number")
            }
            Self::Rotation(matrix) => needs(orthogonal(matrix, from), from, "an orthogonal matrix, one row a number"),
            Self::Blob(blob) => needs(from == 2, blob.pixels(), "a blob is made of two numbers"),
            Self::Rectangle(r) => needs(from == 4, r.pixels(), "a rectangle is made of four numbers"),
        }
    }

    /// Maps a row in place. It is as long as [`Map::dims`] says, and the input is at its front.
    pub fn apply(&self, row: &mut [f64]) {
        match self {
            Self::NormalCdf => each(row, normal_cdf),
            Self::HalfCube => each(row, |v| v * v.abs().sqrt()),
            Self::Asinh => each(row, f64::asinh),
            Self::Wiggle(terms) => each(row, |v| wiggle(terms, v).0),
            Self::TwoModes { first, means } => each(row, |p| two_modes_quantile(*first, *means, p)),
            Self::SwissRoll => {
                let t = 1.5 * PI * (1.0 + 2.0 * row[0]);
                row[0] = t * t.cos() / 21.0;
                row[1] = t * t.sin() / 21.0;
            }
            Self::Spiral { plane, speed } => turn(row, *plane, *speed),
            Self::Wave { amplitude, frequency } => row[0] += amplitude * (frequency * row[1]).sin(),
            Self::Affine(each) => row.iter_mut().zip(each).for_each(|(v, [scale, shift])| *v = scale * *v + shift),
            Self::Rotation(matrix) => {
                let input = row.to_vec();
                row.iter_mut().zip(matrix.chunks_exact(input.len())).for_each(|(v, m)| *v = dot(m, &input));
            }
            Self::Blob(blob) => blob.draw(row),
            Self::Rectangle(rectangle) => rectangle.draw(row),
        }
    }

    /// Takes a mapped row back, in place; what was the input is then at the front.
    pub fn invert(&self, row: &mut [f64]) {
        match self {
            Self::NormalCdf => each(row, normal_quantile),
            Self::HalfCube => each(row, |v| v.signum() * v.abs().powf(2.0 / 3.0)),
            Self::Asinh => each(row, f64::sinh),
            Self::Wiggle(terms) => {
                let reach = terms.iter().map(|[a, ..]| a.abs()).sum::<f64>() + 1e-9;
                each(row, |v| solve_increasing(|x| wiggle(terms, x), v, v - reach, v + reach));
            }
            Self::TwoModes { first, means } => each(row, |v| two_modes_cdf(*first, *means, v).0),
            Self::SwissRoll => row[0] = (row[0].hypot(row[1]) * 21.0 / (1.5 * PI) - 1.0) / 2.0,
            Self::Spiral { plane, speed } => turn(row, *plane, -speed),
            Self::Wave { amplitude, frequency } => row[0] -= amplitude * (frequency * row[1]).sin(),
            Self::Affine(each) => row.iter_mut().zip(each).for_each(|(v, [scale, shift])| *v = (*v - shift) / scale),
            Self::Rotation(matrix) => {
                let input = row.to_vec();
                let column = |c: usize| matrix.iter().skip(c).step_by(input.len());
                row.iter_mut().enumerate().for_each(|(c, v)| *v = column(c).zip(&input).map(|(m, i)| m * i).sum());
            }
            Self::Blob(blob) => blob.read(row),
            Self::Rectangle(rectangle) => rectangle.read(row),
        }
    }
}

fn each(row: &mut [f64], f: impl Fn(f64) -> f64) {
    row.iter_mut().for_each(|v| *v = f(*v));
}

fn orthogonal(matrix: &[f64], size: usize) -> bool {
    let unit = |i: usize, a: &[f64]| {
        let mut dots = matrix.chunks_exact(size).map(|b| dot(a, b)).enumerate();
        dots.all(|(j, d)| (d - if i == j { 1.0 } else { 0.0 }).abs() < 1e-9)
    };
    size > 0 && matrix.len() == size * size && matrix.chunks_exact(size).enumerate().all(|(i, row)| unit(i, row))
}

/// Value and slope.
fn wiggle(terms: &[[f64; 3]], x: f64) -> (f64, f64) {
    let value = terms.iter().map(|[a, f, p]| a * (f * x + p).sin()).sum::<f64>();
    let slope = terms.iter().map(|[a, f, p]| a * f * (f * x + p).cos()).sum::<f64>();
    (x + value, 1.0 + slope)
}

/// Value and slope.
fn two_modes_cdf(first: f64, [a, b]: [f64; 2], x: f64) -> (f64, f64) {
    let mix = |f: fn(f64) -> f64| first * f(x - a) + (1.0 - first) * f(x - b);
    (mix(normal_cdf), mix(normal_density))
}

fn two_modes_quantile(first: f64, means: [f64; 2], p: f64) -> f64 {
    let (low, high) = (means[0].min(means[1]) - 40.0, means[0].max(means[1]) + 40.0);
    solve_increasing(|x| two_modes_cdf(first, means, x), p, low, high)
}

/// Turns two numbers by `speed·|row|²`: `exp(speed·|row|²·A)` of the so(n) generator `A` of their plane.
fn turn(row: &mut [f64], [i, j]: [usize; 2], speed: f64) {
    let (sin, cos) = (speed * dot(row, row)).sin_cos();
    (row[i], row[j]) = (cos * row[i] - sin * row[j], sin * row[i] + cos * row[j]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(map: &Map, input: &[f64], within: f64) -> Vec<f64> {
        let mut row = vec![0.0; map.dims(input.len()).unwrap()];
        row[..input.len()].copy_from_slice(input);
        map.apply(&mut row);
        let image = row.clone();
        map.invert(&mut row);
        for (back, was) in row.iter().zip(input) {
            assert!((back - was).abs() < within * (1.0 + was.abs()), "{map:?}: {input:?} came back as {row:?}");
        }
        image
    }

    #[test]
    fn every_map_has_its_inverse() {
        let maps = [
            Map::NormalCdf,
            Map::HalfCube,
            Map::Asinh,
            Map::wiggle_x(),
            Map::wiggle_y(),
            Map::Spiral { plane: [1, 2], speed: 1.0 / 3.0 },
            Map::Wave { amplitude: 5.0, frequency: 3.0 },
            Map::Affine(vec![[0.1, -0.8], [0.5, 0.0], [-2.0, 3.0]]),
            Map::random_rotation(3, 7, 0),
        ];
        for map in &maps {
            for input in [[0.0, -0.5, 2.5], [-3.0, 1.0, 0.25], [3.5, -2.0, 1e-3]] {
                round_trip(map, &input, 1e-11);
            }
        }
        for u in [1e-9, 0.1, 0.299, 0.5, 0.731, 0.999_999] {
            round_trip(&Map::TwoModes { first: 0.3, means: [0.0, 5.0] }, &[u], 1e-14);
            round_trip(&Map::SwissRoll, &[u], 1e-14);
        }
    }

    #[test]
    fn images_by_hand() {
        assert_eq!(round_trip(&Map::HalfCube, &[-4.0], 1e-14), [-8.0]);
        // A quarter turn: |(1, 0)|² · π/2.
        let turned = round_trip(&Map::Spiral { plane: [0, 1], speed: PI / 2.0 }, &[1.0, 0.0], 1e-14);
        assert!(turned[0].abs() < 1e-15 && (turned[1] - 1.0).abs() < 1e-15);
        let rolled = round_trip(&Map::SwissRoll, &[0.5], 1e-14);
        assert!((rolled[0] + 3.0 * PI / 21.0).abs() < 1e-14 && rolled[1].abs() < 1e-14);
        // Half of the numbers of two equal modes lie under their middle.
        let middle = round_trip(&Map::TwoModes { first: 0.5, means: [-1.0, 3.0] }, &[0.5], 1e-14);
        assert!((middle[0] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(Map::SwissRoll.dims(2).is_err());
        assert!(Map::Spiral { plane: [1, 2], speed: 1.0 }.dims(2).is_err());
        assert!(Map::Spiral { plane: [1, 1], speed: 1.0 }.dims(3).is_err());
        assert!(Map::Wiggle(vec![[1.0, 1.0, 0.0]]).dims(1).is_err());
        assert!(Map::Affine(vec![[0.0, 1.0]]).dims(1).is_err());
        assert!(Map::TwoModes { first: 1.5, means: [0.0, 1.0] }.dims(1).is_err());
        assert!(Map::random_rotation(3, 0, 0).dims(4).is_err());
        assert!(Map::Rotation(vec![1.0, 1.0, 0.0, 1.0]).dims(2).is_err());
        assert!(Map::Wave { amplitude: 1.0, frequency: 1.0 }.dims(1).is_err());
    }
}
