//! The networks of a separable critic.

use crate::nn::{Backend, Channels, Linear, Perceptron, Real, buildable};
use dfdx::prelude::*;

/// A multilayer perceptron from `I` inputs to `K` numbers: `1 + DEPTH` hidden layers of `H` units with ReLU, then a linear
/// layer.
#[derive(Clone, Debug)]
pub struct Tower<const I: usize, const H: usize, const DEPTH: usize, const K: usize, E: Dtype, D: Storage<E>> {
    /// First hidden layer.
    pub input: Linear<I, H, true, E, D>,
    /// The other hidden layers.
    pub hidden: Repeated<Linear<H, H, true, E, D>, DEPTH>,
    /// Last layer.
    pub output: Linear<H, K, false, E, D>,
}

buildable!(Tower, [const I: usize, const H: usize, const DEPTH: usize, const K: usize], [I, H, DEPTH, K]);

impl<const I: usize, const H: usize, const DEPTH: usize, const K: usize, E: Real, D: Device<E>> TensorCollection<E, D>
    for Tower<I, H, DEPTH, K, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = Tower<I, H, DEPTH, K, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::module("input", |s| &s.input, |s| &mut s.input),
                Self::module("hidden", |s| &s.hidden, |s| &mut s.hidden),
                Self::module("output", |s| &s.output, |s| &mut s.output),
            ),
            |(input, hidden, output)| Tower { input, hidden, output },
        )
    }
}

impl<const I: usize, const H: usize, const DEPTH: usize, const K: usize, E: Real, D: Device<E>>
    Tower<I, H, DEPTH, K, E, D>
{
    /// Its layers as a device takes them.
    pub(super) fn layers(&self) -> Perceptron<I, H, K, E, D> {
        let hidden = &self.hidden.modules;
        Perceptron {
            input: (self.input.weight.clone(), self.input.bias.clone()),
            hidden: hidden.iter().map(|layer| (layer.weight.clone(), layer.bias.clone())).collect(),
            output: (self.output.weight.clone(), self.output.bias.clone()),
        }
    }
}

impl<
    B: Dim,
    C: Channels<I>,
    const I: usize,
    const H: usize,
    const DEPTH: usize,
    const K: usize,
    E: Real,
    D: Backend<E>,
    T: Tape<E, D>,
> Module<Tensor<(B, C), E, D, T>> for Tower<I, H, DEPTH, K, E, D>
{
    type Output = Tensor<(B, Const<K>), E, D, T>;
    type Error = D::Err;

    fn try_forward(&self, x: Tensor<(B, C), E, D, T>) -> Result<Self::Output, D::Err> {
        let mut h = self.input.try_forward(x)?;
        for layer in &self.hidden.modules {
            h = layer.try_forward(h)?;
        }
        self.output.try_forward(h)
    }
}
