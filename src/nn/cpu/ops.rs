//! The kernels put on dfdx's tape.
//!
//! An operation with several inputs takes the tape from the first; the others are found by their identity when the
//! backward pass asks for their gradients. Where an activation is fused, the gradient kept for the operation's output
//! is, after the backward pass, the one before the activation.

use super::access::{contiguous, data, data_mut, give, grad, is_contiguous, record, take};
use super::conv;
use super::gemm::{Real, add_column_sums};
use super::joint::{self, Pairs};
use super::linear;
use super::pair::{self, PairSizes};
use super::perceptron::{give_layers, layers, take_layers};
use super::pool::{self, PoolGeometry, PoolKind};
use super::residual_scores;
use super::residual_tensors::ResidualTensors;
use super::rows;
use super::separable::{self, SideGrad};
use super::unfold::Geometry;
use super::upper::UpperTensors;
use super::{adam, add_leaky, add_scaled, add_to, average, leaky, mask_relu, norm, swap_last};
use crate::nn::backend::{AdamStep, Backend, BatchNormArgs, PairArgs, Perceptron, ResidualArgs, Window};
use dfdx::prelude::*;

/// Sizes of a convolution from the shapes of its input and output.
fn geometry<I: Shape, O: Shape>(input: &I, output: &O, window: Window) -> Geometry {
    let (i, o) = (input.concrete(), output.concrete());
    let Window { k, s, p } = window;
    Geometry { b: i[0], i: i[1], o: o[1], h: i[2], w: i[3], k, s, p, oh: o[2], ow: o[3] }
}

impl<E: Real> Backend<E> for Cpu
where
    Cpu: Device<E>,
{
    type Later = adam::Later<E>;

    fn conv2d<X: Shape, W: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        w: &Tensor<W, E, Self>,
        y: Y,
        window: Window,
        input_grad: bool,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        let (x, mut tape) = contiguous(x)?.split_tape();
        let g = geometry(x.shape(), &y, window);
        let y = x.device().try_tensor_from_vec(conv::forward(&g, data(&x), data(w)), y)?;
        if T::OWNS_TAPE {
            let (w, x, out) = (w.clone(), x.clone(), y.clone());
            tape.add_backward_op(move |grads| {
                let gy = take(grads, &out)?;
                let mut gw = take(grads, &w)?;
                let mut gx = if input_grad { Some(take(grads, &x)?) } else { None };
                conv::backward(&g, data(&x), data(&w), &gy, gx.as_deref_mut(), Some(&mut gw));
                if let Some(gx) = gx {
                    give(grads, &x, gx)?;
                }
                give(grads, &w, gw)?;
                give(grads, &out, gy)
            });
        }
        Ok(y.put_tape(tape))
    }

    fn conv_transpose2d<X: Shape, W: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        w: &Tensor<W, E, Self>,
        y: Y,
        window: Window,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        let (x, mut tape) = contiguous(x)?.split_tape();
        // It is the gradient of the convolution that leads from `y` to `x`.
        let g = geometry(&y, x.shape(), window);
        let y = x.device().try_tensor_from_vec(conv::transpose_forward(&g, data(&x), data(w)), y)?;
        let (kept, w) = (x.clone(), w.clone());
        record(&mut tape, &x, &y, move |gy, gx, grads| {
            add_to(gx, &conv::forward(&g, gy, data(&w)));
            let mut gw = take(grads, &w)?;
            conv::backward(&g, gy, data(&w), data(&kept), None, Some(&mut gw));
            give(grads, &w, gw)
        });
        Ok(y.put_tape(tape))
    }

    fn pool2d<X: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        y: Y,
        window: Window,
        kind: PoolKind,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        let (x, mut tape) = contiguous(x)?.split_tape();
        let (i, o) = (x.shape().concrete(), y.concrete());
        let Window { k, s, p } = window;
        let g = PoolGeometry { h: i[2], w: i[3], k, s, p, oh: o[2], ow: o[3] };
        let y = x.device().try_tensor_from_vec(pool::forward(&g, kind, data(&x)), y)?;
        let kept = x.clone();
        record(&mut tape, &x, &y, move |gy, gx, _| {
            pool::backward(&g, kind, data(&kept), gy, gx);
            Ok(())
        });
        Ok(y.put_tape(tape))
    }

    fn batch_norm_train<const C: usize, X: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        args: BatchNormArgs<C, E, Self>,
    ) -> Result<(Tensor<X, E, Self, T>, [Tensor<Rank1<C>, E, Self>; 2]), Self::Err> {
        let (x, mut tape) = contiguous(x)?.split_tape();
        let BatchNormArgs { scale, bias, epsilon, relu } = args;
        let l = x.shape().concrete().into_iter().skip(2).product();
        let stats = norm::batch_stats(data(&x), C, l);
        let values = norm::batch_apply(data(&x), l, &stats, data(scale), data(bias), epsilon, relu);
        let y = x.device().try_tensor_from_vec(values, *x.shape())?;
        let mean = x.device().try_tensor_from_vec(stats.mean.clone(), (Const::<C>,))?;
        let var = x.device().try_tensor_from_vec(stats.var.clone(), (Const::<C>,))?;
        let (kept, out, scale, bias) = (x.clone(), y.clone(), scale.clone(), bias.clone());
        record(&mut tape, &x, &y, move |gy, gx, grads| {
            if relu {
                mask_relu(gy, data(&out));
            }
            let (gs, gb) = norm::batch_backward(data(&kept), l, &stats, data(&scale), epsilon, gy, gx);
            add_to(grad(grads, &scale)?, &gs);
            add_to(grad(grads, &bias)?, &gb);
            Ok(())
        });
        Ok((y.put_tape(tape), [mean, var]))
    }

    fn batch_norm_eval<const C: usize, X: Shape>(
        x: Tensor<X, E, Self>,
        stats: [&Tensor<Rank1<C>, E, Self>; 2],
        args: BatchNormArgs<C, E, Self>,
    ) -> Result<Tensor<X, E, Self>, Self::Err> {
        let x = contiguous(x)?;
        let l = x.shape().concrete().into_iter().skip(2).product();
        let stats = norm::BatchStats { mean: data(stats[0]).to_vec(), var: data(stats[1]).to_vec() };
        let BatchNormArgs { scale, bias, epsilon, relu } = args;
        let values = norm::batch_apply(data(&x), l, &stats, data(scale), data(bias), epsilon, relu);
        x.device().try_tensor_from_vec(values, *x.shape())
    }

    fn linear<const O: usize, X: Shape, W: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        w: &Tensor<W, E, Self>,
        b: Option<&Tensor<Rank1<O>, E, Self>>,
        y: Y,
        relu: bool,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        let (x, mut tape) = contiguous(x)?.split_tape();
        let o = w.shape().concrete()[0];
        let i = w.shape().num_elements() / o;
        let n = x.shape().num_elements() / i;
        let y = x.device().try_tensor_from_vec(linear::forward(data(&x), data(w), b.map(data), [n, i, o], relu), y)?;
        let (kept, out, w, b) = (x.clone(), y.clone(), w.clone(), b.cloned());
        record(&mut tape, &x, &y, move |gy, gx, grads| {
            if relu {
                mask_relu(gy, data(&out));
            }
            if let Some(b) = b {
                add_column_sums(grad(grads, &b)?, gy);
            }
            linear::backward(data(&kept), data(&w), gy, [n, i, o], grad(grads, &w)?, gx);
            Ok(())
        });
        Ok(y.put_tape(tape))
    }

    fn leaky<X: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        slope: f64,
    ) -> Result<Tensor<X, E, Self, T>, Self::Err> {
        let (x, mut tape) = contiguous(x)?.split_tape();
        let y = x.device().try_tensor_from_vec(leaky(data(&x), E::of(slope)), *x.shape())?;
        let kept = x.clone();
        record(&mut tape, &x, &y, move |gy, gx, _| {
            add_leaky(gx, gy, data(&kept), E::of(slope));
            Ok(())
        });
        Ok(y.put_tape(tape))
    }

    fn layer_norm<const F: usize, X: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        scale: &Tensor<Rank1<F>, E, Self>,
        bias: &Tensor<Rank1<F>, E, Self>,
        epsilon: f64,
    ) -> Result<Tensor<X, E, Self, T>, Self::Err> {
        let (x, mut tape) = contiguous(x)?.split_tape();
        let stats = norm::row_stats(data(&x), F, epsilon);
        let values = norm::layer_forward(data(&x), &stats, data(scale), data(bias));
        let y = x.device().try_tensor_from_vec(values, *x.shape())?;
        let (kept, scale, bias) = (x.clone(), scale.clone(), bias.clone());
        record(&mut tape, &x, &y, move |gy, gx, grads| {
            let mut gs = take(grads, &scale)?;
            norm::layer_backward(data(&kept), &stats, data(&scale), gy, gx, &mut gs, grad(grads, &bias)?);
            give(grads, &scale, gs)
        });
        Ok(y.put_tape(tape))
    }

    fn residual<const I: usize, const U: usize, X: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        args: ResidualArgs<I, U, E, Self>,
        y: Y,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        let (x, mut tape) = contiguous(x)?.split_tape();
        let layers = ResidualTensors::new(&args);
        let (values, kept) = layers.slices().forward(data(&x));
        let y = x.device().try_tensor_from_vec(values, y)?;
        let input = x.clone();
        record(&mut tape, &x, &y, move |gy, gx, grads| {
            let mut g = layers.take(grads)?;
            layers.slices().backward(data(&input), &kept, gy, gx, &mut g);
            layers.give(grads, g)
        });
        Ok(y.put_tape(tape))
    }

    fn residual_scores<B: Dim, const I: usize, const U: usize, X: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        vectors: &Tensor<(B, Const<U>), E, Self>,
        args: ResidualArgs<I, U, E, Self>,
        y: Y,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        let (x, mut tape) = contiguous(x)?.split_tape();
        let layers = ResidualTensors::new(&args);
        let (scores, kept) = residual_scores::forward(&layers.slices(), data(&x), data(vectors), T::OWNS_TAPE);
        let y = x.device().try_tensor_from_vec(scores, y)?;
        let (input, vectors) = (x.clone(), vectors.clone());
        record(&mut tape, &x, &y, move |gs, gx, grads| {
            let kept = kept.expect("kept where there is a tape");
            let (g, mut gv) = (layers.take(grads)?, take(grads, &vectors)?);
            let inputs = [data(&input), data(&vectors)];
            let g = residual_scores::backward(&layers.slices(), inputs, &kept, gs, [gx, &mut gv], g);
            layers.give(grads, g)?;
            give(grads, &vectors, gv)
        });
        Ok(y.put_tape(tape))
    }

    fn channels_last<X: Shape, Y: Shape, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        y: Y,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        let (x, mut tape) = contiguous(x)?.split_tape();
        let sizes = x.shape().concrete();
        let (c, l) = (sizes[1], sizes.into_iter().skip(2).product());
        let y = x.device().try_tensor_from_vec(swap_last(data(&x), c, l), y)?;
        record(&mut tape, &x, &y, move |gy, gx, _| {
            add_to(gx, &swap_last(gy, l, c));
            Ok(())
        });
        Ok(y.put_tape(tape))
    }

    fn pair_scores<B: Dim, const U: usize, P: Shape, T: Tape<E, Self>>(
        p: Tensor<P, E, Self, T>,
        q: &Tensor<(B, Const<U>), E, Self>,
        args: PairArgs<U, E, Self>,
    ) -> Result<Tensor<(usize, usize, usize), E, Self, T>, Self::Err> {
        let (p, mut tape) = contiguous(p)?.split_tape();
        let b = q.shape().0.size();
        let z = PairSizes { b, l: p.shape().num_elements() / (b * U), u: U };
        let (pairing, upper) = (args.pairing, UpperTensors::new(&args));
        let columns = pairing.columns(b);
        // Up to four columns fit in memory beside the model; more are computed again in the backward pass.
        let keep = T::OWNS_TAPE && columns <= 4;
        let (scores, hidden) = pair::forward(z, data(&p), data(q), upper.slices(), pairing, keep);
        let y = p.device().try_tensor_from_vec(scores, (b, z.l, columns))?;
        if T::OWNS_TAPE {
            let (q, out) = (q.clone(), y.clone());
            tape.add_backward_op(move |grads| {
                let (gy, gp) = (take(grads, &out)?, take(grads, &p)?);
                let g = pair::backward(z, (data(&p), gp), data(&q), upper.slices(), pairing, hidden, &gy);
                upper.add(grads, &q, &g)?;
                give(grads, &p, g.p)?;
                give(grads, &out, gy)
            });
        }
        Ok(y.put_tape(tape))
    }

    fn pair_rows<N: Dim, M: Dim, const U: usize, T: Tape<E, Self>>(
        p: Tensor<(N, Const<U>), E, Self, T>,
        q: &Tensor<(M, Const<U>), E, Self>,
        pairs: Vec<[usize; 2]>,
    ) -> Result<Tensor<(usize, Const<U>), E, Self, T>, Self::Err> {
        let (p, mut tape) = contiguous(p)?.split_tape();
        let y =
            p.device().try_tensor_from_vec(rows::forward::<U, E>(data(&p), data(q), &pairs), (pairs.len(), Const))?;
        let (q, out) = (q.clone(), y.clone());
        record(&mut tape, &p, &y, move |gy, gp, grads| {
            mask_relu(gy, data(&out));
            rows::backward::<U, E>(gy, &pairs, gp, grad(grads, &q)?);
            Ok(())
        });
        Ok(y.put_tape(tape))
    }

    fn joint_scores<N: Dim, M: Dim, const U: usize, Y: Shape, T: Tape<E, Self>>(
        p: Tensor<(N, Const<U>), E, Self, T>,
        q: &Tensor<(M, Const<U>), E, Self>,
        args: PairArgs<U, E, Self>,
        y: Y,
    ) -> Result<Tensor<Y, E, Self, T>, Self::Err> {
        let (p, mut tape) = contiguous(p)?.split_tape();
        let pairs = Pairs::new(args.pairing, p.shape().0.size(), q.shape().0.size());
        let upper = UpperTensors::new(&args);
        let (scores, on) = joint::forward(pairs, data(&p), data(q), upper.slices(), T::OWNS_TAPE);
        let y = p.device().try_tensor_from_vec(scores, y)?;
        let (kept, q) = (p.clone(), q.clone());
        record(&mut tape, &p, &y, move |gy, gp, grads| {
            let g = joint::backward(pairs, data(&kept), data(&q), upper.slices(), &on, gy);
            add_to(gp, &g.p);
            upper.add(grads, &q, &g)
        });
        Ok(y.put_tape(tape))
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
        let (x, tape) = contiguous(x)?.split_tape();
        let (y, mut tape) = contiguous(y.put_tape(tape))?.split_tape();
        let b = x.shape().0.size();
        let (scores, kept) = separable::forward([&layers(&towers.0), &layers(&towers.1)], [data(&x), data(&y)], b);
        let out = x.device().try_tensor_from_vec(scores, (b, 1, b))?;
        if T::OWNS_TAPE {
            let scores = out.clone();
            tape.add_backward_op(move |grads| {
                let gs = take(grads, &scores)?;
                let mut sides = [take_layers(grads, &towers.0)?, take_layers(grads, &towers.1)?]
                    .map(|layers| SideGrad { layers, rows: Vec::new() });
                separable::backward([&layers(&towers.0), &layers(&towers.1)], &kept, &gs, b, &mut sides);
                let [of_x, of_y] = sides;
                give_layers(grads, &towers.0, of_x.layers)?;
                give_layers(grads, &towers.1, of_y.layers)?;
                add_to(grad(grads, &x)?, &of_x.rows);
                add_to(grad(grads, &y)?, &of_y.rows);
                give(grads, &scores, gs)
            });
        }
        Ok(out.put_tape(tape))
    }

    fn numbers<X: Shape, T>(x: &Tensor<X, E, Self, T>) -> Vec<E> {
        // dfdx goes by each element's indices.
        if is_contiguous(x) { data(x).to_vec() } else { x.as_vec() }
    }

    fn with_gradient<X: Shape, R, T: Tape<E, Self>>(
        x: Tensor<X, E, Self, T>,
        f: impl FnOnce(&[E]) -> (E, Vec<E>, R),
    ) -> Result<(Tensor<Rank0, E, Self, T>, R), Self::Err> {
        let (x, mut tape) = contiguous(x)?.split_tape();
        let (value, gradient, rest) = f(data(&x));
        assert_eq!(gradient.len(), data(&x).len(), "a gradient for each number");
        let y = x.device().try_tensor_from_vec(vec![value], ())?;
        record(&mut tape, &x, &y, move |gy, gx, _| {
            add_scaled(gx, &gradient, gy[0]);
            Ok(())
        });
        Ok((y.put_tape(tape), rest))
    }

    unsafe fn adam_later<S: Shape>(
        p: &mut Tensor<S, E, Self>,
        [m, v]: &mut [Tensor<(usize,), E, Self>; 2],
        grads: &mut Gradients<E, Self>,
        step: AdamStep,
        later: &mut Self::Later,
    ) -> Result<(), Self::Err> {
        if later.has(data(p)) {
            // A module that names a tensor twice takes two steps, one after the other.
            // SAFETY: the caller's promise.
            unsafe { std::mem::take(later).run(step) };
        }
        let g: &[E] = grad(grads, p)?;
        // Its numbers first: they must be its own before there is another handle on them.
        let numbers: *mut [E] = data_mut(p);
        let handle = Box::new(p.clone());
        // SAFETY: the handle keeps them where they are, and nobody reads through it.
        later.push([unsafe { &mut *numbers }, data_mut(m), data_mut(v)], g, handle);
        Ok(())
    }

    unsafe fn adam_now(later: Self::Later, step: AdamStep) {
        // SAFETY: the caller's promise.
        unsafe { later.run(step) };
    }

    fn average<S: Shape>(
        mean: &mut Tensor<(usize,), E, Self>,
        p: &Tensor<S, E, Self>,
        keep: f64,
    ) -> Result<(), Self::Err> {
        average::update(data_mut(mean), data(p), keep);
        Ok(())
    }
}
