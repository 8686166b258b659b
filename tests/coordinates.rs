//! Coordinates and occlusion: losses against differences and closed forms in f64, settings, training.

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use common::{Taped, check_input, check_parameters, tensor};
use dfdx::prelude::*;
use infomax::dim::{
    AbsoluteCoordinates, CoordinateLoss, CoordinateWeights, EncoderKind, Model, ModelConfig, Noise,
    RelativeCoordinates, StepInput, StepReport, build, occlude,
};
use infomax::nn::{AdamConfig, builder};
use infomax::seed::stream;

type Map = Rank4<4, 2, 3, 3>;
type Global = Rank2<4, 5>;

/// The loss with a batch that is known at compile time.
fn loss<M>(net: &M, map: Taped<Map>, global: &Tensor<Global, f64, Cpu>) -> Taped<Rank0>
where
    M: CoordinateLoss<(usize, Const<2>, Const<3>, Const<3>), (usize, Const<5>), f64, Cpu>,
{
    net.try_loss(map.realize(), &global.clone().realize(), 11).unwrap()
}

fn check<B>(name: &str)
where
    B: BuildOnDevice<Cpu, f64>,
    B::Built: TensorCollection<f64, Cpu, To<f64, Cpu> = B::Built>
        + CoordinateLoss<(usize, Const<2>, Const<3>, Const<3>), (usize, Const<5>), f64, Cpu>
        + Clone,
{
    let net = Cpu::seed_from_u64(3).build_module::<B, f64>();
    let (map, global): (Tensor<Map, f64, Cpu>, Tensor<Global, f64, Cpu>) = (tensor("map"), tensor("global"));
    check_input(name, &map, |m| loss(&net, m, &global));
    check_input(name, &global, |g| {
        let (g, tape) = g.split_tape();
        loss(&net, map.clone().put_tape(tape), &g)
    });
    check_parameters(name, &net, |net| loss(net, map.clone().leaky_traced(), &global));
}

#[test]
fn losses_have_the_gradients_of_differences() {
    check::<builder::AbsoluteCoordinates<2, 5, 16, 3>>("absolute");
    check::<builder::RelativeCoordinates<2, 5, 16, 5>>("relative");
}

/// A map whose first channel is a location's row and whose second is its column, in 3×3 locations.
fn places() -> Tensor<(usize, Const<2>, Const<3>, Const<3>), f64, Cpu> {
    let one: Vec<f64> = (0..18).map(|i| if i < 9 { i / 3 } else { i % 3 } as f64).collect();
    Cpu::default().tensor_from_vec([one.clone(), one].concat(), (2, Const, Const, Const))
}

/// Logits `−9·(value − v)²/2 + …` that are a linear function of the value: `9·v·value − 9·v²/2`.
fn sharp(values: &[f64]) -> (Vec<f64>, Vec<f64>) {
    (values.iter().map(|v| 9.0 * v).collect(), values.iter().map(|v| -4.5 * v * v).collect())
}

#[test]
fn absolute_coordinates_are_rows_and_columns() {
    let mut net: AbsoluteCoordinates<2, 1, 2, 3, f64, Cpu> =
        Cpu::seed_from_u64(0).build_module::<builder::AbsoluteCoordinates<2, 1, 2, 3>, f64>();
    let global = Cpu::default().tensor_from_vec(vec![0.0, 0.0], (2, Const::<1>));
    // Without weights every logit is alike, which costs log 3 twice.
    for axis in [&mut net.axes.row, &mut net.axes.column] {
        axis.weight.copy_from(&[0.0; 6]);
        axis.bias.copy_from(&[0.0; 3]);
    }
    let guess = net.try_loss(places(), &global, 0).unwrap().as_vec()[0];
    assert!((guess - 2.0 * 3f64.ln()).abs() < 1e-12, "{guess}");
    // A network that reads row and column off the two channels.
    net.local.weight.copy_from(&[1.0, 0.0, 0.0, 1.0]);
    net.global.bias.copy_from(&[0.0; 2]);
    let (slopes, biases) = sharp(&[0.0, 1.0, 2.0]);
    net.axes.row.weight.copy_from(&slopes.iter().flat_map(|&s| [s, 0.0]).collect::<Vec<_>>());
    net.axes.column.weight.copy_from(&slopes.iter().flat_map(|&s| [0.0, s]).collect::<Vec<_>>());
    net.axes.row.bias.copy_from(&biases);
    net.axes.column.bias.copy_from(&biases);
    let known = net.try_loss(places(), &global, 0).unwrap().as_vec()[0];
    assert!(known < 0.05, "{known}");
}

#[test]
fn relative_coordinates_are_offsets_of_first_from_second() {
    let mut net: RelativeCoordinates<2, 1, 2, 5, f64, Cpu> =
        Cpu::seed_from_u64(0).build_module::<builder::RelativeCoordinates<2, 1, 2, 5>, f64>();
    let global = Cpu::default().tensor_from_vec(vec![0.0, 0.0], (2, Const::<1>));
    // Hidden units are offsets + 2, so that no ReLU cuts them.
    net.local.weight.copy_from(&[1.0, 0.0, 0.0, 1.0]);
    net.other.weight.copy_from(&[-1.0, 0.0, 0.0, -1.0]);
    net.global.bias.copy_from(&[2.0; 2]);
    let (slopes, biases) = sharp(&[0.0, 1.0, 2.0, 3.0, 4.0]);
    net.axes.row.weight.copy_from(&slopes.iter().flat_map(|&s| [s, 0.0]).collect::<Vec<_>>());
    net.axes.column.weight.copy_from(&slopes.iter().flat_map(|&s| [0.0, s]).collect::<Vec<_>>());
    net.axes.row.bias.copy_from(&biases);
    net.axes.column.bias.copy_from(&biases);
    for seed in 0..4 {
        let known = net.try_loss(places(), &global, seed).unwrap().as_vec()[0];
        assert!(known < 0.05, "{known}");
    }
    // The other way round it is wrong wherever the two differ.
    net.local.weight.copy_from(&[-1.0, 0.0, 0.0, -1.0]);
    net.other.weight.copy_from(&[1.0, 0.0, 0.0, 1.0]);
    assert!(net.try_loss(places(), &global, 0).unwrap().as_vec()[0] > 5.0);
}

fn config() -> ModelConfig {
    ModelConfig { adam: AdamConfig { lr: 5e-4, ..AdamConfig::default() }, ..ModelConfig::new(EncoderKind::Dcgan28) }
}

#[test]
fn settings_without_them_read_and_write_as_before() {
    let old = toml::to_string(&config()).unwrap();
    assert!(!old.contains("coordinates") && !old.contains("occlusion"), "{old}");
    assert_eq!(toml::from_str::<ModelConfig>(&old).unwrap(), config());
    let coordinates = CoordinateWeights { absolute: 0.0, relative: 2.0 };
    let with = ModelConfig { coordinates, occlusion: 9, ..config() };
    let text = toml::to_string(&with).unwrap();
    assert_eq!(toml::from_str::<ModelConfig>(&text).unwrap(), with, "{text}");
    let refused = |config: ModelConfig, words: &str| {
        let error = build(&config, 0).err().unwrap().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(ModelConfig { occlusion: 28, ..config() }, "occlusion is 28 pixels, and the images have 28 x 28");
    let coordinates = CoordinateWeights { absolute: -1.0, relative: 0.0 };
    refused(ModelConfig { coordinates, ..config() }, "coordinates.absolute is -1");
}

/// The reports of so many steps on the same images.
fn steps(model: &mut dyn Model, from: u64, count: u64) -> Vec<StepReport> {
    (from..from + count)
        .map(|step| {
            let pixels = Noise::Normal.draw(8, 784, &mut stream(2, "test", 0));
            let noise = model.noise().draw(8, model.global_size(), &mut stream(1, "test", step));
            model.step(StepInput { batch: 8, pixels, noise, seed: step, ..StepInput::default() }).unwrap()
        })
        .collect()
}

#[test]
fn coordinates_are_learned_and_taken_up_again() {
    let coordinates = CoordinateWeights { absolute: 1.0, relative: 1.0 };
    let config = ModelConfig { coordinates, occlusion: 10, ..config() };
    let mut model = build(&config, 5).unwrap();
    let reports = steps(&mut *model, 0, 30);
    let (first, last) = (reports[0], reports[29]);
    assert!((first.absolute_coordinates - 2.0 * 7f64.ln()).abs() < 0.3, "{first:?}");
    assert!((first.relative_coordinates - 2.0 * 13f64.ln()).abs() < 0.5, "{first:?}");
    assert!(last.absolute_coordinates < first.absolute_coordinates - 0.3, "{last:?}");
    assert!(last.relative_coordinates < first.relative_coordinates - 0.3, "{last:?}");
    let sum = 0.1 * first.prior - first.local + first.absolute_coordinates + first.relative_coordinates;
    assert!((first.loss - sum).abs() < 1e-4, "{first:?}");
    // Stopped after 10 of 30 steps.
    let mut stopped = build(&config, 5).unwrap();
    steps(&mut *stopped, 0, 10);
    let mut resumed = build(&config, 6).unwrap();
    resumed.restore(&stopped.arrays(), 10).unwrap();
    steps(&mut *resumed, 10, 20);
    assert!(resumed.arrays() == model.arrays());
    assert_eq!(
        model.parameters()[1]
            - build(&ModelConfig { coordinates: CoordinateWeights::default(), ..config }, 5).unwrap().parameters()[1],
        (128 + 65) * 512 + 2 * 513 * 7 + (2 * 128 + 65) * 512 + 2 * 513 * 13
    );
}

/// The encoder learns from what it does not see, and its running statistics are of whole images.
#[test]
fn a_hidden_block_is_hidden_from_the_global_path_alone() {
    let run = |occlusion| {
        let mut model = build(&ModelConfig { occlusion, ..config() }, 5).unwrap();
        let reports = steps(&mut *model, 0, 1);
        (reports[0], model.arrays())
    };
    let [(plain, whole), (occluded, hidden)] = [run(0), run(14)];
    assert_ne!(plain.local, occluded.local);
    let statistics = |name: &str| (&whole[name], &hidden[name]);
    for name in ["encoder.conv1.1.running_mean", "encoder.fc.1.running_var"] {
        let (a, b) = statistics(name);
        assert_eq!(a, b, "{name}");
    }
    assert_ne!(whole["encoder.y.weight"], hidden["encoder.y.weight"]);
    // Nothing is hidden by a block of no pixels.
    let mut pixels = vec![1f32; 2 * 784];
    occlude(&mut pixels, [1, 28, 28], 0, 3);
    assert!(pixels.iter().all(|&v| v == 1.0));
}
