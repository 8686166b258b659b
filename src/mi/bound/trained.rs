//! Every bound as a trainer sees it: what it keeps between batches, and what it takes beside scores.

use super::kind::{check_alpha, i_alpha_ceiling};
use super::{BoundKind, EvaluatedPair, Mine, Objective, PairStatistics, ScoreSizes, flo, i_alpha, on_tape, tuba};
use crate::mi::{MiError, Pairing, Scores};
use crate::nn::{Backend, Real};
use dfdx::prelude::*;
use serde::{Deserialize, Serialize};

/// What a bound takes beside the scores: the output of a second network that is trained with the critic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondInput {
    /// A logarithm of a baseline for each global vector `y_j`, `[B]`.
    Baseline,
    /// A value for each joint pair (location `l` of image `i` with its own global vector), `[B·L]`.
    Joint,
}

impl SecondInput {
    /// How many numbers it is.
    pub fn len(self, sizes: ScoreSizes) -> usize {
        match self {
            Self::Baseline => sizes.batch,
            Self::Joint => sizes.batch * sizes.locations,
        }
    }
}

/// A bound in training, with its state. It is saved with the run, so that a resumed one goes on alike.
///
/// A trainer asks [`second_input`](TrainedBound::second_input) once and builds a second network if there is one; each
/// step it puts the critic's scores and that network's output into [`objective_with`], and maximises the value. On
/// held-out data it uses [`evaluate`](TrainedBound::evaluate), which keeps nothing, or [`read`](TrainedBound::read).
///
/// ```
/// use infomax::mi::{Pairing, bound::{BoundKind, Mine, ScoreSizes, SecondInput, TrainedBound}};
/// let sizes = ScoreSizes { batch: 3, locations: 1, pairing: Pairing::All };
/// let scores = [3.0, 0.5, -1.0, 0.0, 2.0, 1.0, -0.5, 0.0, 4.0];
/// for mut bound in [TrainedBound::Plain(BoundKind::Dv), TrainedBound::Mine(Mine::new(0.9)), TrainedBound::Tuba] {
///     let second = vec![0.1; bound.second_input().map_or(0, |s| s.len(sizes))];
///     let step = bound.step(&scores, &second, sizes);
///     assert!(step.nats.is_finite() && step.second.len() == second.len());
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainedBound {
    /// One that takes scores alone.
    Plain(BoundKind),
    /// MINE, with its moving average; see [`Mine`].
    Mine(Mine),
    /// TUBA, with a baseline; see [`tuba`].
    Tuba,
    /// I_α, with a learned baseline; see [`i_alpha()`].
    IAlpha {
        /// Share of the batch's own baseline, α.
        alpha: f64,
    },
    /// FLO, with its second network; see [`flo()`].
    Flo,
}

impl TrainedBound {
    /// What it takes beside scores.
    pub fn second_input(&self) -> Option<SecondInput> {
        match self {
            Self::Plain(_) | Self::Mine(_) => None,
            Self::Tuba | Self::IAlpha { .. } => Some(SecondInput::Baseline),
            Self::Flo => Some(SecondInput::Joint),
        }
    }

    /// Checks what comes from a file or a user before [`step`](TrainedBound::step) relies on it.
    ///
    /// # Errors
    /// When a parameter is out of range, or the pairs are too few for the bound.
    pub fn check(&self, sizes: ScoreSizes) -> Result<(), MiError> {
        match self {
            Self::Plain(kind) => kind.check(sizes),
            Self::Mine(mine) => mine.check(),
            Self::IAlpha { alpha } => check_alpha(*alpha, sizes),
            Self::Tuba | Self::Flo => Ok(()),
        }
    }

    /// Value, gradients and read-out at a training batch, which the bound's state takes in.
    ///
    /// # Panics
    /// As the bound's own function; `second` is empty for a bound that takes none.
    pub fn step<E: Real>(&mut self, scores: &[E], second: &[E], sizes: ScoreSizes) -> EvaluatedPair<E> {
        let expected = self.second_input().map_or(0, |s| s.len(sizes));
        assert_eq!(second.len(), expected, "numbers of the second input of {self:?}");
        match self {
            Self::Plain(kind) => kind.evaluate(scores, sizes).into(),
            Self::Mine(mine) => mine.step(scores, sizes).into(),
            Self::Tuba => tuba(scores, second, sizes),
            Self::IAlpha { alpha } => i_alpha(scores, second, sizes, *alpha),
            Self::Flo => flo(scores, second, sizes),
        }
    }

    /// The same at a batch of which nothing is kept.
    ///
    /// # Panics
    /// As [`step`](TrainedBound::step).
    pub fn evaluate<E: Real>(&self, scores: &[E], second: &[E], sizes: ScoreSizes) -> EvaluatedPair<E> {
        let mut copy = *self;
        copy.step(scores, second, sizes)
    }

    /// The largest value that the read-out can take in a batch of these sizes.
    pub fn ceiling(&self, sizes: ScoreSizes) -> f64 {
        match self {
            Self::Plain(kind) => kind.ceiling(sizes),
            Self::IAlpha { alpha } => i_alpha_ceiling(*alpha, sizes),
            Self::Mine(_) | Self::Tuba | Self::Flo => f64::INFINITY,
        }
    }

    /// Whether the read-out, were its expectations taken over all data, is at most the true value, whatever the
    /// networks. MINE's is the Donsker-Varadhan value, for which that holds; the average over training batches that is
    /// reported as MINE is no bound.
    pub fn is_lower_bound(&self) -> bool {
        match self {
            Self::Plain(kind) => kind.is_lower_bound(),
            Self::Mine(_) | Self::Tuba | Self::IAlpha { .. } | Self::Flo => true,
        }
    }

    /// The read-out over all pairs of a held-out set, `second` being the second input there, `[N]` or empty; none for
    /// I_α, as [`BoundKind::read`] says.
    ///
    /// # Panics
    /// When a row of `statistics` or a number of `second` is missing.
    pub fn read(&self, statistics: &PairStatistics, second: &[f64]) -> Option<f64> {
        match self {
            Self::Plain(kind) => kind.read(statistics),
            Self::Mine(_) => Some(statistics.dv()),
            Self::Tuba => Some(statistics.tuba(second)),
            Self::Flo => Some(statistics.flo(second)),
            Self::IAlpha { .. } => None,
        }
    }
}

/// The objective of a training batch on the tape, as [`objective`](super::objective); the bound's state takes the batch
/// in.
///
/// `second` is the output of the second network, if the bound takes one. The tape travels with `scores`; it must also
/// hold what `second` was computed with.
///
/// # Errors
/// When the device fails.
///
/// # Panics
/// As [`TrainedBound::step`].
pub fn objective_with<E: Real, D: Backend<E>, T: Tape<E, D>>(
    bound: &mut TrainedBound,
    scores: Scores<E, D, T>,
    second: Option<&Tensor<(usize,), E, D>>,
    pairing: Pairing,
) -> Result<Objective<E, D, T>, D::Err> {
    objective_beside(bound, scores, second, pairing, None)
}

/// [`objective_with`] of the scores plus `known`, which nothing is learned of.
pub(crate) fn objective_beside<E: Real, D: Backend<E>, T: Tape<E, D>>(
    bound: &mut TrainedBound,
    scores: Scores<E, D, T>,
    second: Option<&Tensor<(usize,), E, D>>,
    pairing: Pairing,
    known: Option<&[E]>,
) -> Result<Objective<E, D, T>, D::Err> {
    let shape = *scores.shape();
    let sizes = ScoreSizes { batch: shape.0, locations: shape.1, pairing };
    let beside = second.map(D::numbers).unwrap_or_default();
    on_tape(scores, second, |scores| match known {
        Some(known) => {
            assert_eq!(known.len(), scores.len(), "a known part of each score");
            let sums: Vec<E> = scores.iter().zip(known).map(|(&score, &known)| score + known).collect();
            bound.step(&sums, &beside, sizes)
        }
        None => bound.step(scores, &beside, sizes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_scores_is_added_to_them() {
        let dev = Cpu::seed_from_u64(3);
        let (scores, known): (Tensor<Rank3<5, 1, 5>, f64, Cpu>, Tensor<Rank3<5, 1, 5>, f64, Cpu>) =
            (dev.sample_normal(), dev.sample_normal());
        let shape = (5, 1, 5);
        let (scores, known): (Scores<f64, Cpu, NoneTape>, Scores<f64, Cpu, NoneTape>) =
            (scores.try_reshape_like(&shape).unwrap(), known.try_reshape_like(&shape).unwrap());
        let mut bound = TrainedBound::Plain(BoundKind::Dv);
        let traced = || scores.clone().leaky_traced();
        let beside = objective_beside(&mut bound, traced(), None, Pairing::All, Some(&known.as_vec())).unwrap();
        let on_tape = objective_with(&mut bound, traced() + known.clone(), None, Pairing::All).unwrap();
        assert_eq!((beside.nats, beside.value.array()), (on_tape.nats, on_tape.value.array()));
        let gradient = beside.value.backward().get(&scores).as_vec();
        assert_eq!(gradient, on_tape.value.backward().get(&scores).as_vec());
        assert!(gradient.iter().any(|g| g.abs() > 0.01));
    }

    #[test]
    fn an_infinite_score_has_no_value() {
        let dev = Cpu::default();
        for score in [f32::NEG_INFINITY, f32::NAN] {
            let scores = dev.tensor_from_vec(vec![1.0, score, 0.0, 1.0], (2, 1, 2));
            let found = super::super::objective(BoundKind::InfoNce, scores, Pairing::All).unwrap();
            assert!(!found.value.array().is_finite());
        }
    }
}
