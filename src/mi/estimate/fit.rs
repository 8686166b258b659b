//! Training a critic on one fold.

use super::folds::Fold;
use super::inputs::{Base, Inputs};
use super::objective::NeuralBound;
use super::read_out::HeldOut;
use super::{CurvePoint, EstimateError, Learning};
use crate::mi::Pairing;
use crate::mi::bound::objective_beside;
use crate::mi::critic::VectorCritic;
use crate::nn::{Adam, AdamConfig, Backend};
use crate::seed;
use dfdx::prelude::*;
use rand::seq::SliceRandom;

/// How far below a critic that knows nothing the Gaussian part alone may fall on validation rows, nats.
const MISFIT: f64 = 0.1;

/// Held-out rows scored against each other at once; more are cut into groups of about this many.
const GROUP: usize = 2048;

/// Rows in the largest group of so many.
pub(super) fn largest_group(rows: usize) -> usize {
    rows.div_ceil(rows.div_ceil(GROUP).max(1))
}

/// A critic that can be made to say nothing, so that learning starts from the Gaussian part of the score alone.
pub(super) trait Silent {
    /// Sets the last layer to zero.
    fn silence(&mut self);
}

/// What a trained critic says of rows that it did not see.
pub(super) struct Fitted {
    /// On the report rows, group by group.
    pub report: Vec<HeldOut>,
    /// Its value on the rows that it learned from, nats: optimistic.
    pub training: f64,
    /// Its value on the report rows before the first step, nats.
    pub start: f64,
    /// Validation value as it learned.
    pub curve: Vec<CurvePoint>,
}

/// Trains `critic` on the fold's training rows until the validation value stops rising, and reads the best one out on the
/// report rows.
///
/// What is kept is an exponential moving average of the weights (Polyak & Juditsky 1992): it is less noisy than any single
/// step's, and so is the choice among them.
pub(super) fn fit<const I: usize, C, D: Backend<f32>>(
    dev: &D,
    mut critic: C,
    inputs: &Inputs,
    fold: &Fold,
    learning: &Learning,
    kind: NeuralBound,
    seed: u64,
) -> Result<Fitted, EstimateError>
where
    C: VectorCritic<Const<I>, Const<I>, f32, D> + TensorCollection<f32, D, To<f32, D> = C> + Silent + Clone,
{
    let failed = |e: D::Err| EstimateError::Device(format!("{e:?}"));
    critic.silence();
    let silent = critic.clone();
    let mut average = critic.clone();
    let config =
        AdamConfig { lr: learning.lr, betas: [0.9, 0.999], decoupled: learning.decay, ..AdamConfig::default() };
    let mut adam = Adam::new(&critic, config).map_err(failed)?;
    let batch = learning.batch.min(fold.train.len() / 2).max(2);
    let mut order = fold.train.clone();
    let (mut at, mut epoch) = (order.len(), 0);
    let shift = kind.shift();
    let (read_out, mut bound) = (kind.read_out(), kind.trained());
    let held_out = |critic: &C, base: Option<&Base>, rows: &[usize]| {
        held_out::<I, C, D>(dev, critic, inputs, base, rows, shift).map_err(failed)
    };
    // Far from a Gaussian, its part of the scores can be wildly wrong: then it is left out.
    let mut base = inputs.base.as_ref();
    if base.is_some() {
        let alone = held_out(&silent, base, &fold.validation)?;
        base = base.filter(|_| kind.merit(&alone, read_out.value(&alone)) >= kind.nothing() - MISFIT);
    }
    let (mut best, mut kept, mut curve) = (f64::NEG_INFINITY, average.clone(), Vec::new());
    let mut best_step = 0;
    for step in 0..=learning.steps {
        if step % learning.check == 0 {
            let validation = held_out(&average, base, &fold.validation)?;
            let value = read_out.value(&validation);
            curve.push(CurvePoint { step, nats: value });
            let merit = kind.merit(&validation, value);
            if merit > best {
                (best, best_step) = (merit, step);
                kept = average.clone();
            } else if step >= best_step + learning.patience * learning.check {
                break;
            }
        }
        if step == learning.steps {
            break;
        }
        if at + batch > order.len() {
            order.shuffle(&mut seed::stream(seed, "batches", epoch));
            (at, epoch) = (0, epoch + 1);
        }
        let rows = &order[at..at + batch];
        at += batch;
        let (x, y) = inputs.batch(rows);
        let x = dev.try_tensor_from_vec(x, (batch, Const::<I>)).map_err(failed)?;
        let y = dev.try_tensor_from_vec(y, (batch, Const::<I>)).map_err(failed)?;
        let scores = critic.try_scores(x.leaky_traced(), y, Pairing::All).map_err(failed)?;
        let known = base_scores(dev, base, rows, shift).map_err(failed)?;
        let found = objective_beside(&mut bound, scores, None, Pairing::All, known.as_deref()).map_err(failed)?;
        if !found.value.as_vec()[0].is_finite() {
            break;
        }
        let mut gradients = found.value.try_negate().map_err(failed)?.try_backward().map_err(failed)?;
        adam.update(&mut critic, &mut gradients).map_err(failed)?;
        // The average of early steps is short, so that it does not drag the start along.
        let done = (step + 1) as f64;
        let keep = learning.average.min(done / (done + 10.0));
        move_towards(&mut average, &critic, keep).map_err(failed)?;
    }
    let report = held_out(&kept, base, &fold.report)?;
    let training = read_out.value(&held_out(&kept, base, &fold.train)?);
    // On the same rows as the report: the difference is what was learned, and no other rows' luck.
    let start = read_out.value(&held_out(&silent, base, &fold.report)?);
    Ok(Fitted { report, training, start, curve })
}

/// The Gaussian part of the scores of all pairs of `rows`, plus `shift`; none where both are nothing.
pub(super) fn base_scores<D: Backend<f32>>(
    dev: &D,
    base: Option<&Base>,
    rows: &[usize],
    shift: f64,
) -> Result<Option<Vec<f32>>, D::Err> {
    let n = rows.len();
    let Some(base) = base else { return Ok((shift != 0.0).then(|| vec![shift as f32; n * n])) };
    let (x, y) = base.batch(rows);
    let x = dev.try_tensor_from_vec(x, (n, base.rank))?;
    let y = dev.try_tensor_from_vec(y, (n, base.rank))?;
    let mut scores = D::numbers(&D::linear::<1, _, _, _, _>(x, &y, None, (n, n), false)?);
    scores.iter_mut().for_each(|s| *s += shift as f32);
    Ok(Some(scores))
}

/// `rows`, cut into groups that are scored against themselves.
pub(super) fn groups(rows: &[usize]) -> impl Iterator<Item = &[usize]> {
    let groups = rows.len().div_ceil(GROUP);
    (0..groups).map(move |g| &rows[g * rows.len() / groups..(g + 1) * rows.len() / groups])
}

/// Scores of all pairs of `rows`, in groups.
fn held_out<const I: usize, C, D: Backend<f32>>(
    dev: &D,
    critic: &C,
    inputs: &Inputs,
    base: Option<&Base>,
    rows: &[usize],
    shift: f64,
) -> Result<Vec<HeldOut>, D::Err>
where
    C: VectorCritic<Const<I>, Const<I>, f32, D>,
{
    groups(rows)
        .map(|rows| {
            let (x, y) = inputs.batch(rows);
            let n = rows.len();
            let x = dev.try_tensor_from_vec(x, (n, Const::<I>))?;
            let y = dev.try_tensor_from_vec(y, (n, Const::<I>))?;
            let mut scores = D::numbers(&critic.try_block(x, y)?);
            if let Some(base) = base_scores(dev, base, rows, shift)? {
                scores.iter_mut().zip(base).for_each(|(s, b)| *s += b);
            }
            Ok(HeldOut { rows: rows.to_vec(), scores })
        })
        .collect()
}

/// `average ← keep·average + (1 − keep)·module`.
fn move_towards<M, D: Backend<f32>>(average: &mut M, module: &M, keep: f64) -> Result<(), D::Err>
where
    M: TensorCollection<f32, D>,
{
    struct Move {
        keep: f64,
    }
    impl<D: Backend<f32>> TensorVisitor<f32, D> for Move {
        type Viewer = (ViewTensorMut, ViewTensorRef);
        type Err = D::Err;
        type E2 = f32;
        type D2 = D;

        fn visit<S: Shape>(
            &mut self,
            _: TensorOptions<S, f32, D>,
            (average, new): (&mut Tensor<S, f32, D>, &Tensor<S, f32, D>),
        ) -> Result<Option<Tensor<S, f32, D>>, D::Err> {
            average.try_axpy(self.keep, new, 1.0 - self.keep)?;
            Ok(None)
        }
    }
    M::iter_tensors(&mut RecursiveWalker { m: (average, module), f: &mut Move { keep } })?;
    Ok(())
}
