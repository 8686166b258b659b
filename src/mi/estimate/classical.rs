//! The classical estimators, as [`Estimate`]s.

use super::result::{Estimate, bootstrap};
use super::{EstimateConfig, EstimateError, Estimator};
use crate::mi::classical::{
    CcaConfig, CcaEstimate, KsgConfig, Labels, Norm, Table, Ties, copula_mi, discrete_mi, discrete_pointwise,
    gaussian_mi, ksg, mixed_mi,
};
use crate::mi::{Samples, Scaling, Standardiser};

/// The estimate of one classical estimator.
pub(super) fn estimate(x: &Samples, y: &Samples, config: &EstimateConfig) -> Result<Estimate, EstimateError> {
    let scaled = |s: &Samples| Standardiser::fit(s, config.scaling)?.apply(s);
    let empty = Estimate::new(config.estimator, x, y, config);
    Ok(match config.estimator {
        Estimator::Cca | Estimator::Copula => {
            let settings = CcaConfig { confidence: config.confidence, ..CcaConfig::default() };
            let copula = config.estimator == Estimator::Copula;
            let found = if copula { copula_mi(x, y, &settings)? } else { gaussian_mi(x, y, &settings)? };
            let CcaEstimate { nats, interval, p_value, .. } = found;
            let scaling = if copula { Scaling::NormalScores } else { Scaling::None };
            Estimate { nats, interval: interval.map(|(low, high)| [low, high]), p_value, scaling, ..empty }
        }
        Estimator::Ksg => {
            let settings = KsgConfig { k: config.neighbours, ..KsgConfig::default() };
            let found = ksg(&scaled(x)?, &scaled(y)?, &settings)?;
            let warnings = found.warnings.iter().map(ToString::to_string).collect();
            let (interval, error) = of_rows(&found.pointwise, config);
            let (ceiling, pointwise) = (Some(found.ceiling), found.pointwise);
            Estimate { nats: found.nats, interval, standard_error: error, ceiling, warnings, pointwise, ..empty }
        }
        Estimator::Mixed => {
            // The labels are whichever of the two repeats itself more.
            let (lx, ly) = (Labels::of_rows(x), Labels::of_rows(y));
            let (numbers, labels) = if lx.classes() < ly.classes() { (y, &lx) } else { (x, &ly) };
            let found = mixed_mi(&scaled(numbers)?, labels, config.neighbours, Norm::Max, Ties::default())?;
            let kept: Vec<f64> = found.pointwise.iter().copied().filter(|v| !v.is_nan()).collect();
            let (interval, error) = of_rows(&kept, config);
            let warnings = found.warnings.iter().map(ToString::to_string).collect();
            Estimate { nats: found.nats, interval, standard_error: error, warnings, ..empty }
        }
        _ => {
            let (lx, ly) = (Labels::of_rows(x), Labels::of_rows(y));
            let found = discrete_mi(&Table::of(&lx, &ly)?);
            let pointwise = discrete_pointwise(&lx, &ly)?;
            let warnings = found.warnings.iter().map(ToString::to_string).collect();
            let (interval, error) = of_rows(&pointwise, config);
            // The frequencies are biased up, the estimate is corrected: the interval moves with it.
            let interval = interval.map(|ends| ends.map(|end| end + found.nats - found.plug_in));
            Estimate {
                nats: found.nats,
                interval,
                standard_error: error,
                ceiling: Some(found.ceiling),
                p_value: Some(found.p_value),
                warnings,
                scaling: Scaling::None,
                pointwise,
                ..empty
            }
        }
    })
}

/// Interval and standard error of a mean over rows.
pub(super) fn of_rows(pointwise: &[f64], config: &EstimateConfig) -> (Option<[f64; 2]>, Option<f64>) {
    let n = pointwise.len() as f64;
    let mean = pointwise.iter().sum::<f64>() / n;
    let centred: Vec<f64> = pointwise.iter().map(|v| v - mean).collect();
    let error = (centred.iter().map(|v| v * v).sum::<f64>() / n / n).sqrt();
    let [low, high] = bootstrap(&centred, config.confidence, config.seed);
    (Some([mean + low, mean + high]), Some(error))
}
