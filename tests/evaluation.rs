//! Measures of a representation against scikit-learn, NumPy and pytorch-msssim (tests/reference/make_evaluation.py) and
//! closed forms.

use infomax::probe::*;
use infomax::seed::stream;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use serde_json::Value;

const CLASSES: usize = 4;
const DIM: usize = 12;

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/evaluation.json")).unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// The generator of the reference's inputs: uniform on [−1, 1).
fn uniforms(seed: u32, n: usize) -> Vec<f64> {
    let mut state = seed;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / 8_388_608.0 - 1.0
        })
        .collect()
}

/// The reference's features: noise around the centre of each class.
fn features(seed: u32, rows: usize) -> (Features, Vec<u32>) {
    let (noise, centres) = (uniforms(seed, rows * DIM), uniforms(99, CLASSES * DIM));
    let centre = |i: usize| centres[i / DIM % CLASSES * DIM + i % DIM];
    let values = noise.iter().enumerate().map(|(i, v)| (v + 0.3 * centre(i)) as f32).collect();
    (Features::try_new(rows, DIM, values).unwrap(), (0..rows).map(|i| (i % CLASSES) as u32).collect())
}

#[test]
fn the_svm_is_scikit_learns() {
    let ((x, y), (test, test_y)) = (features(1, 600), features(2, 1000));
    for case in reference()["svm"].as_array().unwrap() {
        let config = LinearConfig { c: case["c"].as_f64().unwrap(), tolerance: 1e-7, ..LinearConfig::svm() };
        let (probe, result) = linear_probe(&x, &y, &test, &test_y, CLASSES, &config).unwrap();
        assert!(probe.converged());
        for (found, expected) in [(probe.weights(), &case["weights"]), (probe.bias(), &case["bias"])] {
            for (f, e) in found.iter().zip(floats(expected)) {
                assert!((f64::from(*f) - e).abs() < 1e-4, "{config:?}: {f} is not {e}");
            }
        }
        let expected = case["accuracy"].as_f64().unwrap();
        assert!((result.test_accuracy - expected).abs() <= 0.003, "{} is not {expected}", result.test_accuracy);
        assert_eq!(result.probe, "svm");
        // As it is used, it stops earlier: within 0.3 points.
        let config = LinearConfig { c: config.c, ..LinearConfig::svm() };
        let found = linear_probe(&x, &y, &test, &test_y, CLASSES, &config).unwrap().1.test_accuracy;
        assert!((found - expected).abs() <= 0.003, "{found} is not {expected}");
    }
}

#[test]
fn neighbours_vote_as_in_numpy() {
    let ((x, y), (test, test_y)) = (features(1, 600), features(2, 1000));
    for case in reference()["knn"].as_array().unwrap() {
        let k = case["k"].as_u64().unwrap() as usize;
        let config = KnnConfig { k, temperature: case["temperature"].as_f64().unwrap() };
        let found = knn_probe(&x, &y, &test, &test_y, CLASSES, &config).unwrap().test_accuracy;
        let expected = case["accuracy"].as_f64().unwrap();
        // Single precision may turn over a tie.
        assert!((found - expected).abs() <= 0.0021, "{config:?}: {found} is not {expected}");
    }
    // The nearest neighbour of a training row is the row itself, however long it is.
    let longer = Features::try_new(600, DIM, x.values.iter().map(|v| 3.0 * v).collect()).unwrap();
    let one = KnnConfig { k: 1, temperature: 0.1 };
    assert_eq!(knn_predict(&x, &y, &longer, CLASSES, &one).unwrap(), y);
    // A temperature near zero leaves the nearest alone to vote; a high one counts heads.
    let sharp = KnnConfig { k: 50, temperature: 1e-6 };
    assert_eq!(knn_predict(&x, &y, &longer, CLASSES, &sharp).unwrap(), y);
    let zero = Features::try_new(1, DIM, vec![0.0; DIM]).unwrap();
    assert_eq!(knn_predict(&x, &y, &zero, CLASSES, &KnnConfig { k: 600, temperature: 0.1 }).unwrap(), [0]);
    for (config, words) in [
        (KnnConfig { k: 601, temperature: 0.1 }, "k = 601"),
        (KnnConfig { k: 0, temperature: 0.1 }, "k = 0"),
        (KnnConfig { k: 1, temperature: 0.0 }, "temperature = 0"),
        (KnnConfig { k: 1, temperature: f64::NAN }, "temperature = NaN"),
    ] {
        let error = knn_probe(&x, &y, &test, &test_y, CLASSES, &config).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn rank_me_is_numpys() {
    let x = features(3, 300).0;
    let scaled: Vec<f32> =
        x.values.iter().enumerate().map(|(i, &v)| (f64::from(v) * 0.5f64.powi((i % DIM) as i32)) as f32).collect();
    let few = Features::try_new(5, DIM, scaled[..5 * DIM].to_vec()).unwrap();
    let scaled = Features::try_new(300, DIM, scaled).unwrap();
    for (z, expected) in [x, scaled, few].iter().zip(floats(&reference()["rank_me"])) {
        let found = rank_me(z).unwrap();
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }
    // One direction; a wide matrix of zeros has none.
    let line = Features::try_new(40, 3, (0..120).map(|i| (i / 3) as f32 * [1.0, -2.0, 0.5][i % 3]).collect()).unwrap();
    assert!((rank_me(&line).unwrap() - 1.0).abs() < 1e-4);
    assert!(rank_me(&Features::try_new(2, 5, vec![0.0; 10]).unwrap()).unwrap() < 1.001);
}

/// Rows of two correlated units and two free ones.
fn correlated(seed: u64, rows: usize, rho: f64) -> Features {
    let mut rng = stream(seed, "test", 0);
    let mut values = Vec::new();
    for _ in 0..rows {
        let [a, b, c, d]: [f64; 4] = std::array::from_fn(|_| StandardNormal.sample(&mut rng));
        values.extend([a, rho * a + (1.0 - rho * rho).sqrt() * b, c, d].map(|v| v as f32));
    }
    Features::try_new(rows, 4, values).unwrap()
}

#[test]
fn ndm_is_the_divergence_from_independence() {
    let config = NdmConfig { steps: 300, batch: 256, lr: 1e-3, seed: 1 };
    let measure = |rho| ndm::<4>(&correlated(1, 4000, rho), &correlated(2, 4000, rho), &config).unwrap();
    // −½·log(1 − ρ²) of a correlated pair of normal units: 0.83 nats at 0.9.
    let expected = -0.5 * (1.0f64 - 0.81).ln();
    let found = measure(0.9);
    assert!((found - expected).abs() < 0.15, "{found} is not {expected}");
    let none = measure(0.0);
    assert!(none.abs() < 0.05, "{none}");
    assert_eq!(measure(0.9), found);
    let x = correlated(1, 10, 0.0);
    assert!(ndm::<5>(&x, &x, &config).unwrap_err().to_string().contains("4 columns where 5"));
    let wrong = NdmConfig { steps: 1, ..config };
    assert!(ndm::<4>(&x, &x, &wrong).unwrap_err().to_string().contains("steps = 1"));
}

/// The reference's images: waves with noise, and the same with other noise mixed in.
fn images([n, c, h, w]: [usize; 4], mix: f64) -> [Vec<f32>; 2] {
    let count = n * c * h * w;
    let (noise, other) = (uniforms(5, count), uniforms(6, count));
    let wave = |i: usize| 0.5 * ((i % w) as f64 / 9.0).sin() * ((i / w % h) as f64 / 7.0).cos();
    let x: Vec<f32> = (0..count).map(|i| (wave(i) + 0.5 * noise[i]) as f32).collect();
    let y = x.iter().zip(other).map(|(&x, v)| ((1.0 - mix) * f64::from(x) + mix * v) as f32).collect();
    [x, y]
}

#[test]
fn ms_ssim_is_pytorch_msssims() {
    for case in reference()["ms_ssim"].as_array().unwrap() {
        let shape: [usize; 4] = serde_json::from_value(case["shape"].clone()).unwrap();
        let [x, y] = images(shape, case["mix"].as_f64().unwrap());
        let window = case["window"].as_u64().unwrap() as usize;
        let config = MsSsimConfig { window, weights: floats(&case["weights"]), ..MsSsimConfig::default() };
        let [_, c, h, w] = shape;
        let (found, expected) = (ms_ssim(&x, &y, [c, h, w], &config).unwrap(), case["value"].as_f64().unwrap());
        assert!((found - expected).abs() < 1e-6, "{shape:?}: {found} is not {expected}");
        assert!((ms_ssim(&x, &x, [c, h, w], &config).unwrap() - 1.0).abs() < 1e-12);
    }
}

#[test]
fn ms_ssim_fits_its_scales_to_small_images() {
    let scales = |side| {
        let config = MsSsimConfig::for_side(side);
        assert!((config.weights.iter().sum::<f64>() - 1.0).abs() < 1e-3);
        let pixels: Vec<f32> = (0..side * side).map(|i| (i % 7) as f32 / 7.0).collect();
        let same = ms_ssim(&pixels, &pixels, [1, side, side], &config);
        assert!((same.unwrap() - 1.0).abs() < 1e-12, "{side}");
        (config.window, config.weights.len())
    };
    assert_eq!(
        [176, 161, 160, 64, 32, 28, 20].map(scales),
        [(11, 5), (11, 5), (11, 4), (11, 3), (11, 2), (11, 2), (7, 2)]
    );
    let mut rng = stream(3, "test", 0);
    let noise: Vec<f32> = (0..4 * 32 * 32).map(|_| rng.gen_range(-1.0..1.0)).collect();
    let (a, b) = noise.split_at(2 * 32 * 32);
    let config = MsSsimConfig::for_side(32);
    assert!(ms_ssim(a, b, [2, 32, 32], &config).unwrap() < 0.2);
    for (config, words) in [
        (MsSsimConfig::default(), "scales = 5 with a window of 11 on 32 x 32 pixels"),
        (MsSsimConfig { window: 4, ..config.clone() }, "window = 4"),
        (MsSsimConfig { weights: vec![], ..config.clone() }, "weights = []"),
        (MsSsimConfig { range: 0.0, ..config.clone() }, "range = 0"),
    ] {
        let error = ms_ssim(a, b, [2, 32, 32], &config).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert!(matches!(ms_ssim(a, &b[1..], [2, 32, 32], &config), Err(ProbeError::Size { .. })));
}
