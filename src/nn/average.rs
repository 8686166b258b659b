//! A moving average of a module's tensors.

use super::Real;
use super::backend::Backend;
use super::checkpoint::{Array, RestoreError};
use super::walk::{Leaf, Place, change, read};
use dfdx::prelude::*;
use std::collections::BTreeMap;
use std::vec::IntoIter;

/// An exponential moving average of the tensors of a module, running statistics included: `mean ← keep·mean + (1 − keep)·now`
/// after each step (Polyak & Juditsky 1992, with the weights that Adam's authors propose). It moves less from step to step
/// than what is being learned does, and so is mostly the better network of the two.
///
/// Step `t` keeps `min(decay, (1 + t)/(10 + t))`: at first the average spans about the last ninth of the steps, later
/// `1/(1 − decay)` of them.
#[derive(Clone, Debug)]
pub struct Average<E: Real, D: Backend<E>> {
    decay: f64,
    t: u64,
    /// Each tensor's mean, in the module's order.
    means: Vec<Tensor<(usize,), E, D>>,
}

impl<E: Real, D: Backend<E>> Average<E, D> {
    /// An average of `module` as it is now; `decay` is in [0, 1).
    ///
    /// # Errors
    /// When the device is out of memory.
    pub fn new<M: TensorCollection<E, D>>(module: &M, decay: f64) -> Result<Self, D::Err> {
        let mut means = Ok(Vec::new());
        read(module, None, &mut Self::copying(&mut means));
        Ok(Self { decay, t: 0, means: means? })
    }

    // This and the next ones are functions of their own: what is within one that is compiled for each module would be too.
    fn copying(means: &mut Result<Vec<Tensor<(usize,), E, D>>, D::Err>) -> impl FnMut(Place<'_>, &dyn Leaf<E, D>) {
        |_, tensor| {
            let copy = tensor.zeros().and_then(|mut mean| tensor.average(&mut mean, 0.0).map(|()| mean));
            match (&mut *means, copy) {
                (Ok(all), Ok(mean)) => all.push(mean),
                (Ok(_), Err(e)) => *means = Err(e),
                (Err(_), _) => (),
            }
        }
    }

    /// Takes in what `module` is after a step.
    ///
    /// # Errors
    /// When the device fails.
    pub fn update<M: TensorCollection<E, D>>(&mut self, module: &M) -> Result<(), D::Err> {
        self.t += 1;
        let t = self.t as f64;
        let keep = self.decay.min((1.0 + t) / (10.0 + t));
        let mut so_far = Ok(());
        read(module, None, &mut Self::mixing(&mut self.means, keep, &mut so_far));
        so_far
    }

    fn mixing<'a>(
        means: &'a mut [Tensor<(usize,), E, D>],
        keep: f64,
        so_far: &'a mut Result<(), D::Err>,
    ) -> impl FnMut(Place<'_>, &dyn Leaf<E, D>) + 'a {
        let mut means = means.iter_mut();
        move |_, tensor| {
            if let (Some(mean), Ok(())) = (means.next(), &*so_far) {
                *so_far = tensor.average(mean, keep);
            }
        }
    }

    /// `module` with the average in place of its tensors.
    pub fn of<M: TensorCollection<E, D> + Clone>(&self, module: &M) -> M {
        let mut averaged = module.clone();
        let Ok(()) = change(&mut averaged, None, &mut Self::setting(self.values().into_iter()));
        averaged
    }

    fn values(&self) -> Vec<Vec<E>> {
        self.means.iter().map(|m| m.as_vec()).collect()
    }

    fn setting(
        mut means: IntoIter<Vec<E>>,
    ) -> impl FnMut(Place<'_>, &mut dyn Leaf<E, D>) -> Result<(), std::convert::Infallible> {
        move |_, tensor| {
            tensor.set(&means.next().expect("a module has the same tensors each time it is walked"));
            Ok(())
        }
    }
}

impl<D: Backend<f32>> Average<f32, D> {
    /// Copies the average to `arrays` as [`collect`](super::checkpoint::collect) would copy `module` if it held it.
    pub fn collect<M: TensorCollection<f32, D>>(&self, module: &M, prefix: &str, arrays: &mut BTreeMap<String, Array>) {
        read(module, Some(prefix), &mut collecting(self.values().into_iter(), arrays));
    }

    /// Puts back what [`Average::collect`] gave, after `t` steps; `module` is as it was then.
    ///
    /// # Errors
    /// When a tensor is missing or has other sizes; the average may then be half restored and must not be used.
    pub fn restore<M: TensorCollection<f32, D>>(
        &mut self,
        module: &M,
        prefix: &str,
        arrays: &BTreeMap<String, Array>,
        t: u64,
    ) -> Result<(), RestoreError> {
        self.t = t;
        let mut so_far = Ok(());
        read(module, Some(prefix), &mut restoring(&mut self.means, arrays, &mut so_far));
        so_far
    }
}

fn collecting<D: Backend<f32>>(
    mut means: IntoIter<Vec<f32>>,
    arrays: &mut BTreeMap<String, Array>,
) -> impl FnMut(Place<'_>, &dyn Leaf<f32, D>) {
    move |place, tensor| {
        let values = means.next().expect("a module has the same tensors each time it is walked");
        arrays.insert(place.name.to_owned(), Array { shape: tensor.sizes(), values });
    }
}

fn restoring<'a, D: Backend<f32>>(
    means: &'a mut [Tensor<(usize,), f32, D>],
    arrays: &'a BTreeMap<String, Array>,
    so_far: &'a mut Result<(), RestoreError>,
) -> impl FnMut(Place<'_>, &dyn Leaf<f32, D>) + 'a {
    let mut means = means.iter_mut();
    move |place, tensor| {
        if let (Some(mean), Ok(())) = (means.next(), &*so_far) {
            match Array::of(arrays, place.name.to_owned(), tensor.sizes()) {
                Ok(array) => mean.copy_from(&array.values),
                Err(e) => *so_far = Err(e),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::builder;

    type Net = (builder::Linear<3, 4>, builder::BatchNorm1d<4>);

    /// A module whose numbers are all `value`.
    fn filled(value: f64) -> <Net as BuildOnDevice<Cpu, f64>>::Built {
        let mut net = Cpu::seed_from_u64(0).build_module::<Net, f64>();
        let Ok(()) = change(&mut net, None, &mut |_, t: &mut dyn Leaf<f64, Cpu>| {
            t.set(&vec![value; t.sizes().iter().product()]);
            Ok::<_, std::convert::Infallible>(())
        });
        net
    }

    fn numbers(net: &impl TensorCollection<f64, Cpu>) -> Vec<f64> {
        let mut all = Vec::new();
        read(net, None, &mut |_, t: &dyn Leaf<f64, Cpu>| all.extend(t.values()));
        all
    }

    #[test]
    fn each_number_is_the_weighted_mean_of_its_past() {
        let mut average = Average::new(&filled(5.0), 0.3).unwrap();
        assert!(numbers(&average.of(&filled(0.0))).iter().all(|v| *v == 5.0));
        let mut expected = 5.0;
        for (t, value) in [1.0, -2.0, 8.0, 0.5, 3.0].into_iter().enumerate() {
            average.update(&filled(value)).unwrap();
            let keep = [2.0 / 11.0, 3.0 / 12.0, 0.3, 0.3, 0.3][t];
            expected = keep * expected + (1.0 - keep) * value;
        }
        let found = numbers(&average.of(&filled(0.0)));
        assert_eq!(found.len(), 3 * 4 + 4 + 4 * 4);
        assert!(found.iter().all(|v| (v - expected).abs() < 1e-12), "{found:?}, not {expected}");
    }

    #[test]
    fn it_is_saved_under_the_names_of_what_it_averages() {
        let build = |seed| Cpu::seed_from_u64(seed).build_module::<Net, f32>();
        let (mut average, other) = (Average::new(&build(1), 0.9).unwrap(), build(2));
        average.update(&other).unwrap();
        let [mut saved, mut as_module] = [BTreeMap::new(), BTreeMap::new()];
        average.collect(&other, "encoder", &mut saved);
        super::super::checkpoint::collect(&average.of(&other), "encoder", &mut as_module);
        assert_eq!(saved, as_module);

        let mut restored = Average::new(&other, 0.9).unwrap();
        restored.restore(&other, "encoder", &saved, 1).unwrap();
        for average in [&mut average, &mut restored] {
            average.update(&build(3)).unwrap();
        }
        assert_eq!(restored.values(), average.values());
        saved.remove("encoder.0.weight");
        assert!(matches!(restored.restore(&other, "encoder", &saved, 1), Err(RestoreError::Missing { .. })));
    }
}
