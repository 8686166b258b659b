//! dfdx's `Cuda` as a device for the layers: each operation composed of dfdx's own.

use super::backend::{AdamStep, Backend, BatchNormArgs, PairArgs, Perceptron, Window};
use super::{PoolKind, Real, composed};
use dfdx::prelude::*;

impl<E: Real> Backend<E> for Cuda
where
    Cuda: Device<E>,
{
    /// Nothing is put off.
    type Later = ();

    fn conv2d<X: Shape, W: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        w: &Tensor<W, E, Self>,
        y: Y,
        window: Window,
        _input_grad: bool,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        composed::conv2d(x, w, y, window)
    }

    fn conv_transpose2d<X: Shape, W: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        w: &Tensor<W, E, Self>,
        y: Y,
        window: Window,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        composed::conv_transpose2d(x, w, y, window)
    }

    fn pool2d<X: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        y: Y,
        window: Window,
        kind: PoolKind,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        composed::pool2d(x, y, window, kind)
    }

    fn batch_norm_train<const C: usize, X: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        args: BatchNormArgs<C, E, Self>,
    ) -> Result<(Tensor<X, E, Self, T>, [Tensor<Rank1<C>, E, Self>; 2]), Self::Err> {
        composed::batch_norm_train(x, args)
    }

    fn batch_norm_eval<const C: usize, X: Shape>(
        x: Tensor<X, E, Self>,
        stats: [&Tensor<Rank1<C>, E, Self>; 2],
        args: BatchNormArgs<C, E, Self>,
    ) -> Result<Tensor<X, E, Self>, Self::Err> {
        composed::batch_norm_eval(x, stats, args)
    }

    fn linear<const O: usize, X: Shape, W: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        w: &Tensor<W, E, Self>,
        b: Option<&Tensor<Rank1<O>, E, Self>>,
        y: Y,
        relu: bool,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        composed::linear(x, w, b, y, relu)
    }

    fn layer_norm<const F: usize, X: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        scale: &Tensor<Rank1<F>, E, Self>,
        bias: &Tensor<Rank1<F>, E, Self>,
        epsilon: f64,
    ) -> Result<Tensor<X, E, Self, T>, Self::Err> {
        composed::layer_norm(x, scale, bias, epsilon)
    }

    fn channels_last<X: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        y: Y,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        composed::channels_last(x, y)
    }

    fn pair_scores<B: Dim, const U: usize, P: Shape, T: Tape<E, Self>>(
        p: Tensor<P, E, Self, T>,
        q: &Tensor<(B, Const<U>), E, Self>,
        args: PairArgs<U, E, Self>,
    ) -> Result<Tensor<(usize, usize, usize), E, Self, T>, Self::Err> {
        composed::pair_scores(p, q, args)
    }

    fn pair_rows<N: Dim, M: Dim, const U: usize, T: Tape<E, Self>>(
        p: Tensor<(N, Const<U>), E, Self, T>,
        q: &Tensor<(M, Const<U>), E, Self>,
        pairs: Vec<[usize; 2]>,
    ) -> Result<Tensor<(usize, Const<U>), E, Self, T>, Self::Err> {
        composed::pair_rows(p, q, &pairs)
    }

    fn joint_scores<N: Dim, M: Dim, const U: usize, Y: Shape, T: Tape<E, Self>>(
        p: Tensor<(N, Const<U>), E, Self, T>,
        q: &Tensor<(M, Const<U>), E, Self>,
        args: PairArgs<U, E, Self>,
        y: Y,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        composed::joint_scores(p, q, args, y)
    }

    fn separable_scores<
        B: Dim,
        X: Dim,
        Y: Dim,
        const I: usize,
        const J: usize,
        const H: usize,
        const K: usize,
        T: Tape<E, Self>,
    >(
        x: Tensor<(B, X), E, Self, T>,
        y: Tensor<(B, Y), E, Self>,
        towers: (Perceptron<I, H, K, E, Self>, Perceptron<J, H, K, E, Self>),
    ) -> Result<Tensor<(usize, usize, usize), E, Self, T>, Self::Err> {
        composed::separable_scores(x, y, towers)
    }

    fn with_gradient<X: Shape, R, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        f: impl FnOnce(&[E]) -> (E, Vec<E>, R),
    ) -> Result<(Tensor<Rank0, E, Self, T>, R), Self::Err> {
        composed::with_gradient(x, f)
    }

    unsafe fn adam_later<S: Shape>(
        p: &mut Tensor<S, E, Self>,
        moments: &mut [Tensor<(usize,), E, Self>; 2],
        grads: &mut Gradients<E, Self>,
        step: AdamStep,
        (): &mut (),
    ) -> Result<(), Self::Err> {
        composed::adam(p, moments, grads, step)
    }

    unsafe fn adam_now((): (), _: AdamStep) {}

    fn average<S: Shape>(
        mean: &mut Tensor<(usize,), E, Self>,
        p: &Tensor<S, E, Self>,
        keep: f64,
    ) -> Result<(), Self::Err> {
        composed::average(mean, p, keep)
    }
}
