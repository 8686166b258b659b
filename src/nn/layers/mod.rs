//! The layers themselves: dfdx modules whose sizes are types.

mod batch_norm;
mod conv;
mod flatten;
mod layer_norm;
mod linear;
mod pool;

pub use batch_norm::{BatchNorm1d, BatchNorm2d};
pub use conv::{Conv2d, ConvTranspose2d};
pub use flatten::{Flatten, LocationRows, Unflatten};
pub use layer_norm::LayerNorm;
pub use linear::{FlattenLinear, Linear, UnbiasedLinear};
pub use pool::{AvgPool2d, MaxPool2d};

/// Uniform on ±1/√fan_in, PyTorch's default for convolutions and linear layers.
pub(crate) fn fan_in_uniform<S, E, D>(t: &mut dfdx::tensor::Tensor<S, E, D>, fan_in: usize) -> Result<(), D::Err>
where
    S: dfdx::shapes::Shape,
    E: super::Real,
    D: dfdx::tensor_ops::Device<E>,
{
    let bound = E::of(1.0 / (fan_in as f64).sqrt());
    t.try_fill_with_distr(rand_distr::Uniform::new(-bound, bound))
}

/// Says how dfdx builds a layer from its size-only description in [`super::builder`].
macro_rules! buildable {
    ($name:ident, [$($generic:tt)*], [$($arg:ident),*]) => {
        impl<$($generic)*, E: $crate::nn::Real, D: dfdx::tensor_ops::Device<E>> dfdx::nn::BuildOnDevice<D, E>
            for $crate::nn::builder::$name<$($arg),*>
        {
            type Built = $name<$($arg,)* E, D>;
        }
    };
}
pub(crate) use buildable;
