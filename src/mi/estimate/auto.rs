//! The automatic choice of an estimator.

use super::copies::endless;
use super::copula::held_out_copula;
use super::{Estimate, EstimateConfig, EstimateError, Estimator, NeuralBound, classical, neural};
use crate::mi::Samples;
use crate::mi::classical::Labels;

/// With fewer rows, critics have too little to learn from.
const FEW_ROWS: usize = 300;
/// Up to so many columns in all, nearest neighbours are as good as anything on few rows.
const FEW_COLUMNS: usize = 4;
/// With more columns, canonical correlations take minutes.
const MANY_COLUMNS: usize = 512;
/// What a network must find beyond a Gaussian copula before it is believed: a part of the value, and nats.
const GAIN: (f64, f64) = (0.02, 0.01);

/// What is said of a Gaussian copula's value where there may be more.
const PART: &str = "only what a Gaussian copula shows; the truth may be larger";

/// Chooses, estimates, and says why.
pub(super) fn estimate(x: &Samples, y: &Samples, config: &EstimateConfig) -> Result<Estimate, EstimateError> {
    let rows = x.rows();
    let columns = x.columns() + y.columns();
    let few_values = (rows as f64).sqrt() as usize;
    let [in_x, in_y] = [x, y].map(|s| Labels::of_rows(s).classes());
    let classical = |estimator, why: String| -> Result<Estimate, EstimateError> {
        let found = classical::estimate(x, y, &EstimateConfig { estimator, ..config.clone() })?;
        Ok(Estimate { why: Some(why), ..found })
    };
    if in_x <= few_values && in_y <= few_values {
        return classical(Estimator::Discrete, format!("x and y take only {in_x} and {in_y} different values"));
    }
    if in_x.min(in_y) <= few_values {
        let wide = if in_x < in_y { y.columns() } else { x.columns() };
        if wide <= FEW_COLUMNS {
            let side = if in_x < in_y { "x" } else { "y" };
            return classical(
                Estimator::Mixed,
                format!("{side} takes only {} different values and the other {wide} columns", in_x.min(in_y)),
            );
        }
    }
    if let Some(error) = endless(x, y) {
        return Err(error.into());
    }
    if rows < FEW_ROWS {
        return if columns <= FEW_COLUMNS {
            classical(Estimator::Ksg, format!("{rows} rows are few for a critic, and {columns} columns not many"))
        } else {
            let why = format!("{rows} rows are few for a critic, and {columns} columns many for nearest neighbours");
            let mut found = classical(Estimator::Copula, why)?;
            found.warnings.push(PART.into());
            Ok(found)
        };
    }
    let (critic, start) = neural::estimate_from(x, y, NeuralBound::InfoNce, config)?;
    let held_out = critic.bound.unwrap_or(critic.nats);
    let gain = held_out - start;
    let why = format!("critics find {gain:.3} nats beyond a Gaussian copula in {rows} rows of {columns} columns");
    let mut found = Estimate { why: Some(why), ..critic };
    if config.gaussian && found.components.is_none() && columns <= MANY_COLUMNS {
        let chance = gain <= GAIN.0 * held_out.abs() + GAIN.1;
        let why = if chance {
            format!("critics find {gain:.3} nats beyond a Gaussian copula: no more than chance")
        } else {
            format!("a Gaussian copula shows more than the {:.3} nats that critics find in {rows} rows", found.nats)
        };
        // Columns that depend on each other have no copula without shrinkage; the critics had one.
        match classical(Estimator::Copula, why) {
            Ok(copula) if chance => return Ok(either(copula, found)),
            // The Gaussian part of critics shrinks where columns are many for the rows, and they lose more by that than they
            // find; canonical correlations are without bias. But where columns are no Gaussian vector, as pixels are not,
            // these show more than there is: more than critics allow, and nothing on rows apart.
            Ok(copula) if copula.nats >= found.nats && is_borne_out(&copula, &found, x, y, config) => {
                found = either(copula, found);
                found.warnings.push(PART.into());
            }
            _ => (),
        }
    }
    if columns <= FEW_COLUMNS {
        // All are low by what they cannot resolve; a critic misses sharp edges, neighbours miss heavy tails.
        let whose = if found.estimator == Estimator::Copula { "a Gaussian copula" } else { "critics" };
        let why =
            format!("in {columns} columns nearest neighbours find more than the {:.3} nats of {whose}", found.nats);
        match classical(Estimator::Ksg, why) {
            Ok(ksg) if ksg.nats > found.nats => return Ok(ksg),
            _ => (),
        }
    }
    Ok(found)
}

/// Whether a copula's value is within the critics' interval, or it says as much as they do of rows that it was not fitted
/// on: of much information their interval falls short.
fn is_borne_out(copula: &Estimate, critic: &Estimate, x: &Samples, y: &Samples, config: &EstimateConfig) -> bool {
    let allowed = critic.interval.is_some_and(|[_, high]| copula.nats <= high);
    allowed || held_out_copula(x, y, config).is_ok_and(|nats| nats >= critic.bound.unwrap_or(critic.nats))
}

/// The copula's value, with an interval that holds the critics' as well, and what critics say beside it.
fn either(copula: Estimate, critic: Estimate) -> Estimate {
    let ends = critic.interval.iter().chain(&copula.interval).flatten().chain([&copula.nats]);
    let interval = ends.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| [low.min(*v), high.max(*v)]);
    let Estimate { bound, optimistic, curve, warnings, .. } = critic;
    Estimate { interval: Some(interval), bound, optimistic, curve, warnings, ..copula }
}
