//! Neural estimators: critics trained on folds of the samples, each row reported by a critic that never saw it.

use super::fit::{Fitted, Silent, fit};
use super::folds::{Fold, folds};
use super::inputs::{Inputs, seen};
use super::objective::NeuralBound;
use super::{Architecture, CurvePoint, EstimateError, Learning};
use crate::mi::critic::{JointCritic, SeparableCritic};
use crate::mi::{MiError, Samples, Scaling};
use crate::nn::{Backend, Linear, builder};
use crate::seed;
use dfdx::prelude::*;
use rayon::prelude::*;

/// What the folds of one neural estimator gave.
pub(super) struct CrossFit {
    /// Mean of the folds' values, nats.
    pub nats: f64,
    /// Mean value of the critics on the rows that they learned from, nats: optimistic.
    pub training: f64,
    /// What the critics read before their first step: the Gaussian part alone, or nothing.
    pub start: f64,
    /// Each row's influence on `nats`, in the order of the samples.
    pub influence: Vec<f64>,
    /// Mean validation value of the chosen critics, nats.
    pub validation: f64,
    /// Mean validation curve over folds (up to the shortest).
    pub curve: Vec<CurvePoint>,
    /// Steps of all folds.
    pub steps: usize,
    /// Mean number of steps at which the best critic was found.
    pub best: f64,
}

/// Trains one critic for each fold and puts their reports together.
pub(super) fn cross_fit(
    x: &Samples,
    y: &Samples,
    kind: NeuralBound,
    scaling: Scaling,
    gaussian: bool,
    learning: &Learning,
    seed: u64,
) -> Result<CrossFit, EstimateError> {
    let folds = folds(x.rows(), learning.folds, learning.validation, seed);
    let fitted: Vec<Fitted> = folds
        .par_iter()
        .enumerate()
        .map(|(k, fold)| one_fold(x, y, kind, scaling, gaussian, learning, fold, seed::child(seed, "fold", k as u64)))
        .collect::<Result<_, _>>()?;
    let read_out = kind.read_out();
    let mut influence = vec![0.0; x.rows()];
    let (mut nats, mut weight) = (0.0, 0.0);
    for group in fitted.iter().flat_map(|f| &f.report) {
        let reading = read_out.read(group);
        nats += reading.nats * group.rows.len() as f64;
        weight += group.rows.len() as f64;
        for (&row, v) in group.rows.iter().zip(reading.influence) {
            influence[row] = v + reading.nats;
        }
    }
    nats /= weight;
    influence.iter_mut().for_each(|v| *v -= nats);
    let mean = |f: fn(&Fitted) -> f64| fitted.iter().map(f).sum::<f64>() / fitted.len() as f64;
    let shortest = fitted.iter().map(|f| f.curve.len()).min().unwrap_or(0);
    let curve = (0..shortest)
        .map(|at| CurvePoint {
            step: fitted[0].curve[at].step,
            nats: fitted.iter().map(|f| f.curve[at].nats).sum::<f64>() / fitted.len() as f64,
        })
        .collect();
    Ok(CrossFit {
        nats,
        training: mean(|f| f.training),
        start: mean(|f| f.start),
        influence,
        validation: mean(|f| f.validation),
        curve,
        steps: fitted.iter().map(|f| f.steps).sum(),
        best: mean(|f| f.best as f64),
    })
}

/// The constant widths to which inputs are padded.
const WIDEST: usize = 4096;

#[expect(clippy::too_many_arguments, reason = "all of them vary between folds or estimators")]
fn one_fold(
    x: &Samples,
    y: &Samples,
    kind: NeuralBound,
    scaling: Scaling,
    gaussian: bool,
    learning: &Learning,
    fold: &Fold,
    seed: u64,
) -> Result<Fitted, EstimateError> {
    let columns = seen(x.columns()).max(seen(y.columns()));
    macro_rules! widths {
        ($($width:literal),*) => {
            match columns {
                $(0..=$width => of_width::<$width>(x, y, kind, scaling, gaussian, learning, fold, seed),)*
                _ => Err(MiError::TooWide { columns, most: WIDEST }.into()),
            }
        };
    }
    widths!(4, 16, 64, 256, 1024, 4096)
}

#[expect(clippy::too_many_arguments, reason = "as above")]
fn of_width<const I: usize>(
    x: &Samples,
    y: &Samples,
    kind: NeuralBound,
    scaling: Scaling,
    gaussian: bool,
    learning: &Learning,
    fold: &Fold,
    seed: u64,
) -> Result<Fitted, EstimateError> {
    let inputs = Inputs::new(x, y, &fold.train, scaling, gaussian, I)?;
    let mut mean: Option<Fitted> = None;
    for member in 0..learning.restarts.max(1) {
        let seed = seed::child(seed, "member", member as u64);
        let dev = Cpu::seed_from_u64(seed::child(seed, "init", 0));
        let fitted = match learning.architecture {
            Architecture::Separable => {
                let mut critic = dev.build_module::<builder::SeparableCritic<I, I, 256, 1, 32>, f32>();
                widen(&mut critic.x.input.weight, I, seen(x.columns()));
                widen(&mut critic.y.input.weight, I, seen(y.columns()));
                fit::<I, _, _>(&dev, critic, &inputs, fold, learning, kind, seed)?
            }
            Architecture::Joint => {
                let mut critic = dev.build_module::<builder::JointCritic<I, I, 256>, f32>();
                widen(&mut critic.x.weight, I, seen(x.columns()));
                widen(&mut critic.y.weight, I, seen(y.columns()));
                fit::<I, _, _>(&dev, critic, &inputs, fold, learning, kind, seed)?
            }
        };
        mean = Some(match mean {
            None => fitted,
            Some(mut mean) => {
                for (m, f) in mean.report.iter_mut().zip(fitted.report) {
                    m.scores.iter_mut().zip(f.scores).for_each(|(m, f)| *m += f);
                }
                mean.steps += fitted.steps;
                mean
            }
        });
    }
    let mut mean = mean.expect("at least one member");
    let scale = 1.0 / learning.restarts.max(1) as f32;
    mean.report.iter_mut().for_each(|g| g.scores.iter_mut().for_each(|s| *s *= scale));
    Ok(mean)
}

/// Scales a first layer that was made for `padded` inputs to the `used` ones: the others are zero.
fn widen<S: Shape, D: Backend<f32>>(weight: &mut Tensor<S, f32, D>, padded: usize, used: usize) {
    let zero = weight.clone();
    weight.axpy((padded as f64 / used as f64).sqrt(), &zero, 0.0);
}

impl<const I: usize, const J: usize, const H: usize, const L: usize, const K: usize, D: Backend<f32>> Silent
    for SeparableCritic<I, J, H, L, K, f32, D>
{
    fn silence(&mut self) {
        zero(&mut self.x.output);
    }
}

impl<const I: usize, const J: usize, const U: usize, D: Backend<f32>> Silent for JointCritic<I, J, U, f32, D> {
    fn silence(&mut self) {
        zero(&mut self.score);
    }
}

fn zero<const I: usize, const O: usize, const R: bool, D: Backend<f32>>(layer: &mut Linear<I, O, R, f32, D>) {
    layer.weight.fill_with_zeros();
    layer.bias.fill_with_zeros();
}
