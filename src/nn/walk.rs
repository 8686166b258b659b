//! A module's tensors, one after the other, whatever its type.
//!
//! dfdx compiles a visitor once more for each module and each type of visitor. What this crate does with the tensors of a
//! module is therefore one visitor of one type, which hands them on without their types.

use super::Real;
use super::backend::{AdamStep, Backend};
use dfdx::prelude::*;

/// A tensor without its sizes in its type.
pub trait Leaf<E: Real, D: Backend<E>> {
    /// Sizes of the axes.
    fn sizes(&self) -> Vec<usize>;

    /// Its numbers in row-major order.
    fn values(&self) -> Vec<E>;

    /// Changes its numbers.
    ///
    /// # Panics
    /// When there are more or fewer.
    fn set(&mut self, values: &[E]);

    /// As many zeros on the same device.
    ///
    /// # Errors
    /// When the device is out of memory.
    fn zeros(&self) -> Result<Tensor<(usize,), E, D>, D::Err>;

    /// [`Backend::adam_later`].
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Safety
    /// As there.
    unsafe fn adam_later(
        &mut self,
        moments: &mut [Tensor<(usize,), E, D>; 2],
        grads: &mut Gradients<E, D>,
        step: AdamStep,
        later: &mut D::Later,
    ) -> Result<(), D::Err>;

    /// [`Backend::average`].
    ///
    /// # Errors
    /// When the device fails.
    fn average(&self, mean: &mut Tensor<(usize,), E, D>, keep: f64) -> Result<(), D::Err>;
}

impl<S: Shape, E: Real, D: Backend<E>> Leaf<E, D> for Tensor<S, E, D> {
    fn sizes(&self) -> Vec<usize> {
        self.shape().concrete().into()
    }

    fn values(&self) -> Vec<E> {
        D::numbers(self)
    }

    fn set(&mut self, values: &[E]) {
        self.copy_from(values);
    }

    fn zeros(&self) -> Result<Tensor<(usize,), E, D>, D::Err> {
        self.device().try_zeros_like(&(self.shape().num_elements(),))
    }

    unsafe fn adam_later(
        &mut self,
        moments: &mut [Tensor<(usize,), E, D>; 2],
        grads: &mut Gradients<E, D>,
        step: AdamStep,
        later: &mut D::Later,
    ) -> Result<(), D::Err> {
        // SAFETY: the caller's promise.
        unsafe { D::adam_later(self, moments, grads, step, later) }
    }

    fn average(&self, mean: &mut Tensor<(usize,), E, D>, keep: f64) -> Result<(), D::Err> {
        D::average(mean, self, keep)
    }
}

/// What is known of a tensor from its place in a module.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its path; empty where paths were not asked for.
    pub name: &'a str,
    /// Whether gradients change it: running statistics are kept, not learned.
    pub learned: bool,
}

/// Hands each tensor of `module` to `each`, in the module's order, with its path below `root` if there is one.
pub fn read<M: TensorCollection<E, D>, E: Real, D: Backend<E>>(
    module: &M,
    root: Option<&str>,
    each: &mut dyn FnMut(Place<'_>, &dyn Leaf<E, D>),
) {
    let m = View { name: root.map(str::to_owned), held: Held::Shared(module) };
    let Ok(_) = M::iter_tensors(&mut RecursiveWalker { m, f: &mut Walk { each: &mut reading(each) } });
}

/// What a [`Walk`] does that reads. A function of its own, as [`changing`] is: what is within one that is compiled for each
/// module would be too.
fn reading<'a, E: Real, D: Backend<E>>(
    each: &'a mut dyn FnMut(Place<'_>, &dyn Leaf<E, D>),
) -> impl FnMut(Place<'_>, Held<'_, dyn Leaf<E, D> + '_>) + 'a {
    |place, tensor| match tensor {
        Held::Shared(t) => each(place, t),
        Held::Own(t) => each(place, t),
    }
}

/// Hands each tensor of `module` to `each` to be changed, up to the first error, as [`read`] does.
///
/// # Errors
/// The first that `each` gave.
pub fn change<M: TensorCollection<E, D>, E: Real, D: Backend<E>, X>(
    module: &mut M,
    root: Option<&str>,
    each: &mut dyn FnMut(Place<'_>, &mut dyn Leaf<E, D>) -> Result<(), X>,
) -> Result<(), X> {
    let mut so_far = Ok(());
    let m = View { name: root.map(str::to_owned), held: Held::Own(module) };
    let Ok(_) = M::iter_tensors(&mut RecursiveWalker { m, f: &mut Walk { each: &mut changing(each, &mut so_far) } });
    so_far
}

/// What a [`Walk`] does that changes, up to the first error.
fn changing<'a, E: Real, D: Backend<E>, X>(
    each: &'a mut dyn FnMut(Place<'_>, &mut dyn Leaf<E, D>) -> Result<(), X>,
    so_far: &'a mut Result<(), X>,
) -> impl FnMut(Place<'_>, Held<'_, dyn Leaf<E, D> + '_>) + 'a {
    move |place, tensor| {
        if let (Held::Own(t), Ok(())) = (tensor, &*so_far) {
            *so_far = each(place, t);
        }
    }
}

/// How many numbers gradients change.
pub fn learned<M: TensorCollection<E, D>, E: Real, D: Backend<E>>(module: &M) -> usize {
    let mut count = 0;
    read(module, None, &mut counting(&mut count));
    count
}

fn counting<E: Real, D: Backend<E>>(count: &mut usize) -> impl FnMut(Place<'_>, &dyn Leaf<E, D>) {
    |place, tensor| *count += if place.learned { tensor.sizes().iter().product() } else { 0 }
}

/// A module, or one of its tensors, to be read or to be changed.
enum Held<'a, T: ?Sized> {
    Shared(&'a T),
    Own(&'a mut T),
}

/// A part of a module and its path.
struct View<'a, T> {
    name: Option<String>,
    held: Held<'a, T>,
}

/// dfdx's handle on what a visitor is shown of a module.
enum Viewer {}

impl TensorViewer for Viewer {
    type View<'a, M: 'a> = View<'a, M>;

    fn view_field<'a, M, Field, GetRef, GetMut>(
        module: &'a mut View<'_, M>,
        name: &str,
        get_ref: &mut GetRef,
        get_mut: &mut GetMut,
    ) -> View<'a, Field>
    where
        GetRef: FnMut(&M) -> &Field,
        GetMut: FnMut(&mut M) -> &mut Field,
    {
        let held = match &mut module.held {
            Held::Shared(m) => Held::Shared(get_ref(m)),
            Held::Own(m) => Held::Own(get_mut(m)),
        };
        View { name: below(module.name.as_deref(), name), held }
    }
}

/// A path one step longer. Its own function, so that it is compiled once.
#[inline(never)]
fn below(path: Option<&str>, name: &str) -> Option<String> {
    path.map(|path| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") })
}

/// The one visitor.
struct Walk<'a, E: Real, D: Backend<E>> {
    each: &'a mut dyn FnMut(Place<'_>, Held<'_, dyn Leaf<E, D> + '_>),
}

impl<E: Real, D: Backend<E>> TensorVisitor<E, D> for Walk<'_, E, D> {
    type Viewer = Viewer;
    type Err = std::convert::Infallible;
    type E2 = E;
    type D2 = D;

    fn visit<S: Shape>(
        &mut self,
        options: TensorOptions<S, E, D>,
        view: View<'_, Tensor<S, E, D>>,
    ) -> Result<Option<Tensor<S, E, D>>, Self::Err> {
        let place = Place { name: view.name.as_deref().unwrap_or(""), learned: options.do_gradient_update };
        match view.held {
            Held::Shared(t) => (self.each)(place, Held::Shared(t)),
            Held::Own(t) => (self.each)(place, Held::Own(t)),
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::builder;

    #[test]
    fn tensors_in_order_with_their_paths() {
        type Net = (builder::Conv2d<3, 8, 4, 2, 1>, (builder::BatchNorm2d<8, true>, ReLU));
        let mut net = Cpu::seed_from_u64(0).build_module::<Net, f32>();
        let mut seen = Vec::new();
        read(&net, Some("net"), &mut |place, t: &dyn Leaf<f32, Cpu>| {
            seen.push((place.name.to_owned(), place.learned, t.sizes()));
        });
        let expected: [(&str, bool, &[usize]); 5] = [
            ("net.0.weight", true, &[8, 3, 4, 4]),
            ("net.1.0.scale", true, &[8]),
            ("net.1.0.bias", true, &[8]),
            ("net.1.0.running_mean", false, &[8]),
            ("net.1.0.running_var", false, &[8]),
        ];
        assert_eq!(seen, expected.map(|(name, learned, sizes)| (name.to_owned(), learned, sizes.to_vec())));
        assert_eq!(learned(&net), 8 * 3 * 16 + 16);

        let mut left = 2;
        let stopped = change(&mut net, None, &mut |place, t: &mut dyn Leaf<f32, Cpu>| {
            assert_eq!(place.name, "");
            t.set(&vec![7.0; t.values().len()]);
            left -= 1;
            if left == 0 { Err("enough") } else { Ok(()) }
        });
        assert_eq!(stopped, Err("enough"));
        assert!(net.0.weight.as_vec().iter().chain(&net.1.0.scale.as_vec()).all(|v| *v == 7.0));
        assert!(net.1.0.bias.as_vec().iter().all(|v| *v == 0.0));
    }
}
