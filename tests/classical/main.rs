//! Classical estimators against closed forms, scipy and scikit-learn, and bad input.

mod bad_input;
mod gaussians;
mod neighbours;
mod properties;
mod reference;

use infomax::mi::Samples;
use infomax::seed::stream;
use rand::Rng;
use rand_distr::StandardNormal;

/// x ~ N(0, I), and y's first column correlated by `rho` with x's first, the second with the second, and so on.
pub fn normal_pair(rho: &[f64], dx: usize, dy: usize, rows: usize, seed: u64) -> (Samples, Samples) {
    let mut rng = stream(seed, "classical", 0);
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let row: Vec<f64> = (0..dx).map(|_| rng.sample(StandardNormal)).collect();
        for pair in (0..dy).map(|c| Some((rho.get(c)?, row.get(c)?))) {
            let noise: f64 = rng.sample(StandardNormal);
            y.push(pair.map_or(noise, |(rho, x)| rho * x + (1.0 - rho * rho).sqrt() * noise));
        }
        x.extend(row);
    }
    (Samples::new(x, dx).unwrap(), Samples::new(y, dy).unwrap())
}

/// −½ Σ log(1 − ρ²).
pub fn normal_mi(rho: &[f64]) -> f64 {
    rho.iter().map(|r| -0.5 * (1.0 - r * r).ln()).sum()
}

pub fn uniform(rows: usize, columns: usize, seed: u64) -> Samples {
    let mut rng = stream(seed, "uniform", columns as u64);
    Samples::new((0..rows * columns).map(|_| rng.gen_range(0.0..1.0)).collect(), columns).unwrap()
}

#[track_caller]
pub fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected} ± {tolerance}");
}
