//! Vectors of length 1.

use crate::nn::{Backend, Real};
use dfdx::prelude::*;

/// `y / ‖y‖`, row by row.
pub(super) fn on_sphere<const Y: usize, E: Real, D: Backend<E>, T: Tape<E, D>>(
    y: Tensor<(usize, Const<Y>), E, D, T>,
) -> Result<Tensor<(usize, Const<Y>), E, D, T>, D::Err> {
    let shape = *y.shape();
    let (y, tape) = y.split_tape();
    let squares = y.clone().put_tape(tape).try_square()?.try_sum::<(usize,), Axis<1>>()?;
    let norms = squares.try_add(E::of(1e-12))?.try_sqrt()?.try_broadcast_like::<_, Axis<1>>(&shape)?;
    let (norms, tape) = norms.split_tape();
    y.put_tape(tape).try_div(norms)
}
