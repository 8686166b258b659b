//! Neural estimators: critics trained on folds of the samples, each row reported by a critic that never saw it.

use super::copies::Copies;
use super::fit::{Fitted, Silent, fit, largest_group};
use super::folds::{Fold, folds};
use super::inputs::Seen;
use super::objective::NeuralBound;
use super::read_out::permuted_sums;
use super::result::{bootstrap, mean_curve};
use super::{Architecture, CurvePoint, Estimate, EstimateConfig, EstimateError, Estimator};
use crate::mi::classical::Warning;
use crate::mi::critic::{JointCritic, SeparableCritic};
use crate::mi::{MiError, Samples};
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
    /// What the critics read of the same rows before their first step: the Gaussian part alone, or nothing.
    pub start: f64,
    /// Each row's influence on `nats`, in the order of the samples.
    pub influence: Vec<f64>,
    /// Log density ratio of each row's pair, in the order of the samples.
    pub pointwise: Vec<f64>,
    /// Share of shufflings of y under which the critics' joint scores are as large: a p-value of independence.
    pub p_value: f64,
    /// Rows in the largest group that was scored against itself, of those that report and of those learned from.
    pub groups: [usize; 2],
    /// As [`Estimate::components`].
    pub components: Option<[usize; 2]>,
    /// Mean validation curve over folds (up to the shortest).
    pub curve: Vec<CurvePoint>,
    /// What to know of repeated rows.
    pub copies: Option<String>,
}

/// Shufflings of y for the p-value.
const PERMUTATIONS: usize = 999;

/// The estimate of one neural estimator.
pub(super) fn estimate(
    x: &Samples,
    y: &Samples,
    kind: NeuralBound,
    config: &EstimateConfig,
) -> Result<Estimate, EstimateError> {
    estimate_from(x, y, kind, config).map(|(found, _)| found)
}

/// The same, with what the critics said before they learned anything: the held-out value of the Gaussian part, nats.
pub(super) fn estimate_from(
    x: &Samples,
    y: &Samples,
    kind: NeuralBound,
    config: &EstimateConfig,
) -> Result<(Estimate, f64), EstimateError> {
    let least = 4 * config.learning.folds.max(5);
    x.check_paired(y, least)?;
    let found = cross_fit(x, y, kind, config)?;
    let [low, high] = bootstrap(&found.influence, config.confidence, config.seed);
    let n = x.rows() as f64;
    let error = (found.influence.iter().map(|v| v * v).sum::<f64>() / n / n).sqrt();
    let (bound, optimistic) = (found.nats, found.training);
    let ends = [bound.min(optimistic), bound.max(optimistic)];
    let [most, most_learned] = found.groups.map(|rows| (rows as f64).ln());
    let has_ceiling = kind == NeuralBound::InfoNce;
    let verdict =
        (has_ceiling && bound > 0.85 * most).then(|| Warning::NearCeiling { nats: bound, ceiling: most }.to_string());
    let estimate = Estimate {
        nats: 0.5 * (bound + optimistic),
        interval: Some([ends[0] + low, ends[1] + high]),
        bound: Some(bound),
        optimistic: Some(optimistic),
        standard_error: Some(error),
        ceiling: has_ceiling.then_some(0.5 * (most + most_learned)),
        p_value: Some(found.p_value),
        components: found.components,
        warnings: verdict.into_iter().chain(found.copies).collect(),
        curve: found.curve,
        pointwise: found.pointwise,
        ..Estimate::new(Estimator::Neural(kind), x, y, config)
    };
    Ok((estimate, found.start))
}

/// Trains one critic for each fold and puts their reports together.
pub(super) fn cross_fit(
    x: &Samples,
    y: &Samples,
    kind: NeuralBound,
    config: &EstimateConfig,
) -> Result<CrossFit, EstimateError> {
    let EstimateConfig { learning, seed, .. } = config;
    let seed = *seed;
    let copies = Copies::find(x, y)?;
    let mut folds = folds(x.rows(), learning.folds, learning.validation, seed);
    folds.iter_mut().try_for_each(|fold| copies.keep_apart(fold))?;
    let fitted: Vec<(Fitted, Option<[usize; 2]>)> = folds
        .par_iter()
        .enumerate()
        .map(|(k, fold)| one_fold(x, y, kind, config, fold, seed::child(seed, "fold", k as u64)))
        .collect::<Result<_, _>>()?;
    let (fitted, components): (Vec<Fitted>, Vec<_>) = fitted.into_iter().unzip();
    let components = components.into_iter().flatten().reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1])]);
    let read_out = kind.read_out();
    let mut influence = vec![0.0; x.rows()];
    let mut pointwise = vec![0.0; x.rows()];
    let (mut nats, mut weight) = (0.0, 0.0);
    let mut sums = vec![0.0; PERMUTATIONS + 1];
    for group in fitted.iter().flat_map(|f| &f.report) {
        let reading = read_out.read(group);
        sums.iter_mut().zip(permuted_sums(group, PERMUTATIONS, seed)).for_each(|(s, v)| *s += v);
        for (&row, v) in group.rows.iter().zip(reading.pointwise) {
            pointwise[row] = v;
        }
        nats += reading.nats * group.rows.len() as f64;
        weight += group.rows.len() as f64;
        for (&row, v) in group.rows.iter().zip(reading.influence) {
            influence[row] = v + reading.nats;
        }
    }
    nats /= weight;
    influence.iter_mut().for_each(|v| *v -= nats);
    let as_large = sums[..PERMUTATIONS].iter().filter(|&&s| s >= sums[PERMUTATIONS]).count();
    let p_value = (1 + as_large) as f64 / (1 + PERMUTATIONS) as f64;
    let largest = |rows: fn(&Fold) -> usize| folds.iter().map(|f| largest_group(rows(f))).max().unwrap_or(0);
    let groups = [largest(|f| f.report.len()), largest(|f| f.train.len())];
    let mean = |f: fn(&Fitted) -> f64| fitted.iter().map(f).sum::<f64>() / fitted.len() as f64;
    let curve = mean_curve(fitted.iter().map(|f| f.curve.as_slice()));
    Ok(CrossFit {
        nats,
        training: mean(|f| f.training),
        start: mean(|f| f.start),
        influence,
        pointwise,
        p_value,
        groups,
        components,
        curve,
        copies: copies.warning(),
    })
}

/// The largest of the constant widths to which inputs are padded; one column is the radius.
const WIDEST: usize = 4096;

/// The fold's critics, and what [`Seen::components`] says of their inputs.
fn one_fold(
    x: &Samples,
    y: &Samples,
    kind: NeuralBound,
    config: &EstimateConfig,
    fold: &Fold,
    seed: u64,
) -> Result<(Fitted, Option<[usize; 2]>), EstimateError> {
    let columns = x.columns().max(y.columns());
    if columns >= WIDEST {
        return Err(MiError::TooWide { columns, most: WIDEST - 1 }.into());
    }
    let seen = Seen::new(x, y, &fold.train, config.scaling, config.gaussian)?;
    let components = seen.components;
    let fitted = match seen.columns().into_iter().fold(0, usize::max) {
        0..=4 => of_width::<4>(seen, kind, config, fold, seed),
        5..=16 => of_width::<16>(seen, kind, config, fold, seed),
        17..=64 => of_width::<64>(seen, kind, config, fold, seed),
        65..=256 => of_width::<256>(seen, kind, config, fold, seed),
        257..=1024 => of_width::<1024>(seen, kind, config, fold, seed),
        _ => of_width::<WIDEST>(seen, kind, config, fold, seed),
    };
    Ok((fitted?, components))
}

fn of_width<const I: usize>(
    seen: Seen,
    kind: NeuralBound,
    config: &EstimateConfig,
    fold: &Fold,
    seed: u64,
) -> Result<Fitted, EstimateError> {
    let learning = &config.learning;
    let [of_x, of_y] = seen.columns();
    let inputs = seen.padded(I);
    let mut mean: Option<Fitted> = None;
    for member in 0..learning.restarts.max(1) {
        let seed = seed::child(seed, "member", member as u64);
        let dev = Cpu::seed_from_u64(seed::child(seed, "init", 0));
        let fitted = match learning.architecture {
            Architecture::Separable => {
                let mut critic = dev.build_module::<builder::SeparableCritic<I, I, 256, 1, 32>, f32>();
                widen(&mut critic.x.input.weight, I, of_x);
                widen(&mut critic.y.input.weight, I, of_y);
                fit::<I, _, _>(&dev, critic, &inputs, fold, learning, kind, seed)?
            }
            Architecture::Joint => {
                let mut critic = dev.build_module::<builder::JointCritic<I, I, 256>, f32>();
                widen(&mut critic.x.weight, I, of_x);
                widen(&mut critic.y.weight, I, of_y);
                fit::<I, _, _>(&dev, critic, &inputs, fold, learning, kind, seed)?
            }
        };
        mean = Some(match mean {
            None => fitted,
            Some(mut mean) => {
                for (m, f) in mean.report.iter_mut().zip(fitted.report) {
                    m.scores.iter_mut().zip(f.scores).for_each(|(m, f)| *m += f);
                }
                mean.training += fitted.training;
                mean.start += fitted.start;
                mean
            }
        });
    }
    let mut mean = mean.expect("at least one member");
    let scale = 1.0 / learning.restarts.max(1) as f32;
    mean.training *= f64::from(scale);
    mean.start *= f64::from(scale);
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
