//! Scores of residual embeddings beside embedded vectors, on slices.

use super::gemm::Real;
use super::operand::reused_format;
use super::residual::{self, Grads, Residual};
use super::{linear, packed};
use crate::nn::Precision;

/// What the forward pass leaves for the backward pass.
pub(crate) enum Kept<E> {
    /// The embedded rows `[N, U]`, and what their layers keep.
    Plain(Vec<E>, residual::Kept<E>),
    /// What products of packed sides keep.
    Packed(packed::residual::Kept),
}

/// Scores `[N, M]`: the embedded rows of `x [N, I]` times `vectors [M, U]`; with `keep`, what the backward pass needs.
pub(crate) fn forward<E: Real>(layers: &Residual<E>, x: &[E], vectors: &[E], keep: bool) -> (Vec<E>, Option<Kept<E>>) {
    let u = layers.scale.len();
    if packed::residual::fits(layers.first.w.len() / u, u)
        && !vectors.is_empty()
        && let Some(format) = reused_format(Precision::current())
        && let (Some(layers), Some(x), Some(vectors)) = (layers.singles(), E::singles(x), E::singles(vectors))
    {
        let (scores, kept) = packed::residual::forward(&layers, x, vectors, keep, format);
        return (E::of_singles(scores).expect("numbers are f32"), kept.map(Kept::Packed));
    }
    let (embedded, kept) = layers.forward(x);
    let scores = linear::forward(&embedded, vectors, None, [embedded.len() / u, u, vectors.len() / u], false);
    (scores, keep.then_some(Kept::Plain(embedded, kept)))
}

/// Adds the gradients of `sum(gs · scores)` to those of the rows, `gx [N, I]`, of the vectors, `gv [M, U]`, and of the layers.
pub(crate) fn backward<E: Real>(
    layers: &Residual<E>,
    [x, vectors]: [&[E]; 2],
    kept: &Kept<E>,
    gs: &[E],
    [gx, gv]: [&mut [E]; 2],
    g: Grads<E>,
) -> Grads<E> {
    match kept {
        Kept::Plain(embedded, kept) => {
            let u = layers.scale.len();
            let mut gy = vec![E::zero(); embedded.len()];
            linear::backward(embedded, vectors, gs, [embedded.len() / u, u, vectors.len() / u], gv, &mut gy);
            let mut g = g;
            layers.backward(x, kept, &gy, gx, &mut g);
            g
        }
        Kept::Packed(kept) => {
            let numbers = "numbers are f32";
            let mut singles = g.map(|g| E::into_singles(g).expect(numbers));
            packed::residual::backward(
                &layers.singles().expect(numbers),
                E::singles(vectors).expect(numbers),
                kept,
                E::singles(gs).expect(numbers),
                [gx, gv].map(|g| E::singles_mut(g).expect(numbers)),
                &mut singles,
            );
            singles.map(|g| E::of_singles(g).expect(numbers))
        }
    }
}
