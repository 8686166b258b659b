//! The plane in which features vary most.

use crate::probe::Features;
use crate::report::ReportError;
use crate::seed;
use rand::Rng;

/// Rounds of the iteration; it stops earlier once the axes stand still.
const ROUNDS: usize = 500;
const STILL: f64 = 1e-12;

/// Coordinates of each row in the plane of the two principal components (Pearson 1901), and the share of the variance that
/// each of the two has. Found by orthogonal iteration in f64; the largest number of each axis is positive, so that the
/// picture does not flip between runs.
///
/// # Errors
/// [`ReportError::Size`] when there are fewer than two rows or columns, or another number of values.
pub fn principal_plane(features: &Features) -> Result<(Vec<(f64, f64)>, [f64; 2]), ReportError> {
    let (n, d) = (features.rows, features.dim);
    if n < 2 || d < 2 || n * d != features.values.len() {
        return Err(ReportError::Size {
            what: "what is shown in a plane".into(),
            got: format!("{n} x {d} with {} values", features.values.len()),
            expected: "two rows and two columns or more are needed".into(),
        });
    }
    let mut mean = vec![0.0; d];
    for row in features.values.chunks_exact(d) {
        mean.iter_mut().zip(row).for_each(|(m, &v)| *m += f64::from(v) / n as f64);
    }
    let centred: Vec<f64> =
        features.values.chunks_exact(d).flat_map(|row| row.iter().zip(&mean).map(|(&v, m)| f64::from(v) - m)).collect();
    let mut rng = seed::stream(0, "principal", 0);
    let mut axes: [Vec<f64>; 2] = [(); 2].map(|()| (0..d).map(|_| rng.gen_range(-1.0..1.0)).collect());
    let mut variances = [0.0; 2];
    orthonormal(&mut axes);
    for _ in 0..ROUNDS {
        let mut next = [vec![0.0; d], vec![0.0; d]];
        for row in centred.chunks_exact(d) {
            for (axis, next) in axes.iter().zip(&mut next) {
                let along = dot(row, axis) / n as f64;
                next.iter_mut().zip(row).for_each(|(s, v)| *s += along * v);
            }
        }
        variances = [0, 1].map(|i| dot(&next[i], &axes[i]));
        if next.iter().any(|axis| axis.iter().all(|&v| v == 0.0)) {
            break;
        }
        orthonormal(&mut next);
        let moved = axes.iter().zip(&next).map(|(a, b)| 1.0 - dot(a, b).abs()).fold(0.0, f64::max);
        axes = next;
        if moved < STILL {
            break;
        }
    }
    for axis in &mut axes {
        let largest = axis.iter().fold(0.0, |m: f64, &v| if v.abs() > m.abs() { v } else { m });
        axis.iter_mut().for_each(|v| *v *= largest.signum());
    }
    let total = centred.iter().map(|v| v * v).sum::<f64>() / n as f64;
    let shares = variances.map(|v| if total > 0.0 { v / total } else { 0.0 });
    Ok((centred.chunks_exact(d).map(|row| (dot(row, &axes[0]), dot(row, &axes[1]))).collect(), shares))
}

/// Gram and Schmidt's; an axis that vanishes is left alone.
fn orthonormal(axes: &mut [Vec<f64>; 2]) {
    let [first, second] = axes;
    unit(first);
    let along = dot(first, second);
    second.iter_mut().zip(first.iter()).for_each(|(s, f)| *s -= along * f);
    unit(second);
}

fn unit(axis: &mut [f64]) {
    let length = dot(axis, axis).sqrt();
    if length > 0.0 {
        axis.iter_mut().for_each(|v| *v /= length);
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_of_a_known_cloud() {
        // ±3 along (3, 4)/5, ±1 along (−4, 3)/5, nothing along the third: variances 9/2 and 1/2.
        let (u, v) = ([0.6, 0.8, 0.0], [-0.8, 0.6, 0.0]);
        let row = |a: f64, b: f64| (0..3).map(move |i| (10.0 + a * u[i] + b * v[i]) as f32);
        let values: Vec<f32> = [(3.0, 0.0), (-3.0, 0.0), (0.0, 1.0), (0.0, -1.0)]
            .into_iter()
            .flat_map(|(a, b)| row(a, b).collect::<Vec<_>>())
            .collect();
        let (points, shares) = principal_plane(&Features::try_new(4, 3, values).unwrap()).unwrap();
        assert!((shares[0] - 0.9).abs() < 1e-6 && (shares[1] - 0.1).abs() < 1e-6, "{shares:?}");
        // The second axis' largest number is −0.8 and is made positive.
        for (p, (a, b)) in points.iter().zip([(3.0, 0.0), (-3.0, 0.0), (0.0, -1.0), (0.0, 1.0)]) {
            assert!((p.0 - a).abs() < 1e-5 && (p.1 - b).abs() < 1e-5, "{points:?}");
        }
    }

    #[test]
    fn constant_features_are_a_point() {
        let (points, shares) = principal_plane(&Features::try_new(3, 2, vec![1.0; 6]).unwrap()).unwrap();
        assert_eq!((points, shares), (vec![(0.0, 0.0); 3], [0.0; 2]));
        assert!(principal_plane(&Features::try_new(3, 1, vec![1.0; 3]).unwrap()).is_err());
    }
}
