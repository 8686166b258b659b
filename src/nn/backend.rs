//! The seam between the layers and a device: what a device must be able to do.
//!
//! Sizes are checked by the layers' types; here they are plain shapes. `Cpu` implements it with the kernels of
//! [`nn::cpu`](super), `Cuda` by composing dfdx's own operations ([`super::composed`]).

use super::PoolKind;
use super::Real;
use crate::mi::Pairing;
use dfdx::prelude::*;

/// A square window: kernel, stride and padding.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Kernel size.
    pub k: usize,
    /// Stride.
    pub s: usize,
    /// Zero padding on each side.
    pub p: usize,
}

/// What batch norm needs besides its input.
pub struct BatchNormArgs<'a, const C: usize, E: Dtype, D: Storage<E>> {
    /// Learned scale, `[C]`.
    pub scale: &'a Tensor<Rank1<C>, E, D>,
    /// Learned bias, `[C]`.
    pub bias: &'a Tensor<Rank1<C>, E, D>,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether `max(0, ·)` follows.
    pub relu: bool,
}

/// The weights of a concat critic above its first layer.
pub struct PairArgs<'a, const U: usize, E: Dtype, D: Storage<E>> {
    /// Second layer, `[U, U]`.
    pub w2: &'a Tensor<Rank2<U, U>, E, D>,
    /// Its bias, `[U]`.
    pub b2: &'a Tensor<Rank1<U>, E, D>,
    /// Last layer, `[1, U]`.
    pub w3: &'a Tensor<Rank2<1, U>, E, D>,
    /// Its bias, `[1]`.
    pub b3: &'a Tensor<Rank1<1>, E, D>,
    /// Which pairs are scored.
    pub pairing: Pairing,
}

/// The layers of [`Backend::residual`].
pub struct ResidualArgs<'a, const I: usize, const U: usize, E: Dtype, D: Storage<E>> {
    /// First layer.
    pub first: (&'a Tensor<Rank2<U, I>, E, D>, &'a Tensor<Rank1<U>, E, D>),
    /// Second layer.
    pub second: (&'a Tensor<Rank2<U, U>, E, D>, &'a Tensor<Rank1<U>, E, D>),
    /// The layer beside them.
    pub shortcut: (&'a Tensor<Rank2<U, I>, E, D>, &'a Tensor<Rank1<U>, E, D>),
    /// The norm's scale and bias, `[U]`.
    pub norm: (&'a Tensor<Rank1<U>, E, D>, &'a Tensor<Rank1<U>, E, D>),
    /// Added to the variance.
    pub epsilon: f64,
}

/// A linear layer's weights, `[O, I]`, and bias, `[O]`.
pub type Weights<const O: usize, const I: usize, E, D> = (Tensor<Rank2<O, I>, E, D>, Tensor<Rank1<O>, E, D>);

/// The layers of a multilayer perceptron, with `max(0, ·)` after each but the last.
#[derive(Clone, Debug)]
pub struct Perceptron<const I: usize, const H: usize, const K: usize, E: Dtype, D: Storage<E>> {
    /// First layer.
    pub input: Weights<H, I, E, D>,
    /// The layers between.
    pub hidden: Vec<Weights<H, H, E, D>>,
    /// Last layer.
    pub output: Weights<K, H, E, D>,
}

/// One step of Adam on one tensor; see [`Adam`](super::Adam).
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Learning rate.
    pub lr: f64,
    /// Decay rates of the two moments.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// L2 penalty added to the gradient (PyTorch's `Adam(weight_decay)`).
    pub l2: f64,
    /// Decay of the weights themselves (AdamW, Loshchilov & Hutter 2019).
    pub decoupled: f64,
    /// The step's number, from 1.
    pub t: u64,
}

/// A device on which the layers of this crate run.
pub trait Backend<E: Real>: Device<E> {
    /// Steps of Adam that [`Backend::adam_later`] has put off.
    type Later: Default;

    /// `x [B, I, H, W]`, `w [O, I, K, K]` → `y [B, O, OH, OW]`, no bias. Without `input_grad`, the gradient of `x` is
    /// not computed (the first layer of a network has no use for it).
    fn conv2d<X: Shape, W: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        w: &Tensor<W, E, Self>,
        y: Y,
        window: Window,
        input_grad: bool,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err>;

    /// `x [B, I, H, W]`, `w [I, O, K, K]` → `y [B, O, OH, OW]`, no bias.
    fn conv_transpose2d<X: Shape, W: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        w: &Tensor<W, E, Self>,
        y: Y,
        window: Window,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err>;

    /// Pools windows of `x [B, C, H, W]`.
    fn pool2d<X: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        y: Y,
        window: Window,
        kind: PoolKind,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err>;

    /// Normalises `x [B, C, …]` by the batch's own statistics and returns them: mean and biased variance, `[C]`.
    fn batch_norm_train<const C: usize, X: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        args: BatchNormArgs<C, E, Self>,
    ) -> Result<(Tensor<X, E, Self, T>, [Tensor<Rank1<C>, E, Self>; 2]), Self::Err>;

    /// Normalises `x [B, C, …]` by given statistics: mean and variance, `[C]`. Not differentiable.
    fn batch_norm_eval<const C: usize, X: Shape>(
        x: Tensor<X, E, Self>,
        stats: [&Tensor<Rank1<C>, E, Self>; 2],
        args: BatchNormArgs<C, E, Self>,
    ) -> Result<Tensor<X, E, Self>, Self::Err>;

    /// `y = x·wᵀ + b` over the rows of `x [N, I]`, with `w [O, I]`, then `max(0, ·)` when `relu`. `x` and `y` may have
    /// any shapes of `N·I` and `N·O` elements, `w` any shape of `O·I`.
    fn linear<const O: usize, X: Shape, W: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        w: &Tensor<W, E, Self>,
        b: Option<&Tensor<Rank1<O>, E, Self>>,
        y: Y,
        relu: bool,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err>;

    /// `x` where it is 0 or more, `slope·x` where it is less.
    fn leaky<X: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        slope: f64,
    ) -> Result<Tensor<X, E, Self, T>, Self::Err> {
        x.try_prelu(E::of(slope))
    }

    /// Normalises each row of `x [N, F]` (the last axis).
    fn layer_norm<const F: usize, X: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        scale: &Tensor<Rank1<F>, E, Self>,
        bias: &Tensor<Rank1<F>, E, Self>,
        epsilon: f64,
    ) -> Result<Tensor<X, E, Self, T>, Self::Err>;

    /// Rows of `x` (of `I` features) through two linear layers with a ReLU between them beside a linear shortcut, then layer
    /// norm of the sum: rows of `U` features in the shape `y`.
    fn residual<const I: usize, const U: usize, X: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        args: ResidualArgs<I, U, E, Self>,
        y: Y,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        let (x, tape) = x.split_tape();
        let ResidualArgs { first, second, shortcut, norm, epsilon } = args;
        let hidden = Self::linear(x.clone().put_tape(tape), first.0, Some(first.1), y, true)?;
        let (main, tape) = Self::linear(hidden, second.0, Some(second.1), y, false)?.split_tape();
        let beside = Self::linear(x.put_tape(tape), shortcut.0, Some(shortcut.1), y, false)?;
        Self::layer_norm(beside.try_add(main)?, norm.0, norm.1, epsilon)
    }

    /// Scores in the shape `y`: each row of `x` (of `I` features) through [`Backend::residual`], times each of `vectors`
    /// `[B, U]`. The tape of `x` must hold what `vectors` was computed with.
    fn residual_scores<B: Dim, const I: usize, const U: usize, X: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        vectors: &Tensor<(B, Const<U>), E, Self>,
        args: ResidualArgs<I, U, E, Self>,
        y: Y,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        let rows = x.shape().num_elements() / I;
        let embedded = Self::residual(x, args, (rows, Const::<U>))?;
        Self::linear::<U, _, _, _, _>(embedded, vectors, None, y, false)
    }

    /// `[B, C, H, W]` → `[B, H, W, C]`: one row for each location.
    fn channels_last<X: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        y: Y,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err>;

    /// Scores `[B, L, K]` of a concat critic from its first layer's halves: `p [B, …, U]` for each location, and
    /// `q [B, U]` for each global vector. The tape of `p` must hold what `q` was computed with.
    fn pair_scores<B: Dim, const U: usize, P: Shape, T: Tape<E, Self>>(
        p: Tensor<P, E, Self, T>,
        q: &Tensor<(B, Const<U>), E, Self>,
        args: PairArgs<U, E, Self>,
    ) -> Result<Tensor<(usize, usize, usize), E, Self, T>, Self::Err>;

    /// `max(0, p_i + q_j)` for each pair `[i, j]` of rows, `p [N, U]` and `q [M, U]` → `[pairs, U]`: the first hidden layer
    /// of networks on pairs. The tape of `p` must hold what `q` was computed with.
    fn pair_rows<N: Dim, M: Dim, const U: usize, T: Tape<E, Self>>(
        p: Tensor<(N, Const<U>), E, Self, T>,
        q: &Tensor<(M, Const<U>), E, Self>,
        pairs: Vec<[usize; 2]>,
    ) -> Result<Tensor<(usize, Const<U>), E, Self, T>, Self::Err>;

    /// Scores of pairs of rows of `p [N, U]` and `q [M, U]`, the halves of a concat critic's first layer: each row of p
    /// with every row of q when `args` pairs all, else with those of its columns (`N = M`). `y` is a shape of as many
    /// elements. The tape of `p` must hold what `q` was computed with.
    fn joint_scores<N: Dim, M: Dim, const U: usize, Y: Shape, T: Tape<E, Self>>(
        p: Tensor<(N, Const<U>), E, Self, T>,
        q: &Tensor<(M, Const<U>), E, Self>,
        args: PairArgs<U, E, Self>,
        y: Y,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err>;

    /// Scores `[B, 1, B]` of a separable critic, `⟨g(x_i), h(y_j)⟩` for each of `x [B, I]` and each of `y [B, J]`, with
    /// `towers` g and h. The tape of `x` must hold what `y` was computed with.
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
    ) -> Result<Tensor<(usize, usize, usize), E, Self, T>, Self::Err>;

    /// The elements of `x` in their order.
    fn numbers<X: Shape, T>(x: &Tensor<X, E, Self, T>) -> Vec<E> {
        x.as_vec()
    }

    /// A number that `f` makes of the elements of `x`, with its gradient, both in their order: computed beside the tape and
    /// put on it; and what else `f` returns.
    fn with_gradient<X: Shape, R, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        f: impl FnOnce(&[E]) -> (E, Vec<E>, R),
    ) -> Result<(Tensor<Rank0, E, Self, T>, R), Self::Err>;

    /// One step of Adam: updates `p` and its moments, first and second, in place from the gradient of `p`. The safe form of
    /// [`Backend::adam_later`], for one tensor.
    fn adam<S: Shape>(
        p: &mut Tensor<S, E, Self>,
        moments: &mut [Tensor<(usize,), E, Self>; 2],
        grads: &mut Gradients<E, Self>,
        step: AdamStep,
    ) -> Result<(), Self::Err> {
        let mut later = Self::Later::default();
        // SAFETY: all three are borrowed until the step is done.
        unsafe {
            Self::adam_later(p, moments, grads, step, &mut later)?;
            Self::adam_now(later, step);
        }
        Ok(())
    }

    /// [`Backend::adam`], or a part of it: what is better done for many tensors at once may be put off.
    ///
    /// # Safety
    /// Until `later` is dropped or done by [`Backend::adam_now`], nothing uses the numbers of `p`, and `moments` and the
    /// gradient of `p` stay as and where they are; no moments are given twice.
    unsafe fn adam_later<S: Shape>(
        p: &mut Tensor<S, E, Self>,
        moments: &mut [Tensor<(usize,), E, Self>; 2],
        grads: &mut Gradients<E, Self>,
        step: AdamStep,
        later: &mut Self::Later,
    ) -> Result<(), Self::Err>;

    /// Does what [`Backend::adam_later`] has put off, of the same step.
    ///
    /// # Safety
    /// As there.
    unsafe fn adam_now(later: Self::Later, step: AdamStep);

    /// `mean ← keep·mean + (1 − keep)·p`; see [`Average`](super::Average).
    fn average<S: Shape>(
        mean: &mut Tensor<(usize,), E, Self>,
        p: &Tensor<S, E, Self>,
        keep: f64,
    ) -> Result<(), Self::Err>;
}
