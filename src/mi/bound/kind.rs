//! The bounds that take scores alone and keep nothing, by name.

use super::info_nce::log_candidates;
use super::{Evaluated, PairStatistics, ScoreSizes};
use super::{dv, f_dime_gan, f_dime_kl, flat_nce, i_alpha, info_nce, info_nce_rows, info_nce_symmetric};
use super::{js_nwj, jsd, nwj, smile};
use crate::nn::Real;
use serde::{Deserialize, Serialize};

/// Which bound is maximised. Those that keep a state or take a second input are in [`TrainedBound`](super::TrainedBound).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BoundKind {
    /// Jensen-Shannon; see [`jsd`].
    Jsd,
    /// InfoNCE with sums over columns (and locations); see [`info_nce`].
    InfoNce,
    /// InfoNCE with sums over rows; see [`info_nce_rows`].
    InfoNceRows,
    /// The mean of both; see [`info_nce_symmetric`].
    InfoNceSymmetric,
    /// FlatNCE's gradient, InfoNCE's read-out; see [`flat_nce`].
    FlatNce,
    /// Donsker-Varadhan; see [`dv`].
    Dv,
    /// Nguyen-Wainwright-Jordan; see [`nwj`].
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
    /// Interpolated, with a constant baseline; see [`i_alpha`].
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

    /// Whether the expectation of [`Evaluated::nats`] is at most the true value, whatever the critic.
    pub fn is_lower_bound(self) -> bool {
        !matches!(self, Self::Smile { .. } | Self::FDimeGan | Self::FDimeKl)
    }

    /// The read-out over all pairs of a held-out set; none for I_α, whose means leave samples of a column out and so need
    /// the whole of it: read it from batches. SMILE clips where `statistics` does.
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

/// The ceiling of [`i_alpha`].
pub(super) fn i_alpha_ceiling(alpha: f64, sizes: ScoreSizes) -> f64 {
    let log_others = ((sizes.columns() - 1) as f64).ln();
    if alpha == 1.0 { log_others } else { 1.0 + log_others - alpha.ln() }
}
