//! Mutual information of x and y given z.

use super::result::bootstrap;
use super::{Estimate, EstimateConfig, EstimateError, Estimator, NeuralBound, estimate};
use crate::mi::{MiError, Samples};

/// Estimates I(X;Y|Z) = I(X;(Y,Z)) − I(X;Z) from paired samples, in nats (the chain rule).
///
/// Both terms are estimated alike, on the same folds, so that much of their errors goes with the difference.
/// [`Estimator::Auto`] is InfoNCE here; of the classical estimators those of Gaussians are meant for it, since the biases of
/// nearest neighbours differ between the terms.
///
/// # Errors
/// As [`estimate`], and for other estimators.
pub fn estimate_conditional(
    x: &Samples,
    y: &Samples,
    z: &Samples,
    config: &EstimateConfig,
) -> Result<Estimate, EstimateError> {
    let estimator = match config.estimator {
        Estimator::Auto => Estimator::Neural(NeuralBound::InfoNce),
        fine @ (Estimator::Neural(_) | Estimator::Cca | Estimator::Copula) => fine,
        other => {
            let allowed = "auto, a neural estimator, cca or copula when a condition is given";
            return Err(MiError::Setting { name: "estimator", value: other.to_string(), allowed }.into());
        }
    };
    let config = EstimateConfig { estimator, ..config.clone() };
    let both = estimate(x, &y.beside(z)?, &config)?;
    let given = estimate(x, z, &config)?;
    let minus = |a: Option<f64>, b: Option<f64>| Some(a? - b?);
    let (bound, optimistic) = (minus(both.bound, given.bound), minus(both.optimistic, given.optimistic));
    let pointwise: Vec<f64> = both.pointwise.iter().zip(&given.pointwise).map(|(a, b)| a - b).collect();
    let mut interval = minus(both.interval.map(|i| i[0]), given.interval.map(|i| i[1]))
        .zip(minus(both.interval.map(|i| i[1]), given.interval.map(|i| i[0])))
        .map(|(low, high)| [low, high]);
    let mut standard_error = None;
    if let (Some(bound), Some(optimistic), false) = (bound, optimistic, pointwise.is_empty()) {
        let n = pointwise.len() as f64;
        let mean = pointwise.iter().sum::<f64>() / n;
        let centred: Vec<f64> = pointwise.iter().map(|v| v - mean).collect();
        let [low, high] = bootstrap(&centred, config.confidence, config.seed);
        interval = Some([bound.min(optimistic) + low, bound.max(optimistic) + high]);
        standard_error = Some((centred.iter().map(|v| v * v).sum::<f64>() / n / n).sqrt());
    }
    let mut warnings = both.warnings.clone();
    warnings.extend(given.warnings);
    Ok(Estimate {
        nats: both.nats - given.nats,
        interval,
        bound,
        optimistic,
        standard_error,
        // A test of dependence on y and z together is none of y given z, and neither is how much of both can be shown.
        p_value: None,
        ceiling: None,
        columns: [x.columns(), y.columns()],
        why: None,
        warnings,
        curve: Vec::new(),
        pointwise,
        ..both
    })
}
