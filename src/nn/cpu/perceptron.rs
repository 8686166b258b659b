//! A perceptron's layers as slices, and their gradients to and from the tape.

use super::access::{data, take};
use super::add_to;
use super::gemm::Real;
use super::tower::{Layer, LayerGrad};
use crate::nn::backend::Perceptron;
use dfdx::prelude::*;

/// Its layers, first to last.
pub(crate) fn layers<const I: usize, const H: usize, const K: usize, E: Real>(
    net: &Perceptron<I, H, K, E, Cpu>,
) -> Vec<Layer<'_, E>> {
    let mut all = vec![Layer { w: data(&net.input.0), b: data(&net.input.1) }];
    all.extend(net.hidden.iter().map(|(w, b)| Layer { w: data(w), b: data(b) }));
    all.push(Layer { w: data(&net.output.0), b: data(&net.output.1) });
    all
}

/// Takes the gradients of its layers out of `grads`. Give them back with [`give_layers`].
pub(crate) fn take_layers<const I: usize, const H: usize, const K: usize, E: Real>(
    grads: &mut Gradients<E, Cpu>,
    net: &Perceptron<I, H, K, E, Cpu>,
) -> Result<Vec<LayerGrad<E>>, CpuError> {
    let mut all = vec![take_layer(grads, &net.input)?];
    for layer in &net.hidden {
        all.push(take_layer(grads, layer)?);
    }
    all.push(take_layer(grads, &net.output)?);
    Ok(all)
}

/// Puts back what [`take_layers`] took.
pub(crate) fn give_layers<const I: usize, const H: usize, const K: usize, E: Real>(
    grads: &mut Gradients<E, Cpu>,
    net: &Perceptron<I, H, K, E, Cpu>,
    layers: Vec<LayerGrad<E>>,
) -> Result<(), CpuError> {
    let mut layers = layers.into_iter();
    give_layer(grads, &net.input, layers.next())?;
    for layer in &net.hidden {
        give_layer(grads, layer, layers.next())?;
    }
    give_layer(grads, &net.output, layers.next())
}

fn take_layer<W: Shape, B: Shape, E: Real>(
    grads: &mut Gradients<E, Cpu>,
    (w, b): &(Tensor<W, E, Cpu>, Tensor<B, E, Cpu>),
) -> Result<LayerGrad<E>, CpuError> {
    Ok(LayerGrad { w: take_or_zeros(grads, w)?, b: take_or_zeros(grads, b)? })
}

fn give_layer<W: Shape, B: Shape, E: Real>(
    grads: &mut Gradients<E, Cpu>,
    (w, b): &(Tensor<W, E, Cpu>, Tensor<B, E, Cpu>),
    layer: Option<LayerGrad<E>>,
) -> Result<(), CpuError> {
    let Some(layer) = layer else { return Ok(()) };
    give_or_add(grads, w, layer.w)?;
    give_or_add(grads, b, layer.b)
}

/// Takes a gradient; zeros when it is taken already, because both towers are made of the same tensors.
fn take_or_zeros<S: Shape, E: Real>(grads: &mut Gradients<E, Cpu>, t: &Tensor<S, E, Cpu>) -> Result<Vec<E>, CpuError> {
    let g = take(grads, t)?;
    Ok(if g.is_empty() { vec![E::zero(); t.shape().num_elements()] } else { g })
}

/// Gives a gradient back, or adds it to the one that the other tower gave.
fn give_or_add<S: Shape, E: Real>(
    grads: &mut Gradients<E, Cpu>,
    t: &Tensor<S, E, Cpu>,
    g: Vec<E>,
) -> Result<(), CpuError> {
    let place = &mut **grads.get_or_alloc_mut(t)?;
    if place.is_empty() {
        *place = g;
    } else {
        add_to(place, &g);
    }
    Ok(())
}
