//! Layers, critics, bounds, encoders and whole models on an NVIDIA device against the CPU's kernels, forward and backward, in
//! `f32`.
//!
//! Needs such a device; run by `.ci/cuda`. cuBLAS rounds to TF32 only where it is asked to, and nothing here asks.

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use common::{numbers, relative_error};
use dfdx::prelude::*;
use infomax::dim::{CoordinateWeights, DeviceKind, EncoderKind, ModelConfig, StepInput, Weights, build};
use infomax::encoder::Encoder;
use infomax::mi::bound::{BoundKind, objective};
use infomax::mi::critic::{Critic, VectorCritic};
use infomax::mi::{Pairing, Scores};
use infomax::nn::{AdamStep, AvgPool2d, AvgPoolGlobal, Backend, Flatten, LocationRows, MaxPool2d, MaxPoolGlobal};
use infomax::nn::{builder, walk};

/// What is asked of every output and gradient.
const TOLERANCE: f64 = 1e-3;

type On<S, D> = Tensor<S, f32, D, OwnedTape<f32, D>>;

/// Outputs and gradients by name.
type Found = Vec<(String, Vec<f64>)>;

fn wide(values: Vec<f32>) -> Vec<f64> {
    values.into_iter().map(f64::from).collect()
}

fn some<S: Shape, D: Backend<f32>>(dev: &D, name: &str, shape: S) -> Tensor<S, f32, D> {
    let values = numbers(name, shape.num_elements()).into_iter().map(|v| v as f32).collect();
    dev.tensor_from_vec(values, shape)
}

/// A module whose numbers are the same on any device: small enough for deep ones, and no running variance is negative.
fn made<B, D: Backend<f32>>(dev: &D) -> B::Built
where
    B: BuildOnDevice<D, f32>,
    B::Built: TensorCollection<f32, D>,
{
    let mut module = B::build_on_device(dev);
    let mut each = |place: walk::Place<'_>, leaf: &mut dyn walk::Leaf<f32, D>| {
        let sizes = leaf.sizes();
        let n: usize = sizes.iter().product();
        let fan_in = sizes.get(1..).map_or(1, |rest| rest.iter().product::<usize>());
        let scale = 2.0 / (fan_in.max(4) as f64).sqrt();
        let values = numbers(place.name, n).into_iter();
        let values: Vec<f32> = if place.learned {
            values.map(|v| (v * scale) as f32).collect()
        } else {
            values.map(|v| v.abs() as f32).collect()
        };
        leaf.set(&values);
        Ok::<(), D::Err>(())
    };
    walk::change(&mut module, Some("module"), &mut each).unwrap();
    module
}

/// The gradient of each learned tensor.
fn gradients<M: TensorCollection<f32, D>, D: Backend<f32>>(module: &M, grads: &Gradients<f32, D>, found: &mut Found) {
    struct List<'a, D: Backend<f32>>(&'a Gradients<f32, D>, &'a mut Found);
    impl<D: Backend<f32>> TensorVisitor<f32, D> for List<'_, D> {
        type Viewer = (ViewTensorRef, ViewTensorName);
        type Err = D::Err;
        type E2 = f32;
        type D2 = D;

        fn visit<S: Shape>(
            &mut self,
            options: TensorOptions<S, f32, D>,
            (t, name): (&Tensor<S, f32, D>, String),
        ) -> Result<Option<Tensor<S, f32, D>>, D::Err> {
            if options.do_gradient_update {
                self.1.push((format!("gradient of {name}"), wide(self.0.get(t).as_vec())));
            }
            Ok(None)
        }
    }
    M::iter_tensors(&mut RecursiveWalker { m: (module, String::new()), f: &mut List(grads, found) }).unwrap();
}

/// The output `y` and the gradients of a fixed weighted sum of it.
fn backward<O: Shape, D: Backend<f32>>(y: On<O, D>, found: &mut Found) -> Gradients<f32, D> {
    found.push(("output".to_owned(), wide(y.as_vec())));
    let weights = some(&y.device().clone(), "weights of the sum", *y.shape());
    (y * weights).sum::<Rank0, _>().backward()
}

fn agree(name: &str, cpu: Found, cuda: Found) {
    assert_eq!(cpu.len(), cuda.len());
    for ((part, expected), (_, found)) in cpu.iter().zip(&cuda) {
        let error = relative_error(expected, found);
        println!("{name}, {part}: {error:.1e}");
        assert!(error < TOLERANCE, "{name}: {part} is off by {error:e}");
    }
}

/// A module in training mode at its input and its parameters.
fn module<B, S, O, D>(dev: &D, shape: S) -> Found
where
    S: Shape,
    O: Shape,
    D: Backend<f32>,
    B: BuildOnDevice<D, f32>,
    B::Built: TensorCollection<f32, D> + ModuleMut<On<S, D>, Output = On<O, D>>,
{
    let mut layer = made::<B, D>(dev);
    let x = some(dev, "x", shape);
    let mut found = Found::new();
    let grads = backward(layer.forward_mut(x.clone().leaky_traced()), &mut found);
    found.push(("gradient of x".to_owned(), wide(grads.get(&x).as_vec())));
    gradients(&layer, &grads, &mut found);
    walk::read(&layer, Some("module"), &mut |place, leaf| {
        if !place.learned {
            found.push((place.name.to_owned(), wide(leaf.values())));
        }
    });
    found
}

macro_rules! modules {
    ($cuda:ident, $($module:ty: $shape:ty => $out:ty),+ $(,)?) => {
        $(agree(
            stringify!($module),
            module::<$module, $shape, $out, _>(&Cpu::default(), Default::default()),
            module::<$module, $shape, $out, _>(&$cuda, Default::default()),
        );)+
    };
}

#[test]
fn layers() {
    let cuda = Cuda::default();
    modules!(
        cuda,
        builder::Conv2d<3, 64, 4, 2, 1>: Rank4<16, 3, 32, 32> => Rank4<16, 64, 16, 16>,
        builder::Conv2d<64, 128, 4, 2, 1>: Rank4<16, 64, 16, 16> => Rank4<16, 128, 8, 8>,
        builder::Conv2d<4, 3, 3, 1, 1>: Rank4<2, 4, 6, 5> => Rank4<2, 3, 6, 5>,
        builder::Conv2d<2, 3, 3, 2, 0>: Rank4<1, 2, 9, 9> => Rank4<1, 3, 4, 4>,
        builder::ConvTranspose2d<32, 16, 4, 2, 1>: Rank4<8, 32, 8, 8> => Rank4<8, 16, 16, 16>,
        builder::BatchNorm1d<64>: Rank2<32, 64> => Rank2<32, 64>,
        builder::BatchNorm1d<64, true>: Rank2<32, 64> => Rank2<32, 64>,
        builder::BatchNorm2d<16>: Rank4<8, 16, 6, 5> => Rank4<8, 16, 6, 5>,
        builder::BatchNorm2d<16, true>: Rank4<8, 16, 6, 5> => Rank4<8, 16, 6, 5>,
        builder::LayerNorm<32>: Rank2<64, 32> => Rank2<64, 32>,
        builder::Linear<256, 96>: Rank2<64, 256> => Rank2<64, 96>,
        builder::Linear<256, 96, true>: Rank2<64, 256> => Rank2<64, 96>,
        builder::Linear<64, 32, true>: Rank4<4, 3, 2, 64> => Rank4<4, 3, 2, 32>,
        builder::UnbiasedLinear<256, 96>: Rank2<64, 256> => Rank2<64, 96>,
        builder::FlattenLinear<16, 4, 4, 64>: Rank4<32, 16, 4, 4> => Rank2<32, 64>,
    );
}

/// A layer without parameters.
fn plain<S: Shape, O: Shape, D: Backend<f32>>(
    dev: &D,
    shape: S,
    layer: impl Module<On<S, D>, Output = On<O, D>>,
) -> Found {
    let x = some(dev, "x", shape);
    let mut found = Found::new();
    let grads = backward(layer.forward(x.clone().leaky_traced()), &mut found);
    found.push(("gradient of x".to_owned(), wide(grads.get(&x).as_vec())));
    found
}

#[test]
fn layers_without_parameters() {
    let cuda = Cuda::default();
    macro_rules! plains {
        ($($layer:expr, $shape:ty => $out:ty);+ $(;)?) => {
            $(agree(
                stringify!($layer),
                plain::<$shape, $out, _>(&Cpu::default(), Default::default(), $layer),
                plain::<$shape, $out, _>(&cuda, Default::default(), $layer),
            );)+
        };
    }
    plains!(
        MaxPool2d::<3, 2>, Rank4<4, 3, 9, 9> => Rank4<4, 3, 4, 4>;
        MaxPool2d::<2, 2>, Rank4<4, 3, 8, 6> => Rank4<4, 3, 4, 3>;
        AvgPool2d::<3, 2, 1>, Rank4<4, 3, 8, 8> => Rank4<4, 3, 4, 4>;
        AvgPoolGlobal, Rank4<4, 3, 5, 4> => Rank2<4, 3>;
        MaxPoolGlobal, Rank4<4, 3, 5, 4> => Rank2<4, 3>;
        Flatten::<60>, Rank4<4, 3, 4, 5> => Rank2<4, 60>;
        LocationRows, Rank4<4, 3, 4, 5> => Rank4<4, 4, 5, 3>;
    );
}

const PAIRINGS: [Pairing; 2] = [Pairing::Rolled(1), Pairing::All];

type Map = Rank4<16, 32, 4, 4>;
type Global = Rank2<16, 24>;

fn critic<B, D>(dev: &D) -> Found
where
    D: Backend<f32>,
    B: BuildOnDevice<D, f32>,
    B::Built: TensorCollection<f32, D> + Critic<Map, Global, f32, D>,
{
    let critic = made::<B, D>(dev);
    let (map, global) = (some(dev, "map", Map::default()), some(dev, "global", Global::default()));
    let mut found = Found::new();
    for pairing in PAIRINGS {
        let grads = backward(critic.try_scores(map.clone().leaky_traced(), &global, pairing).unwrap(), &mut found);
        found.push(("gradient of the map".to_owned(), wide(grads.get(&map).as_vec())));
        found.push(("gradient of the global vectors".to_owned(), wide(grads.get(&global).as_vec())));
        gradients(&critic, &grads, &mut found);
    }
    found
}

fn vector_critic<B, D>(dev: &D) -> Found
where
    D: Backend<f32>,
    B: BuildOnDevice<D, f32>,
    B::Built: TensorCollection<f32, D> + VectorCritic<Const<20>, Const<12>, f32, D>,
{
    let critic = made::<B, D>(dev);
    let (x, y) = (some(dev, "x", Rank2::<32, 20>::default()), some(dev, "y", Rank2::<32, 12>::default()));
    let mut found = Found::new();
    for pairing in PAIRINGS {
        let grads = backward(critic.try_scores(x.clone().leaky_traced(), y.clone(), pairing).unwrap(), &mut found);
        found.push(("gradient of x".to_owned(), wide(grads.get(&x).as_vec())));
        found.push(("gradient of y".to_owned(), wide(grads.get(&y).as_vec())));
        gradients(&critic, &grads, &mut found);
    }
    found
}

#[test]
fn critics() {
    let cuda = Cuda::default();
    macro_rules! both {
        ($kind:ident: $($critic:ty),+ $(,)?) => {
            $(agree(stringify!($critic), $kind::<$critic, _>(&Cpu::default()), $kind::<$critic, _>(&cuda));)+
        };
    }
    both!(
        critic: builder::ConcatCritic<32, 24, 64>,
        builder::DotCritic<32, 24, 48>,
        builder::ResidualDotCritic<32, 24, 48>,
        builder::GlobalCritic<32, 4, 4, 24, 64>,
    );
    both!(
        vector_critic: builder::SeparableCritic<20, 12, 64, 1, 32>,
        builder::JointCritic<20, 12, 64>,
        builder::BilinearCritic<20, 12>,
    );
}

fn bound<D: Backend<f32>>(dev: &D, kind: BoundKind, pairing: Pairing) -> Found {
    let scores: Scores<f32, D> = some(dev, "scores", (16, 6, pairing.columns(16)));
    let value = objective(kind, scores.clone().leaky_traced(), pairing).unwrap();
    let mut found = vec![("value and nats".to_owned(), vec![f64::from(value.value.as_vec()[0]), value.nats])];
    let grads = value.value.backward();
    found.push(("gradient of the scores".to_owned(), wide(grads.get(&scores).as_vec())));
    found
}

#[test]
fn bounds() {
    let cuda = Cuda::default();
    for kind in [
        BoundKind::Jsd,
        BoundKind::InfoNce,
        BoundKind::InfoNceRows,
        BoundKind::InfoNceSymmetric,
        BoundKind::IAlpha { alpha: 0.5, log_baseline: 1.0 },
        BoundKind::FlatNce,
        BoundKind::Dv,
        BoundKind::Nwj,
        BoundKind::JsNwj,
        BoundKind::Smile { tau: 5.0 },
        BoundKind::FDimeGan,
        BoundKind::FDimeKl,
    ] {
        for pairing in PAIRINGS {
            let name = format!("{kind:?} {pairing:?}");
            agree(&name, bound(&Cpu::default(), kind, pairing), bound(&cuda, kind, pairing));
        }
    }
}

fn encoder<B, D, const C: usize, const S: usize>(dev: &D) -> Found
where
    D: Backend<f32>,
    B: BuildOnDevice<D, f32>,
    B::Built: Encoder<f32, D, Image<Const<8>> = Rank4<8, C, S, S>>,
{
    let mut encoder = made::<B, D>(dev);
    let images = some(dev, "images", Rank4::<8, C, S, S>::default());
    let mut found = Found::new();
    let features = encoder.try_encode_train::<Const<8>>(images.leaky_traced()).unwrap();
    found.push(("map".to_owned(), wide(features.map.as_vec())));
    let grads = backward(features.global.put_tape(features.tape), &mut found);
    gradients(&encoder, &grads, &mut found);
    found
}

#[test]
fn encoders() {
    let cuda = Cuda::default();
    macro_rules! both {
        ($($encoder:ty, $channels:literal, $side:literal);+ $(;)?) => {
            $(agree(
                stringify!($encoder),
                encoder::<$encoder, _, $channels, $side>(&Cpu::default()),
                encoder::<$encoder, _, $channels, $side>(&cuda),
            );)+
        };
    }
    both!(
        builder::Dcgan28<1, 16, 32, 64, 16>, 1, 28;
        builder::Dcgan32<3, 16, 32, 64, 128, 16>, 3, 32;
        builder::Dcgan64<3, 8, 16, 32, 64, 128, 16>, 3, 64;
        builder::Alexnet64<3, 16, 32, 32, 32, 32, 64, 16>, 3, 64;
        builder::Resnet19<3, 16, 8, 32, 8, 32, 8, 32, 64, 16>, 3, 32;
        builder::FoldResnet19<3, 16, 8, 32, 8, 32, 8, 32, 64, 16>, 3, 32;
    );
}

fn adam<D: Backend<f32>>(dev: &D) -> Found {
    let mut p = some(dev, "p", (96,));
    let mut moments = [dev.zeros_like(&(96,)), dev.zeros_like(&(96,))];
    let mut mean = some(dev, "mean", (96,));
    for t in 1..=3 {
        let weights = some(dev, &format!("g{t}"), (96,));
        let mut grads = (p.clone().leaky_traced() * weights).sum::<Rank0, _>().backward();
        let step = AdamStep { lr: 1e-2, betas: [0.5, 0.999], epsilon: 1e-8, l2: 0.1, decoupled: 0.2, t };
        D::adam(&mut p, &mut moments, &mut grads, step).unwrap();
        D::average(&mut mean, &p, 0.9).unwrap();
    }
    vec![("parameters".to_owned(), wide(p.as_vec())), ("their mean".to_owned(), wide(mean.as_vec()))]
}

#[test]
fn steps() {
    agree("Adam", adam(&Cpu::default()), adam(&Cuda::default()));
}

/// Deep InfoMax with all its terms: the same initial weights, nearly the same steps, and checkpoints that go either way.
#[test]
fn models() {
    let weights = Weights { alpha: 0.5, ..Weights::default() };
    let coordinates = CoordinateWeights { absolute: 0.1, relative: 0.1 };
    let usual = ModelConfig { weights, coordinates, average: 0.9, ..ModelConfig::new(EncoderKind::Dcgan28) };
    let [mut cpu, mut cuda] =
        [DeviceKind::Cpu, DeviceKind::Cuda].map(|device| build(&ModelConfig { device, ..usual }, 5).unwrap());
    assert!(cpu.arrays() == cuda.arrays());
    let input = |step: u64| {
        let f32s = |name: &str, n| numbers(name, n).into_iter().map(|v| v as f32).collect::<Vec<f32>>();
        let noise = f32s("noise", 16 * 64).into_iter().map(f32::abs).collect();
        StepInput {
            batch: 16,
            pixels: f32s(&format!("images {step}"), 16 * 784),
            noise,
            seed: step,
            ..Default::default()
        }
    };
    for step in 0..3 {
        let reports = [cpu.step(input(step)).unwrap(), cuda.step(input(step)).unwrap()];
        let terms = reports.map(|mut report| report.terms().into_iter().map(|(_, v)| *v).collect::<Vec<f64>>());
        assert!(relative_error(&terms[0], &terms[1]) < TOLERANCE, "step {step}: {terms:?}");
    }
    let pixels = input(9).pixels;
    let features = [cpu.features(16, pixels.clone()).unwrap(), cuda.features(16, pixels.clone()).unwrap()];
    for (cpu, cuda) in features[0].iter().zip(&features[1]) {
        assert!(relative_error(&wide(cpu.clone()), &wide(cuda.clone())) < TOLERANCE);
    }
    let arrays = cuda.arrays();
    cpu.restore(&arrays, 3).unwrap();
    assert!(cpu.arrays() == arrays);
    cuda.restore(&arrays, 3).unwrap();
    assert!(cuda.arrays() == arrays);
}
