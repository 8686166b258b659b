//! The bounds that take scores alone and keep nothing, by name.

use super::info_nce::log_candidates;
use super::{Evaluated, PairStatistics, ScoreSizes};
use super::{dv, f_dime_gan, f_dime_kl, flat_nce, i_alpha, info_nce, info_nce_rows, info_nce_symmetric};
use super::{js_nwj, jsd, nwj, smile};
use crate::mi::MiError;
use crate::nn::Real;
use serde::{Deserialize, Serialize};

/// Which bound is maximised. Those that keep a state or take a second input are in
/// [`TrainedBound`](super::TrainedBound).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BoundKind {
    /// Jensen-Shannon; see [`jsd()`].
    Jsd,
    /// InfoNCE with sums over columns (and locations); see [`info_nce()`].
    InfoNce,
    /// InfoNCE with sums over rows; see [`info_nce_rows`].
    InfoNceRows,
    /// The mean of both; see [`info_nce_symmetric`].
    InfoNceSymmetric,
    /// FlatNCE's gradient, InfoNCE's read-out; see [`flat_nce`].
    FlatNce,
    /// Donsker-Varadhan; see [`dv`].
    Dv,
    /// Nguyen-Wainwright-Jordan; see [`nwj()`].
    Nwj,
    /// Jensen-Shannon in training, Nguyen-Wainwright-Jordan in the read-out; see [`js_nwj`].
    JsNwj,
    /// Smoothed; see [`smile`].
    Smile {
        /// Where the read-out clips, τ.
        tau: f64,
    },
    /// f-DIME, GAN divergence; see [`f_dime_gan`].
    FDimeGan,
    /// f-DIME, Kullback-Leibler divergence; see [`f_dime_kl`].
    FDimeKl,
    /// Interpolated, with a constant baseline; see [`i_alpha()`].
    IAlpha {
        /// Share of the batch's own baseline, α.
        alpha: f64,
        /// Logarithm of the constant baseline, `log q`; 1 is usual.
        log_baseline: f64,
    },
}

impl BoundKind {
    /// Value, gradient and read-out of the bound.
    ///
    /// # Panics
    /// When `scores` has not the sizes it is said to have, the pairing does not fit the batch, or a parameter is out of
    /// range.
    pub fn evaluate<E: Real>(self, scores: &[E], sizes: ScoreSizes) -> Evaluated<E> {
        match self {
            Self::Jsd => jsd(scores, sizes),
            Self::InfoNce => info_nce(scores, sizes),
            Self::InfoNceRows => info_nce_rows(scores, sizes),
            Self::InfoNceSymmetric => info_nce_symmetric(scores, sizes),
            Self::FlatNce => flat_nce(scores, sizes),
            Self::Dv => dv(scores, sizes),
            Self::Nwj => nwj(scores, sizes),
            Self::JsNwj => js_nwj(scores, sizes),
            Self::Smile { tau } => smile(scores, sizes, tau),
            Self::FDimeGan => f_dime_gan(scores, sizes),
            Self::FDimeKl => f_dime_kl(scores, sizes),
            Self::IAlpha { alpha, log_baseline } => {
                let baseline = vec![E::of(log_baseline); sizes.batch];
                i_alpha(scores, &baseline, sizes, alpha).without_second()
            }
        }
    }

    /// Checks what comes from a file or a user before [`evaluate`](BoundKind::evaluate) relies on it.
    ///
    /// # Errors
    /// When a parameter is out of range, or the pairs are too few for the bound.
    pub fn check(self, sizes: ScoreSizes) -> Result<(), MiError> {
        match self {
            Self::Smile { tau } if tau.is_nan() || tau <= 0.0 => Err(MiError::Setting {
                name: "tau",
                value: tau.to_string(),
                allowed: "it must be positive, and is usually 5",
            }),
            Self::IAlpha { log_baseline, .. } if log_baseline.is_nan() => Err(MiError::Setting {
                name: "log_baseline",
                value: log_baseline.to_string(),
                allowed: "it must be a number, and is usually 1",
            }),
            Self::IAlpha { alpha, .. } => check_alpha(alpha, sizes),
            _ => Ok(()),
        }
    }

    /// The largest value that [`Evaluated::nats`] can take in a batch of these sizes; infinite for most.
    pub fn ceiling(self, sizes: ScoreSizes) -> f64 {
        let rows = (sizes.columns() as f64).ln();
        match self {
            Self::InfoNce => log_candidates(sizes),
            Self::InfoNceRows | Self::FlatNce => rows,
            Self::InfoNceSymmetric => 0.5 * (rows + log_candidates(sizes)),
            Self::IAlpha { alpha, .. } => i_alpha_ceiling(alpha, sizes),
            Self::Jsd | Self::Dv | Self::Nwj | Self::JsNwj | Self::Smile { .. } | Self::FDimeGan | Self::FDimeKl => {
                f64::INFINITY
            }
        }
    }

    /// Whether the read-out, were its expectations taken over all data, is at most the true value, whatever the critic.
    pub fn is_lower_bound(self) -> bool {
        !matches!(self, Self::Smile { .. } | Self::FDimeGan | Self::FDimeKl)
    }

    /// The read-out over all pairs of a held-out set; none for I_α, whose means leave samples of a column out and so
    /// need the whole of it: read it from batches. SMILE clips where `statistics` does.
    ///
    /// # Panics
    /// When a row of `statistics` is missing.
    pub fn read(self, statistics: &PairStatistics) -> Option<f64> {
        match self {
            Self::Jsd => Some(statistics.jsd()),
            Self::InfoNce => Some(statistics.info_nce()),
            Self::InfoNceRows | Self::FlatNce => Some(statistics.info_nce_rows()),
            Self::InfoNceSymmetric => Some(statistics.info_nce_symmetric()),
            Self::Dv => Some(statistics.dv()),
            Self::Nwj => Some(statistics.nwj()),
            Self::JsNwj => Some(statistics.js_nwj()),
            Self::Smile { .. } => Some(statistics.smile()),
            Self::FDimeGan | Self::FDimeKl => Some(statistics.joint_mean()),
            Self::IAlpha { .. } => None,
        }
    }
}

/// The ceiling of [`i_alpha()`].
pub(super) fn i_alpha_ceiling(alpha: f64, sizes: ScoreSizes) -> f64 {
    let log_others = ((sizes.columns() - 1) as f64).ln();
    if alpha == 1.0 { log_others } else { 1.0 + log_others - alpha.ln() }
}

/// Checks the share of [`i_alpha()`], and that one can be left out.
pub(super) fn check_alpha(alpha: f64, sizes: ScoreSizes) -> Result<(), MiError> {
    if !(0.0..=1.0).contains(&alpha) {
        return Err(MiError::Setting { name: "alpha", value: alpha.to_string(), allowed: "it must be from 0 to 1" });
    }
    if sizes.columns() < 3 {
        return Err(MiError::Setting {
            name: "columns of pairs",
            value: sizes.columns().to_string(),
            allowed: "the interpolated bound leaves one out and needs at least 3",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_said() {
        let sizes = ScoreSizes::matrix(4);
        let says = |kind: BoundKind, sizes| kind.check(sizes).map_err(|e| e.to_string());
        assert_eq!(
            says(BoundKind::Smile { tau: -1.0 }, sizes),
            Err("tau = -1 is out of range; it must be positive, and is usually 5".to_owned())
        );
        let i = |alpha, log_baseline| BoundKind::IAlpha { alpha, log_baseline };
        assert!(says(i(1.5, 1.0), sizes).is_err() && says(i(f64::NAN, 1.0), sizes).is_err());
        assert!(says(i(0.5, f64::NAN), sizes).is_err());
        assert!(says(i(0.5, 1.0), ScoreSizes::matrix(2)).is_err());
        assert_eq!(says(i(0.5, 1.0), sizes), Ok(()));
        assert_eq!(says(BoundKind::Smile { tau: f64::INFINITY }, sizes), Ok(()));
        assert_eq!(says(BoundKind::Dv, sizes), Ok(()));
    }
}
