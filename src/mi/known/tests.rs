//! All distributions against their truths, and against the package that the names come from.

use super::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    rows: f64,
    tasks: Vec<Task>,
}

/// See `tests/reference/make_beyond_normal.py`.
#[derive(Deserialize)]
struct Task {
    name: String,
    dims: (usize, usize),
    nats: f64,
    error: Option<f64>,
    quantiles: Vec<[f64; 3]>,
    below: Vec<[f64; 2]>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../../tests/reference/beyond_normal.json")).unwrap()
}

/// What the package has.
fn published() -> Vec<Box<dyn Known>> {
    beyond_normal().into_iter().chain(fine_distributions()).collect()
}

#[test]
fn names_sizes_and_truths_are_the_packages() {
    let (ours, theirs) = (published(), reference().tasks);
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!((ours.name(), ours.dims()), (theirs.name.clone(), theirs.dims));
        let truth = ours.truth();
        assert_eq!(truth.error.is_some(), theirs.error.is_some());
        let within = truth.error.zip(theirs.error).map_or(1e-5, |(a, b)| 4.0 * a.hypot(b));
        assert!((truth.nats - theirs.nats).abs() < within, "{}: {truth:?} {}", theirs.name, theirs.nats);
    }
}

#[test]
fn truths_are_the_published_ones() {
    let by_the_paper = [
        ("1v1-normal-0.75", 0.4133),
        ("normal_cdf-1v1-normal-0.75", 0.4133),
        ("wiggly-1v1-normal-0.75", 0.4133),
        ("half_cube-1v1-normal-0.75", 0.4133),
        ("1v1-bimodal-0.75", 0.4133),
        ("swissroll_x-normal_cdf-1v1-normal-0.75", 0.4133),
        ("1v1-additive-0.1", 1.7094),
        ("1v1-additive-0.75", 0.3333),
        ("student-identity-1-1-1", 0.2242),
        ("asinh-student-identity-1-1-1", 0.2242),
        ("multinormal-dense-2-2-0.5", 0.2939),
        ("multinormal-dense-3-3-0.5", 0.4133),
        ("multinormal-dense-5-5-0.5", 0.5928),
        ("multinormal-dense-25-25-0.5", 1.2922),
        ("multinormal-dense-50-50-0.5", 1.6243),
        ("student-identity-2-2-1", 0.4319),
        ("asinh-student-identity-2-2-1", 0.4319),
        ("student-identity-2-2-2", 0.1931),
        ("student-identity-3-3-2", 0.2909),
        ("asinh-student-identity-3-3-2", 0.2909),
        ("student-identity-3-3-3", 0.1787),
        ("student-identity-5-5-2", 0.4482),
        ("asinh-student-identity-5-5-2", 0.4482),
        ("student-identity-5-5-3", 0.2985),
    ];
    let mut rest: Vec<_> = beyond_normal().into_iter().map(|k| (k.name(), k.truth().nats)).collect();
    for (name, nats) in by_the_paper {
        let at = rest.iter().position(|(known, _)| known == name).unwrap();
        assert!((rest.swap_remove(at).1 - nats).abs() <= 0.5e-4, "{name}");
    }
    assert_eq!(rest.len(), 16);
    for (name, nats) in rest {
        assert!(name.contains("multinormal-sparse") && (nats - 1.0217).abs() <= 0.5e-4, "{name}");
    }
}

/// Shares of our rows under the package's quantiles, column by column and for each two columns: both are counts, so the
/// difference has a known spread. Wrong parameters of a map show here (a spiral's speed, a swiss roll's turns).
#[test]
fn samples_are_distributed_as_the_packages() {
    let Reference { rows: their_rows, tasks } = reference();
    let rows = 20_000;
    let near = |share: f64, expected: f64, what: &str| {
        let spread = (expected * (1.0 - expected) * (1.0 / rows as f64 + 1.0 / their_rows)).sqrt();
        assert!((share - expected).abs() < 4.5 * spread + 1e-4, "{what}: {share} {expected}");
    };
    for (known, task) in published().iter().zip(&tasks) {
        let (x, y) = known.sample(rows, 11).unwrap();
        let shown = |s: &Samples| (0..s.columns().min(3)).map(|c| s.column(c).collect::<Vec<_>>()).collect::<Vec<_>>();
        let columns = [shown(&x), shown(&y)].concat();
        assert_eq!(columns.len(), task.quantiles.len());
        for (c, (column, quantiles)) in columns.iter().zip(&task.quantiles).enumerate() {
            for (limit, share) in quantiles.iter().zip([0.1, 0.5, 0.8]) {
                let under = column.iter().filter(|v| *v <= limit).count() as f64 / rows as f64;
                near(under, share, &format!("{} column {c}", task.name));
            }
        }
        let pairs = (0..columns.len()).flat_map(|i| (i + 1..columns.len()).map(move |j| (i, j)));
        for ((i, j), below) in pairs.zip(&task.below) {
            for (q, expected) in below.iter().enumerate() {
                let limits = (task.quantiles[i][q + 1], task.quantiles[j][q + 1]);
                let both = columns[i].iter().zip(&columns[j]).filter(|(a, b)| **a <= limits.0 && **b <= limits.1);
                near(both.count() as f64 / rows as f64, *expected, &format!("{} columns {i}, {j}", task.name));
            }
        }
    }
}

#[test]
fn the_mean_log_density_ratio_is_the_truth() {
    for known in all() {
        let (x, _) = known.dims();
        let rows = if x > 200 { 1_000 } else { 20_000 };
        let mean = monte_carlo(&*known, rows, 4).unwrap();
        let truth = known.truth();
        let error = mean.error.unwrap().hypot(truth.error.unwrap_or(0.0));
        assert!((mean.nats - truth.nats).abs() <= 4.0 * error + 1e-9, "{}: {mean:?} {truth:?}", known.name());
    }
}

#[test]
fn rows_depend_on_the_seed_and_their_place_alone() {
    for known in all() {
        let (x, y) = known.sample(12, 3).unwrap();
        assert_eq!((x.columns(), y.columns()), known.dims());
        let (fewer_x, fewer_y) = known.sample(5, 3).unwrap();
        let first: Vec<usize> = (0..5).collect();
        assert_eq!((x.select(&first), y.select(&first)), (fewer_x, fewer_y), "{}", known.name());
        assert_ne!(x, known.sample(12, 4).unwrap().0, "{}", known.name());
        assert!(matches!(known.sample(0, 3), Err(MiError::Empty)));
    }
}

#[test]
fn monte_carlo_is_the_same_on_any_number_of_threads() {
    let known = x_shape(0.9).unwrap();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| monte_carlo(&known, 12_345, 0))
    };
    assert_eq!(on(1), on(3));
    assert!(monte_carlo(&known, 1, 0).is_none() && monte_carlo(&known, 0, 0).is_none());
}

/// A distribution that does not know its density.
#[derive(Debug)]
struct Opaque;

impl Known for Opaque {
    fn name(&self) -> String {
        "opaque".into()
    }
    fn dims(&self) -> (usize, usize) {
        (1, 1)
    }
    fn truth(&self) -> Truth {
        Truth::exact(0.0)
    }
    fn draw(&self, _: &mut ChaCha8Rng, x: &mut [f64], y: &mut [f64]) {
        (x[0], y[0]) = (0.0, 1.0);
    }
}

#[test]
fn without_a_density_there_is_no_mean() {
    assert!(monte_carlo(&Opaque, 100, 0).is_none());
    assert_eq!(noise(Opaque, 1, 0).dims(), (2, 1));
}

#[test]
fn rotations_and_noise_keep_the_columns_unit() {
    let known = rotated(noise(sparse(2, 2, 2, 2.0).unwrap(), 3, 4), 5);
    assert_eq!((known.name(), known.dims()), ("rotated-5-noise-3-4-multinormal-sparse-2-2-2-2.0".into(), (5, 6)));
    let rows = 20_000;
    let (x, y) = known.sample(rows, 0).unwrap();
    for samples in [&x, &y] {
        for c in 0..samples.columns() {
            let variance = samples.column(c).map(|v| v * v).sum::<f64>() / rows as f64;
            assert!((variance - 1.0).abs() < 4.0 * (2.0 / rows as f64).sqrt());
        }
    }
    // Independent draws have no covariance left.
    let apart = independent(binormal(0.75).unwrap());
    let (x, y) = apart.sample(rows, 0).unwrap();
    let covariance = x.values().iter().zip(y.values()).map(|(x, y)| x * y).sum::<f64>() / rows as f64;
    assert!(covariance.abs() < 4.0 / (rows as f64).sqrt());
    assert_eq!(apart.truth().nats, 0.0);
}
