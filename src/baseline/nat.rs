//! Noise as targets.

use super::assignment::assign;
use super::model::{Task, encode};
use super::sphere::on_sphere;
use crate::dim::part::{Part, check, device_error};
use crate::dim::{DimError, StepInput, StepReport};
use crate::encoder::Encoder;
use crate::nn::checkpoint::{Array, RestoreError};
use crate::nn::{Backend, Real};
use crate::seed::stream;
use dfdx::prelude::*;
use rand::Rng;
use rand_distr::StandardNormal;
use std::collections::BTreeMap;

/// Targets are counted in `f32` where they are saved, which is exact up to here.
const MOST: usize = 1 << 24;

/// Target `index` under `root`: a point of the unit sphere in `size` dimensions, uniform on it.
pub fn target(root: u64, index: usize, size: usize) -> Vec<f32> {
    let mut rng = stream(root, "nat target", index as u64);
    let point: Vec<f32> = (0..size).map(|_| rng.sample(StandardNormal)).collect();
    let norm = point.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    point.into_iter().map(|v| v / norm).collect()
}

/// `½·‖y/‖y‖ − t‖²`, mean over the batch, in [0, 2] for targets `t` of norm 1 (Bojanowski & Joulin 2017, eq. 3).
///
/// # Errors
/// When the device fails.
pub fn distance_loss<const Y: usize, E: Real, D: Backend<E>, T: Tape<E, D>>(
    y: Tensor<(usize, Const<Y>), E, D, T>,
    targets: Tensor<(usize, Const<Y>), E, D>,
) -> Result<Tensor<Rank0, E, D, T>, D::Err> {
    let batch = y.shape().0 as f64;
    on_sphere(y)?.try_sub(targets)?.try_square()?.try_sum::<Rank0, _>()?.try_mul(E::of(0.5 / batch))
}

/// Noise as targets (Bojanowski & Joulin 2017): each training image has a fixed random point of the unit sphere as its
/// target, and the images of a batch exchange theirs, each time, so that the sum of squared distances is smallest (the
/// optimal assignment of [`assign`]); then the encoder learns by [`distance_loss`]. There is no other network.
///
/// The authors exchange every third epoch by default; here it is done in each step.
pub struct Nat {
    root: u64,
    /// For each image seen so far, its target; those not seen have that of their own number.
    targets: Vec<usize>,
}

impl Nat {
    /// With the targets of `root`.
    pub(super) fn new(root: u64) -> Self {
        Self { root, targets: Vec::new() }
    }

    /// Exchanges the targets of `indices` for features `y [batch, size]` and gives them out, `[batch, size]`.
    fn exchange(&mut self, indices: &[usize], y: &[f32], size: usize) -> Vec<f32> {
        let seen = indices.iter().max().map_or(0, |&i| i + 1);
        self.targets.extend(self.targets.len()..seen);
        let held: Vec<usize> = indices.iter().map(|&i| self.targets[i]).collect();
        let points: Vec<Vec<f32>> = held.iter().map(|&t| target(self.root, t, size)).collect();
        let product =
            |y: &[f32], t: &[f32]| -> f64 { y.iter().zip(t).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum() };
        let cost: Vec<f64> = y.chunks_exact(size).flat_map(|y| points.iter().map(move |t| -product(y, t))).collect();
        let columns = assign(&cost, indices.len());
        indices.iter().zip(&columns).for_each(|(&i, &column)| self.targets[i] = held[column]);
        columns.into_iter().flat_map(|column| points[column].iter().copied()).collect()
    }
}

impl<N, const FC: usize, const Y: usize, D: Backend<f32>> Task<N, FC, Y, D> for Nat
where
    N: TensorCollection<f32, D, To<f32, D> = N> + Encoder<f32, D, Global<usize> = (usize, Const<Y>)>,
{
    fn step(&mut self, encoder: &mut Part<N, D>, device: &D, input: StepInput) -> Result<StepReport, DimError> {
        let StepInput { batch, pixels, indices, .. } = input;
        if indices.len() != batch || indices.iter().any(|&i| i >= MOST) {
            return Err(DimError::Config(format!(
                "{} indices up to {:?} for {batch} images: noise as targets wants one below {MOST} for each",
                indices.len(),
                indices.iter().max()
            )));
        }
        let (_, f) = encode(&mut encoder.module, device, batch, pixels).map_err(device_error)?;
        let at = on_sphere(f.global.clone()).map_err(device_error)?.as_vec();
        let targets = self.exchange(&indices, &at, Y);
        let targets = device.try_tensor_from_vec(targets, (batch, Const)).map_err(device_error)?;
        let loss = distance_loss(f.global.put_tape(f.tape), targets).map_err(device_error)?;
        let mut report = StepReport { loss: f64::from(loss.as_vec()[0]), ..StepReport::default() };
        check(&mut report, encoder.adam.t + 1)?;
        let mut grads = loss.try_backward().map_err(device_error)?;
        encoder.update(&mut grads)?;
        Ok(report)
    }

    fn parameters(&self) -> usize {
        0
    }

    fn collect(&self, arrays: &mut BTreeMap<String, Array>) {
        let values: Vec<f32> = self.targets.iter().map(|&t| t as f32).collect();
        arrays.insert(SAVED.to_owned(), Array { shape: vec![values.len()], values });
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, _: u64) -> Result<(), DimError> {
        let saved = arrays.get(SAVED).ok_or_else(|| RestoreError::Missing { name: SAVED.to_owned() })?;
        let mut taken = vec![false; saved.values.len()];
        let mut targets = Vec::with_capacity(taken.len());
        for &value in &saved.values {
            // `as` takes what is no number or negative to 0 and what is too large to the largest.
            let target = value as usize;
            match taken.get_mut(target) {
                Some(taken) if !*taken && target as f32 == value => *taken = true,
                _ => {
                    return Err(DimError::Config(format!(
                        "`{SAVED}` of the saved state is no permutation: it has {value} twice or out of place"
                    )));
                }
            }
            targets.push(target);
        }
        self.targets = targets;
        Ok(())
    }
}

/// The name of the saved assignment.
const SAVED: &str = "targets";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_never_makes_it_worse_and_keeps_a_permutation() {
        let mut nat = Nat::new(3);
        let size = 8;
        for step in 0..20 {
            let indices: Vec<usize> = (0..6).map(|k| (step * 5 + k * 7) % 31).collect();
            let y: Vec<f32> = indices.iter().flat_map(|&i| target(99, i, size)).collect();
            let sum = |t: &[f32]| -> f32 { y.iter().zip(t).map(|(a, b)| a * b).sum() };
            let before: Vec<f32> =
                indices.iter().flat_map(|&i| target(3, nat.targets.get(i).copied().unwrap_or(i), size)).collect();
            let after = nat.exchange(&indices, &y, size);
            assert!(sum(&after) >= sum(&before) - 1e-5);
            let mut sorted = nat.targets.clone();
            sorted.sort_unstable();
            assert!(sorted.iter().copied().eq(0..sorted.len()));
            // What was given out is what is remembered.
            let remembered: Vec<f32> = indices.iter().flat_map(|&i| target(3, nat.targets[i], size)).collect();
            assert_eq!(after, remembered);
        }
    }

    #[test]
    fn targets_are_uniform_on_the_sphere() {
        let size = 3;
        let mut second = [[0.0f32; 3]; 3];
        for i in 0..4000 {
            let t = target(0, i, size);
            assert!((t.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
            (0..9).for_each(|k| second[k / 3][k % 3] += t[k / 3] * t[k % 3] / 4000.0);
        }
        for (k, row) in second.iter().enumerate() {
            for (l, v) in row.iter().enumerate() {
                let expected = if k == l { 1.0 / 3.0 } else { 0.0 };
                assert!((v - expected).abs() < 0.02, "{k} {l}: {v}");
            }
        }
    }
}
