//! A module's tensors by name, to be saved and put back.

use dfdx::prelude::*;
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

/// Copies every tensor of `module`, running statistics included, to `arrays` under `prefix.path`.
pub fn collect<D: Device<f32>, M: TensorCollection<f32, D>>(
    module: &M,
    prefix: &str,
    arrays: &mut BTreeMap<String, Array>,
) {
    struct Collect<'a>(&'a mut BTreeMap<String, Array>);
    impl<D: Device<f32>> TensorVisitor<f32, D> for Collect<'_> {
        type Viewer = (ViewTensorRef, ViewTensorName);
        type Err = std::convert::Infallible;
        type E2 = f32;
        type D2 = D;

        fn visit<S: Shape>(
            &mut self,
            _: TensorOptions<S, f32, D>,
            (t, name): (&Tensor<S, f32, D>, String),
        ) -> Result<Option<Tensor<S, f32, D>>, Self::Err> {
            let shape = t.shape().concrete().into();
            self.0.insert(name, Array { shape, values: t.as_vec() });
            Ok(None)
        }
    }
    let view = (module, prefix.to_owned());
    let Ok(_) = M::iter_tensors(&mut RecursiveWalker { m: view, f: &mut Collect(arrays) });
}

/// Puts tensors saved by [`collect`] under the same `prefix` back into `module`.
///
/// # Errors
/// When a tensor is missing or has other sizes; `module` may then be half restored and must not be used.
pub fn restore<D: Device<f32>, M: TensorCollection<f32, D>>(
    module: &mut M,
    prefix: &str,
    arrays: &BTreeMap<String, Array>,
) -> Result<(), RestoreError> {
    struct Restore<'a>(&'a BTreeMap<String, Array>);
    impl<D: Device<f32>> TensorVisitor<f32, D> for Restore<'_> {
        type Viewer = (ViewTensorMut, ViewTensorName);
        type Err = RestoreError;
        type E2 = f32;
        type D2 = D;

        fn visit<S: Shape>(
            &mut self,
            _: TensorOptions<S, f32, D>,
            (t, name): (&mut Tensor<S, f32, D>, String),
        ) -> Result<Option<Tensor<S, f32, D>>, Self::Err> {
            let Some(array) = self.0.get(&name) else { return Err(RestoreError::Missing { name }) };
            let expected: Vec<usize> = t.shape().concrete().into();
            if array.shape != expected || array.values.len() != t.shape().num_elements() {
                return Err(RestoreError::Shape { name, found: array.shape.clone(), expected });
            }
            t.copy_from(&array.values);
            Ok(None)
        }
    }
    let view = (module, prefix.to_owned());
    M::iter_tensors(&mut RecursiveWalker { m: view, f: &mut Restore(arrays) })?;
    Ok(())
}
