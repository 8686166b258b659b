//! Estimates of mutual information, through the library and the program.

use dfdx::prelude::*;
use infomax::mi::bound::{BoundKind, objective};
use infomax::mi::estimate::{EstimateConfig, EstimateError, Estimator, Learning, NeuralBound, estimate};
use infomax::mi::{MiError, Pairing, Samples, known};
use infomax::nn::{Adam, AdamConfig, Flatten, builder};
use std::path::Path;
use std::process::{Command, Output};

/// A critic of two convolutional towers sees what pictures share: each batch is new to it.
#[test]
fn a_critic_of_images_learns_their_mutual_information() {
    type Conv = ((builder::Conv2d<1, 8, 4, 2, 1>, ReLU), (builder::Conv2d<8, 16, 4, 2, 1>, ReLU));
    type Tower = (Conv, Flatten<256>, builder::Linear<256, 64, true>, builder::Linear<64, 16>);
    const STEPS: usize = 400;
    let dev = Cpu::seed_from_u64(1);
    let mut critic = dev.build_module::<builder::TowersCritic<Tower, Tower>, f32>();
    let mut adam = Adam::new(&critic, AdamConfig { lr: 1e-3, betas: [0.9, 0.999], ..AdamConfig::default() }).unwrap();
    let task = known::by_name("blobs-16-1.0").unwrap();
    let images = |samples: &Samples, batch: usize| -> Tensor<Rank4<64, 1, 16, 16>, f32, Cpu> {
        let pixels = &samples.values()[batch * 64 * 256..][..64 * 256];
        dev.tensor(pixels.iter().map(|&v| v as f32).collect::<Vec<_>>())
    };
    let bound =
        |critic: &<builder::TowersCritic<Tower, Tower> as BuildOnDevice<Cpu, f32>>::Built, x, y: &Samples, batch| {
            let scores = critic.try_scores(images(x, batch).leaky_traced(), images(y, batch), Pairing::All).unwrap();
            objective(BoundKind::InfoNce, scores, Pairing::All).unwrap()
        };
    let (x, y) = task.sample(64 * STEPS, 3).unwrap();
    for step in 0..STEPS {
        let mut gradients = (-bound(&critic, &x, &y, step).value).backward();
        adam.update(&mut critic, &mut gradients).unwrap();
    }
    let (x, y) = task.sample(64 * 16, 4).unwrap();
    let mean = (0..16).map(|batch| bound(&critic, &x, &y, batch).nats).sum::<f64>() / 16.0;
    assert!((0.7..1.1).contains(&mean), "{mean} nats of 1");
}

/// A short training for tests.
fn quick(estimator: Estimator) -> EstimateConfig {
    let learning = Learning { folds: 2, steps: 300, ..Learning::default() };
    EstimateConfig { estimator, learning, ..EstimateConfig::default() }
}

fn draw(name: &str, rows: usize, seed: u64) -> (Samples, Samples, f64) {
    let task = known::by_name(name).unwrap();
    let (x, y) = task.sample(rows, seed).unwrap();
    (x, y, task.truth().nats)
}

#[test]
fn every_neural_estimator_is_near_the_truth() {
    let (x, y, truth) = draw("multinormal-sparse-2-2-2-2.0", 2000, 3);
    for bound in [
        NeuralBound::InfoNce,
        NeuralBound::Dv,
        NeuralBound::Mine,
        NeuralBound::Nwj,
        NeuralBound::Jsd,
        NeuralBound::Smile,
    ] {
        let found = estimate(&x, &y, &quick(Estimator::Neural(bound))).unwrap();
        assert!((found.nats - truth).abs() < 0.12, "{bound:?}: {} for {truth}", found.nats);
        let [low, high] = found.interval.unwrap();
        assert!(low < found.nats && found.nats < high);
        assert!(found.bound.unwrap() <= found.optimistic.unwrap() + 0.02, "{bound:?}");
        assert!(found.p_value.unwrap() <= 0.001 && found.pointwise.len() == 2000);
    }
}

#[test]
fn a_critic_finds_what_correlations_cannot() {
    let (x, y, truth) = draw("student-identity-3-3-2", 2000, 1);
    let copula = estimate(&x, &y, &quick(Estimator::Copula)).unwrap();
    assert!(copula.nats < 0.03);
    let found = estimate(&x, &y, &quick(Estimator::Auto)).unwrap();
    assert!((found.nats - truth).abs() < 0.1, "{} for {truth}", found.nats);
    assert_eq!(found.estimator, Estimator::Neural(NeuralBound::InfoNce));
    assert!(found.why.unwrap().contains("beyond a Gaussian copula"));
}

#[test]
fn the_choice_fits_the_data() {
    let chosen = |x: &Samples, y: &Samples| estimate(x, y, &quick(Estimator::Auto)).unwrap();
    // Sharp edges in two columns.
    let (x, y, truth) = draw("1v1-additive-0.1", 1500, 0);
    let found = chosen(&x, &y);
    assert_eq!(found.estimator, Estimator::Ksg);
    assert!((found.nats - truth).abs() < 0.15);
    // Gaussians.
    let (x, y, truth) = draw("multinormal-dense-5-5-0.5", 1500, 0);
    let found = chosen(&x, &y);
    assert_eq!(found.estimator, Estimator::Copula);
    assert!((found.nats - truth).abs() < 0.1);
    // Labels on both sides, and on one.
    let labels = |f: fn(u32) -> u32| Samples::new((0..600).map(|i| f64::from(f(i))).collect(), 1).unwrap();
    let found = chosen(&labels(|i| i % 4), &labels(|i| i % 2));
    assert_eq!(found.estimator, Estimator::Discrete);
    assert!((found.nats - 2f64.ln()).abs() < 0.01);
    let noisy =
        Samples::new((0..600).map(|i| f64::from(i % 4) + f64::from(i * 37 % 600) / 1200.0).collect(), 1).unwrap();
    let found = chosen(&noisy, &labels(|i| i % 4));
    assert_eq!(found.estimator, Estimator::Mixed);
    assert!((found.nats - 4f64.ln()).abs() < 0.05, "{}", found.nats);
    // Few rows.
    let (x, y, _) = draw("multinormal-dense-5-5-0.5", 100, 0);
    let found = chosen(&x, &y);
    assert_eq!(found.estimator, Estimator::Copula);
    assert!(!found.warnings.is_empty());
}

#[test]
fn independence_is_not_refused() {
    let (mut inside, mut significant) = (0, 0);
    for seed in 0..10 {
        let (x, _, _) = draw("multinormal-dense-5-5-0.5", 500, seed);
        let (_, y, _) = draw("multinormal-dense-5-5-0.5", 500, seed + 100);
        let found = estimate(&x, &y, &quick(Estimator::Neural(NeuralBound::InfoNce))).unwrap();
        let [low, high] = found.interval.unwrap();
        inside += usize::from(low <= 0.0 && 0.0 <= high);
        significant += usize::from(found.p_value.unwrap() < 0.05);
    }
    assert!(inside >= 8 && significant <= 2, "{inside} of 10 intervals hold 0, {significant} significant");
}

#[test]
fn what_a_third_vector_explains_is_taken_off() {
    use infomax::mi::estimate::estimate_conditional;
    use rand::Rng;
    // x → z → y: all that x tells of y, z tells; and y = x + z alone tells more with z at hand.
    let mut rng = infomax::seed::stream(5, "chain", 0);
    let mut normal = || rng.sample::<f64, _>(rand_distr::StandardNormal);
    let (mut x, mut y, mut z, mut sum) = (vec![], vec![], vec![], vec![]);
    for _ in 0..3000 {
        let (a, b, c) = (normal(), normal(), normal());
        x.push(a);
        z.push(a + b);
        y.push(a + b + c);
        sum.push(a + 2.0 * (a + b) + c);
    }
    let [x, y, z, sum] = [x, y, z, sum].map(|v| Samples::new(v, 1).unwrap());
    // Given z, x has variance ½; sum − 2z = x + c.
    let known = 0.5 * 1.5f64.ln();
    for estimator in [Estimator::Copula, Estimator::Auto] {
        let found = estimate_conditional(&x, &y, &z, &quick(estimator)).unwrap();
        assert!(found.nats.abs() < 0.03, "{estimator}: {}", found.nats);
        let found = estimate_conditional(&x, &sum, &z, &quick(estimator)).unwrap();
        assert!((found.nats - known).abs() < 0.05, "{estimator}: {} for {known}", found.nats);
        let [low, high] = found.interval.unwrap();
        assert!(low < known && known < high);
    }
    assert!(estimate_conditional(&x, &y, &z, &quick(Estimator::Ksg)).is_err());
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let (x, y, _) = draw("student-identity-2-2-2", 600, 0);
    let of = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| estimate(&x, &y, &quick(Estimator::Neural(NeuralBound::Smile))).unwrap())
    };
    let one = of(1);
    assert_eq!(one, of(2));
    assert_eq!(one, of(3));
}

#[test]
fn what_allows_no_estimate_is_named() {
    let row = |n: usize| Samples::new((0..n).map(|i| (i * 37 % 101) as f64).collect(), 1).unwrap();
    let of = |x: &Samples, y: &Samples, e| estimate(x, y, &EstimateConfig { estimator: e, ..quick(e) }).unwrap_err();
    for estimator in [Estimator::Auto, Estimator::Ksg, Estimator::Neural(NeuralBound::Dv)] {
        assert!(matches!(of(&row(9), &row(9), estimator), EstimateError::Samples(MiError::TooFew { .. })));
        assert!(matches!(of(&row(50), &row(40), estimator), EstimateError::Samples(MiError::Lengths { x: 50, y: 40 })));
        let constant = Samples::new(vec![2.5; 50], 1).unwrap();
        let said = of(&row(50), &constant, estimator);
        assert!(matches!(said, EstimateError::Samples(MiError::Constant { .. })), "{said}");
    }
    let wide = Samples::new((0..30 * 5000).map(|i| f64::from(i * 7919 % 10007)).collect(), 5000).unwrap();
    let said = of(&wide, &row(30), Estimator::Neural(NeuralBound::InfoNce));
    assert!(matches!(said, EstimateError::Samples(MiError::TooWide { .. })), "{said}");
    let config = EstimateConfig { confidence: 1.5, ..EstimateConfig::default() };
    assert!(estimate(&row(50), &row(50), &config).unwrap_err().to_string().contains("confidence = 1.5"));
}

/// The program on a file.
fn program(file: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
    command.args(["mi", "estimate"]).arg(file).args(args).arg("--quiet").output().unwrap()
}

fn failed(file: &Path, args: &[&str]) -> String {
    let out = program(file, args);
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn the_same_columns_from_every_kind_of_file() {
    use polars::prelude::*;
    let dir = tempfile::tempdir().unwrap();
    let (x, y, _) = draw("multinormal-dense-2-2-0.5", 400, 0);
    let columns: Vec<Vec<f64>> =
        (0..4).map(|c| if c < 2 { x.column(c).collect() } else { y.column(c - 2).collect() }).collect();
    let names = ["x0", "x1", "y0", "y1"];
    let csv = dir.path().join("table.csv");
    let lines = (0..400).map(|r| columns.iter().map(|c| c[r].to_string()).collect::<Vec<_>>().join(","));
    std::fs::write(&csv, format!("{}\n{}\n", names.join(","), lines.collect::<Vec<_>>().join("\n"))).unwrap();
    let parquet = dir.path().join("table.parquet");
    let of = names.iter().zip(&columns).map(|(n, c)| Column::new((*n).into(), c)).collect();
    let mut frame = DataFrame::new(400, of).unwrap();
    ParquetWriter::new(std::fs::File::create(&parquet).unwrap()).finish(&mut frame).unwrap();
    let npy = dir.path().join("table.npy");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (400, 4), }\n";
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend((0..400).flat_map(|r| columns.iter().flat_map(move |c| c[r].to_le_bytes())));
    std::fs::write(&npy, bytes).unwrap();

    let nats = |file: &Path, x: &str, y: &str| {
        let out = program(file, &["--x", x, "--y", y, "--estimator", "ksg", "--json"]);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let line: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!((&line["estimator"], &line["n"]), (&"ksg".into(), &400.into()));
        assert!(line["interval"].is_array() && line["ceiling"].is_number() && line["warnings"].is_array());
        line["nats"].as_f64().unwrap()
    };
    let expected = nats(&csv, "x*", "y*");
    assert_eq!(nats(&parquet, "x0,x1", "y?"), expected);
    assert_eq!(nats(&npy, "0,1", "2,3"), expected);
}

#[test]
fn what_is_wrong_with_a_file_is_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let rows: String = (0..40).map(|i| format!("{},{},5\n", i * 37 % 41, i * 11 % 43)).collect();
    let good = file("good.csv", format!("a,b,c\n{rows}").as_bytes());
    for (path, args, said) in [
        (good.clone(), ["--x", "a", "--y", "z*"], "no column matches `z*`; there are a, b, c"),
        (good.clone(), ["--x", "a,a", "--y", "b"], "column `a` is named twice"),
        (good.clone(), ["--x", "a", "--y", "?"], "column `a` is named twice"),
        (good.clone(), ["--x", "a", "--y", "c"], "column `c` is constant"),
        (
            file("nan.csv", format!("a,b\n{}NaN,1\n", "1,2\n".repeat(12)).as_bytes()),
            ["--x", "a", "--y", "b"],
            "row 12: NaN",
        ),
        (file("word.csv", b"a,b\n1,2\n1,two\n"), ["--x", "a", "--y", "b"], "column `b`, row 1: `two` is no number"),
        (file("hole.csv", b"a,b\n1,\n"), ["--x", "a", "--y", "b"], "an empty cell"),
        (file("ragged.csv", b"a,b\n1,2\n1\n"), ["--x", "a", "--y", "b"], "line 3 has 1 cells where the first has 2"),
        (file("few.csv", b"a,b\n1,2\n2,4\n3,1\n"), ["--x", "a", "--y", "b"], "3 rows are too few"),
        (
            file("names.csv", format!("a,b,a\n{rows}").as_bytes()),
            ["--x", "a", "--y", "b"],
            "2 columns are called `a`; give each a name of its own",
        ),
        (file("none.csv", b"a,b\n"), ["--x", "a", "--y", "b"], "there are no samples"),
        (file("cut.parquet", b"PAR1"), ["--x", "a", "--y", "b"], "cut.parquet"),
        (file("cut.npy", b"\x93NUMPY\x01\x00\x10"), ["--x", "0", "--y", "1"], "it ends in its header"),
        (file("table.txt", b"a b"), ["--x", "a", "--y", "b"], "ends neither in .parquet"),
        (dir.path().join("missing.csv"), ["--x", "a", "--y", "b"], "cannot read"),
    ] {
        let line = failed(&path, &args);
        assert!(line.contains(said), "{line}");
    }
    let copies = file("copies.csv", format!("a,b\n{}", "0.5,1.25\n0.75,2.5\n".repeat(20)).as_bytes());
    let line = failed(&copies, &["--x", "a", "--y", "b", "--estimator", "ksg"]);
    assert!(line.contains("discrete"), "{line}");
    // Among all estimators one that does not work is a line of its own, and the others go on.
    let out = program(&copies, &["--x", "a", "--y", "b", "--estimator", "all", "--json"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(
        text.lines().any(|l| l.contains("\"error\"")) && text.lines().next().unwrap().contains("discrete"),
        "{text}"
    );
}

#[test]
fn a_bench_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let bench = |seeds: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
        command.args([
            "mi",
            "bench",
            "--tasks",
            "1v1-normal*,swissroll*",
            "--estimators",
            "ksg,copula",
            "--rows",
            "300",
        ]);
        let out = command.args(["--seeds", seeds, "--quiet", "--json", "--out"]).arg(dir.path()).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let first = bench("1");
    assert_eq!(first.lines().count(), 4);
    // A call that was cut off in the middle of a line.
    let path = dir.path().join("trials.jsonl");
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let second = bench("2");
    assert_eq!(second.lines().count(), 8);
    // Kept estimates come back with the time that they took then.
    let kept: Vec<&str> = first.lines().take(3).collect();
    assert!(kept.iter().all(|l| second.contains(*l)), "{first}\n{second}");
    let table = std::fs::read_to_string(dir.path().join("table.md")).unwrap();
    assert!(table.contains("MAE") && table.contains("swissroll"));
}
