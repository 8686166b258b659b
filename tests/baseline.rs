//! The baselines' losses against differences and closed forms, in f64, and their settings.

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use common::{Taped, check_input, check_parameters, numbers, tensor};
use dfdx::prelude::*;
use infomax::baseline::{
    Decoder28, Decoder32, JointNet28, JointNet32, Leaky, discriminator_loss, distance_loss, encoder_generator_loss,
    gaussian_kl, label_loss, reconstruction_loss, reparameterise,
};
use infomax::dim::{DimError, EncoderKind, Method, Model, ModelConfig, StepInput, StepReport, build};
use infomax::nn::AdamConfig;
use infomax::nn::checkpoint::Array;
use std::f64::consts::LN_2;

type Rows<const N: usize> = Tensor<(usize, Const<N>), f64, Cpu>;

/// Rows of given numbers.
fn rows<const N: usize>(values: &[f64]) -> Rows<N> {
    Cpu::default().tensor_from_vec(values.to_vec(), (values.len() / N, Const))
}

fn value(loss: Tensor<Rank0, f64, Cpu>) -> f64 {
    loss.as_vec()[0]
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "{found} is not {expected}");
}

/// Input and parameters of a network.
fn check_network<B, S, O>(name: &str)
where
    S: ConstShape,
    O: Shape,
    B: BuildOnDevice<Cpu, f64>,
    B::Built: TensorCollection<f64, Cpu, To<f64, Cpu> = B::Built> + ModuleMut<Taped<S>, Output = Taped<O>> + Clone,
{
    let module = Cpu::seed_from_u64(3).build_module::<B, f64>();
    let x: Tensor<S, f64, Cpu> = tensor(name);
    check_input(name, &x, |x| module.clone().forward_mut(x));
    check_parameters(name, &module, |m| m.forward_mut(x.clone().leaky_traced()));
}

#[test]
fn networks_have_the_gradients_of_differences() {
    check_network::<Decoder32<3, 2, 3, 2, 32, 5, 4>, Rank2<3, 4>, Rank4<3, 3, 32, 32>>("decoder of 32x32 images");
    check_network::<Decoder28<1, 2, 3, 147, 5, 4>, Rank2<3, 4>, Rank4<3, 1, 28, 28>>("decoder of 28x28 images");
    check_network::<JointNet32<1, 2, 2, 2, 5>, Rank4<2, 1, 32, 32>, Rank2<2, 5>>("discriminator of 32x32 images");
    check_network::<JointNet28<1, 2, 2, 5>, Rank4<2, 1, 28, 28>, Rank2<2, 5>>("discriminator of 28x28 images");
    let leaky = Leaky.forward(Cpu::default().tensor([-2.0f64, 0.0, 3.0])).array();
    assert_eq!(leaky, [-0.4, 0.0, 3.0]);
}

#[test]
fn losses_have_the_gradients_of_differences() {
    type S = Rank2<6, 5>;
    let (a, b): (Tensor<S, f64, Cpu>, Tensor<S, f64, Cpu>) = (tensor("a"), tensor("b"));
    let fixed = |t: &Tensor<S, f64, Cpu>| rows::<5>(&t.as_vec());
    check_input("reconstruction", &a, |a| reconstruction_loss(a, &b).unwrap());
    check_input("labels", &a, |a| label_loss::<5, _, _, _>(a.realize(), 5, &[0, 4, 2, 2, 1, 3]).unwrap());
    check_input("labels, spare room", &a, |a| label_loss::<5, _, _, _>(a.realize(), 3, &[0, 1, 2, 2, 1, 0]).unwrap());
    check_input("divergence, mean", &a, |a| gaussian_kl::<5, _, _, _>(a.realize(), &fixed(&b)).unwrap());
    check_input("divergence, variance", &b, |b| {
        let (b, tape) = b.realize::<(usize, Const<5>)>().split_tape();
        gaussian_kl(fixed(&a).put_tape(tape), &b).unwrap()
    });
    let noise = rows::<5>(&numbers("noise", 30));
    check_input("draw, mean", &a, |a| {
        reparameterise::<5, _, _, _>(a.realize(), &fixed(&b), noise.clone()).unwrap().realize::<S>()
    });
    check_input("draw, variance", &b, |b| {
        let (b, tape) = b.realize::<(usize, Const<5>)>().split_tape();
        reparameterise(fixed(&a).put_tape(tape), &b, noise.clone()).unwrap().realize::<S>()
    });
    check_input("distance", &a, |a| distance_loss::<5, _, _, _>(a.realize(), fixed(&b)).unwrap());
    type L = Rank2<6, 1>;
    let (real, fake): (Tensor<L, f64, Cpu>, Tensor<L, f64, Cpu>) = (tensor("real"), tensor("fake"));
    let (fixed_real, fixed_fake) = (rows::<1>(&real.as_vec()), rows::<1>(&fake.as_vec()));
    check_input("discriminator, fake", &fake, |f| discriminator_loss(fixed_real.clone(), f.realize()).unwrap());
    check_input("generator, fake", &fake, |f| encoder_generator_loss(fixed_real.clone(), f.realize()).unwrap());
    check_input("discriminator, real", &real, |r| {
        let (r, tape) = r.realize::<(usize, Const<1>)>().split_tape();
        discriminator_loss(r, fixed_fake.clone().put_tape(tape)).unwrap()
    });
    check_input("generator, real", &real, |r| {
        let (r, tape) = r.realize::<(usize, Const<1>)>().split_tape();
        encoder_generator_loss(r, fixed_fake.clone().put_tape(tape)).unwrap()
    });
}

#[test]
fn losses_have_their_closed_forms() {
    // KL(N(m, s²) ‖ N(0, 1)) = −log s + (s² + m²)/2 − 1/2, in two dimensions, mean over two rows.
    let (m, s) = ([0.0, 1.0, -2.0, 0.5], [1.0f64, 2.0, 0.3, 1.5]);
    let expected: f64 = m.iter().zip(s).map(|(m, s)| -s.ln() + (s * s + m * m) / 2.0 - 0.5).sum::<f64>() / 2.0;
    let v: Vec<f64> = s.iter().map(|s| 2.0 * s.ln()).collect();
    close(value(gaussian_kl(rows::<2>(&m), &rows(&v)).unwrap()), expected);
    close(value(gaussian_kl(rows::<3>(&[0.0; 6]), &rows(&[0.0; 6])).unwrap()), 0.0);
    // m + s·ε.
    let drawn = reparameterise(rows::<2>(&m), &rows(&v), rows(&[1.0, -1.0, 10.0, 0.0])).unwrap().as_vec();
    drawn.iter().zip([1.0, -1.0, 1.0, 0.5]).for_each(|(&d, e)| close(d, e));
    // A guess costs log 3; so does it with room for more classes, whatever their logits.
    close(value(label_loss(rows::<3>(&[7.0; 6]), 3, &[0, 2]).unwrap()), 3f64.ln());
    let spare = [7.0, 7.0, 7.0, 50.0, -1.0, -1.0, -1.0, 3.0];
    close(value(label_loss(rows::<4>(&spare), 3, &[1, 2]).unwrap()), 3f64.ln());
    let sure = label_loss(rows::<2>(&[0.0, 1000.0, 2.0, 0.0]), 2, &[1, 1]).unwrap();
    close(value(sure), 0.5 * (2.0 + (-2f64).exp().ln_1p()));
    // ½·(1 + 4 + 0 + 9)/2.
    let x = rows::<2>(&[1.0, 2.0, 3.0, 4.0]);
    close(value(reconstruction_loss(rows::<2>(&[2.0, 0.0, 3.0, 1.0]), &x).unwrap()), 3.5);
    // 1 − cos: the angles are 0, 90 and 180 degrees, lengths do not matter.
    let y = rows::<2>(&[5.0, 0.0, 0.0, 0.1, -3.0, 0.0]);
    let loss = value(distance_loss(y, rows(&[1.0, 0.0, 1.0, 0.0, 1.0, 0.0])).unwrap());
    assert!((loss - 1.0).abs() < 1e-9, "{loss}");
    // Softplus of the logits.
    let (r, f) = ([0.3, -2.0], [1.5, 0.0]);
    let softplus = |z: f64| z.exp().ln_1p();
    let mean = |a: [f64; 2], sign: f64| (softplus(sign * a[0]) + softplus(sign * a[1])) / 2.0;
    close(value(discriminator_loss(rows(&r), rows(&f)).unwrap()), mean(r, -1.0) + mean(f, 1.0));
    close(value(encoder_generator_loss(rows(&r), rows(&f)).unwrap()), mean(r, 1.0) + mean(f, -1.0));
    close(value(discriminator_loss(rows(&[0.0; 2]), rows(&[0.0; 2])).unwrap()), 2.0 * LN_2);
}

fn config(method: Method, encoder: EncoderKind) -> ModelConfig {
    ModelConfig { method, adam: AdamConfig::default(), ..ModelConfig::new(encoder) }
}

const ALL: [Method; 10] = [
    Method::Dim,
    Method::Supervised { classes: 10 },
    Method::Autoencoder,
    Method::Vae,
    Method::BetaVae { weight: 4.0 },
    Method::Nat,
    Method::Aae,
    Method::Bigan,
    Method::Simclr { temperature: 0.2 },
    Method::Rotation,
];

#[test]
fn encoders_are_the_same_and_networks_have_their_sizes() {
    let other = |method| build(&config(method, EncoderKind::Dcgan32), 5).unwrap();
    let encoder = |model: &dyn Model| -> Vec<Vec<f32>> {
        model.arrays().into_iter().filter(|(name, _)| name.starts_with("encoder.")).map(|(_, a)| a.values).collect()
    };
    let dim = encoder(&*other(Method::Dim));
    for method in ALL {
        let model = other(method);
        assert!(encoder(&*model) == dim, "{method:?}");
        assert_eq!((model.image(), model.global_size()), ([3, 32, 32], 64));
    }
    let decoder = 64 * 1024 + 2 * 1024 + 1024 * 4096 + 2 * 256 + 16 * (256 * 128 + 128 * 64 + 64 * 3) + 2 * (128 + 64);
    let prior = 65 * 1000 + 1001 * 200 + 201;
    let joint = 16 * (3 * 64 + 64 * 128 + 128 * 256) + 2 * (128 + 256) + 4096 * 1024 + 65 * 1024 + 1025 * 1024 + 1025;
    for (method, expected) in [
        (Method::Supervised { classes: 7 }, 650),
        (Method::Supervised { classes: 10 }, 650),
        (Method::Supervised { classes: 100 }, 6500),
        (Method::Supervised { classes: 200 }, 13_000),
        (Method::Autoencoder, decoder),
        (Method::Vae, decoder + 1025 * 64),
        (Method::Nat, 0),
        (Method::Aae, decoder + prior),
        (Method::Bigan, decoder + joint),
    ] {
        assert_eq!(other(method).parameters()[1], expected, "{method:?}");
    }
}

#[test]
fn settings_without_a_method_read_and_write_as_before() {
    let dim = toml::to_string(&config(Method::Dim, EncoderKind::Dcgan28)).unwrap();
    assert!(!dim.contains("method"), "{dim}");
    assert_eq!(toml::from_str::<ModelConfig>(&dim).unwrap().method, Method::Dim);
    for method in ALL {
        let config = config(method, EncoderKind::Dcgan28);
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<ModelConfig>(&text).unwrap(), config, "{text}");
        assert!(method.is_dim() || text.contains(method.name()), "{text}");
    }
    let short: ModelConfig = toml::from_str(&format!("method = \"ae\"\n{dim}")).unwrap();
    assert_eq!(short.method, Method::Autoencoder);
    // A report of Deep InfoMax is what it was before there were other terms.
    let old = r#"{"loss":0.0,"local":0.0,"global":0.0,"nats":0.0,"prior":0.0,"discriminator":0.0}"#;
    assert_eq!(serde_json::to_string(&StepReport::default()).unwrap(), old);
    assert_eq!(serde_json::from_str::<StepReport>(old).unwrap(), StepReport::default());
}

#[test]
fn what_cannot_work_is_refused() {
    let refused = |method, words: &str| match build(&config(method, EncoderKind::Dcgan28), 0) {
        Err(DimError::Config(text)) => assert!(text.contains(words), "{text}"),
        _ => panic!("{method:?} was not refused"),
    };
    refused(Method::Supervised { classes: 1 }, "with 1 classes");
    refused(Method::Supervised { classes: 1001 }, "with 1001 classes");
    refused(Method::BetaVae { weight: f64::NAN }, "is NaN");
    refused(Method::BetaVae { weight: -1.0 }, "is -1");
    let input = |labels: Vec<u32>, indices| StepInput {
        batch: 2,
        pixels: vec![0.5; 2 * 784],
        labels,
        indices,
        noise: vec![0.1; 2 * 64],
        seed: 0,
    };
    let mut supervised = build(&config(Method::Supervised { classes: 7 }, EncoderKind::Dcgan28), 0).unwrap();
    for labels in [vec![0, 7], vec![3], vec![0, u32::MAX]] {
        assert!(supervised.step(input(labels, vec![0, 1])).unwrap_err().to_string().contains("one of 0 to 6"));
    }
    let mut nat = build(&config(Method::Nat, EncoderKind::Dcgan28), 0).unwrap();
    for indices in [vec![0], vec![0, usize::MAX]] {
        assert!(nat.step(input(vec![0, 1], indices)).unwrap_err().to_string().contains("noise as targets wants"));
    }
    assert_eq!((supervised.steps(), nat.steps()), (0, 0));
    // Another method's checkpoint does not fit.
    let vae = build(&config(Method::Vae, EncoderKind::Dcgan28), 0).unwrap().arrays();
    assert!(supervised.restore(&vae, 1).unwrap_err().to_string().contains("no tensor `head."));
}

#[test]
fn a_damaged_assignment_of_targets_is_refused() {
    let mut nat = build(&config(Method::Nat, EncoderKind::Dcgan28), 0).unwrap();
    let mut arrays = nat.arrays();
    assert!(arrays["targets"].values.is_empty(), "no image has been seen");
    let mut restored = |values: Vec<f32>| {
        arrays.insert("targets".into(), Array { shape: vec![values.len()], values });
        nat.restore(&arrays, 0).map(|()| nat.arrays()["targets"].values.clone())
    };
    assert_eq!(restored(vec![2.0, 0.0, 1.0]).unwrap(), [2.0, 0.0, 1.0]);
    for values in [vec![0.0, 0.0], vec![1.0, 2.0], vec![0.5, 1.0], vec![f32::NAN, 1.0], vec![-1.0, 0.0]] {
        assert!(restored(values).unwrap_err().to_string().contains("no permutation"));
    }
}
