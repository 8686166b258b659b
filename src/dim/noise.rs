//! Random vectors that a step is given.

use rand::Rng;
use rand_distr::StandardNormal;

/// What a model wants to be given as noise: vectors of so many numbers, drawn apart from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// Each number uniform on [0, 1].
    Uniform,
    /// Each number normal, of mean 0 and variance 1.
    Normal,
    /// Uniform in the unit ball.
    Ball,
    /// Uniform on the unit sphere.
    Sphere,
}

impl Noise {
    /// Draws `[rows, width]`, row-major.
    pub fn draw(self, rows: usize, width: usize, rng: &mut impl Rng) -> Vec<f32> {
        match self {
            Self::Uniform => (0..rows * width).map(|_| rng.r#gen()).collect(),
            Self::Normal => (0..rows * width).map(|_| rng.sample(StandardNormal)).collect(),
            Self::Sphere => on_sphere(rows, width, width, rng),
            // The first `d` of the coordinates of a point that is uniform on the sphere in `d + 2` dimensions are uniform in
            // the ball (Harman & Lacko 2010).
            Self::Ball => on_sphere(rows, width, width + 2, rng),
        }
    }
}

/// The first `kept` coordinates of points that are uniform on the sphere in `dimensions`: normal vectors (Muller 1959),
/// divided by their lengths.
fn on_sphere(rows: usize, kept: usize, dimensions: usize, rng: &mut impl Rng) -> Vec<f32> {
    let mut points = Vec::with_capacity(rows * kept);
    let mut normal = vec![0f64; dimensions];
    for _ in 0..rows {
        normal.fill_with(|| rng.sample(StandardNormal));
        let length = normal.iter().map(|v| v * v).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        points.extend(normal[..kept].iter().map(|v| (v / length) as f32));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::stream;

    /// Mean over the rows of `f`.
    fn mean(rows: &[f32], width: usize, f: impl Fn(&[f32]) -> f64) -> f64 {
        rows.chunks_exact(width).map(f).sum::<f64>() / (rows.len() / width) as f64
    }

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        let (rows, width) = (20_000, 5);
        let draw = |noise: Noise| noise.draw(rows, width, &mut stream(3, "test", 0));
        let squared = |row: &[f32]| row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
        // E‖v‖² is d/3, d, d/(d + 2) and 1; four standard errors are 0.02, 0.09, 0.007 and none.
        for (noise, expected, off) in [
            (Noise::Uniform, 5.0 / 3.0, 0.02),
            (Noise::Normal, 5.0, 0.09),
            (Noise::Ball, 5.0 / 7.0, 0.007),
            (Noise::Sphere, 1.0, 1e-6),
        ] {
            let found = mean(&draw(noise), width, squared);
            assert!((found - expected).abs() < off, "{noise:?}: {found}");
        }
        // The share of the ball within half its radius is 2⁻ᵈ: 0.03125 with a standard error of 0.0012.
        let ball = draw(Noise::Ball);
        let near = mean(&ball, width, |row| f64::from(u8::from(squared(row) < 0.25)));
        assert!((near - 0.03125).abs() < 0.005, "{near}");
        assert!(ball.chunks_exact(width).all(|row| squared(row) <= 1.0 + 1e-6));
        // No direction is preferred.
        for axis in 0..width {
            let sphere = mean(&draw(Noise::Sphere), width, |row| f64::from(row[axis]));
            assert!(sphere.abs() < 0.013, "{sphere}");
        }
    }
}
