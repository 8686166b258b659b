//! What a Gaussian copula says of rows that it was not fitted on.

use super::copies::Copies;
use super::fit::{base_scores, groups};
use super::folds::folds;
use super::inputs::Base;
use super::read_out::{HeldOut, ReadOut};
use super::{EstimateConfig, EstimateError};
use crate::mi::classical::Shrinkage;
use crate::mi::{Samples, Scaling, Standardiser};
use dfdx::prelude::*;

/// The Donsker-Varadhan value of a Gaussian copula's log density ratio on held-out rows, nats: about a lower bound whatever
/// the distribution, as far as marginal pairs are enough to meet the largest ratios. It is no more than the ratio's mean
/// over joint pairs, which it exceeds only where they are not.
pub(super) fn held_out_copula(x: &Samples, y: &Samples, config: &EstimateConfig) -> Result<f64, EstimateError> {
    let dev = Cpu::default();
    let (mut sum, mut weight) = (0.0, 0.0);
    let copies = Copies::find(x, y)?;
    for mut fold in folds(x.rows(), config.learning.folds, config.learning.validation, config.seed) {
        copies.keep_apart(&mut fold)?;
        let fitted = [&fold.train[..], &fold.validation].concat();
        let scaled = |s: &Samples| Standardiser::fit(&s.select(&fitted), Scaling::NormalScores)?.apply(s);
        let base = Base::new(&scaled(x)?, &scaled(y)?, &fitted, Shrinkage::None)?;
        for rows in groups(&fold.report) {
            let scores =
                base_scores(&dev, Some(&base), rows, 0.0).map_err(|e| EstimateError::Device(format!("{e:?}")))?;
            let group = HeldOut { rows: rows.to_vec(), scores: scores.unwrap_or_default() };
            let n = rows.len();
            let joint = (0..n).map(|i| f64::from(group.scores[i * (n + 1)])).sum::<f64>() / n as f64;
            let dv = ReadOut::Dv { clip: f64::INFINITY }.read(&group).nats;
            sum += joint.min(dv) * n as f64;
            weight += n as f64;
        }
    }
    Ok(sum / weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mi::known;

    #[test]
    fn it_is_near_the_truth_of_gaussians_and_no_more_than_the_truth_elsewhere() {
        let config = EstimateConfig::default();
        let gaussian = known::by_name("multinormal-sparse-3-3-2-2.0").unwrap();
        let (x, y) = gaussian.sample(2000, 0).unwrap();
        let found = held_out_copula(&x, &y, &config).unwrap();
        assert!((found - gaussian.truth().nats).abs() < 0.1, "{found}");
        // The square beside each number is no news, but correlations count it.
        let (x, y) = known::by_name("1v1-normal-0.75").unwrap().sample(2000, 0).unwrap();
        let truth = known::by_name("1v1-normal-0.75").unwrap().truth().nats;
        let doubled = |s: &Samples| Samples::new(s.values().iter().flat_map(|&v| [v, v * v]).collect(), 2).unwrap();
        let (x, y) = (doubled(&x), doubled(&y));
        let naive = crate::mi::classical::copula_mi(&x, &y, &Default::default()).unwrap().nats;
        let found = held_out_copula(&x, &y, &config).unwrap();
        assert!(naive > truth + 0.05 && found < truth, "{naive} and {found} for {truth}");
    }
}
