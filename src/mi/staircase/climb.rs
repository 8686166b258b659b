//! One critic on its way up.

use super::second::Second;
use super::{CriticKind, Run, Staircase, setting};
use crate::mi::bound::objective_with;
use crate::mi::critic::VectorCritic;
use crate::mi::{MiError, Pairing};
use crate::nn::{Adam, awake, builder};
use crate::seed;
use dfdx::prelude::*;
use serde::{Deserialize, Serialize};

/// What a critic read at each step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Climb {
    /// Which one.
    pub run: Run,
    /// The read-out of each step's batch before the critic learned from it, nats; kept in `f32`, and at most its largest
    /// number. Shorter than the staircase when the critic's scores stopped being numbers.
    pub nats: Vec<f32>,
}

impl Climb {
    /// The step at which the scores stopped being numbers, if they did.
    pub fn diverged(&self, stairs: &Staircase) -> Option<usize> {
        (self.nats.len() < stairs.steps()).then_some(self.nats.len())
    }
}

/// Trains one critic from the lowest level to the highest. `go_on` hears the number of each step that is done and says
/// whether to do another; where it says no, there is no result.
///
/// The result depends on `stairs` and `run` alone, not on the number of threads.
///
/// # Errors
/// When a setting is out of range, or the device fails.
pub fn climb(stairs: &Staircase, run: Run, go_on: impl FnMut(usize) -> bool + Send) -> Result<Option<Climb>, MiError> {
    awake(|| climb_among_others(stairs, run, go_on))
}

/// The same, for several at a time: each has work for one thread.
pub(super) fn climb_among_others(
    stairs: &Staircase,
    run: Run,
    go_on: impl FnMut(usize) -> bool,
) -> Result<Option<Climb>, MiError> {
    stairs.check(&[run.objective])?;
    macro_rules! of_dims {
        ($($dim:literal),*) => {
            match stairs.dim {
                $($dim => of_dim::<$dim>(stairs, run, go_on),)*
                other => Err(setting("dim", other, "it must be 5, 10, 20 or 50")),
            }
        };
    }
    of_dims!(5, 10, 20, 50)
}

fn of_dim<const I: usize>(
    stairs: &Staircase,
    run: Run,
    go_on: impl FnMut(usize) -> bool,
) -> Result<Option<Climb>, MiError> {
    let dev = Cpu::seed_from_u64(seed::child(run.seed, "init", 0));
    match run.critic {
        CriticKind::Separable => {
            let critic = dev.build_module::<builder::SeparableCritic<I, I, 256, 2, 32>, f32>();
            train::<I, _>(&dev, critic, stairs, run, go_on)
        }
        CriticKind::Concat => {
            let critic = dev.build_module::<builder::JointCritic<I, I, 256>, f32>();
            train::<I, _>(&dev, critic, stairs, run, go_on)
        }
    }
}

fn train<const I: usize, C>(
    dev: &Cpu,
    mut critic: C,
    stairs: &Staircase,
    run: Run,
    mut go_on: impl FnMut(usize) -> bool,
) -> Result<Option<Climb>, MiError>
where
    C: VectorCritic<Const<I>, Const<I>, f32, Cpu> + TensorCollection<f32, Cpu, To<f32, Cpu> = C>,
{
    let failed = |e: CpuError| MiError::Device(format!("{e:?}"));
    let levels = stairs.distributions()?;
    let mut bound = run.objective.bound();
    let mut second = Second::<I>::new(dev, &bound, stairs.adam).map_err(failed)?;
    let mut adam = Adam::new(&critic, stairs.adam).map_err(failed)?;
    let mut nats = Vec::with_capacity(stairs.steps());
    for step in 0..stairs.steps() {
        let level = &levels[step / stairs.steps_per_level];
        let (mut x, mut y) = (vec![0f32; stairs.batch * I], vec![0f32; stairs.batch * I]);
        level.batch(run.seed, step as u64, &mut x, &mut y);
        let x = dev.try_tensor_from_vec(x, (stairs.batch, Const::<I>)).map_err(failed)?;
        let y = dev.try_tensor_from_vec(y, (stairs.batch, Const::<I>)).map_err(failed)?;
        let (beside, tape) = second.output(&x, &y, OwnedTape::default()).map_err(failed)?;
        let scores = critic.try_scores(x.put_tape(tape), y, Pairing::All).map_err(failed)?;
        let found = objective_with(&mut bound, scores, beside.as_ref(), Pairing::All).map_err(failed)?;
        if !found.nats.is_finite() || !found.value.as_vec()[0].is_finite() {
            break;
        }
        nats.push((found.nats as f32).clamp(-f32::MAX, f32::MAX));
        let mut gradients = found.value.try_negate().and_then(|v| v.try_backward()).map_err(failed)?;
        adam.update(&mut critic, &mut gradients).map_err(failed)?;
        second.update(&mut gradients).map_err(failed)?;
        if !go_on(step + 1) {
            return Ok(None);
        }
    }
    Ok(Some(Climb { run, nats }))
}
