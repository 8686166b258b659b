//! What neural estimators maximise, and how they are read.

use super::read_out::{HeldOut, ReadOut, jensen_shannon};
use crate::mi::bound::{BoundKind, Mine, TrainedBound};
use serde::{Deserialize, Serialize};

/// What a critic of [`estimate`](super::estimate) is trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeuralBound {
    /// InfoNCE (van den Oord et al. 2018), read over all held-out rows.
    InfoNce,
    /// Donsker-Varadhan.
    Dv,
    /// Donsker-Varadhan with MINE's moving average in the gradient (Belghazi et al. 2018), momentum 0.9.
    Mine,
    /// Nguyen-Wainwright-Jordan.
    Nwj,
    /// Jensen-Shannon, read by NWJ (Poole et al. 2019).
    Jsd,
    /// SMILE with τ = 5 (Song & Ermon 2020).
    Smile,
}

/// Where SMILE clips scores, nats.
const TAU: f64 = 5.0;

impl NeuralBound {
    /// With fresh state.
    pub(super) fn trained(self) -> TrainedBound {
        match self {
            Self::InfoNce => TrainedBound::Plain(BoundKind::InfoNce),
            Self::Dv => TrainedBound::Plain(BoundKind::Dv),
            Self::Mine => TrainedBound::Mine(Mine::new(0.9)),
            Self::Nwj => TrainedBound::Plain(BoundKind::Nwj),
            Self::Jsd => TrainedBound::Plain(BoundKind::JsNwj),
            Self::Smile => TrainedBound::Plain(BoundKind::Smile { tau: TAU }),
        }
    }

    /// How its critic is read.
    pub(super) fn read_out(self) -> ReadOut {
        match self {
            Self::InfoNce => ReadOut::InfoNce,
            Self::Dv | Self::Mine => ReadOut::Dv { clip: f64::INFINITY },
            Self::Nwj => ReadOut::Nwj { shift: self.shift() },
            Self::Jsd => ReadOut::Nwj { shift: self.shift() },
            Self::Smile => ReadOut::Dv { clip: TAU },
        }
    }

    /// By what critics are compared on validation rows, whose read-out is `nats`. SMILE's own read-out is no bound: a critic
    /// whose scores are far too large has the largest of all, and what it is trained on must choose.
    pub(super) fn merit(self, validation: &[HeldOut], nats: f64) -> f64 {
        if self == Self::Smile { jensen_shannon(validation) } else { nats }
    }

    /// The merit of a critic that knows nothing, at its best.
    pub(super) fn nothing(self) -> f64 {
        if self == Self::Smile { -4f64.ln() } else { 0.0 }
    }

    /// What its best critic is beyond the log density ratio.
    pub(super) fn shift(self) -> f64 {
        if self == Self::Nwj { 1.0 } else { 0.0 }
    }
}
