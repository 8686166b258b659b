//! Every differentiable operation against central differences, in f64.

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use common::{TOLERANCE, Taped, check_input, check_parameters, differences, numbers, relative_error, tensor};
use dfdx::prelude::*;
use infomax::encoder::Folded;
use infomax::mi::bound::{BoundKind, ScoreSizes, objective};
use infomax::mi::critic::{Critic, VectorCritic};
use infomax::mi::{Pairing, Scores};
use infomax::nn::{AvgPool2d, Backend, Flatten, LocationRows, MaxPool2d, builder};

fn dev() -> Cpu {
    Cpu::seed_from_u64(3)
}

/// Input and parameters of a module that takes `S`.
fn check<B, S, O>(name: &str)
where
    S: ConstShape,
    O: Shape,
    B: BuildOnDevice<Cpu, f64>,
    B::Built: TensorCollection<f64, Cpu, To<f64, Cpu> = B::Built> + ModuleMut<Taped<S>, Output = Taped<O>> + Clone,
{
    let module = dev().build_module::<B, f64>();
    let x: Tensor<S, f64, Cpu> = tensor(name);
    // A copy each time: batch norm in training moves its running statistics.
    check_input(name, &x, |x| module.clone().forward_mut(x));
    check_parameters(name, &module, |m| m.forward_mut(x.clone().leaky_traced()));
}

/// The same for a module without parameters.
fn check_plain<S: ConstShape, O: Shape, M: Module<Taped<S>, Output = Taped<O>>>(name: &str, module: M) {
    check_input(name, &tensor::<S>(name), |x| module.forward(x));
}

#[test]
fn convolutions() {
    check::<builder::Conv2d<2, 5, 4, 2, 1>, Rank4<3, 2, 8, 8>, _>("4x4 stride 2 padding 1");
    check::<builder::Conv2d<2, 3, 4, 2, 1>, Rank4<2, 2, 7, 9>, _>("4x4 stride 2 padding 1, odd sizes");
    check::<builder::Conv2d<3, 4, 5, 2, 2>, Rank4<2, 3, 7, 7>, _>("5x5 stride 2 padding 2");
    check::<builder::Conv2d<4, 3, 3, 1, 1>, Rank4<2, 4, 6, 5>, _>("3x3 stride 1 padding 1");
    check::<builder::Conv2d<3, 4, 1>, Rank4<2, 3, 5, 5>, _>("1x1");
    check::<builder::Conv2d<2, 3, 3, 2, 0>, Rank4<1, 2, 9, 9>, _>("3x3 stride 2, a single image");
    check::<builder::Conv2d<1, 2, 5, 1, 2>, Rank4<2, 1, 3, 3>, _>("5x5 on 3x3 images: taps that never land");
    check::<builder::ConvTranspose2d<4, 3, 4, 2, 1>, Rank4<2, 4, 4, 4>, _>("transposed 4x4 stride 2 padding 1");
    check::<builder::ConvTranspose2d<3, 2, 3, 1, 1>, Rank4<2, 3, 5, 4>, _>("transposed 3x3 stride 1 padding 1");
}

#[test]
fn a_stem_has_the_same_weight_gradient_and_no_input_gradient() {
    type S = Rank4<2, 2, 6, 6>;
    let stem = dev().build_module::<builder::Conv2d<2, 3, 4, 2, 1, false>, f64>();
    let x: Tensor<S, f64, Cpu> = tensor("stem");
    check_parameters("stem", &stem, |m| m.forward(x.clone().leaky_traced()));
    let grads = stem.forward(x.clone().leaky_traced()).square().sum().backward();
    let mut grads = grads;
    assert!(grads.get_or_alloc_mut(&x).unwrap().iter().all(|&g| g == 0.0));
}

#[test]
fn pooling() {
    check_plain::<Rank4<2, 3, 9, 9>, _, _>("max 3/2", MaxPool2d::<3, 2>);
    check_plain::<Rank4<2, 3, 8, 8>, _, _>("max 3/2 padding 1", MaxPool2d::<3, 2, 1>);
    check_plain::<Rank4<2, 3, 8, 6>, _, _>("max 2/2", MaxPool2d::<2, 2>);
    check_plain::<Rank4<2, 3, 8, 6>, _, _>("avg 2/2", AvgPool2d::<2, 2>);
    check_plain::<Rank4<2, 3, 8, 8>, _, _>("avg 3/2 padding 1", AvgPool2d::<3, 2, 1>);
    check_plain::<Rank4<2, 3, 5, 4>, Rank2<2, 3>, _>("global average", infomax::nn::AvgPoolGlobal);
    check_plain::<Rank4<2, 3, 5, 4>, Rank2<2, 3>, _>("global maximum", infomax::nn::MaxPoolGlobal);
}

#[test]
fn layouts() {
    check_plain::<Rank4<2, 3, 4, 5>, _, _>("flatten", Flatten::<60>);
    check_plain::<Rank4<2, 3, 4, 5>, _, _>("location rows", LocationRows);
}

#[test]
fn norms() {
    check::<builder::BatchNorm1d<5>, Rank2<6, 5>, _>("batch norm 1d");
    check::<builder::BatchNorm1d<5, true>, Rank2<6, 5>, _>("batch norm 1d and ReLU");
    check::<builder::BatchNorm2d<3>, Rank4<4, 3, 5, 4>, _>("batch norm 2d");
    check::<builder::BatchNorm2d<3, true>, Rank4<4, 3, 5, 4>, _>("batch norm 2d and ReLU");
    check::<builder::LayerNorm<8>, Rank2<6, 8>, _>("layer norm");
    check::<builder::LayerNorm<8>, Rank4<2, 3, 2, 8>, _>("layer norm of location rows");
}

#[test]
fn linear_layers() {
    check::<builder::Linear<5, 4>, Rank2<7, 5>, _>("linear");
    check::<builder::Linear<5, 4, true>, Rank2<7, 5>, _>("linear and ReLU");
    check::<builder::Linear<5, 4, true>, Rank4<2, 3, 2, 5>, _>("linear on location rows");
    check::<builder::UnbiasedLinear<5, 4>, Rank2<7, 5>, _>("linear without bias");
    check::<builder::FlattenLinear<2, 4, 3, 5>, Rank4<3, 2, 4, 3>, _>("linear on a map");
    // More rows than columns and large enough to be cut into several tasks.
    check_input("wide", &tensor::<Rank2<3, 70>>("wide"), |x| {
        Cpu::linear::<40, _, _, _, _>(x, &tensor::<Rank2<40, 70>>("w"), None, (3, 40), false).unwrap()
    });
}

type Map = Rank4<6, 3, 2, 2>;
type Global = Rank2<6, 5>;

/// A critic at its map, its global vectors and its parameters.
fn check_critic<B>(name: &str)
where
    B: BuildOnDevice<Cpu, f64>,
    B::Built: TensorCollection<f64, Cpu, To<f64, Cpu> = B::Built> + Critic<Map, Global, f64, Cpu> + Clone,
{
    let critic = dev().build_module::<B, f64>();
    let (map, global): (Tensor<Map, f64, Cpu>, Tensor<Global, f64, Cpu>) = (tensor("map"), tensor("global"));
    // One column, a few (kept for the backward pass) and many (computed again there).
    for pairing in [Pairing::Rolled(1), Pairing::Rolled(4), Pairing::All] {
        let name = format!("{name}, {pairing:?}");
        let scores = |critic: &B::Built, map: Taped<Map>, global: &Tensor<Global, f64, Cpu>| {
            critic.try_scores(map, global, pairing).unwrap()
        };
        check_input(&name, &map, |m| scores(&critic, m, &global));
        check_input(&name, &global, |g| {
            let (g, tape) = g.split_tape();
            scores(&critic, map.clone().put_tape(tape), &g)
        });
        check_parameters(&name, &critic, |c| scores(c, map.clone().leaky_traced(), &global));
    }
}

#[test]
fn critics() {
    check_critic::<builder::ConcatCritic<3, 5, 16>>("concat critic");
    check_critic::<builder::DotCritic<3, 5, 7>>("dot critic");
    check_critic::<builder::ResidualDotCritic<3, 5, 7>>("residual dot critic");
    check_critic::<builder::GlobalCritic<3, 2, 2, 5, 16>>("global critic");
}

/// A critic of two vectors at both of them and at its parameters.
fn check_vector_critic<B>(name: &str)
where
    B: BuildOnDevice<Cpu, f64>,
    B::Built: TensorCollection<f64, Cpu, To<f64, Cpu> = B::Built> + VectorCritic<Const<3>, Const<5>, f64, Cpu> + Clone,
{
    let critic = dev().build_module::<B, f64>();
    let (x, y): (Tensor<Rank2<6, 3>, f64, Cpu>, Tensor<Rank2<6, 5>, f64, Cpu>) = (tensor("x"), tensor("y"));
    for pairing in [Pairing::Rolled(2), Pairing::All] {
        let name = format!("{name}, {pairing:?}");
        check_input(&name, &x, |x| critic.try_scores(x, y.clone(), pairing).unwrap());
        check_input(&name, &y, |y| {
            let (y, tape) = y.split_tape();
            critic.try_scores(x.clone().put_tape(tape), y, pairing).unwrap()
        });
        check_parameters(&name, &critic, |c| c.try_scores(x.clone().leaky_traced(), y.clone(), pairing).unwrap());
        // The block of scores off the tape is the same numbers.
        let block = critic.try_block(x.clone(), y.clone()).unwrap().as_vec();
        let scores = critic.try_scores(x.clone().leaky_traced(), y.clone(), pairing).unwrap().as_vec();
        for (at, score) in scores.iter().enumerate() {
            let (i, k) = (at / pairing.columns(6), at % pairing.columns(6));
            assert!((score - block[i * 6 + pairing.partner(i, k, 6)]).abs() < 1e-12, "{name}");
        }
    }
}

#[test]
fn vector_critics() {
    check_vector_critic::<builder::SeparableCritic<3, 5, 7, 2, 4>>("separable critic");
    check_vector_critic::<builder::SeparableCritic<3, 5, 7, 0, 4>>("separable critic, one hidden layer");
    check_vector_critic::<builder::JointCritic<3, 5, 8>>("concat critic of vectors");
    check_vector_critic::<builder::BilinearCritic<3, 5>>("bilinear critic");
}

#[test]
fn a_critic_of_images() {
    type OfX = (builder::Conv2d<1, 3, 4, 2, 1>, ReLU, Flatten<48>, builder::Linear<48, 4>);
    type OfY = (builder::Conv2d<2, 3, 3, 1, 1>, ReLU, Flatten<27>, builder::Linear<27, 4>);
    let critic = dev().build_module::<builder::TowersCritic<OfX, OfY>, f64>();
    let x: Tensor<Rank4<5, 1, 8, 8>, f64, Cpu> = tensor("x");
    let y: Tensor<Rank4<5, 2, 3, 3>, f64, Cpu> = tensor("y");
    for pairing in [Pairing::Rolled(2), Pairing::All] {
        let name = format!("critic of images, {pairing:?}");
        check_input(&name, &x, |x| critic.try_scores(x, y.clone(), pairing).unwrap());
        check_input(&name, &y, |y| {
            let (y, tape) = y.split_tape();
            critic.try_scores(x.clone().put_tape(tape), y, pairing).unwrap()
        });
        check_parameters(&name, &critic, |c| c.try_scores(x.clone().leaky_traced(), y.clone(), pairing).unwrap());
    }
    // Each score is the dot product of its own pair's numbers, and a row's column 0 is its joint pair.
    let scores = critic.try_scores(x.clone().leaky_traced(), y.clone(), Pairing::All).unwrap().as_vec();
    let [of_x, of_y] = [critic.x.forward(x.clone()).as_vec(), critic.y.forward(y.clone()).as_vec()];
    for (at, score) in scores.iter().enumerate() {
        let [i, j] = [at / 5 * 4, at % 5 * 4];
        let expected: f64 = of_x[i..i + 4].iter().zip(&of_y[j..j + 4]).map(|(a, b)| a * b).sum();
        assert!((score - expected).abs() < 1e-12);
    }
    let rolled = critic.try_scores(x.leaky_traced(), y, Pairing::Rolled(2)).unwrap().as_vec();
    assert_eq!([rolled[0], rolled[3]], [scores[0], scores[6]]);
}

#[test]
fn bounds() {
    for kind in [BoundKind::Jsd, BoundKind::InfoNce] {
        for pairing in [Pairing::All, Pairing::Rolled(1), Pairing::Rolled(2)] {
            let sizes = ScoreSizes { batch: 5, locations: 6, pairing };
            let shape = (5, 6, sizes.columns());
            let values: Vec<f64> = numbers("scores", 5 * 6 * sizes.columns()).iter().map(|v| 3.0 * v).collect();
            let scores: Scores<f64, Cpu> = dev().tensor_from_vec(values.clone(), shape);
            let expected = differences(&values, |v| kind.evaluate(v, sizes).objective);
            let found = kind.evaluate(&values, sizes);
            assert!(relative_error(&found.gradient, &expected) < TOLERANCE, "{kind:?} {pairing:?}");
            // The same through the tape.
            let bound = objective(kind, scores.clone().leaky_traced(), pairing).unwrap();
            assert!((bound.value.as_vec()[0] - found.objective).abs() < 1e-12);
            let grads = bound.value.backward();
            assert!(relative_error(&grads.get(&scores).as_vec(), &expected) < TOLERANCE, "{kind:?} {pairing:?}");
        }
    }
}

#[test]
fn layers_on_crops() {
    type Smooth = (builder::Conv2d<3, 4, 8, 4, 0>, builder::BatchNorm2d<4>);
    let layers = dev().build_module::<Folded<Smooth, 4, 8, 4>, f64>();
    let x: Tensor<Rank4<3, 3, 32, 32>, f64, Cpu> = tensor("images");
    check_parameters("folded", &layers, |l| -> Taped<Rank4<3, 4, 7, 7>> { l.forward_mut(x.clone().leaky_traced()) });
}

#[test]
fn whole_encoders() {
    use infomax::encoder::Encoder;
    type Small = builder::Dcgan28<1, 2, 3, 6, 4>;
    let encoder = dev().build_module::<Small, f64>();
    let x: Tensor<Rank4<3, 1, 28, 28>, f64, Cpu> = tensor("images");
    check_parameters("dcgan28", &encoder, |e| {
        let f = e.try_encode_train(x.clone().leaky_traced()).unwrap();
        f.global.put_tape(f.tape)
    });
    type Small32 = builder::Dcgan32<3, 2, 3, 2, 5, 4>;
    let encoder = dev().build_module::<Small32, f64>();
    let x: Tensor<Rank4<3, 3, 32, 32>, f64, Cpu> = tensor("images");
    check_parameters("dcgan32", &encoder, |e| {
        let f = e.try_encode_train(x.clone().leaky_traced()).unwrap();
        f.global.put_tape(f.tape)
    });
    type SmallResidual = builder::Resnet19<3, 2, 2, 3, 2, 4, 2, 3, 4, 3>;
    let encoder = dev().build_module::<SmallResidual, f64>();
    check_parameters("resnet19", &encoder, |e| {
        let f = e.try_encode_train(x.clone().leaky_traced()).unwrap();
        f.global.put_tape(f.tape)
    });
    // One image is 49 crops: more would have a ReLU change sides within a difference.
    type SmallFolded = builder::FoldResnet19<3, 2, 2, 3, 2, 4, 2, 3, 2, 3>;
    let encoder = dev().build_module::<SmallFolded, f64>();
    let one: Tensor<Rank4<1, 3, 32, 32>, f64, Cpu> = tensor("images");
    check_parameters("fold-resnet19", &encoder, |e| {
        let f = e.try_encode_train(one.clone().leaky_traced()).unwrap();
        f.map.put_tape(f.tape)
    });
    type Small64 = builder::Dcgan64<3, 2, 3, 2, 3, 4, 4>;
    let encoder = dev().build_module::<Small64, f64>();
    let x: Tensor<Rank4<3, 3, 64, 64>, f64, Cpu> = tensor("images");
    check_parameters("dcgan64", &encoder, |e| {
        let f = e.try_encode_train(x.clone().leaky_traced()).unwrap();
        f.global.put_tape(f.tape)
    });
    type SmallAlexnet = builder::Alexnet64<3, 2, 2, 3, 2, 2, 2, 3>;
    let encoder = dev().build_module::<SmallAlexnet, f64>();
    check_parameters("alexnet64", &encoder, |e| {
        let f = e.try_encode_train(x.clone().leaky_traced()).unwrap();
        f.global.put_tape(f.tape)
    });
}
