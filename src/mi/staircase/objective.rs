//! The bounds and critics that climb, by name.

use super::setting;
use crate::mi::MiError;
use crate::mi::bound::{BoundKind, Mine, TrainedBound};
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter, Result as Written};
use std::str::FromStr;

/// Which network scores pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CriticKind {
    /// `⟨g(x), h(y)⟩`, each with three hidden layers of 256 units and 32 outputs.
    Separable,
    /// A perceptron on x and y together, two hidden layers of 256 units, over all pairs of the batch.
    Concat,
}

impl CriticKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Separable => "separable",
            Self::Concat => "concat",
        }
    }
}

/// What a critic maximises and how it is read. As text, one of the names of [`Objective::ALL`], or `smile-τ`, `i-alpha-α`
/// and `i-alpha-learned-α` with other numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Objective {
    /// Donsker-Varadhan.
    Dv,
    /// MINE, moving average of weight 0.9.
    Mine,
    /// Nguyen-Wainwright-Jordan.
    Nwj,
    /// TUBA with a learned baseline, a perceptron on y with two hidden layers of 512 units.
    Tuba,
    /// Jensen-Shannon, read by NWJ at f + 1.
    Js,
    /// InfoNCE, each x against all y.
    InfoNce,
    /// SMILE.
    Smile {
        /// Where the read-out clips.
        tau: f64,
    },
    /// The interpolated bound with the constant baseline e.
    IAlpha {
        /// Share of the batch's own baseline.
        alpha: f64,
    },
    /// The interpolated bound with a learned baseline, as TUBA's.
    IAlphaLearned {
        /// Share of the batch's own baseline.
        alpha: f64,
    },
    /// FLO; its u is a perceptron on x and y together with two hidden layers of 256 units.
    Flo,
}

impl Objective {
    /// Those that are tried unless others are named.
    pub const ALL: [Self; 13] = [
        Self::Dv,
        Self::Mine,
        Self::Nwj,
        Self::Tuba,
        Self::Js,
        Self::InfoNce,
        Self::Smile { tau: 1.0 },
        Self::Smile { tau: 5.0 },
        Self::Smile { tau: f64::INFINITY },
        Self::IAlpha { alpha: 0.01 },
        Self::IAlpha { alpha: 0.5 },
        Self::IAlphaLearned { alpha: 0.01 },
        Self::Flo,
    ];

    /// The bound, with fresh state.
    pub fn bound(self) -> TrainedBound {
        match self {
            Self::Dv => TrainedBound::Plain(BoundKind::Dv),
            Self::Mine => TrainedBound::Mine(Mine::new(0.9)),
            Self::Nwj => TrainedBound::Plain(BoundKind::Nwj),
            Self::Tuba => TrainedBound::Tuba,
            Self::Js => TrainedBound::Plain(BoundKind::JsNwj),
            Self::InfoNce => TrainedBound::Plain(BoundKind::InfoNceRows),
            Self::Smile { tau } => TrainedBound::Plain(BoundKind::Smile { tau }),
            Self::IAlpha { alpha } => TrainedBound::Plain(BoundKind::IAlpha { alpha, log_baseline: 1.0 }),
            Self::IAlphaLearned { alpha } => TrainedBound::IAlpha { alpha },
            Self::Flo => TrainedBound::Flo,
        }
    }

    /// As tables and pictures call it.
    pub fn title(self) -> String {
        match self {
            Self::Dv => "DV".to_owned(),
            Self::Mine => "MINE (EMA .9)".to_owned(),
            Self::Nwj => "NWJ".to_owned(),
            Self::Tuba => "TUBA, learned a(y)".to_owned(),
            Self::Js => "JS → NWJ at f+1".to_owned(),
            Self::InfoNce => "InfoNCE".to_owned(),
            Self::Smile { tau } if tau.is_infinite() => "SMILE τ=∞".to_owned(),
            Self::Smile { tau } => format!("SMILE τ={tau}"),
            Self::IAlpha { alpha } => format!("I_α, α={alpha}, q=e"),
            Self::IAlphaLearned { alpha } => format!("I_α, α={alpha}, learned q"),
            Self::Flo => "FLO".to_owned(),
        }
    }
}

impl Display for Objective {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        match self {
            Self::Dv => write!(f, "dv"),
            Self::Mine => write!(f, "mine"),
            Self::Nwj => write!(f, "nwj"),
            Self::Tuba => write!(f, "tuba"),
            Self::Js => write!(f, "js"),
            Self::InfoNce => write!(f, "infonce"),
            Self::Smile { tau } => write!(f, "smile-{tau}"),
            Self::IAlpha { alpha } => write!(f, "i-alpha-{alpha}"),
            Self::IAlphaLearned { alpha } => write!(f, "i-alpha-learned-{alpha}"),
            Self::Flo => write!(f, "flo"),
        }
    }
}

impl FromStr for Objective {
    type Err = MiError;

    fn from_str(name: &str) -> Result<Self, MiError> {
        let unknown = || {
            let allowed =
                "use dv, mine, nwj, tuba, js, infonce, smile-5, smile-inf, i-alpha-0.5, i-alpha-learned-0.5, flo";
            setting("objective", name, allowed)
        };
        let number = |text: &str| text.parse::<f64>().map_err(|_| unknown());
        Ok(match name {
            "dv" => Self::Dv,
            "mine" => Self::Mine,
            "nwj" => Self::Nwj,
            "tuba" => Self::Tuba,
            "js" => Self::Js,
            "infonce" => Self::InfoNce,
            "flo" => Self::Flo,
            _ => {
                if let Some(alpha) = name.strip_prefix("i-alpha-learned-") {
                    Self::IAlphaLearned { alpha: number(alpha)? }
                } else if let Some(alpha) = name.strip_prefix("i-alpha-") {
                    Self::IAlpha { alpha: number(alpha)? }
                } else if let Some(tau) = name.strip_prefix("smile-") {
                    Self::Smile { tau: number(tau)? }
                } else {
                    return Err(unknown());
                }
            }
        })
    }
}

impl TryFrom<String> for Objective {
    type Error = MiError;

    fn try_from(name: String) -> Result<Self, MiError> {
        name.parse()
    }
}

impl From<Objective> for String {
    fn from(objective: Objective) -> Self {
        objective.to_string()
    }
}
