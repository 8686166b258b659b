//! Nearest neighbours in learned codes: LMI (Gowri, Lun, Klein & Yin 2024, arXiv 2409.02732).

use super::classical::of_rows;
use super::copies::Copies;
use super::folds::{Fold, folds};
use super::inputs::gather;
use super::result::mean_curve;
use super::{CurvePoint, Estimate, EstimateConfig, EstimateError, Estimator, Learning};
use crate::mi::classical::{KsgConfig, ksg};
use crate::mi::critic::Tower;
use crate::mi::{MiError, Samples, Standardiser};
use crate::nn::{Adam, AdamConfig, Backend, builder};
use crate::seed;
use dfdx::prelude::*;
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// Numbers in a code.
const CODE: usize = 8;
/// Units of each of the two hidden layers.
const UNITS: usize = 256;
/// Standardised values beyond this count as this.
const FARTHEST: f64 = 10.0;
/// The largest of the constant widths to which columns are padded.
const WIDEST: usize = 4096;
/// Rows that are encoded at once.
const ROWS: usize = 2048;

/// The codes of x and of y, and from each code a decoder to x and one to y.
type Coder<const I: usize, D> = (
    (Tower<I, UNITS, 1, CODE, f32, D>, Tower<I, UNITS, 1, CODE, f32, D>),
    (Tower<CODE, UNITS, 1, I, f32, D>, Tower<CODE, UNITS, 1, I, f32, D>),
    (Tower<CODE, UNITS, 1, I, f32, D>, Tower<CODE, UNITS, 1, I, f32, D>),
);

/// The same, to be built.
type Plan<const I: usize> = (
    (builder::Tower<I, UNITS, 1, CODE>, builder::Tower<I, UNITS, 1, CODE>),
    (builder::Tower<CODE, UNITS, 1, I>, builder::Tower<CODE, UNITS, 1, I>),
    (builder::Tower<CODE, UNITS, 1, I>, builder::Tower<CODE, UNITS, 1, I>),
);

/// Standardised rows, padded with zeros.
struct Rows {
    width: usize,
    x: Vec<f32>,
    y: Vec<f32>,
    /// Columns of x and of y that are not padding.
    used: [usize; 2],
}

/// What one half of the rows gave.
struct Half {
    rows: Vec<usize>,
    pointwise: Vec<f64>,
    ceiling: f64,
    warnings: Vec<String>,
    curve: Vec<CurvePoint>,
}

/// Codes are learned on one half of the rows and neighbours counted in the other; then the halves change places.
///
/// A code of x must tell x and y, and so must a code of y: what one says of the other is kept, and of the rest as much as
/// fits. What codes leave out is lost, so that the value is low by it, up to the error of the neighbours.
pub(super) fn estimate(x: &Samples, y: &Samples, config: &EstimateConfig) -> Result<Estimate, EstimateError> {
    x.check_paired(y, 4 * (config.neighbours + 1).max(10))?;
    let columns = x.columns().max(y.columns());
    let copies = Copies::find(x, y)?;
    let mut halves = folds(x.rows(), 2, config.learning.validation, config.seed);
    halves.iter_mut().try_for_each(|half| copies.keep_apart(half))?;
    let found: Vec<Half> = halves
        .par_iter()
        .enumerate()
        .map(|(k, fold)| {
            let seed = seed::child(config.seed, "fold", k as u64);
            match columns {
                0..=16 => half::<16>(x, y, config, fold, seed),
                17..=64 => half::<64>(x, y, config, fold, seed),
                65..=256 => half::<256>(x, y, config, fold, seed),
                257..=1024 => half::<1024>(x, y, config, fold, seed),
                1025..=WIDEST => half::<WIDEST>(x, y, config, fold, seed),
                _ => Err(MiError::TooWide { columns, most: WIDEST }.into()),
            }
        })
        .collect::<Result<_, _>>()?;
    let mut pointwise = vec![0.0; x.rows()];
    let mut warnings: Vec<String> = copies.warning().into_iter().collect();
    for half in &found {
        half.rows.iter().zip(&half.pointwise).for_each(|(&row, &v)| pointwise[row] = v);
        warnings.extend(half.warnings.iter().filter(|w| !warnings.contains(w)).cloned().collect::<Vec<_>>());
    }
    let nats = pointwise.iter().sum::<f64>() / pointwise.len() as f64;
    let ceiling = found.iter().map(|h| h.ceiling).fold(f64::INFINITY, f64::min);
    let (interval, standard_error) = of_rows(&pointwise, config);
    let curve = mean_curve(found.iter().map(|h| h.curve.as_slice()));
    Ok(Estimate {
        nats,
        interval,
        standard_error,
        ceiling: Some(ceiling),
        warnings,
        pointwise,
        curve,
        ..Estimate::new(Estimator::Lmi, x, y, config)
    })
}

/// Learns codes on the fold's training rows, and counts neighbours among its report rows.
fn half<const I: usize>(
    x: &Samples,
    y: &Samples,
    config: &EstimateConfig,
    fold: &Fold,
    seed: u64,
) -> Result<Half, EstimateError> {
    let scaled = |s: &Samples| {
        // As for critics: where a column is constant on the training rows alone, all rows say how it is scaled.
        let fitted = Standardiser::fit(&s.select(&fold.train), config.scaling);
        fitted.or_else(|_| Standardiser::fit(s, config.scaling))?.apply(s)
    };
    let (x, y) = (scaled(x)?, scaled(y)?);
    let rows = Rows { width: I, x: padded(&x, I), y: padded(&y, I), used: [x.columns(), y.columns()] };
    let dev = Cpu::seed_from_u64(seed::child(seed, "init", 0));
    let (coder, curve) = learn::<I, Cpu>(&dev, dev.build_module::<Plan<I>, f32>(), &rows, fold, &config.learning, seed)
        .map_err(|e| EstimateError::Device(format!("{e:?}")))?;
    let [x, y] = codes::<I, Cpu>(&dev, &coder, &rows, &fold.report)
        .map_err(|e| EstimateError::Device(format!("{e:?}")))?
        .map(|codes| Samples::new(codes, CODE));
    let found = ksg(&x?, &y?, &KsgConfig { k: config.neighbours, ..KsgConfig::default() })?;
    Ok(Half {
        rows: fold.report.clone(),
        pointwise: found.pointwise,
        ceiling: found.ceiling,
        warnings: found.warnings.iter().map(ToString::to_string).collect(),
        curve,
    })
}

/// Trains until the loss on validation rows stops falling, and returns the best. The curve holds that loss with its sign
/// turned: nats a column, summed over the four decoders, of a normal distribution of variance ½ around what is decoded,
/// without the constant.
fn learn<const I: usize, D: Backend<f32>>(
    dev: &D,
    mut coder: Coder<I, D>,
    rows: &Rows,
    fold: &Fold,
    learning: &Learning,
    seed: u64,
) -> Result<(Coder<I, D>, Vec<CurvePoint>), D::Err> {
    let mut adam = Adam::new(&coder, AdamConfig { lr: learning.lr, betas: [0.9, 0.999], ..AdamConfig::default() })?;
    let batch = learning.batch.min(fold.train.len());
    let mut order = fold.train.clone();
    let (mut at, mut epoch) = (order.len(), 0);
    let (mut best, mut best_step, mut kept, mut curve) = (f64::INFINITY, 0, coder.clone(), Vec::new());
    for step in 0..=learning.steps {
        if step % learning.check == 0 {
            let mut sum = 0.0;
            for some in fold.validation.chunks(ROWS) {
                let [x, y] = tensors::<I, D>(dev, rows, some)?;
                sum += f64::from(loss(&coder, x, y, rows.used)?.as_vec()[0]) * some.len() as f64;
            }
            let value = sum / fold.validation.len() as f64;
            curve.push(CurvePoint { step, nats: -value });
            if value < best {
                (best, best_step) = (value, step);
                kept = coder.clone();
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
        let [x, y] = tensors::<I, D>(dev, rows, &order[at..at + batch])?;
        at += batch;
        let value = loss(&coder, x.leaky_traced(), y, rows.used)?;
        if !value.as_vec()[0].is_finite() {
            break;
        }
        adam.update(&mut coder, &mut value.try_backward()?)?;
    }
    Ok((kept, curve))
}

/// Squared error of x and of y, each from both codes: sum over columns (padding costs nothing once it is known to be zero)
/// divided by the number that is no padding, mean over rows.
fn loss<const I: usize, D: Backend<f32>, T: Tape<f32, D>>(
    ((code_x, code_y), from_x, from_y): &Coder<I, D>,
    x: Tensor<(usize, Const<I>), f32, D, T>,
    y: Tensor<(usize, Const<I>), f32, D>,
    used: [usize; 2],
) -> Result<Tensor<Rank0, f32, D, T>, D::Err> {
    let rows = x.shape().0;
    let (x, tape) = x.split_tape();
    let (of_x, tape) = code_x.try_forward(x.clone().put_tape(tape))?.split_tape();
    let (of_y, mut tape) = code_y.try_forward(y.clone().put_tape(tape))?.split_tape();
    let mut total: Tensor<Rank0, f32, D> = x.device().try_zeros()?;
    for (code, (to_x, to_y)) in [(of_x, from_x), (of_y, from_y)] {
        for (decoder, target, used) in [(to_x, &x, used[0]), (to_y, &y, used[1])] {
            let decoded = decoder.try_forward(code.clone().put_tape(tape))?;
            let squares = decoded.try_sub(target.clone())?.try_square()?.try_sum::<Rank0, _>()?;
            let error = squares.try_mul(1.0 / (rows * used) as f32)?;
            (total, tape) = error.try_add(total)?.split_tape();
        }
    }
    Ok(total.put_tape(tape))
}

/// Codes of x and of y, `[rows, CODE]` each.
fn codes<const I: usize, D: Backend<f32>>(
    dev: &D,
    ((code_x, code_y), _, _): &Coder<I, D>,
    rows: &Rows,
    which: &[usize],
) -> Result<[Vec<f64>; 2], D::Err> {
    let mut out = [Vec::new(), Vec::new()];
    for some in which.chunks(ROWS) {
        let [x, y] = tensors::<I, D>(dev, rows, some)?;
        for (out, code) in out.iter_mut().zip([code_x.try_forward(x)?, code_y.try_forward(y)?]) {
            out.extend(code.as_vec().into_iter().map(f64::from));
        }
    }
    Ok(out)
}

/// Rows of x and of y on the device.
fn tensors<const I: usize, D: Backend<f32>>(
    dev: &D,
    rows: &Rows,
    which: &[usize],
) -> Result<[Tensor<(usize, Const<I>), f32, D>; 2], D::Err> {
    let tensor = |side: &[f32]| dev.try_tensor_from_vec(gather(side, rows.width, which), (which.len(), Const::<I>));
    Ok([tensor(&rows.x)?, tensor(&rows.y)?])
}

/// Rows padded with zeros to `width` columns.
fn padded(s: &Samples, width: usize) -> Vec<f32> {
    let mut out = vec![0.0; s.rows() * width];
    for (i, out) in out.chunks_exact_mut(width).enumerate() {
        out.iter_mut().zip(s.row(i)).for_each(|(o, &v)| *o = v.clamp(-FARTHEST, FARTHEST) as f32);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::estimate;
    use super::*;
    use rand::Rng;
    use rand_distr::StandardNormal;

    /// One pair of correlated Gaussian numbers behind 50 columns a side: half of them copies with other signs, half noise.
    fn hidden(correlation: f64, rows: usize) -> (Samples, Samples) {
        let mut rng = seed::stream(5, "hidden", 0);
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for _ in 0..rows {
            let [a, e]: [f64; 2] = std::array::from_fn(|_| rng.sample(StandardNormal));
            let b = correlation * a + (1.0 - correlation * correlation).sqrt() * e;
            for (side, v) in [(&mut x, a), (&mut y, b)] {
                side.extend((0..25).map(|c| if c % 2 == 0 { v } else { -v }));
                side.extend((0..25).map(|_| rng.sample::<f64, _>(StandardNormal)));
            }
        }
        (Samples::new(x, 50).unwrap(), Samples::new(y, 50).unwrap())
    }

    #[test]
    fn finds_one_number_behind_fifty_columns() {
        let config = EstimateConfig { estimator: Estimator::Lmi, ..EstimateConfig::default() };
        let (x, y) = hidden(0.9, 1600);
        let truth = -0.5 * (1.0f64 - 0.81).ln();
        let found = estimate(&x, &y, &config).unwrap();
        assert!((found.nats - truth).abs() < 0.15, "{} instead of {truth}", found.nats);
        let plain = estimate(&x, &y, &EstimateConfig { estimator: Estimator::Ksg, ..config.clone() }).unwrap();
        assert!(plain.nats < 0.5 * truth, "{} by neighbours alone", plain.nats);
        let (x, y) = hidden(0.0, 1600);
        let found = estimate(&x, &y, &config).unwrap();
        assert!(found.nats.abs() < 0.05, "{} between independent sides", found.nats);
    }
}
