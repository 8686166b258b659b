//! Probes: gradients, optima, determinism, errors.

use infomax::probe::*;
use infomax::seed::stream;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

fn normals(seed: u64, len: usize) -> Vec<f64> {
    let mut rng = stream(seed, "test", 0);
    (0..len).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// Gaussian classes around random centres.
fn blobs(seed: u64, rows: usize, dim: usize, classes: usize, spread: f64) -> (Features, Vec<u32>) {
    let centres = normals(0, classes * dim);
    let noise = normals(seed + 1, rows * dim);
    let labels: Vec<u32> = (0..rows).map(|i| (i % classes) as u32).collect();
    let values = (0..rows * dim)
        .map(|i| (centres[labels[i / dim] as usize * dim + i % dim] + spread * noise[i]) as f32)
        .collect();
    (Features::try_new(rows, dim, values).unwrap(), labels)
}

fn xor(seed: u64, rows: usize) -> (Features, Vec<u32>) {
    let values: Vec<f32> = normals(seed, rows * 2).iter().map(|&v| v as f32).collect();
    let labels = values.chunks_exact(2).map(|p| u32::from((p[0] > 0.0) != (p[1] > 0.0))).collect();
    (Features::try_new(rows, 2, values).unwrap(), labels)
}

fn close(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs()).max(1e-3)
}

#[test]
fn linear_gradient_is_the_slope_of_the_loss() {
    let (n, dim, k, l2) = (37, 5, 4, 0.3);
    let x = normals(1, n * dim);
    let labels: Vec<u32> = (0..n).map(|i| (i * i % k) as u32).collect();
    let params = normals(2, k * (dim + 1));
    let (_, gradient) = softmax_loss(&x, &labels, k, &params, l2);
    let h = 1e-5;
    for i in 0..params.len() {
        let at = |d: f64| {
            let mut p = params.clone();
            p[i] += d;
            softmax_loss(&x, &labels, k, &p, l2).0
        };
        let slope = (at(h) - at(-h)) / (2.0 * h);
        assert!(close(slope, gradient[i], 1e-6), "parameter {i}: {slope} and {}", gradient[i]);
    }
}

#[test]
fn mlp_gradient_is_the_slope_of_the_loss() {
    // 300 features: two chunks of the first layer
    let (n, dim, hidden, k) = (9, 300, 6, 3);
    let x = normals(3, n * dim);
    let labels: Vec<u32> = (0..n).map(|i| (i % k) as u32).collect();
    let mut rng = stream(4, "test", 0);
    let mut net = MlpParams::<f64>::init(dim, hidden, k, &mut rng);
    for h in 0..hidden {
        net.gamma[h] = 0.5 + rng.r#gen::<f64>();
        net.beta[h] = rng.r#gen::<f64>() - 0.5;
    }
    let mask: Vec<f64> = (0..n * hidden).map(|_| if rng.gen_bool(0.2) { 0.0 } else { 1.25 }).collect();
    let (_, g) = net.loss_and_gradient(&x, &labels, &mask);
    type Field = (&'static str, fn(&mut MlpParams<f64>) -> &mut Vec<f64>);
    let fields: [Field; 6] = [
        ("w1", |p| &mut p.w1),
        ("b1", |p| &mut p.b1),
        ("gamma", |p| &mut p.gamma),
        ("beta", |p| &mut p.beta),
        ("w2", |p| &mut p.w2),
        ("b2", |p| &mut p.b2),
    ];
    let (h, mut gradient) = (1e-5, g.clone());
    for (name, field) in fields {
        let exact = field(&mut gradient).clone();
        assert!(exact.iter().any(|v| v.abs() > 1e-3), "{name} has a gradient");
        let stride = if name == "w1" { 7 } else { 1 };
        for i in (0..exact.len()).step_by(stride) {
            let at = |d: f64| {
                let mut p = net.clone();
                field(&mut p)[i] += d;
                p.loss_and_gradient(&x, &labels, &mask).0
            };
            let slope = (at(h) - at(-h)) / (2.0 * h);
            assert!(close(slope, exact[i], 1e-6), "{name}[{i}]: {slope} and {}", exact[i]);
        }
    }
}

/// Mean cross-entropy and penalty, written out anew.
fn plain_descent(x: &[f64], labels: &[u32], dim: usize, k: usize, l2: f64) -> (Vec<f64>, Vec<f64>) {
    let n = labels.len();
    let (mut w, mut b) = (vec![0.0; k * dim], vec![0.0; k]);
    for _ in 0..60_000 {
        let mut gw: Vec<f64> = w.iter().map(|v| l2 * v).collect();
        let mut gb = vec![0.0; k];
        for (row, &label) in x.chunks_exact(dim).zip(labels) {
            let s: Vec<f64> = (0..k).map(|c| b[c] + (0..dim).map(|j| w[c * dim + j] * row[j]).sum::<f64>()).collect();
            let mass: f64 = s.iter().map(|v| v.exp()).sum();
            for c in 0..k {
                let d = (s[c].exp() / mass - f64::from(u8::from(c == label as usize))) / n as f64;
                gb[c] += d;
                (0..dim).for_each(|j| gw[c * dim + j] += d * row[j]);
            }
        }
        w.iter_mut().zip(&gw).for_each(|(w, g)| *w -= 0.3 * g);
        b.iter_mut().zip(&gb).for_each(|(b, g)| *b -= 0.3 * g);
    }
    (w, b)
}

#[test]
fn lbfgs_reaches_the_optimum_of_plain_gradient_descent() {
    let (x, mut labels) = blobs(5, 30, 3, 3, 1.5);
    labels.swap(0, 4);
    let wide: Vec<f64> = x.values.iter().map(|&v| f64::from(v)).collect();
    let c = 0.5;
    let (w, b) = plain_descent(&wide, &labels, 3, 3, 1.0 / (c * 30.0));
    let config = LinearConfig { c, tolerance: 1e-6, ..LinearConfig::default() };
    let probe = LinearProbe::fit(&x, &labels, 3, &config).unwrap();
    assert!(probe.converged() && probe.iterations() < 40, "{} iterations", probe.iterations());
    for (got, want) in probe.weights().iter().zip(&w) {
        assert!((f64::from(*got) - want).abs() < 1e-4, "weight {got}, {want} expected");
    }
    // biases are free up to a common shift
    let shift = f64::from(probe.bias()[0]) - b[0];
    for (got, want) in probe.bias().iter().zip(&b) {
        assert!((f64::from(*got) - want - shift).abs() < 1e-3, "bias {got}, {want} expected");
    }
}

#[test]
fn mlp_learns_what_a_linear_probe_cannot() {
    let ((x, labels), (test, test_labels)) = (xor(6, 2000), xor(7, 1000));
    let (_, linear) = linear_probe(&x, &labels, &test, &test_labels, 2, &LinearConfig::default()).unwrap();
    let config = MlpConfig { hidden: 32, epochs: 40, dropout: 0.0, learning_rate: 1e-2, ..MlpConfig::default() };
    let (_, mlp) = mlp_probe(&x, &labels, &test, &test_labels, 2, &config).unwrap();
    assert!(linear.test_accuracy < 0.6, "linear {}", linear.test_accuracy);
    assert!(mlp.test_accuracy > 0.95, "mlp {}", mlp.test_accuracy);
    let json = serde_json::to_value(&mlp).unwrap();
    assert_eq!(json["probe"], "mlp");
    assert_eq!(json["iterations"], 40);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let work = || {
        let ((mut x, labels), (mut test, _)) = (blobs(8, 1501, 600, 7, 4.0), blobs(9, 300, 600, 7, 4.0));
        standardise(&mut x, &mut test).unwrap();
        let linear = LinearProbe::fit(&x, &labels, 7, &LinearConfig::default()).unwrap();
        let config = MlpConfig { epochs: 2, hidden: 33, ..MlpConfig::default() };
        let mlp = MlpProbe::fit(&x, &labels, 7, &config).unwrap();
        let near = nearest(&x, &[0, 1500], 5, Distance::Cosine).unwrap();
        (linear.scores(&test).unwrap(), mlp.scores(&test).unwrap(), linear, mlp, near)
    };
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    let one = pool(1).install(work);
    assert!(one == pool(2).install(work), "two threads differ from one");
    assert!(one == pool(3).install(work), "three threads differ from one");
}

#[test]
fn the_mlp_is_the_mean_of_its_last_steps() {
    let (x, labels) = blobs(17, 120, 600, 3, 2.0);
    // One batch an epoch, so that a fit of e epochs ends with the weights after step e.
    let after = |epochs, average| {
        MlpProbe::fit(&x, &labels, 3, &MlpConfig { epochs, average, ..MlpConfig::default() }).unwrap()
    };
    let steps: Vec<MlpProbe> = (4..=6).map(|e| after(e, 0.0)).collect();
    let mean = after(6, 0.5);
    let parts = |p: &MlpProbe| {
        let w = p.params();
        [&w.w1, &w.b1, &w.gamma, &w.beta, &w.w2, &w.b2].map(|v| v.iter().map(|&v| f64::from(v)).collect::<Vec<_>>())
    };
    let each: Vec<_> = steps.iter().map(parts).collect();
    for (part, got) in parts(&mean).iter().enumerate() {
        let mut moved = 0.0f64;
        for (i, got) in got.iter().enumerate() {
            let want = each.iter().map(|step| step[part][i]).sum::<f64>() / 3.0;
            assert!((got - want).abs() < 1e-6, "part {part}, {i}: {got}, {want} expected");
            moved = moved.max((want - each[2][part][i]).abs());
        }
        assert!(moved > 1e-4, "part {part}: the last step's weights would pass, too");
    }
    assert!(after(6, 0.1) == steps[2], "less than a step is the last step");
}

#[test]
fn seeds_move_the_mlp_and_nothing_else_does() {
    let (x, labels) = blobs(10, 200, 10, 3, 2.0);
    let fit = |seed| MlpProbe::fit(&x, &labels, 3, &MlpConfig { seed, epochs: 1, ..MlpConfig::default() }).unwrap();
    assert!(fit(1) == fit(1));
    assert!(fit(1) != fit(2));
}

#[test]
fn standardised_columns_have_mean_zero_and_unit_deviation() {
    let (mut x, _) = blobs(11, 101, 3, 2, 3.0);
    for row in x.values.chunks_exact_mut(3) {
        row[0] = row[0] * 10.0 + 500.0;
        row[2] = 0.1;
    }
    let mut test = Features::try_new(1, 3, vec![500.0, 0.0, 0.7]).unwrap();
    standardise(&mut x, &mut test).unwrap();
    for column in 0..2 {
        let v: Vec<f64> = (0..101).map(|r| f64::from(x.row(r)[column])).collect();
        let mean = v.iter().sum::<f64>() / 101.0;
        let std = (v.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / 100.0).sqrt();
        assert!(mean.abs() < 1e-5 && (std - 1.0).abs() < 1e-4, "column {column}: {mean} {std}");
    }
    assert_eq!((x.row(5)[2], test.row(0)[2]), (0.0, 0.0), "a constant column becomes zero");
}

#[test]
fn more_labels_help_and_subsets_are_nested_and_balanced() {
    let ((x, labels), (test, test_labels)) = (blobs(12, 1000, 20, 5, 3.0), blobs(13, 500, 20, 5, 3.0));
    let small = balanced_subset(&labels, 5, 3, 9).unwrap();
    let large = balanced_subset(&labels, 5, 10, 9).unwrap();
    assert!(small.iter().all(|r| large.contains(r)));
    for class in 0..5 {
        assert_eq!(large.iter().filter(|&&r| labels[r] == class).count(), 10);
    }
    assert_ne!(large, balanced_subset(&labels, 5, 10, 10).unwrap());
    let config = LinearConfig::default();
    let curve = few_label_curve(&x, &labels, &test, &test_labels, 5, &[1, 10, 200], &[0, 1, 2], &config).unwrap();
    assert_eq!(curve.iter().map(|p| p.labels).collect::<Vec<_>>(), [5, 50, 1000]);
    assert!(curve[0].mean < curve[1].mean && curve[1].mean < curve[2].mean, "{curve:?}");
    assert!(curve[0].std > 0.0 && curve[2].std == 0.0, "all seeds share the full set: {curve:?}");
    assert_eq!(balanced_subset(&labels, 5, 201, 0), Err(ProbeError::FewRows { class: 0, have: 200, want: 201 }));
}

#[test]
fn neighbours_are_exact() {
    let (x, _) = blobs(14, 60, 37, 3, 1.0);
    let found = nearest(&x, &[7], 4, Distance::L1).unwrap();
    let l1 = |r: usize| x.row(7).iter().zip(x.row(r)).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>();
    let mut all: Vec<usize> = (0..60).filter(|&r| r != 7).collect();
    all.sort_by(|&a, &b| l1(a).total_cmp(&l1(b)));
    assert_eq!(found[0].iter().map(|n| n.row).collect::<Vec<_>>(), all[..4]);
    assert!(found[0].iter().all(|n| (f64::from(n.distance) - l1(n.row)).abs() < 1e-4));
    let line = Features::try_new(4, 2, vec![1.0, 0.0, 5.0, 0.1, 0.0, 1.0, 0.0, 0.0]).unwrap();
    let cosine = nearest(&line, &[0], 3, Distance::Cosine).unwrap();
    assert_eq!(cosine[0].iter().map(|n| n.row).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(matches!(nearest(&x, &[60], 1, Distance::L1), Err(ProbeError::Query { row: 60, rows: 60 })));
    assert!(matches!(nearest(&x, &[0], 60, Distance::L1), Err(ProbeError::Setting { name: "k", .. })));
    assert_eq!(nearest(&x, &[0], 59, Distance::L1).unwrap()[0].len(), 59);
}

#[test]
fn wrong_input_is_named() {
    let nan = Features::try_new(2, 2, vec![0.0, 1.0, f32::NAN, 0.0]).unwrap_err();
    assert_eq!(nan, ProbeError::NonFinite { row: 1, column: 0, value: "NaN".into() });
    assert_eq!(Features::try_new(0, 2, vec![]).unwrap_err(), ProbeError::Empty { rows: 0, dim: 2 });
    assert_eq!(Features::try_new(2, 2, vec![0.0]).unwrap_err(), ProbeError::Size { rows: 2, dim: 2, len: 1 });
    let (x, labels) = blobs(15, 20, 4, 3, 1.0);
    let (linear, mlp) = (LinearConfig::default(), MlpConfig::default());
    let few = Err(ProbeError::LabelCount { rows: 20, labels: 19 });
    assert_eq!(LinearProbe::fit(&x, &labels[1..], 3, &linear).map(|_| ()), few);
    assert_eq!(MlpProbe::fit(&x, &labels[1..], 3, &mlp).map(|_| ()), few);
    let high = Err(ProbeError::Label { row: 2, label: 2, classes: 2 });
    assert_eq!(LinearProbe::fit(&x, &labels, 2, &linear).map(|_| ()), high);
    assert_eq!(MlpProbe::fit(&x, &labels, 2, &mlp).map(|_| ()), high);
    let narrow = Features::try_new(1, 3, vec![0.0; 3]).unwrap();
    let probe = LinearProbe::fit(&x, &labels, 3, &linear).unwrap();
    assert_eq!(probe.predict(&narrow), Err(ProbeError::Width { got: 3, expected: 4 }));
    for bad in [
        MlpConfig { dropout: 1.0, ..mlp.clone() },
        MlpConfig { batch: 1, ..mlp.clone() },
        MlpConfig { epochs: 0, ..mlp.clone() },
        MlpConfig { hidden: 0, ..mlp.clone() },
        MlpConfig { learning_rate: f64::NAN, ..mlp.clone() },
        MlpConfig { average: 1.0, ..mlp.clone() },
        MlpConfig { average: f64::NAN, ..mlp.clone() },
    ] {
        assert!(matches!(MlpProbe::fit(&x, &labels, 3, &bad), Err(ProbeError::Setting { .. })), "{bad:?}");
    }
    let bad = LinearConfig { c: 0.0, ..linear };
    assert!(matches!(LinearProbe::fit(&x, &labels, 3, &bad), Err(ProbeError::Setting { name: "c", .. })));
    assert_eq!(accuracy(&[1], &[1, 2]), Err(ProbeError::LabelCount { rows: 1, labels: 2 }));
    let message = ProbeError::Label { row: 2, label: 2, classes: 2 }.to_string();
    assert_eq!(message, "label 2 of row 2 is outside 0..2: raise the number of classes or fix the labels");
}

#[test]
fn separable_and_tiny_problems_stay_finite() {
    let (x, labels) = blobs(16, 3, 500, 3, 0.1);
    let probe = LinearProbe::fit(&x, &labels, 3, &LinearConfig { c: 1e6, ..LinearConfig::default() }).unwrap();
    assert_eq!(accuracy(&probe.predict(&x).unwrap(), &labels).unwrap(), 1.0);
    assert!(probe.weights().iter().all(|w| w.is_finite()));
    // one class only, one batch of three rows, a last batch of one row
    let mlp = MlpProbe::fit(&x, &[1, 1, 1], 3, &MlpConfig { batch: 2, ..MlpConfig::default() }).unwrap();
    assert_eq!(mlp.predict(&x).unwrap(), [1, 1, 1]);
}
