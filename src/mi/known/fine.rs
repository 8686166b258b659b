//! The fine distributions of Czyż et al. (pointwise mutual information profiles): mixtures with dependence in shapes, and
//! truths by Monte Carlo.

use super::gaussian::{identity, sparse_covariance};
use super::map::Map;
use super::mixture::{Component, GaussianMixture};
use super::{How, Mapped, Truth};
use crate::mi::MiError;

/// Rows and seed behind [`TRUTHS`].
const ROWS: usize = 4_000_000;
const SEED: u64 = 2025;

/// Name, nats and standard error of each: what [`monte_carlo`](super::monte_carlo) gives with [`ROWS`] and [`SEED`], which
/// takes minutes for all. A mapped mixture stands under its base's name: maps of x or y alone change nothing.
const TRUTHS: &[(&str, f64, f64)] = &[
    ("1v1-X-0.9", 0.407774, 0.000373),
    ("1v1-AI", 0.775982, 0.000435),
    ("2v1-waves-12-5.0-3.0-base", 1.306832, 0.000192),
    ("2v1-galaxy-0.5-3.0-base", 0.493969, 0.000256),
    ("3v1-concentric_gaussians-5", 0.455477, 0.000334),
    ("5v1-concentric_gaussians-5", 0.627043, 0.000355),
    ("3v1-concentric_gaussians-10", 0.559952, 0.000373),
    ("5v1-concentric_gaussians-10", 0.751268, 0.000398),
    ("25v1-concentric_gaussians-5", 1.190458, 0.000318),
    ("mult-sparse-w-inliers-5-5-2-2.0-0.2", 0.634350, 0.000578),
    ("mult-sparse-w-inliers-25-25-2-2.0-0.2", 0.635891, 0.000578),
    ("mult-sparse-w-inliers-5-5-2-2.0-0.5", 0.269555, 0.000420),
    ("mult-sparse-w-inliers-25-25-2-2.0-0.5", 0.269768, 0.000420),
];

/// The mixture with its constant from [`TRUTHS`], where it has one.
fn mixture(name: String, dim_x: usize, components: &[Component]) -> Result<GaussianMixture, MiError> {
    let truth = TRUTHS.iter().find(|(known, ..)| *known == name);
    let mixture = GaussianMixture::new(name, dim_x, components)?;
    Ok(match truth {
        Some(&(_, nats, error)) => {
            let how = How::MonteCarlo { rows: ROWS, seed: SEED };
            mixture.with_truth(Truth { nats, error: Some(error), how })
        }
        None => mixture,
    })
}

fn diagonal(variances: &[f64]) -> Vec<f64> {
    let n = variances.len();
    (0..n * n).map(|k| if k / n == k % n { variances[k / n] } else { 0.0 }).collect()
}

/// An X: two normal distributions of opposite correlation, one on the other. Both numbers are uncorrelated.
///
/// # Errors
/// When the correlation is not between −1 and 1, both excluded.
pub fn x_shape(correlation: f64) -> Result<GaussianMixture, MiError> {
    let arm = |c: f64| Component { weight: 1.0, mean: vec![0.0; 2], covariance: vec![1.0, c, c, 1.0] };
    mixture(format!("1v1-X-{correlation:?}"), 1, &[arm(-correlation), arm(correlation)])
}

/// The letters AI, of six strokes.
///
/// # Errors
/// Never; as the other shapes.
pub fn ai_shape() -> Result<GaussianMixture, MiError> {
    let stroke = |mean: [f64; 2], covariance: Vec<f64>| Component { weight: 1.0, mean: mean.to_vec(), covariance };
    let (across, up): (f64, f64) = (0.04, 0.2);
    let slope = |sign: f64| {
        let covariance = sign * 0.95 * (across * up).sqrt();
        vec![across, covariance, covariance, up]
    };
    let strokes = [
        stroke([1.0, 0.0], diagonal(&[0.01, 0.2])),
        stroke([1.0, 1.0], diagonal(&[0.05, 0.001])),
        stroke([1.0, -1.0], diagonal(&[0.05, 0.001])),
        stroke([-0.8, -0.2], diagonal(&[0.03, 0.001])),
        stroke([-1.2, 0.0], slope(1.0)),
        stroke([-0.4, 0.0], slope(-1.0)),
    ];
    mixture("1v1-AI".into(), 1, &strokes)
}

/// Two balls in space, `distance` apart along each axis, the first two numbers (x) then wound up as a spiral's arms by
/// `speed·|x|²`; y is the third.
///
/// # Errors
/// When a number is not finite.
pub fn galaxy(speed: f64, distance: f64) -> Result<Mapped, MiError> {
    let name = format!("2v1-galaxy-{speed:?}-{distance:?}");
    let ball = |side: f64| Component { weight: 1.0, mean: vec![side * distance / 2.0; 3], covariance: identity(3) };
    let base = mixture(format!("{name}-base"), 2, &[ball(-1.0), ball(1.0)])?;
    Mapped::new(name, base, vec![Map::Spiral { plane: [0, 1], speed }], vec![])
}

/// `components` upright strokes in a row, bent to waves; y tells which of four kinds a stroke is.
///
/// # Errors
/// When there are no components.
pub fn waves(components: usize, amplitude: f64, frequency: f64) -> Result<Mapped, MiError> {
    let name = format!("2v1-waves-{components}-{amplitude:?}-{frequency:?}");
    let stroke = |i: usize| Component {
        weight: 1.0,
        mean: vec![1.5 * i as f64, 0.0, 1.5 * (i % 4) as f64],
        covariance: diagonal(&[0.1, 1.0, 0.1]),
    };
    let strokes: Vec<_> = (0..components).map(stroke).collect();
    let base = mixture(format!("{name}-base"), 2, &strokes)?;
    let maps = vec![Map::Wave { amplitude, frequency }, Map::Affine(vec![[0.1, -0.8], [0.5, 0.0]])];
    Mapped::new(name, base, maps, vec![])
}

/// Normal distributions of `dim_x` numbers around 0 with standard deviations 1, 2, …, `components`; y is the standard
/// deviation, with noise of 0.01.
///
/// # Errors
/// When there are no components or x would be empty.
pub fn concentric(dim_x: usize, components: usize) -> Result<GaussianMixture, MiError> {
    let shell = |i: usize| {
        let mut variances = vec![(i * i) as f64; dim_x];
        variances.push(1e-4);
        let mut mean = vec![0.0; dim_x];
        mean.push(i as f64);
        Component { weight: 1.0, mean, covariance: diagonal(&variances) }
    };
    let shells: Vec<_> = (1..=components).map(shell).collect();
    mixture(format!("{dim_x}v1-concentric_gaussians-{components}"), dim_x, &shells)
}

/// [`sparse`](super::sparse) normal pairs (two, strength 2), where a share of the rows has the same x and y by
/// themselves but independent.
///
/// # Errors
/// When x or y has fewer than 2 numbers, or the share is not between 0 and 1, both excluded.
pub fn inliers(dim_x: usize, dim_y: usize, share: f64) -> Result<GaussianMixture, MiError> {
    let (pairs, strength) = (2, 2.0);
    let signal = sparse_covariance(dim_x, dim_y, pairs, strength)?;
    let part = |weight, covariance| Component { weight, mean: vec![0.0; dim_x + dim_y], covariance };
    let name = format!("mult-sparse-w-inliers-{dim_x}-{dim_y}-{pairs}-{strength:?}-{share:?}");
    mixture(name, dim_x, &[part(1.0 - share, signal), part(share, identity(dim_x + dim_y))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mi::known::{Known, fine_distributions, monte_carlo, sparse};

    #[test]
    fn truths_are_found_again_with_fewer_rows() {
        let mut met = 0;
        for known in fine_distributions() {
            let truth = known.truth();
            assert_eq!(truth.how, How::MonteCarlo { rows: ROWS, seed: SEED }, "{}", known.name());
            let again = monte_carlo(&*known, 20_000, 1).unwrap();
            let error = truth.error.unwrap().hypot(again.error.unwrap());
            assert!((again.nats - truth.nats).abs() < 4.0 * error, "{}: {again:?} {truth:?}", known.name());
            met += 1;
        }
        assert_eq!(met, TRUTHS.len());
    }

    #[test]
    fn bounds_that_hold_for_any_shape() {
        let nats = |known: Result<GaussianMixture, _>| known.unwrap().truth().nats;
        // y of the concentric ones tells the component and no more: at most ln of their number, more with more of x.
        let (few, many, most) = (nats(concentric(3, 5)), nats(concentric(5, 5)), nats(concentric(25, 5)));
        assert!(0.0 < few && few < many && many < most && most < 5f64.ln());
        // Independent rows among dependent ones take some of it away.
        let pure = sparse(5, 5, 2, 2.0).unwrap().truth().nats;
        let (some, half) = (nats(inliers(5, 5, 0.2)), nats(inliers(5, 5, 0.5)));
        assert!(half < some && some < pure);
        // Columns of noise change nothing.
        assert!((nats(inliers(25, 25, 0.5)) - half).abs() < 0.005);
        assert!(inliers(5, 5, 0.0).is_err() && inliers(1, 5, 0.2).is_err() && concentric(3, 0).is_err());
        assert!(x_shape(1.0).is_err() && galaxy(0.5, f64::NAN).is_err() && waves(0, 5.0, 3.0).is_err());
    }
}
