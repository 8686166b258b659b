//! Prior matching: losses and gradient penalty against differences and closed forms in f64, its settings, and training.

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use common::{Taped, check_input, check_parameters, differences, numbers, relative_error, tensor};
use dfdx::prelude::*;
use infomax::dim::{
    EncoderKind, Model, ModelConfig, Prior, PriorConfig, PriorNet, StepInput, StepReport, Weights, build,
    discriminator_loss, encoder_loss, gradient_penalty,
};
use infomax::nn::{AdamConfig, builder};
use infomax::seed::stream;

const PRIORS: [Prior; 4] = [Prior::Uniform, Prior::Gaussian, Prior::Ball, Prior::Sphere];

type Vectors = Rank2<6, 3>;

fn net() -> PriorNet<3, Cpu, f64, 7, 5> {
    type Layers = (builder::Linear<3, 7, true>, builder::Linear<7, 5, true>, builder::Linear<5, 1>);
    Cpu::seed_from_u64(3).build_module::<Layers, f64>()
}

fn rows(values: &[f64]) -> Tensor<(usize, Const<3>), f64, Cpu> {
    Cpu::default().tensor_from_vec(values.to_vec(), (values.len() / 3, Const))
}

#[test]
fn losses_have_the_gradients_of_differences() {
    let net = net();
    let (v, y): (Tensor<Vectors, f64, Cpu>, Tensor<Vectors, f64, Cpu>) = (tensor("v"), tensor("y"));
    for prior in PRIORS {
        let name = format!("{prior:?}");
        let seen = |y: Taped<Vectors>| prior.try_map::<3, _, _, _>(y.realize()).unwrap();
        check_input(&name, &y, |y| seen(y).realize::<Vectors>());
        check_input(&name, &y, |y| encoder_loss(&net, seen(y)).unwrap());
    }
    check_parameters("encoder", &net, |net| encoder_loss(net, rows(&y.as_vec()).leaky_traced()).unwrap());
    check_parameters("discriminator", &net, |net| {
        discriminator_loss(net, rows(&v.as_vec()), rows(&y.as_vec())).unwrap()
    });
    check_parameters("penalty", &net, |net| gradient_penalty(net, rows(&v.as_vec()).leaky_traced()).unwrap());
    // With the loss, on one tape.
    check_parameters("both", &net, |net| {
        let (loss, tape) = discriminator_loss(net, rows(&v.as_vec()), rows(&y.as_vec())).unwrap().split_tape();
        gradient_penalty(net, rows(&v.as_vec()).put_tape(tape)).unwrap() * 3.0 + loss
    });
}

#[test]
fn the_penalty_is_the_squared_gradient_of_the_logit() {
    let (net, v) = (net(), numbers("v", 18));
    let expected: f64 = v
        .chunks_exact(3)
        .map(|v| differences(v, |v| net.forward(rows(v)).as_vec()[0]).iter().map(|g| g * g).sum::<f64>() / 6.0)
        .sum();
    let found = gradient_penalty(&net, rows(&v)).unwrap().as_vec()[0];
    assert!(expected > 1e-4 && (found - expected).abs() < 1e-8 * expected, "{found} is not {expected}");
    // The vectors themselves get no gradient from it.
    let v = rows(&v);
    let mut grads = gradient_penalty(&net, v.clone().leaky_traced()).unwrap().backward();
    assert!(grads.get_or_alloc_mut(&v).unwrap().iter().all(|&g| g == 0.0));
}

#[test]
fn priors_map_to_where_they_live() {
    let map = |prior: Prior, y: [f64; 3]| prior.try_map(rows(&y)).unwrap().as_vec();
    let close = |found: Vec<f64>, expected: [f64; 3]| assert!(relative_error(&found, &expected) < 1e-12, "{found:?}");
    close(map(Prior::Uniform, [0.0, 3f64.ln(), -(3f64.ln())]), [0.5, 0.75, 0.25]);
    close(map(Prior::Gaussian, [1.0, -2.0, 30.0]), [1.0, -2.0, 30.0]);
    close(map(Prior::Ball, [2.0, -2.0, 0.0]), [2.0 / 3.0, -2.0 / 3.0, 0.0]);
    close(map(Prior::Sphere, [3.0, 0.0, -4.0]), [0.6, 0.0, -0.8]);
    // At zero, where a sphere has no direction, value and gradient are finite.
    let y = rows(&[0.0; 3]);
    let grads = Prior::Sphere.try_map(y.clone().leaky_traced()).unwrap().sum().backward();
    assert!(grads.get(&y).as_vec().iter().all(|g| g.is_finite()));
}

fn config(prior: PriorConfig) -> ModelConfig {
    ModelConfig {
        weights: Weights { gamma: 1.0, ..Weights::default() },
        prior,
        adam: AdamConfig::default(),
        ..ModelConfig::new(EncoderKind::Dcgan28)
    }
}

#[test]
fn settings_without_a_prior_read_and_write_as_before() {
    let old = toml::to_string(&config(PriorConfig::default())).unwrap();
    assert!(!old.contains("prior"), "{old}");
    assert_eq!(toml::from_str::<ModelConfig>(&old).unwrap().prior, PriorConfig::default());
    for kind in PRIORS {
        let config = config(PriorConfig { kind, gradient_penalty: 0.5 });
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<ModelConfig>(&text).unwrap(), config, "{text}");
    }
    let part: ModelConfig = toml::from_str(&format!("{old}\n[prior]\nkind = \"sphere\"\n")).unwrap();
    assert_eq!(part.prior, PriorConfig { kind: Prior::Sphere, gradient_penalty: 0.0 });
    for gradient_penalty in [-1.0, f64::NAN, f64::INFINITY] {
        let refused = build(&config(PriorConfig { gradient_penalty, ..PriorConfig::default() }), 0).err().unwrap();
        assert!(refused.to_string().contains(&format!("gradient_penalty is {gradient_penalty}")), "{refused}");
    }
}

/// The reports of so many steps on the same images.
fn steps(model: &mut dyn Model, count: u64) -> Vec<StepReport> {
    (0..count)
        .map(|step| {
            let mut rng = stream(1, "test", step);
            let pixels = infomax::dim::Noise::Normal.draw(8, 784, &mut stream(2, "test", 0));
            let noise = model.noise().draw(8, model.global_size(), &mut rng);
            model.step(StepInput { batch: 8, pixels, noise, ..StepInput::default() }).unwrap()
        })
        .collect()
}

#[test]
fn each_prior_is_trained_with_and_without_the_penalty() {
    for kind in PRIORS {
        let train = |gradient_penalty| {
            let mut model = build(&config(PriorConfig { kind, gradient_penalty }), 5).unwrap();
            (steps(&mut *model, 4), model.arrays())
        };
        let [(plain, plain_arrays), (penalised, arrays)] = [train(0.0), train(10.0)];
        assert!(plain.iter().all(|r| r.gradient_penalty == 0.0 && r.prior > 0.0 && r.discriminator > 0.0));
        assert!(penalised.iter().all(|r| r.gradient_penalty > 0.0), "{kind:?}");
        // The first losses are the same; then the discriminators differ.
        assert_eq!((plain[0].loss, plain[0].discriminator), (penalised[0].loss, penalised[0].discriminator));
        assert_ne!(plain_arrays["prior.0.weight"], arrays["prior.0.weight"], "{kind:?}");
        // A strong penalty flattens the discriminator.
        let mut model = build(&config(PriorConfig { kind, gradient_penalty: 1000.0 }), 5).unwrap();
        let flattened = steps(&mut *model, 12);
        assert!(flattened[11].gradient_penalty < 0.5 * flattened[0].gradient_penalty, "{kind:?}: {flattened:?}");
    }
}
