//! Columns on a common scale: fitted on some rows, applied to any.

use super::special::normal_quantile;
use super::{MiError, Samples};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How columns are brought to a common scale. All are increasing in each column, so mutual information stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// As they are.
    None,
    /// Mean 0, standard deviation 1.
    #[default]
    ZScore,
    /// asinh((v − median)/IQR): heavy tails grow like logarithms.
    Robust,
    /// Ranks in (0, 1): r/(N + 1), the mean rank for ties.
    Uniform,
    /// Normal scores Φ⁻¹(r/(N + 1)) (van der Waerden).
    NormalScores,
}

impl fmt::Display for Scaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::ZScore => "z-score",
            Self::Robust => "robust",
            Self::Uniform => "uniform",
            Self::NormalScores => "normal-scores",
        })
    }
}

/// A scaling with what it learned from the rows it was fitted on.
///
/// ```
/// use infomax::mi::{Samples, Scaling, Standardiser};
/// let train = Samples::new(vec![1.0, 2.0, 3.0, 10.0], 1)?;
/// let ranks = Standardiser::fit(&train, Scaling::Uniform)?;
/// assert_eq!(ranks.apply(&Samples::new(vec![2.0, 2.5, 6.5], 1)?)?.values(), [0.4, 0.5, 0.7]);
/// # Ok::<(), infomax::mi::MiError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Standardiser {
    scaling: Scaling,
    columns: Vec<Column>,
}

/// What was learned of a column.
#[derive(Clone, Debug, PartialEq)]
enum Column {
    /// Subtract and divide.
    Scale { centre: f64, scale: f64 },
    /// Distinct values in order and their mean ranks in (0, 1); `scale` is how fast ranks fade beyond the ends.
    Ranks { values: Vec<f64>, ranks: Vec<f64>, scale: f64 },
}

impl Standardiser {
    /// Learns the scale of each column.
    ///
    /// # Errors
    /// [`MiError::Constant`] names a column that never changes.
    pub fn fit(samples: &Samples, scaling: Scaling) -> Result<Self, MiError> {
        let columns = (0..samples.columns())
            .into_par_iter()
            .map(|c| {
                let column: Vec<f64> = samples.column(c).collect();
                fit_column(column, scaling).map_err(|value| {
                    let column = samples.names().get(c).cloned().unwrap_or_default();
                    MiError::Constant { column, value }
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { scaling, columns })
    }

    /// The scaling that was fitted.
    pub fn scaling(&self) -> Scaling {
        self.scaling
    }

    /// Samples on the fitted scale.
    ///
    /// Ranks between two fitted values are interpolated; beyond the ends they go on towards 0 and 1 without reaching
    /// them, so that a new extreme is still beyond the old one.
    ///
    /// # Errors
    /// When the number of columns is another than at the fit, or a scaled number overflows.
    pub fn apply(&self, samples: &Samples) -> Result<Samples, MiError> {
        if samples.columns() != self.columns.len() {
            return Err(MiError::Setting {
                name: "columns",
                value: samples.columns().to_string(),
                allowed: "as many as the scaling was fitted on",
            });
        }
        samples.map_columns(|c, mut v| {
            v.par_iter_mut().with_min_len(1024).for_each(|v| *v = self.one(&self.columns[c], *v));
            v
        })
    }

    fn one(&self, column: &Column, v: f64) -> f64 {
        match column {
            Column::Scale { centre, scale } => match self.scaling {
                Scaling::Robust => ((v - centre) / scale).asinh(),
                _ => (v - centre) / scale,
            },
            Column::Ranks { values, ranks, scale } => {
                let below = rank(values, ranks, *scale, v);
                if self.scaling == Scaling::Uniform { below.value() } else { below.normal() }
            }
        }
    }
}

/// A rank, kept as its distance from the nearer end: above ½ it would lose digits.
enum Rank {
    FromBelow(f64),
    FromAbove(f64),
}

impl Rank {
    fn value(&self) -> f64 {
        match self {
            Self::FromBelow(p) => *p,
            Self::FromAbove(p) => 1.0 - p,
        }
    }

    fn normal(&self) -> f64 {
        match self {
            Self::FromBelow(p) => normal_quantile(*p),
            Self::FromAbove(p) => -normal_quantile(*p),
        }
    }
}

fn rank(values: &[f64], ranks: &[f64], scale: f64, v: f64) -> Rank {
    // The probability beyond an end fades like 1/distance; its floor keeps the normal score finite.
    let beyond = |p: f64, distance: f64| (p / (1.0 + distance / scale)).max(1e-300);
    let last = values.len() - 1;
    let next = values.partition_point(|&known| known < v);
    if next == 0 {
        return Rank::FromBelow(beyond(ranks[0], values[0] - v));
    }
    if next > last {
        return Rank::FromAbove(beyond(1.0 - ranks[last], v - values[last]));
    }
    let (low, high) = (values[next - 1], values[next]);
    // Halves, since the difference of two finite numbers may overflow.
    let share = (0.5 * v - 0.5 * low) / (0.5 * high - 0.5 * low);
    Rank::FromBelow(ranks[next - 1] + share.min(1.0) * (ranks[next] - ranks[next - 1]))
}

/// The column's scale, or its value when it is constant.
fn fit_column(mut v: Vec<f64>, scaling: Scaling) -> Result<Column, f64> {
    let first = v[0];
    if v.iter().all(|&v| v == first) {
        return Err(first);
    }
    match scaling {
        Scaling::None => Ok(Column::Scale { centre: 0.0, scale: 1.0 }),
        Scaling::ZScore => {
            let (centre, scale) = moments(&v);
            if scale > 0.0 { Ok(Column::Scale { centre, scale }) } else { Err(first) }
        }
        Scaling::Robust => {
            v.sort_by(f64::total_cmp);
            let centre = quantile(&v, 0.5);
            let scale = spread(&v);
            if scale > 0.0 { Ok(Column::Scale { centre, scale }) } else { Err(first) }
        }
        Scaling::Uniform | Scaling::NormalScores => {
            v.sort_by(f64::total_cmp);
            let scale = spread(&v);
            let n = v.len() as f64;
            let (mut values, mut ranks, mut at) = (Vec::new(), Vec::new(), 0.0);
            for equal in v.chunk_by(|a, b| a == b) {
                let m = equal.len() as f64;
                values.push(equal[0]);
                ranks.push((at + 0.5 * (m + 1.0)) / (n + 1.0));
                at += m;
            }
            Ok(Column::Ranks { values, ranks, scale })
        }
    }
}

/// Mean and standard deviation (over N), safe at any magnitude.
fn moments(v: &[f64]) -> (f64, f64) {
    let n = v.len() as f64;
    let largest = v.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let mean = v.iter().map(|v| v / largest).sum::<f64>() / n;
    let variance = v.iter().map(|v| (v / largest - mean).powi(2)).sum::<f64>() / n;
    (mean * largest, variance.sqrt() * largest)
}

/// The quantile `p` of sorted numbers, interpolated.
pub(super) fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = p * (sorted.len() - 1) as f64;
    let (low, share) = (at.floor() as usize, at.fract());
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] * (1.0 - share) + sorted[high] * share
}

/// The inter-quartile range of sorted numbers; where half of them are one value, the mean distance from the median.
fn spread(sorted: &[f64]) -> f64 {
    let iqr = quantile(sorted, 0.75) - quantile(sorted, 0.25);
    if iqr > 0.0 {
        return iqr;
    }
    let median = quantile(sorted, 0.5);
    sorted.iter().map(|v| (v - median).abs() / sorted.len() as f64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(scaling: Scaling, train: &[f64], v: &[f64]) -> Vec<f64> {
        let fitted = Standardiser::fit(&Samples::new(train.to_vec(), 1).unwrap(), scaling).unwrap();
        fitted.apply(&Samples::new(v.to_vec(), 1).unwrap()).unwrap().values().to_vec()
    }

    #[test]
    fn each_scaling_by_hand() {
        let train = [3.0, 1.0, 2.0, 2.0, 12.0];
        assert_eq!(one(Scaling::None, &train, &[7.0]), [7.0]);
        let (mean, sd) = (4.0, ((1.0 + 9.0 + 4.0 + 4.0 + 64.0) / 5.0f64).sqrt());
        assert!((one(Scaling::ZScore, &train, &[7.0])[0] - (7.0 - mean) / sd).abs() < 1e-14);
        assert_eq!(one(Scaling::Robust, &train, &[2.0, 3.0, 1.0]), [0.0, 1f64.asinh(), -1f64.asinh()]);
        let sixth = 1.0 / 6.0;
        let ranks = one(Scaling::Uniform, &train, &[1.0, 2.0, 3.0, 12.0]);
        for (rank, expected) in ranks.iter().zip([sixth, 2.5 * sixth, 4.0 * sixth, 5.0 * sixth]) {
            assert!((rank - expected).abs() < 1e-15);
        }
        let scores = one(Scaling::NormalScores, &train, &[1.0, 12.0]);
        assert!((scores[0] + 0.967_421_566_101_701).abs() < 1e-12 && (scores[0] + scores[1]).abs() < 1e-12);
    }

    #[test]
    fn ranks_increase_and_stay_finite_far_beyond_the_ends() {
        let train: Vec<f64> = (0..50).map(|i| f64::from(i * i)).collect();
        let v = [-f64::MAX, -1e9, -5.0, -0.1, 0.0, 0.2, 1.0, 30.0, 2401.0, 2402.0, 1e9, f64::MAX];
        let scores = one(Scaling::NormalScores, &train, &v);
        assert!(scores.windows(2).all(|w| w[0] < w[1]), "{scores:?}");
        let ranks = one(Scaling::Uniform, &train, &v);
        assert!(ranks.windows(2).all(|w| w[0] <= w[1]) && ranks[0] > 0.0 && ranks[v.len() - 1] <= 1.0);
    }

    #[test]
    fn half_a_column_of_zeros_still_has_a_scale_and_huge_numbers_do_too() {
        let relu = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 8.0];
        assert_eq!(one(Scaling::Robust, &relu, &[0.0, 1.0]), [0.0, 1f64.asinh()]);
        let huge = one(Scaling::ZScore, &[1e300, -1e300, 1e300, -1e300], &[1e300]);
        assert!((huge[0] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_constant_column_is_named() {
        let s = Samples::named(vec![1.0, 5.0, 2.0, 5.0], vec!["a".into(), "b".into()]).unwrap();
        for scaling in [Scaling::None, Scaling::ZScore, Scaling::Robust, Scaling::Uniform, Scaling::NormalScores] {
            let error = Standardiser::fit(&s, scaling).unwrap_err();
            assert_eq!(error, MiError::Constant { column: "b".into(), value: 5.0 });
        }
        let a = Standardiser::fit(&Samples::new(vec![1.0, 2.0], 1).unwrap(), Scaling::ZScore).unwrap();
        assert!(a.apply(&s).is_err());
    }
}
