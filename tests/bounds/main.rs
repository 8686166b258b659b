//! The bounds against finite differences, closed forms, an independent implementation, and each other.

#[allow(dead_code, reason = "each test file uses its part")]
#[path = "../common/mod.rs"]
mod common;
mod gaussian;
mod gradients;
mod properties;
mod reference;
mod streaming;

use infomax::mi::Pairing;
use infomax::mi::bound::{BoundKind, Mine, ScoreSizes, TrainedBound};
use rand::Rng;

/// Every bound that takes scores alone.
const KINDS: [BoundKind; 14] = [
    BoundKind::Jsd,
    BoundKind::InfoNce,
    BoundKind::InfoNceRows,
    BoundKind::InfoNceSymmetric,
    BoundKind::FlatNce,
    BoundKind::Dv,
    BoundKind::Nwj,
    BoundKind::JsNwj,
    BoundKind::Smile { tau: 5.0 },
    BoundKind::FDimeGan,
    BoundKind::FDimeKl,
    BoundKind::IAlpha { alpha: 0.0, log_baseline: 1.0 },
    BoundKind::IAlpha { alpha: 0.5, log_baseline: 1.0 },
    BoundKind::IAlpha { alpha: 1.0, log_baseline: 1.0 },
];

/// Every bound that trains a critic.
fn trained() -> Vec<TrainedBound> {
    let mut all: Vec<_> = KINDS.into_iter().map(TrainedBound::Plain).collect();
    all.extend([TrainedBound::Mine(Mine::new(0.9)), TrainedBound::Tuba, TrainedBound::Flo]);
    all.extend([0.0, 0.01, 0.5, 1.0].map(|alpha| TrainedBound::IAlpha { alpha }));
    all
}

/// A score array of each kind that a bound may meet.
fn all_sizes() -> Vec<ScoreSizes> {
    let mut sizes = vec![ScoreSizes::matrix(6), ScoreSizes::matrix(3)];
    for pairing in [Pairing::All, Pairing::Rolled(2), Pairing::Rolled(4)] {
        for locations in [1, 3] {
            sizes.push(ScoreSizes { batch: 5, locations, pairing });
        }
    }
    sizes
}

fn number(sizes: ScoreSizes) -> usize {
    sizes.batch * sizes.locations * sizes.columns()
}

/// Scores uniform on ±`spread`.
fn scores(name: &str, n: usize, spread: f64) -> Vec<f64> {
    let mut rng = infomax::seed::stream(5, name, 0);
    (0..n).map(|_| rng.gen_range(-spread..spread)).collect()
}

/// Numbers of the second input, none if there is none.
fn second(bound: &TrainedBound, sizes: ScoreSizes) -> Vec<f64> {
    scores("second", bound.second_input().map_or(0, |s| s.len(sizes)), 1.0)
}

fn narrow(x: &[f64]) -> Vec<f32> {
    x.iter().map(|&v| v as f32).collect()
}

fn is_joint(sizes: ScoreSizes, at: usize) -> bool {
    let (row, k) = (at / sizes.columns(), at % sizes.columns());
    let i = row / sizes.locations;
    sizes.pairing.partner(i, k, sizes.batch) == i
}
