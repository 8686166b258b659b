//! What training does beside layers and critics.

use crate::nn::Real;
use crate::nn::backend::AdamStep;
use dfdx::prelude::*;

/// See [`Backend::with_gradient`](crate::nn::Backend::with_gradient).
///
/// # Errors
/// When the device fails.
pub fn with_gradient<X: Shape, R, E: Real, D: Device<E>, T: Tape<E, D>>(
    x: Tensor<X, E, D, T>,
    f: impl FnOnce(&[E]) -> (E, Vec<E>, R),
) -> Result<(Tensor<Rank0, E, D, T>, R), D::Err> {
    let values = x.as_vec();
    let (value, gradient, rest) = f(&values);
    // `Σ gradient·x` plus a constant has this value and this gradient.
    let linear: f64 = values.iter().zip(&gradient).map(|(x, g)| x.wide() * g.wide()).sum();
    let most = E::max_value().wide();
    let constant = E::of((value.wide() - linear).clamp(-most, most));
    let gradient = x.device().try_tensor_from_vec(gradient, *x.shape())?;
    Ok((x.try_mul(gradient)?.try_sum::<Rank0, _>()?.try_add(constant)?, rest))
}

/// See [`Backend::adam`](crate::nn::Backend::adam).
///
/// # Errors
/// When the device fails.
pub fn adam<S: Shape, E: Real, D: Device<E>>(
    p: &mut Tensor<S, E, D>,
    [m, v]: &mut [Tensor<(usize,), E, D>; 2],
    grads: &mut Gradients<E, D>,
    step: AdamStep,
) -> Result<(), D::Err> {
    let _ = grads.get_or_alloc_mut(p)?;
    let mut g = grads.get(p);
    g.try_axpy(1.0, p, step.l2)?;
    let g = g.try_reshape_like(m.shape())?;
    let [beta1, beta2] = step.betas;
    let t = step.t as f64;
    m.try_axpy(beta1, &g, 1.0 - beta1)?;
    v.try_axpy(beta2, &g.try_square()?, 1.0 - beta2)?;
    let root = E::of(1.0 / (1.0 - beta2.powf(t)).sqrt());
    let below = v.clone().try_sqrt()?.try_mul(root)?.try_add(E::of(step.epsilon))?;
    let change = m.clone().try_div(below)?.try_reshape_like(p.shape())?;
    p.try_axpy(1.0 - step.lr * step.decoupled, &change, -step.lr / (1.0 - beta1.powf(t)))
}

/// See [`Backend::average`](crate::nn::Backend::average).
///
/// # Errors
/// When the device fails.
pub fn average<S: Shape, E: Real, D: Device<E>>(
    mean: &mut Tensor<(usize,), E, D>,
    p: &Tensor<S, E, D>,
    keep: f64,
) -> Result<(), D::Err> {
    mean.try_axpy(keep, &p.clone().try_reshape_like(mean.shape())?, 1.0 - keep)
}
