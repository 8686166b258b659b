//! The operations of [`Backend`](super::Backend) composed of dfdx's own, for devices without kernels of ours.
//!
//! They are also what the kernels are tested against. Windows become one gather: each output place lists the input
//! elements that it sees, and places outside the image read element 0 times zero. The gradient of a maximum goes to all
//! of equal elements here (to the first of them in the kernels).

mod training;

pub use training::{adam, average, with_gradient};

use super::backend::{BatchNormArgs, PairArgs, Perceptron, Window};
use super::{PoolKind, Real};
use crate::mi::Pairing;
use dfdx::prelude::*;

/// A matrix with run-time sizes.
type Matrix<E, D, T> = Tensor<(usize, usize), E, D, T>;

/// `x`'s elements in the order of `index`, zero where there is none, as `[rows, index.len() / rows]`.
fn gather<X: Shape, E: Real, D: Device<E>, T: Tape<E, D>>(
    x: Tensor<X, E, D, T>,
    index: &[Option<usize>],
    rows: usize,
) -> Result<Matrix<E, D, T>, D::Err> {
    let shape = (rows, index.len() / rows);
    let dev = x.device().clone();
    let n = x.shape().num_elements();
    let places = dev.try_tensor_from_vec(index.iter().map(|i| i.unwrap_or(0)).collect(), (index.len(),))?;
    let found = x.try_reshape_like(&(n,))?.try_gather(places)?.try_reshape_like(&shape)?;
    if index.iter().all(Option::is_some) {
        return Ok(found);
    }
    let mask = index.iter().map(|i| if i.is_some() { E::one() } else { E::zero() }).collect();
    found.try_mul(dev.try_tensor_from_vec(mask, shape)?)
}

/// For each output place of each image, the input elements under its window: `[B·OH·OW, C·K·K]`, or with `by_channel`
/// `[B·C·OH·OW, K·K]`.
fn window_index(input: [usize; 4], output: [usize; 2], window: Window, by_channel: bool) -> Vec<Option<usize>> {
    let ([b, c, h, w], [oh, ow], Window { k, s, p }) = (input, output, window);
    let at = |n: usize, ch: usize, y: usize, x: usize, ky: usize, kx: usize| {
        let row = (y * s + ky).checked_sub(p).filter(|&r| r < h)?;
        let col = (x * s + kx).checked_sub(p).filter(|&r| r < w)?;
        Some(((n * c + ch) * h + row) * w + col)
    };
    let mut index = Vec::with_capacity(b * c * oh * ow * k * k);
    let places = || (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x)));
    let taps = || (0..k).flat_map(|ky| (0..k).map(move |kx| (ky, kx)));
    for n in 0..b {
        if by_channel {
            for ch in 0..c {
                index.extend(places().flat_map(|(y, x)| taps().map(move |(ky, kx)| at(n, ch, y, x, ky, kx))));
            }
        } else {
            for (y, x) in places() {
                index.extend((0..c).flat_map(|ch| taps().map(move |(ky, kx)| at(n, ch, y, x, ky, kx))));
            }
        }
    }
    index
}

/// Sizes of a shape of four axes.
fn sizes<S: Shape>(shape: &S) -> [usize; 4] {
    let c = shape.concrete();
    [c[0], c[1], c[2], c[3]]
}

/// `[B·places, O]` → `[B, O, OH, OW]`.
fn places_to_channels<Y: Shape, E: Real, D: Device<E>, T: Tape<E, D>>(
    rows: Matrix<E, D, T>,
    y: Y,
) -> Result<Tensor<Y, E, D, T>, D::Err> {
    let [b, o, oh, ow] = sizes(&y);
    let rows = rows.try_reshape_like(&(b, oh * ow, o))?;
    rows.try_permute::<(usize, usize, usize), Axes3<0, 2, 1>>()?.try_reshape_like(&y)
}

/// See [`Backend::conv2d`](super::Backend::conv2d). The input's gradient is computed whatever `input_grad` says.
///
/// # Errors
/// When the device fails.
pub fn conv2d<X: Shape, W: Shape, Y: Shape, E: Real, D: Device<E>, T: Tape<E, D>>(
    x: Tensor<X, E, D, T>,
    w: &Tensor<W, E, D>,
    y: Y,
    window: Window,
) -> Result<Tensor<Y, E, D, T>, D::Err> {
    let ([_, o, oh, ow], input) = (sizes(&y), sizes(x.shape()));
    let taps = input[1] * window.k * window.k;
    let index = window_index(input, [oh, ow], window, false);
    let seen = gather(x, &index, input[0] * oh * ow)?;
    let w = w.retaped::<T>().try_reshape_like(&(o, taps))?;
    places_to_channels(seen.try_matmul(w.try_permute::<(usize, usize), Axes2<1, 0>>()?)?, y)
}

/// See [`Backend::conv_transpose2d`](super::Backend::conv_transpose2d).
///
/// # Errors
/// When the device fails.
pub fn conv_transpose2d<X: Shape, W: Shape, Y: Shape, E: Real, D: Device<E>, T: Tape<E, D>>(
    x: Tensor<X, E, D, T>,
    w: &Tensor<W, E, D>,
    y: Y,
    window: Window,
) -> Result<Tensor<Y, E, D, T>, D::Err> {
    let ([b, i, h, wd], [_, o, oh, ow], Window { k, s, p }) = (sizes(x.shape()), sizes(&y), window);
    // Output (Y, X) receives input (r, c) through tap (ky, kx) when Y + p = r·s + ky and X + p = c·s + kx.
    let from = |out: usize, tap: usize, size: usize| {
        let at = (out + p).checked_sub(tap)?;
        Some(at / s).filter(|&r| at.is_multiple_of(s) && r < size)
    };
    let mut index = Vec::with_capacity(b * oh * ow * i * k * k);
    for n in 0..b {
        for place in 0..oh * ow {
            for tap in 0..i * k * k {
                let (ch, ky, kx) = (tap / (k * k), tap / k % k, tap % k);
                let source = from(place / ow, ky, h).zip(from(place % ow, kx, wd));
                index.push(source.map(|(r, c)| ((n * i + ch) * h + r) * wd + c));
            }
        }
    }
    let seen = gather(x, &index, b * oh * ow)?;
    let w = w.retaped::<T>().try_reshape_like(&(i, o, k * k))?;
    let w = w.try_permute::<(usize, usize, usize), Axes3<0, 2, 1>>()?.try_reshape_like(&(i * k * k, o))?;
    places_to_channels(seen.try_matmul(w)?, y)
}

/// See [`Backend::pool2d`](super::Backend::pool2d).
///
/// # Errors
/// When the device fails.
pub fn pool2d<X: Shape, Y: Shape, E: Real, D: Device<E>, T: Tape<E, D>>(
    x: Tensor<X, E, D, T>,
    y: Y,
    window: Window,
    kind: PoolKind,
) -> Result<Tensor<Y, E, D, T>, D::Err> {
    let (input, [b, c, oh, ow]) = (sizes(x.shape()), sizes(&y));
    let index = window_index(input, [oh, ow], window, true);
    let seen = gather(x, &index, b * c * oh * ow)?;
    match kind {
        PoolKind::Avg => seen.try_mean::<(usize,), Axis<1>>()?.try_reshape_like(&y),
        PoolKind::Max => {
            // Padding must never win: far below any activation, and still finite.
            let low = E::of(-1e30);
            let floor = index.iter().map(|i| if i.is_some() { E::zero() } else { low }).collect();
            let floor = seen.device().try_tensor_from_vec(floor, *seen.shape())?;
            seen.try_add(floor)?.try_max::<(usize,), Axis<1>>()?.try_reshape_like(&y)
        }
    }
}

/// `x` as `[B, C, L]`.
fn by_channel<const C: usize, X: Shape, E: Real, D: Device<E>, T: Tape<E, D>>(
    x: Tensor<X, E, D, T>,
) -> Result<Tensor<(usize, Const<C>, usize), E, D, T>, D::Err> {
    let b = x.shape().concrete()[0];
    let l = x.shape().num_elements() / (b * C);
    x.try_reshape_like(&(b, Const::<C>, l))
}

/// See [`Backend::batch_norm_train`](super::Backend::batch_norm_train).
///
/// # Errors
/// When the device fails.
pub fn batch_norm_train<const C: usize, X: Shape, E: Real, D: Device<E>, T: Tape<E, D>>(
    x: Tensor<X, E, D, T>,
    args: BatchNormArgs<C, E, D>,
) -> Result<(Tensor<X, E, D, T>, [Tensor<Rank1<C>, E, D>; 2]), D::Err> {
    let shape = *x.shape();
    let x = by_channel::<C, _, _, _, _>(x)?;
    let wide = *x.shape();
    let mean = x.retaped::<T>().try_mean::<Rank1<C>, Axes2<0, 2>>()?;
    let mean_value = mean.retaped::<NoneTape>();
    let centred = x.try_sub(mean.try_broadcast_like::<_, Axes2<0, 2>>(&wide)?)?;
    let var = centred.retaped::<T>().try_square()?.try_mean::<Rank1<C>, Axes2<0, 2>>()?;
    let var_value = var.retaped::<NoneTape>();
    let std = var.try_add(E::of(args.epsilon))?.try_sqrt()?;
    let gain = args.scale.retaped::<T>().try_div(std)?.try_broadcast_like::<_, Axes2<0, 2>>(&wide)?;
    let bias = args.bias.retaped::<T>().try_broadcast_like::<_, Axes2<0, 2>>(&wide)?;
    let y = centred.try_mul(gain)?.try_add(bias)?;
    let y = if args.relu { y.try_relu()? } else { y };
    Ok((y.try_reshape_like(&shape)?, [mean_value, var_value]))
}

/// See [`Backend::batch_norm_eval`](super::Backend::batch_norm_eval).
///
/// # Errors
/// When the device fails.
pub fn batch_norm_eval<const C: usize, X: Shape, E: Real, D: Device<E>>(
    x: Tensor<X, E, D>,
    stats: [&Tensor<Rank1<C>, E, D>; 2],
    args: BatchNormArgs<C, E, D>,
) -> Result<Tensor<X, E, D>, D::Err> {
    let shape = *x.shape();
    let x = by_channel::<C, _, _, _, _>(x)?;
    let wide = *x.shape();
    let std = stats[1].clone().try_add(E::of(args.epsilon))?.try_sqrt()?;
    let gain = args.scale.clone().try_div(std)?.try_broadcast_like::<_, Axes2<0, 2>>(&wide)?;
    let centred = x.try_sub(stats[0].clone().try_broadcast_like::<_, Axes2<0, 2>>(&wide)?)?;
    let y = centred.try_mul(gain)?.try_add(args.bias.clone().try_broadcast_like::<_, Axes2<0, 2>>(&wide)?)?;
    let y = if args.relu { y.try_relu()? } else { y };
    y.try_reshape_like(&shape)
}

/// See [`Backend::linear`](super::Backend::linear).
///
/// # Errors
/// When the device fails.
pub fn linear<const O: usize, X: Shape, W: Shape, Y: Shape, E: Real, D: Device<E>, T: Tape<E, D>>(
    x: Tensor<X, E, D, T>,
    w: &Tensor<W, E, D>,
    b: Option<&Tensor<Rank1<O>, E, D>>,
    y: Y,
    relu: bool,
) -> Result<Tensor<Y, E, D, T>, D::Err> {
    let o = w.shape().concrete()[0];
    let i = w.shape().num_elements() / o;
    let n = x.shape().num_elements() / i;
    let w = w.retaped::<T>().try_reshape_like(&(o, i))?.try_permute::<(usize, usize), Axes2<1, 0>>()?;
    let mut out = x.try_reshape_like(&(n, i))?.try_matmul(w)?;
    if let Some(b) = b {
        let b = b.retaped::<T>().try_reshape_like(&(o,))?;
        out = out.try_add(b.try_broadcast_like::<_, Axis<0>>(&(n, o))?)?;
    }
    if relu {
        out = out.try_relu()?;
    }
    out.try_reshape_like(&y)
}

/// See [`Backend::layer_norm`](super::Backend::layer_norm).
///
/// # Errors
/// When the device fails.
pub fn layer_norm<const F: usize, X: Shape, E: Real, D: Device<E>, T: Tape<E, D>>(
    x: Tensor<X, E, D, T>,
    scale: &Tensor<Rank1<F>, E, D>,
    bias: &Tensor<Rank1<F>, E, D>,
    epsilon: f64,
) -> Result<Tensor<X, E, D, T>, D::Err> {
    let shape = *x.shape();
    let rows = (shape.num_elements() / F, Const::<F>);
    let x = x.try_reshape_like(&rows)?.try_normalize::<Axis<1>>(epsilon)?;
    let scale = scale.retaped::<T>().try_broadcast_like::<_, Axis<0>>(&rows)?;
    let bias = bias.retaped::<T>().try_broadcast_like::<_, Axis<0>>(&rows)?;
    x.try_mul(scale)?.try_add(bias)?.try_reshape_like(&shape)
}

/// See [`Backend::channels_last`](super::Backend::channels_last).
///
/// # Errors
/// When the device fails.
pub fn channels_last<X: Shape, Y: Shape, E: Real, D: Device<E>, T: Tape<E, D>>(
    x: Tensor<X, E, D, T>,
    y: Y,
) -> Result<Tensor<Y, E, D, T>, D::Err> {
    let [b, c, h, w] = sizes(x.shape());
    let x = x.try_reshape_like(&(b, c, h * w))?;
    x.try_permute::<(usize, usize, usize), Axes3<0, 2, 1>>()?.try_reshape_like(&y)
}

/// See [`Backend::pair_scores`](super::Backend::pair_scores).
///
/// # Errors
/// When the device fails.
pub fn pair_scores<B: Dim, const U: usize, P: Shape, E: Real, D: Device<E>, T: Tape<E, D>>(
    p: Tensor<P, E, D, T>,
    q: &Tensor<(B, Const<U>), E, D>,
    args: PairArgs<U, E, D>,
) -> Result<Tensor<(usize, usize, usize), E, D, T>, D::Err> {
    let b = q.shape().0.size();
    let l = p.shape().num_elements() / (b * U);
    let columns = args.pairing.columns(b);
    let dev = p.device().clone();
    let rows = b * l * columns;
    let index = |f: &dyn Fn(usize, usize) -> usize| {
        let all = (0..rows).map(|r| f(r / columns, r % columns)).collect();
        dev.try_tensor_from_vec(all, (rows,))
    };
    let p = p.try_reshape_like(&(b * l, Const::<U>))?.try_gather(index(&|row, _| row)?)?;
    let q = q.retaped::<T>().try_reshape_like(&(b, Const::<U>))?;
    let q = q.try_gather(index(&|row, k| args.pairing.partner(row / l, k, b))?)?;
    let first = p.try_add(q)?.try_relu()?;
    let second = linear(first, args.w2, Some(args.b2), (rows, Const::<U>), true)?;
    linear(second, args.w3, Some(args.b3), (b, l, columns), false)
}

/// See [`Backend::pair_rows`](super::Backend::pair_rows).
///
/// # Errors
/// When the device fails.
pub fn pair_rows<N: Dim, M: Dim, const U: usize, E: Real, D: Device<E>, T: Tape<E, D>>(
    p: Tensor<(N, Const<U>), E, D, T>,
    q: &Tensor<(M, Const<U>), E, D>,
    pairs: &[[usize; 2]],
) -> Result<Tensor<(usize, Const<U>), E, D, T>, D::Err> {
    let dev = p.device().clone();
    let index = |side: usize| dev.try_tensor_from_vec(pairs.iter().map(|r| r[side]).collect(), (pairs.len(),));
    let (n, m) = (p.shape().0.size(), q.shape().0.size());
    let p = p.try_reshape_like(&(n, Const::<U>))?.try_gather(index(0)?)?;
    let q = q.retaped::<T>().try_reshape_like(&(m, Const::<U>))?.try_gather(index(1)?)?;
    p.try_add(q)?.try_relu()
}

/// See [`Backend::joint_scores`](super::Backend::joint_scores).
///
/// # Errors
/// When the device fails.
pub fn joint_scores<N: Dim, M: Dim, const U: usize, Y: Shape, E: Real, D: Device<E>, T: Tape<E, D>>(
    p: Tensor<(N, Const<U>), E, D, T>,
    q: &Tensor<(M, Const<U>), E, D>,
    args: PairArgs<U, E, D>,
    y: Y,
) -> Result<Tensor<Y, E, D, T>, D::Err> {
    let dev = p.device().clone();
    let (n, m) = (p.shape().0.size(), q.shape().0.size());
    let columns = if args.pairing == Pairing::All { m } else { args.pairing.columns(n) };
    let rows = n * columns;
    let index = |f: &dyn Fn(usize, usize) -> usize| {
        dev.try_tensor_from_vec((0..rows).map(|r| f(r / columns, r % columns)).collect(), (rows,))
    };
    let p = p.try_reshape_like(&(n, Const::<U>))?.try_gather(index(&|i, _| i)?)?;
    let q = q.retaped::<T>().try_reshape_like(&(m, Const::<U>))?;
    let q = q.try_gather(index(&|i, k| args.pairing.partner(i, k, n))?)?;
    let first = p.try_add(q)?.try_relu()?;
    let second = linear(first, args.w2, Some(args.b2), (rows, Const::<U>), true)?;
    linear(second, args.w3, Some(args.b3), y, false)
}

/// See [`Backend::separable_scores`](super::Backend::separable_scores).
///
/// # Errors
/// When the device fails.
pub fn separable_scores<
    B: Dim,
    X: Dim,
    Y: Dim,
    const I: usize,
    const J: usize,
    const H: usize,
    const K: usize,
    E: Real,
    D: Device<E>,
    T: Tape<E, D>,
>(
    x: Tensor<(B, X), E, D, T>,
    y: Tensor<(B, Y), E, D>,
    towers: (Perceptron<I, H, K, E, D>, Perceptron<J, H, K, E, D>),
) -> Result<Tensor<(usize, usize, usize), E, D, T>, D::Err> {
    let b = x.shape().0.size();
    let (x, tape) = perceptron(x, &towers.0)?.split_tape();
    let (y, tape) = perceptron(y.put_tape(tape), &towers.1)?.split_tape();
    linear::<K, _, _, _, _, _, _>(x.put_tape(tape), &y, None, (b, 1, b), false)
}

fn perceptron<B: Dim, X: Dim, const I: usize, const H: usize, const K: usize, E: Real, D: Device<E>, T: Tape<E, D>>(
    x: Tensor<(B, X), E, D, T>,
    net: &Perceptron<I, H, K, E, D>,
) -> Result<Tensor<(B, Const<K>), E, D, T>, D::Err> {
    let b = x.shape().0;
    let mut h = linear(x, &net.input.0, Some(&net.input.1), (b, Const::<H>), true)?;
    for (w, bias) in &net.hidden {
        h = linear(h, w, Some(bias), (b, Const::<H>), true)?;
    }
    linear(h, &net.output.0, Some(&net.output.1), (b, Const::<K>), false)
}
