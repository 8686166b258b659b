//! A module's tensors by name, to be saved and put back.

use super::backend::Backend;
use super::walk::{Leaf, Place, change, read};
use dfdx::prelude::TensorCollection;
use std::collections::BTreeMap;

/// A tensor's sizes and numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Sizes of the axes.
    pub shape: Vec<usize>,
    /// Numbers in row-major order.
    pub values: Vec<f32>,
}

/// Why tensors could not be put back into a module.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum RestoreError {
    /// The module has a tensor that the saved state lacks.
    #[error("the saved state has no tensor `{name}`: it belongs to another architecture")]
    Missing {
        /// The tensor's path in the module.
        name: String,
    },
    /// A tensor's sizes differ.
    #[error("tensor `{name}` is {found:?} in the saved state and {expected:?} in this architecture")]
    Shape {
        /// The tensor's path in the module.
        name: String,
        /// Sizes in the saved state.
        found: Vec<usize>,
        /// Sizes in the module.
        expected: Vec<usize>,
    },
}

impl Array {
    /// The one of that name.
    ///
    /// # Errors
    /// When it is missing or has other sizes than `expected`.
    pub(super) fn of(
        arrays: &BTreeMap<String, Self>,
        name: String,
        expected: Vec<usize>,
    ) -> Result<&Self, RestoreError> {
        let Some(array) = arrays.get(&name) else { return Err(RestoreError::Missing { name }) };
        if array.shape != expected || array.values.len() != expected.iter().product::<usize>() {
            return Err(RestoreError::Shape { name, found: array.shape.clone(), expected });
        }
        Ok(array)
    }
}

/// Copies every tensor of `module`, running statistics included, to `arrays` under `prefix.path`.
pub fn collect<D: Backend<f32>, M: TensorCollection<f32, D>>(
    module: &M,
    prefix: &str,
    arrays: &mut BTreeMap<String, Array>,
) {
    read(module, Some(prefix), &mut collecting(arrays));
}

// This and `restoring` are functions of their own: what is within one that is compiled for each module would be too.
fn collecting<D: Backend<f32>>(arrays: &mut BTreeMap<String, Array>) -> impl FnMut(Place<'_>, &dyn Leaf<f32, D>) {
    |place, tensor| {
        arrays.insert(place.name.to_owned(), Array { shape: tensor.sizes(), values: tensor.values() });
    }
}

/// Puts tensors saved by [`collect`] under the same `prefix` back into `module`.
///
/// # Errors
/// When a tensor is missing or has other sizes; `module` may then be half restored and must not be used.
pub fn restore<D: Backend<f32>, M: TensorCollection<f32, D>>(
    module: &mut M,
    prefix: &str,
    arrays: &BTreeMap<String, Array>,
) -> Result<(), RestoreError> {
    change(module, Some(prefix), &mut restoring(arrays))
}

fn restoring<D: Backend<f32>>(
    arrays: &BTreeMap<String, Array>,
) -> impl FnMut(Place<'_>, &mut dyn Leaf<f32, D>) -> Result<(), RestoreError> {
    |place, tensor| {
        tensor.set(&Array::of(arrays, place.name.to_owned(), tensor.sizes())?.values);
        Ok(())
    }
}
