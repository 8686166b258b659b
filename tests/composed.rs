//! The operations composed for other devices, run on the CPU in f64, against the CPU kernels.

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use common::{Taped, numbers, relative_error, tensor};
use dfdx::prelude::*;
use infomax::mi::Pairing;
use infomax::nn::{AdamStep, Backend, BatchNormArgs, PairArgs, Perceptron, PoolKind, Window, composed};

const TOLERANCE: f64 = 1e-10;

/// Outputs agree, and so do the gradients at `x` and at the named parameters.
fn agree<S: ConstShape, O: Shape>(
    name: &str,
    x: &Tensor<S, f64, Cpu>,
    [ours, composed]: [&dyn Fn(Taped<S>) -> Taped<O>; 2],
    parameters: &[&dyn Fn(&mut Gradients<f64, Cpu>) -> Vec<f64>],
) {
    let both = [ours, composed].map(|f| {
        let y = f(x.clone().leaky_traced());
        let value = y.as_vec();
        let weights = y.device().tensor_from_vec(numbers("weights", value.len()), *y.shape());
        let mut grads = (y * weights).sum::<Rank0, _>().backward();
        let mut found = vec![value, grads.get(x).as_vec()];
        found.extend(parameters.iter().map(|p| p(&mut grads)));
        found
    });
    for (i, (a, b)) in both[0].iter().zip(&both[1]).enumerate() {
        let error = relative_error(a, b);
        assert!(error < TOLERANCE, "{name}: part {i} is off by {error:e}");
    }
}

fn gradient_of<S: Shape>(t: &Tensor<S, f64, Cpu>) -> impl Fn(&mut Gradients<f64, Cpu>) -> Vec<f64> + '_ {
    move |grads| grads.get_or_alloc_mut(t).unwrap().to_vec()
}

macro_rules! convolution {
    ($x:ty, $w:ty, $y:expr, $k:literal, $s:literal, $p:literal) => {
        let (x, w): (Tensor<$x, f64, Cpu>, Tensor<$w, f64, Cpu>) = (tensor("x"), tensor("w"));
        let window = Window { k: $k, s: $s, p: $p };
        let ours = |x: Taped<$x>| Cpu::conv2d(x, &w, $y, window, true).unwrap();
        let other = |x: Taped<$x>| composed::conv2d(x, &w, $y, window).unwrap();
        agree(stringify!($x $w), &x, [&ours, &other], &[&gradient_of(&w)]);
    };
}

#[test]
fn convolutions() {
    convolution!(Rank4<3, 2, 8, 8>, Rank4<5, 2, 4, 4>, (3, 5, 4, 4), 4, 2, 1);
    convolution!(Rank4<2, 3, 7, 9>, Rank4<4, 3, 5, 5>, (2, 4, 4, 5), 5, 2, 2);
    convolution!(Rank4<2, 4, 6, 5>, Rank4<3, 4, 3, 3>, (2, 3, 6, 5), 3, 1, 1);
    convolution!(Rank4<2, 3, 9, 9>, Rank4<2, 3, 3, 3>, (2, 2, 4, 4), 3, 2, 0);
    let (x, w): (Tensor<Rank4<2, 4, 4, 5>, f64, Cpu>, Tensor<Rank4<4, 3, 4, 4>, f64, Cpu>) = (tensor("x"), tensor("w"));
    let window = Window { k: 4, s: 2, p: 1 };
    let ours = |x| Cpu::conv_transpose2d(x, &w, (2, 3, 8, 10), window).unwrap();
    let other = |x| composed::conv_transpose2d(x, &w, (2, 3, 8, 10), window).unwrap();
    agree("transposed", &x, [&ours, &other], &[&gradient_of(&w)]);
}

#[test]
fn pooling_and_layouts() {
    let x: Tensor<Rank4<2, 3, 8, 7>, f64, Cpu> = tensor("x");
    for kind in [PoolKind::Max, PoolKind::Avg] {
        let window = Window { k: 3, s: 2, p: 1 };
        let ours = |x| Cpu::pool2d(x, (2, 3, 4, 4), window, kind).unwrap();
        let other = |x| composed::pool2d(x, (2, 3, 4, 4), window, kind).unwrap();
        agree("pool", &x, [&ours, &other], &[]);
    }
    let ours = |x| Cpu::channels_last(x, (2, 8, 7, 3)).unwrap();
    let other = |x| composed::channels_last(x, (2, 8, 7, 3)).unwrap();
    agree("channels last", &x, [&ours, &other], &[]);
}

#[test]
fn norms() {
    let (scale, bias): (Tensor<Rank1<3>, f64, Cpu>, Tensor<Rank1<3>, f64, Cpu>) = (tensor("scale"), tensor("bias"));
    let x: Tensor<Rank4<4, 3, 5, 2>, f64, Cpu> = tensor("x");
    for relu in [false, true] {
        let args = || BatchNormArgs { scale: &scale, bias: &bias, epsilon: 1e-5, relu };
        let ours = |x| Cpu::batch_norm_train(x, args()).unwrap().0;
        let other = |x| composed::batch_norm_train(x, args()).unwrap().0;
        agree("batch norm", &x, [&ours, &other], &[&gradient_of(&scale), &gradient_of(&bias)]);
        let (_, ours) = Cpu::batch_norm_train(x.clone(), args()).unwrap();
        let (_, other) = composed::batch_norm_train(x.clone(), args()).unwrap();
        for (a, b) in ours.iter().zip(&other) {
            assert!(relative_error(&a.as_vec(), &b.as_vec()) < TOLERANCE);
        }
        let stats = [&ours[0], &ours[1]];
        let a = Cpu::batch_norm_eval(x.clone(), stats, args()).unwrap().as_vec();
        let b = composed::batch_norm_eval(x.clone(), stats, args()).unwrap().as_vec();
        assert!(relative_error(&a, &b) < TOLERANCE);
    }
    let (scale, bias): (Tensor<Rank1<8>, f64, Cpu>, Tensor<Rank1<8>, f64, Cpu>) = (tensor("scale"), tensor("bias"));
    let x: Tensor<Rank2<6, 8>, f64, Cpu> = tensor("x");
    let ours = |x| Cpu::layer_norm(x, &scale, &bias, 1e-5).unwrap();
    let other = |x| composed::layer_norm(x, &scale, &bias, 1e-5).unwrap();
    agree("layer norm", &x, [&ours, &other], &[&gradient_of(&scale), &gradient_of(&bias)]);
}

#[test]
fn leaky_activations() {
    // Numbers on both sides of zero, and zero itself.
    let mut values = numbers("x", 2 * 3 * 5 * 7);
    (values[4], values[9]) = (0.0, -0.0);
    let x: Tensor<Rank4<2, 3, 5, 7>, f64, Cpu> = Cpu::default().tensor(values);
    let ours = |x: Taped<_>| Cpu::leaky(x, 0.2).unwrap();
    let other = |x: Taped<Rank4<2, 3, 5, 7>>| x.try_prelu(0.2).unwrap();
    agree("leaky", &x, [&ours, &other], &[]);
    // A view whose numbers are not in order.
    let turned = |x: Taped<Rank4<2, 3, 5, 7>>| x.permute::<Rank4<7, 5, 3, 2>, Axes4<3, 2, 1, 0>>();
    agree("of a view", &x, [&|x| Cpu::leaky(turned(x), 0.2).unwrap(), &|x| turned(x).try_prelu(0.2).unwrap()], &[]);
}

#[test]
fn linear_layers_and_pairs() {
    let (w, b): (Tensor<Rank2<4, 5>, f64, Cpu>, Tensor<Rank1<4>, f64, Cpu>) = (tensor("w"), tensor("b"));
    let x: Tensor<Rank4<2, 3, 2, 5>, f64, Cpu> = tensor("x");
    for relu in [false, true] {
        let y = (2, 3, 2, Const::<4>);
        let ours = |x| Cpu::linear(x, &w, Some(&b), y, relu).unwrap();
        let other = |x| composed::linear(x, &w, Some(&b), y, relu).unwrap();
        agree("linear", &x, [&ours, &other], &[&gradient_of(&w), &gradient_of(&b)]);
    }
    let (w2, b2): (Tensor<Rank2<16, 16>, f64, Cpu>, Tensor<Rank1<16>, f64, Cpu>) = (tensor("w2"), tensor("b2"));
    let (w3, b3): (Tensor<Rank2<1, 16>, f64, Cpu>, Tensor<Rank1<1>, f64, Cpu>) = (tensor("w3"), tensor("b3"));
    let p: Tensor<Rank4<6, 2, 2, 16>, f64, Cpu> = tensor("p");
    let q: Tensor<Rank2<6, 16>, f64, Cpu> = tensor("q");
    for pairing in [Pairing::All, Pairing::Rolled(2)] {
        let args = || PairArgs { w2: &w2, b2: &b2, w3: &w3, b3: &b3, pairing };
        let ours = |p| Cpu::pair_scores(p, &q, args()).unwrap();
        let other = |p| composed::pair_scores(p, &q, args()).unwrap();
        let parameters: [&dyn Fn(&mut Gradients<f64, Cpu>) -> Vec<f64>; 5] =
            [&gradient_of(&q), &gradient_of(&w2), &gradient_of(&b2), &gradient_of(&w3), &gradient_of(&b3)];
        agree("pairs", &p, [&ours, &other], &parameters);
    }
}

#[test]
fn numbers_made_beside_the_tape() {
    let x: Tensor<Rank3<3, 2, 4>, f64, Cpu> = tensor("x");
    let f = |x: &[f64]| (x.iter().map(|v| v.powi(3)).sum(), x.iter().map(|v| 3.0 * v * v).collect(), x.len());
    let ours = |x| Cpu::with_gradient(x, f).unwrap().0;
    let other = |x| composed::with_gradient(x, f).unwrap().0;
    agree("with gradient", &x, [&ours, &other], &[]);
    let (y, count) = Cpu::with_gradient(x.clone().leaky_traced(), f).unwrap();
    assert_eq!((count, y.array()), (24, f(&x.as_vec()).0));
    // In the order of a view's own elements, not of what it is a view of.
    let turned: Tensor<Rank3<4, 3, 2>, f64, Cpu> = x.clone().permute::<_, Axes3<2, 0, 1>>();
    assert_eq!(Cpu::numbers(&turned), turned.as_vec());
    assert_eq!(Cpu::with_gradient(turned.clone(), |x| (x[1], Vec::from(x), ())).unwrap().0.array(), turned.as_vec()[1]);
    assert!(Cpu::numbers(&x.device().tensor_from_vec(Vec::<f64>::new(), (0, 3))).is_empty());
    // What comes down is passed on.
    let gradient = (y * 2.0).backward().get(&x).as_vec();
    assert!(gradient.iter().zip(x.as_vec()).all(|(g, x)| (g - 6.0 * x * x).abs() < 1e-12));
}

#[test]
fn adam() {
    let run = |composed: bool| {
        let mut p: Tensor<Rank1<9>, f64, Cpu> = tensor("p");
        let mut moments = [p.device().zeros_like(&(9,)), p.device().zeros_like(&(9,))];
        for t in 1..=3 {
            let mut grads = Gradients::leaky();
            grads.get_or_alloc_mut(&p).unwrap().copy_from_slice(&numbers(&format!("g{t}"), 9));
            let step = AdamStep { lr: 1e-2, betas: [0.5, 0.999], epsilon: 1e-8, l2: 0.1, decoupled: 0.2, t };
            if composed {
                composed::adam(&mut p, &mut moments, &mut grads, step).unwrap();
            } else {
                Cpu::adam(&mut p, &mut moments, &mut grads, step).unwrap();
            }
        }
        p.as_vec()
    };
    assert!(relative_error(&run(false), &run(true)) < TOLERANCE);
}

#[test]
fn moving_averages() {
    let p: Tensor<Rank2<3, 5>, f64, Cpu> = tensor("p");
    let [mut ours, mut other] = [(); 2].map(|()| p.device().tensor_from_vec(numbers("mean", 15), (15,)));
    for keep in [0.0, 0.25, 0.9] {
        Cpu::average(&mut ours, &p, keep).unwrap();
        composed::average(&mut other, &p, keep).unwrap();
        assert!(relative_error(&ours.as_vec(), &other.as_vec()) < TOLERANCE, "{keep}");
    }
}

#[test]
fn concat_critics_of_vectors() {
    let (w2, b2): (Tensor<Rank2<20, 20>, f64, Cpu>, Tensor<Rank1<20>, f64, Cpu>) = (tensor("w2"), tensor("b2"));
    let (w3, b3): (Tensor<Rank2<1, 20>, f64, Cpu>, Tensor<Rank1<1>, f64, Cpu>) = (tensor("w3"), tensor("b3"));
    let parameters: [&dyn Fn(&mut Gradients<f64, Cpu>) -> Vec<f64>; 4] =
        [&gradient_of(&w2), &gradient_of(&b2), &gradient_of(&w3), &gradient_of(&b3)];
    let p: Tensor<Rank2<36, 20>, f64, Cpu> = tensor("p");
    let q: Tensor<Rank2<36, 20>, f64, Cpu> = tensor("q");
    // More pairs than one task has, and fewer; a number that the tasks do not divide.
    for (pairing, columns) in [(Pairing::All, 36), (Pairing::Rolled(2), 3)] {
        let args = || PairArgs { w2: &w2, b2: &b2, w3: &w3, b3: &b3, pairing };
        let ours = |p| Cpu::joint_scores(p, &q, args(), (36, columns)).unwrap();
        let other = |p| composed::joint_scores(p, &q, args(), (36, columns)).unwrap();
        agree("concat critic of vectors", &p, [&ours, &other], &parameters);
        agree("its other half", &p, [&ours, &other], &[&gradient_of(&q)]);
    }
    // Every one of 36 with every one of 5.
    let q: Tensor<Rank2<5, 20>, f64, Cpu> = tensor("fewer");
    let args = || PairArgs { w2: &w2, b2: &b2, w3: &w3, b3: &b3, pairing: Pairing::All };
    let ours = |p| Cpu::joint_scores(p, &q, args(), (36, 5)).unwrap();
    let other = |p| composed::joint_scores(p, &q, args(), (36, 5)).unwrap();
    agree("a block of a concat critic of vectors", &p, [&ours, &other], &[&gradient_of(&q)]);
}

#[test]
fn separable_critics() {
    // Three tasks for each tower, the last of them smaller.
    type X = Rank2<270, 3>;
    let net = |name: &str| -> Perceptron<3, 7, 4, f64, Cpu> {
        Perceptron {
            input: (tensor(&format!("{name} w1")), tensor(&format!("{name} b1"))),
            hidden: vec![(tensor(&format!("{name} w2")), tensor(&format!("{name} b2")))],
            output: (tensor(&format!("{name} w3")), tensor(&format!("{name} b3"))),
        }
    };
    let (g, h) = (net("g"), net("h"));
    let (x, y): (Tensor<X, f64, Cpu>, Tensor<X, f64, Cpu>) = (tensor("x"), tensor("y"));
    let ours = |x| Cpu::separable_scores(x, y.clone(), (g.clone(), h.clone())).unwrap();
    let other = |x| composed::separable_scores(x, y.clone(), (g.clone(), h.clone())).unwrap();
    let parameters: [&dyn Fn(&mut Gradients<f64, Cpu>) -> Vec<f64>; 7] = [
        &gradient_of(&y),
        &gradient_of(&g.input.0),
        &gradient_of(&g.input.1),
        &gradient_of(&g.hidden[0].0),
        &gradient_of(&h.hidden[0].1),
        &gradient_of(&h.output.0),
        &gradient_of(&g.output.1),
    ];
    agree("separable critic", &x, [&ours, &other], &parameters);
    // A y that lies in memory otherwise than its rows and columns say.
    let turned: Tensor<Rank2<3, 270>, f64, Cpu> = tensor("turned");
    let ours = |x| Cpu::separable_scores(x, turned.clone().permute(), (g.clone(), h.clone())).unwrap();
    let other = |x| composed::separable_scores(x, turned.clone().permute(), (g.clone(), h.clone())).unwrap();
    agree("y turned", &x, [&ours, &other], &[&gradient_of(&turned), &gradient_of(&h.input.0)]);
    // One network and one vector for both sides.
    let ours = |x| Cpu::separable_scores(x, y.clone(), (g.clone(), g.clone())).unwrap();
    let other = |x| composed::separable_scores(x, y.clone(), (g.clone(), g.clone())).unwrap();
    agree("one tower twice", &y, [&ours, &other], &[&gradient_of(&g.hidden[0].0), &gradient_of(&g.output.1)]);
}

#[test]
fn sums_of_pairs_of_rows() {
    let (p, q): (Tensor<Rank2<4, 6>, f64, Cpu>, Tensor<Rank2<3, 6>, f64, Cpu>) = (tensor("p"), tensor("q"));
    let pairs = vec![[0, 0], [3, 2], [3, 1], [1, 0], [0, 2]];
    let ours = |p| Cpu::pair_rows(p, &q, pairs.clone()).unwrap();
    let other = |p| composed::pair_rows(p, &q, &pairs).unwrap();
    agree("pairs of rows", &p, [&ours, &other], &[&gradient_of(&q)]);
}
