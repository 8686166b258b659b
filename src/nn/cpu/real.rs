//! The number types of the kernels.

use super::exp::Exponentials;

/// The number types of the kernels: `f32`, and `f64` for gradient checks.
pub trait Real:
    dfdx::dtypes::Dtype + num_traits::Float + rand_distr::uniform::SampleUniform + std::iter::Sum + Exponentials
{
    /// From `f64`, rounded.
    fn of(x: f64) -> Self;
    /// To `f64`, exact.
    fn wide(self) -> f64;
    /// The same numbers where this type is `f32`.
    fn singles(numbers: &[Self]) -> Option<&[f32]>;
    /// The same numbers where this type is `f32`.
    fn singles_mut(numbers: &mut [Self]) -> Option<&mut [f32]>;
    /// The same numbers where this type is `f32`.
    fn of_singles_mut(numbers: &mut [f32]) -> Option<&mut [Self]>;
    /// The same numbers where this type is `f32`.
    fn of_singles(numbers: Vec<f32>) -> Option<Vec<Self>>;
    /// The same numbers where this type is `f32`.
    fn into_singles(numbers: Vec<Self>) -> Option<Vec<f32>>;
}

impl Real for f32 {
    fn of(x: f64) -> Self {
        x as f32
    }
    fn wide(self) -> f64 {
        f64::from(self)
    }
    fn singles(numbers: &[Self]) -> Option<&[f32]> {
        Some(numbers)
    }
    fn singles_mut(numbers: &mut [Self]) -> Option<&mut [f32]> {
        Some(numbers)
    }
    fn of_singles_mut(numbers: &mut [f32]) -> Option<&mut [Self]> {
        Some(numbers)
    }
    fn of_singles(numbers: Vec<f32>) -> Option<Vec<Self>> {
        Some(numbers)
    }
    fn into_singles(numbers: Vec<Self>) -> Option<Vec<f32>> {
        Some(numbers)
    }
}

impl Real for f64 {
    fn of(x: f64) -> Self {
        x
    }
    fn wide(self) -> f64 {
        self
    }
    fn singles(_: &[Self]) -> Option<&[f32]> {
        None
    }
    fn singles_mut(_: &mut [Self]) -> Option<&mut [f32]> {
        None
    }
    fn of_singles_mut(_: &mut [f32]) -> Option<&mut [Self]> {
        None
    }
    fn of_singles(_: Vec<f32>) -> Option<Vec<Self>> {
        None
    }
    fn into_singles(_: Vec<Self>) -> Option<Vec<f32>> {
        None
    }
}
