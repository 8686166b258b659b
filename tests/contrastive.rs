//! SimCLR, rotation prediction and contrastive multiview coding: losses against differences, PyTorch
//! (tests/reference/make_contrast.py) and closed forms, in f64; models and settings.

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use common::{check_input, relative_error, tensor};
use dfdx::prelude::*;
use infomax::baseline::{lab, nt_xent, rotate, two_view_loss};
use infomax::dim::{DimError, EncoderKind, Method, ModelConfig, StepInput, build};
use infomax::seed::stream;
use rand::Rng;
use serde_json::Value;

const P: usize = 5;

type Vectors = Tensor<(usize, Const<P>), f64, Cpu>;

fn vectors(values: Vec<f64>) -> Vectors {
    let rows = values.len() / P;
    Cpu::default().tensor_from_vec(values, (rows, Const))
}

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/contrast.json")).unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Compares a loss and its gradients with a case of the reference.
fn compare(case: &Value, f: impl Fn(&[Vectors], f64) -> Tensor<Rank0, f64, Cpu, OwnedTape<f64, Cpu>>) {
    let inputs: Vec<Vectors> = case["inputs"].as_array().unwrap().iter().map(|v| vectors(floats(v))).collect();
    let loss = f(&inputs, case["temperature"].as_f64().unwrap());
    let (found, expected) = (loss.as_vec()[0], case["loss"].as_f64().unwrap());
    assert!((found - expected).abs() < 1e-10 * expected, "{found} is not {expected}");
    let grads = loss.backward();
    for (input, expected) in inputs.iter().zip(case["gradients"].as_array().unwrap()) {
        let off = relative_error(&grads.get(input).as_vec(), &floats(expected));
        assert!(off < 1e-9, "a gradient is off by {off:e}");
    }
}

fn of_two(inputs: &[Vectors], temperature: f64) -> Tensor<Rank0, f64, Cpu, OwnedTape<f64, Cpu>> {
    let (b, tape) = inputs[1].clone().leaky_traced().split_tape();
    two_view_loss(inputs[0].clone().put_tape(tape), b, temperature).unwrap()
}

#[test]
fn losses_are_torchs() {
    let reference = reference();
    let cases = reference["nt_xent"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    cases.iter().for_each(|c| compare(c, |z, t| nt_xent(z[0].clone().leaky_traced(), t).unwrap()));
    let cases = reference["two_views"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    cases.iter().for_each(|c| compare(c, of_two));
}

#[test]
fn colours_are_those_of_the_definition() {
    let reference = reference();
    let (rgb, expected) = (floats(&reference["colours"]), floats(&reference["lab"]));
    assert_eq!(rgb.len(), 26 * 3);
    for (rgb, expected) in rgb.chunks_exact(3).zip(expected.chunks_exact(3)) {
        for (found, expected) in lab([rgb[0], rgb[1], rgb[2]]).iter().zip(expected) {
            // Published matrices have seven digits.
            assert!((found - expected).abs() < 2e-3, "{rgb:?}: {found} is not {expected}");
        }
    }
    assert!(lab([0.5; 3])[1..].iter().all(|v| v.abs() < 1e-3), "grey has no colour");
}

#[test]
fn losses_have_the_gradients_of_differences() {
    type S = Rank2<8, P>;
    let (a, b): (Tensor<S, f64, Cpu>, Tensor<S, f64, Cpu>) = (tensor("one"), tensor("other"));
    for temperature in [0.1, 0.5, 2.0] {
        check_input("NT-Xent", &a, |a| nt_xent::<P, _, _, _>(a.realize(), temperature).unwrap());
        check_input("two views, one", &a, |a| {
            two_view_loss::<P, _, _, _>(a.realize(), vectors(b.as_vec()), temperature).unwrap()
        });
        check_input("two views, other", &b, |b| {
            let (b, tape) = b.realize::<(usize, Const<P>)>().split_tape();
            two_view_loss(vectors(a.as_vec()).put_tape(tape), b, temperature).unwrap()
        });
    }
}

#[test]
fn losses_have_their_closed_forms() {
    let close = |found: Tensor<Rank0, f64, Cpu>, expected: f64| {
        let found = found.as_vec()[0];
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    };
    // Vectors that are all alike: a guess among 2N − 1, and among N.
    let alike = || vectors([1.0, 2.0, 3.0, 4.0, 5.0].repeat(6));
    close(nt_xent(alike(), 0.5).unwrap(), 5f64.ln());
    close(two_view_loss(alike(), alike(), 0.1).unwrap(), 6f64.ln());
    // Two images whose views are axes: cosine 1 with the other view, 0 with the other image's. Lengths do not matter.
    let axes = vectors((0..4 * P).map(|i| if i % P == i / P % 2 { 1.0 + i as f64 } else { 0.0 }).collect());
    close(nt_xent(axes, 0.5).unwrap(), (2.0 * (-2f64).exp()).ln_1p());
    // An image alone has nothing to be told from.
    close(nt_xent(vectors(vec![1.0; 2 * P]), 0.5).unwrap(), 0.0);
    // Cosines of ±1 at a temperature where e to their power overflows.
    let far = vectors((0..4 * P).map(|i| if (i / P).is_multiple_of(2) { 1.0 } else { -1.0 }).collect());
    close(nt_xent(far, 1e-3).unwrap(), 0.0);
}

#[test]
fn quarters_add_up() {
    let side = 5;
    let mut rng = stream(1, "turned", 0);
    let image: Vec<f32> = (0..2 * side * side).map(|_| rng.r#gen()).collect();
    let turned = |turns: u32| {
        let mut image = image.clone();
        rotate(&mut image, side, turns);
        image
    };
    assert_eq!(turned(0), image);
    assert_eq!(turned(4), image);
    for turns in 1..4 {
        let mut quarter = turned(turns - 1);
        rotate(&mut quarter, side, 1);
        assert_eq!(quarter, turned(turns));
        assert_ne!(quarter, image);
    }
    // Half a turn reverses each plane.
    let half: Vec<f32> = image.chunks_exact(side * side).flat_map(|plane| plane.iter().rev().copied()).collect();
    assert_eq!(turned(2), half);
    // A quarter takes the top right corner to the top left.
    assert_eq!(turned(1)[0], image[side - 1]);
}

const NEW: [Method; 3] = [Method::Simclr { temperature: 0.5 }, Method::Rotation, Method::Cmc { temperature: 0.1 }];

fn config(method: Method, encoder: EncoderKind) -> ModelConfig {
    ModelConfig { method, ..ModelConfig::new(encoder) }
}

fn input(batch: usize, images: usize, image: usize) -> StepInput {
    let mut rng = stream(5, "pixels", 0);
    let pixels = (0..images * image).map(|_| rng.gen_range(-1.0..1.0)).collect();
    StepInput { batch, pixels, ..StepInput::default() }
}

#[test]
fn models_have_their_sizes_and_learn_from_a_batch() {
    let half = 16 * (32 + 32 * 64 + 64 * 128) + 2 * (32 + 64 + 128) + 2048 * 512 + 2 * 512 + 513 * 32;
    let whole = 16 * (3 * 64 + 64 * 128 + 128 * 256) + 2 * (64 + 128 + 256) + 4096 * 1024 + 2 * 1024 + 1025 * 64;
    for (method, expected) in
        [(NEW[0], [whole, 65 * 512 + 513 * 128]), (NEW[1], [whole, 65 * 4]), (NEW[2], [2 * half + 16 * 32, 0])]
    {
        let mut model = build(&config(method, EncoderKind::Dcgan32), 5).unwrap();
        assert_eq!(model.parameters(), expected, "{method:?}");
        assert_eq!((model.image(), model.global_size()), ([3, 32, 32], 64));
        let batch = || input(8, 8 * method.views(), 3 * 32 * 32);
        let first = model.step(batch()).unwrap().loss;
        let last = (0..5).map(|_| model.step(batch()).unwrap().loss).last().unwrap();
        assert!(last < first, "{method:?}: {first} to {last}");
        assert_eq!(model.steps(), 6);
        // Features have the sizes of every other method's, and each image has its own whatever stands beside it.
        let pixels = input(3, 3, 3 * 32 * 32).pixels;
        let features = model.features(3, pixels.clone()).unwrap();
        assert_eq!(features.each_ref().map(Vec::len), [3 * 4096, 3 * 1024, 3 * 64], "{method:?}");
        let alone = model.features(1, pixels[3 * 1024..2 * 3 * 1024].to_vec()).unwrap();
        for (all, alone) in features.iter().zip(&alone) {
            let size = alone.len();
            let off = all[size..2 * size].iter().zip(alone).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
            assert!(off < 1e-4, "{method:?}: {off}");
        }
        // The encoder alone can be put back, for probing.
        let mut fresh = build(&config(method, EncoderKind::Dcgan32), 6).unwrap();
        assert_ne!(fresh.features(3, pixels.clone()).unwrap(), features);
        fresh.restore_encoder(&model.arrays()).unwrap();
        assert_eq!(fresh.features(3, pixels).unwrap(), features, "{method:?}");
    }
}

#[test]
fn lightness_and_colour_are_looked_at_by_their_own_encoders() {
    let model = build(&config(NEW[2], EncoderKind::Dcgan32), 5).unwrap();
    let of = |rgb: [f32; 3]| {
        let pixels = rgb.iter().flat_map(|&v| vec![v; 32 * 32]).collect();
        model.features(1, pixels).unwrap()[2].clone()
    };
    let (dark, light) = (of([-0.5; 3]), of([0.5; 3]));
    assert_ne!(dark[..32], light[..32]);
    // Greys have no colour but for rounding.
    assert!(dark[32..].iter().zip(&light[32..]).all(|(a, b)| (a - b).abs() < 1e-3));
    assert!(of([0.8, -0.5, 0.1])[32..].iter().zip(&dark[32..]).any(|(a, b)| (a - b).abs() > 1e-2));
}

#[test]
fn what_cannot_work_is_refused() {
    let refused = |method, encoder, words: &str| match build(&config(method, encoder), 0) {
        Err(DimError::Config(text)) => assert!(text.contains(words), "{text}"),
        _ => panic!("{method:?} was not refused"),
    };
    for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(Method::Simclr { temperature }, EncoderKind::Dcgan28, "the temperature is");
        refused(Method::Cmc { temperature }, EncoderKind::Dcgan32, "the temperature is");
    }
    refused(NEW[2], EncoderKind::Dcgan28, "are grey; take colour images");
    let mut simclr = build(&config(NEW[0], EncoderKind::Dcgan28), 0).unwrap();
    let said = simclr.step(input(4, 4, 784)).unwrap_err().to_string();
    assert!(said.contains("two views of each, 6272 numbers"), "{said}");
    assert_eq!(simclr.steps(), 0);
}

#[test]
fn settings_are_read_and_written() {
    for method in NEW {
        let config = config(method, EncoderKind::Dcgan32);
        let text = toml::to_string(&config).unwrap();
        assert!(text.contains(method.name()), "{text}");
        assert_eq!(toml::from_str::<ModelConfig>(&text).unwrap(), config);
    }
    let read = |text: &str| toml::from_str::<std::collections::BTreeMap<String, Method>>(text).unwrap()["method"];
    assert_eq!(read("method = { simclr = {} }"), Method::simclr());
    assert_eq!(read("method = { cmc = { temperature = 0.2 } }"), Method::Cmc { temperature: 0.2 });
    assert_eq!(read("method = \"rotation\""), Method::Rotation);
    assert_eq!([NEW[0].views(), NEW[1].views(), NEW[2].views(), Method::Dim.views()], [2, 1, 1, 1]);
}

/// What has been learned is an average then, under the encoder's own names in a checkpoint, and training goes on beside it as
/// it would without.
#[test]
fn an_average_is_what_is_used_and_not_what_is_trained() {
    for method in [Method::Dim, NEW[0], NEW[2]] {
        let with = |average| ModelConfig { average, ..config(method, EncoderKind::Dcgan32) };
        let batch = || StepInput { noise: vec![0.5; 8 * 64], ..input(8, 8 * method.views(), 3 * 32 * 32) };
        let pixels = input(3, 3, 3 * 32 * 32).pixels;
        let [mut plain, mut averaged] = [0.0, 0.9].map(|average| build(&with(average), 5).unwrap());
        assert_eq!(plain.features(3, pixels.clone()).unwrap(), averaged.features(3, pixels.clone()).unwrap());
        for _ in 0..4 {
            let input = batch();
            assert_eq!(plain.step(input.clone()).unwrap(), averaged.step(input).unwrap(), "{method:?}");
        }
        let features = averaged.features(3, pixels.clone()).unwrap();
        assert_ne!(plain.features(3, pixels.clone()).unwrap(), features, "{method:?}");
        // Any model of the architecture reads it as an encoder.
        let saved = averaged.arrays();
        for average in [0.0, 0.9] {
            let mut fresh = build(&with(average), 6).unwrap();
            fresh.restore_encoder(&saved).unwrap();
            assert_eq!(fresh.features(3, pixels.clone()).unwrap(), features, "{method:?}");
        }
        // And a run goes on from it.
        let mut resumed = build(&with(0.9), 7).unwrap();
        resumed.restore(&saved, 4).unwrap();
        assert!(resumed.arrays() == saved);
        for model in [&mut averaged, &mut resumed] {
            model.step(batch()).unwrap();
        }
        assert!(resumed.arrays() == averaged.arrays(), "{method:?}");
    }
    let refused =
        |average| build(&ModelConfig { average, ..config(Method::Dim, EncoderKind::Dcgan32) }, 5).err().unwrap();
    for average in [1.0, -0.1, f64::NAN] {
        assert!(refused(average).to_string().contains("average"), "{average}");
    }
}
