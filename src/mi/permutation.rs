//! Is there any dependence at all? A permutation test with any estimator.

use super::{MiError, Samples};
use crate::seed;
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// What [`permutation_test`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct Significance {
    /// The estimate on the rows as they are paired, nats.
    pub observed: f64,
    /// Estimates with y permuted, in the order of the permutations: what independence looks like to this estimator.
    pub null: Vec<f64>,
    /// (1 + b)/(1 + m), where b of the m permuted estimates reach the observed one (Phipson & Smyth 2010).
    pub p_value: f64,
}

/// Tests independence of x and y: the p-value of `estimate` under random permutations of y's rows.
///
/// The permutations are uniform, fixed points and all: that is what makes the test exact for rows that are independent
/// draws, whatever the estimator and its bias. (Negative pairs for training are another matter: those want derangements.)
/// They run in parallel; the answer depends on `seed` alone.
///
/// ```
/// use infomax::mi::{Samples, classical::{CcaConfig, gaussian_mi}, permutation_test};
/// let x: Vec<f64> = (0..60).map(|i| f64::from(i * 37 % 60)).collect();
/// let y: Vec<f64> = x.iter().enumerate().map(|(i, v)| v + (i % 7) as f64).collect();
/// let (x, y) = (Samples::new(x, 1)?, Samples::new(y, 1)?);
/// let cca = |x: &Samples, y: &Samples| Ok(gaussian_mi(x, y, &CcaConfig::default())?.nats);
/// assert_eq!(permutation_test(&x, &y, 99, 0, cca)?.p_value, 0.01);
/// # Ok::<(), infomax::mi::MiError>(())
/// ```
///
/// # Errors
/// Unpaired rows, fewer than ten, no permutations, or what `estimate` says.
pub fn permutation_test(
    x: &Samples,
    y: &Samples,
    permutations: usize,
    seed: u64,
    estimate: impl Fn(&Samples, &Samples) -> Result<f64, MiError> + Sync,
) -> Result<Significance, MiError> {
    x.check_paired(y, 10)?;
    if permutations == 0 {
        return Err(MiError::Setting {
            name: "permutations",
            value: "0".into(),
            allowed: "at least 1; 199 or more is usual",
        });
    }
    let observed = estimate(x, y)?;
    let null = (0..permutations as u64)
        .into_par_iter()
        .map(|i| {
            let mut rows: Vec<usize> = (0..y.rows()).collect();
            rows.shuffle(&mut seed::stream(seed, "permutation", i));
            estimate(x, &y.select(&rows))
        })
        .collect::<Result<Vec<f64>, MiError>>()?;
    // Rounding must not part equal estimates: sums run in another order after a permutation.
    let reached = observed - 1e-12 * observed.abs().max(1.0);
    let b = null.iter().filter(|&&v| v >= reached).count();
    Ok(Significance { observed, null, p_value: (1 + b) as f64 / (1 + permutations) as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mi::classical::{CcaConfig, KsgConfig, gaussian_mi, ksg};
    use rand::Rng;
    use rand_distr::StandardNormal;

    fn pair(rho: f64, rows: usize, seed: u64) -> (Samples, Samples) {
        let mut rng = crate::seed::stream(seed, "test", 0);
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for _ in 0..rows {
            let (a, b): (f64, f64) = (rng.sample(StandardNormal), rng.sample(StandardNormal));
            x.push(a);
            y.push(rho * a + (1.0 - rho * rho).sqrt() * b);
        }
        (Samples::new(x, 1).unwrap(), Samples::new(y, 1).unwrap())
    }

    #[test]
    fn p_values_are_uniform_without_dependence_and_small_with_it() {
        let cca = |x: &Samples, y: &Samples| Ok(gaussian_mi(x, y, &CcaConfig::default())?.plug_in);
        let mut p: Vec<f64> = (0..200)
            .map(|seed| {
                let (x, y) = pair(0.0, 30, seed);
                permutation_test(&x, &y, 99, seed, cca).unwrap().p_value
            })
            .collect();
        p.sort_by(f64::total_cmp);
        // Kolmogorov-Smirnov, 1 % level at 200 values: 1.63/√200.
        let distance =
            p.iter().enumerate().map(|(i, p)| (p - (i + 1) as f64 / 200.0).abs().max((p - i as f64 / 200.0).abs()));
        assert!(distance.fold(0.0, f64::max) < 0.115 + 0.01);

        let (x, y) = pair(0.6, 200, 1);
        let by_ksg = |x: &Samples, y: &Samples| Ok(ksg(x, y, &KsgConfig::default())?.nats);
        let found = permutation_test(&x, &y, 99, 3, by_ksg).unwrap();
        assert_eq!(found.p_value, 0.01);
        assert_eq!(found, permutation_test(&x, &y, 99, 3, by_ksg).unwrap());
        assert_ne!(found.null, permutation_test(&x, &y, 99, 4, by_ksg).unwrap().null);
    }

    #[test]
    fn an_estimate_that_no_permutation_changes_is_not_significant() {
        let (x, y) = pair(0.9, 20, 0);
        assert_eq!(permutation_test(&x, &y, 19, 0, |_, _| Ok(1.0)).unwrap().p_value, 1.0);
        assert!(permutation_test(&x, &y, 0, 0, |_, _| Ok(1.0)).is_err());
    }
}
