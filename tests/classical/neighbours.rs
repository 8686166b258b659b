//! Nearest-neighbour estimators against closed forms.

use crate::{near, normal_mi, normal_pair, uniform};
use infomax::mi::classical::*;
use infomax::mi::{MiError, Samples};
use infomax::seed::stream;
use rand::Rng;

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.into_iter().collect();
    values.iter().sum::<f64>() / values.len() as f64
}

fn ksg_mean(variant: KsgVariant, pair: impl Fn(u64) -> (Samples, Samples)) -> f64 {
    mean((0..5).map(|seed| {
        let (x, y) = pair(seed);
        ksg(&x, &y, &KsgConfig { variant, ..KsgConfig::default() }).unwrap().nats
    }))
}

#[test]
fn both_of_kraskovs_estimators_agree_and_are_right_on_normals() {
    for rho in [0.0, 0.6, 0.9] {
        let [one, two] =
            [KsgVariant::One, KsgVariant::Two].map(|v| ksg_mean(v, |s| normal_pair(&[rho], 1, 1, 2000, s)));
        println!("rho {rho}: I {one:.4}, II {two:.4}, truth {:.4}", normal_mi(&[rho]));
        near(one, two, 0.01);
        near(one, normal_mi(&[rho]), 0.03);
    }
}

#[test]
fn normals_of_several_columns() {
    let rho = [0.6, 0.5];
    for variant in [KsgVariant::One, KsgVariant::Two] {
        let found = ksg_mean(variant, |s| normal_pair(&rho, 2, 2, 2000, s));
        near(found, normal_mi(&rho), 0.06);
        let found = ksg_mean(variant, |s| normal_pair(&rho[..1], 3, 1, 2000, s));
        near(found, normal_mi(&rho[..1]), 0.06);
    }
}

#[test]
fn additive_uniform_noise() {
    for (noise, truth) in [(0.1, 0.1 - f64::ln(0.2)), (0.75, 1.0 / 3.0)] {
        for variant in [KsgVariant::One, KsgVariant::Two] {
            let found = ksg_mean(variant, |seed| {
                let x = uniform(3000, 1, seed);
                let mut rng = stream(seed, "noise", 0);
                let y = x.values().iter().map(|v| v + rng.gen_range(-noise..noise)).collect();
                (x, Samples::new(y, 1).unwrap())
            });
            // The support has sharp edges, where neighbours' boxes reach out of it: low by 0.035 here, known of KSG.
            near(found, truth, 0.05);
        }
    }
}

#[test]
fn the_estimate_is_the_mean_of_the_rows_and_below_its_ceiling() {
    let (x, _) = normal_pair(&[], 1, 1, 300, 0);
    let mut rng = stream(0, "noise", 0);
    let y = Samples::new(x.values().iter().map(|v| v + 1e-9 * rng.gen_range(-1.0..1.0)).collect(), 1).unwrap();
    for variant in [KsgVariant::One, KsgVariant::Two] {
        let found = ksg(&x, &y, &KsgConfig { variant, ..KsgConfig::default() }).unwrap();
        near(found.nats, mean(found.pointwise.iter().copied()), 1e-12);
        // y is x for all that 300 rows can tell.
        assert!(found.nats <= found.ceiling && found.nats > 0.8 * found.ceiling, "{found:?}");
        assert!(matches!(found.warnings[..], [Warning::NearCeiling { .. }]));
    }
}

#[test]
fn a_value_that_grows_with_the_rows_is_said_to() {
    let (x, _) = normal_pair(&[], 1, 1, 1000, 0);
    let blurred = |noise: f64| {
        let mut rng = stream(0, "noise", 0);
        let y = x.values().iter().map(|v| v * v + noise * rng.gen_range(-1.0..1.0)).collect();
        ksg(&x, &Samples::new(y, 1).unwrap(), &KsgConfig::default()).unwrap()
    };
    let function = blurred(0.0);
    let [Warning::Growing { nats, growth }] = function.warnings[..] else { panic!("{function:?}") };
    assert_eq!(nats, function.nats);
    near(growth, std::f64::consts::LN_2, 0.1);
    // With noise the truth has an end, which 1,000 rows are enough to see.
    let noisy = blurred(0.1);
    assert!(noisy.nats > 2.0 && noisy.warnings.is_empty(), "{} {:?}", noisy.nats, noisy.warnings);
}

#[test]
fn entropies_of_normals_and_uniforms() {
    for norm in [Norm::Max, Norm::Euclidean] {
        for d in [1, 3] {
            let found = mean((0..5).map(|seed| {
                let (x, _) = normal_pair(&[], d, 1, 2000, seed);
                knn_entropy(&x, 3, norm, Ties::Refuse).unwrap().nats
            }));
            let truth = 0.5 * d as f64 * (2.0 * std::f64::consts::PI * std::f64::consts::E).ln();
            near(found, truth, if d == 1 { 0.02 } else { 0.06 });
        }
        let found = mean((0..5).map(|seed| knn_entropy(&uniform(2000, 2, seed), 3, norm, Ties::Refuse).unwrap().nats));
        near(found, 0.0, 0.04);
        // h(aX) = h(X) + d·log a.
        let x = uniform(500, 2, 9);
        let scaled = x.map_columns(|_, v| v.into_iter().map(|v| 8.0 * v).collect()).unwrap();
        let [h, h8] = [&x, &scaled].map(|x| knn_entropy(x, 3, norm, Ties::Refuse).unwrap().nats);
        near(h8 - h, 2.0 * 8f64.ln(), 1e-10);
    }
}

/// x given label 0 is uniform on (0, 2), given 1 on (1, 3): on half of the range the label is known, on the other half
/// it is not, so I = ½ log 2.
fn overlapping(rows: usize, seed: u64) -> (Samples, Labels) {
    let mut rng = stream(seed, "overlap", 0);
    let labels: Vec<bool> = (0..rows).map(|_| rng.r#gen()).collect();
    let x = labels.iter().map(|&l| f64::from(u8::from(l)) + rng.gen_range(0.0..2.0)).collect();
    (Samples::new(x, 1).unwrap(), Labels::new(labels).unwrap())
}

#[test]
fn a_continuous_and_a_discrete_variable() {
    let found = mean((0..5).map(|seed| {
        let (x, labels) = overlapping(2000, seed);
        mixed_mi(&x, &labels, 3, Norm::Max, Ties::Refuse).unwrap().nats
    }));
    near(found, 0.5 * 2f64.ln(), 0.02);

    let found = mean((0..5).map(|seed| {
        let (x, _) = overlapping(2000, seed);
        let mut rng = stream(seed, "independent", 0);
        let labels = Labels::new((0..2000).map(|_| rng.gen_range(0..4u8))).unwrap();
        mixed_mi(&x, &labels, 3, Norm::Euclidean, Ties::Refuse).unwrap().nats
    }));
    near(found, 0.0, 0.02);
}

#[test]
fn rows_alone_in_their_class_are_left_out_and_said() {
    let (x, labels) = overlapping(50, 1);
    let mut values: Vec<u32> = labels.values().to_vec();
    values[7] = 9;
    let found = mixed_mi(&x, &Labels::new(values).unwrap(), 3, Norm::Max, Ties::Refuse).unwrap();
    assert_eq!(found.warnings, [Warning::SingleRows { rows: 1 }]);
    assert!(found.pointwise[7].is_nan() && found.nats.is_finite());
    let single = Labels::new(0..50).unwrap();
    let error = mixed_mi(&x, &single, 3, Norm::Max, Ties::Refuse).unwrap_err();
    assert_eq!(error, MiError::TooFew { rows: 0, least: 10 });
}
