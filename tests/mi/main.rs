//! Estimates of mutual information, through the library and the program.

mod program;

use dfdx::prelude::*;
use infomax::mi::bound::{BoundKind, objective};
use infomax::mi::estimate::{EstimateConfig, EstimateError, Estimator, Learning, NeuralBound, estimate};
use infomax::mi::{MiError, Pairing, Samples, Scaling, known};
use infomax::nn::{Adam, AdamConfig, Flatten, builder};

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

/// Two columns each, correlated by `rho` in pairs.
fn pairs(rho: f64, rows: usize) -> (Samples, Samples) {
    use rand::Rng;
    let mut rng = infomax::seed::stream(3, "pairs", 0);
    let mut normal = || rng.sample::<f64, _>(rand_distr::StandardNormal);
    let x: Vec<f64> = (0..2 * rows).map(|_| normal()).collect();
    let y = x.iter().map(|v| rho * v + (1.0 - rho * rho).sqrt() * normal()).collect();
    (Samples::new(x, 2).unwrap(), Samples::new(y, 2).unwrap())
}

#[test]
fn gaussians_are_left_to_their_copula_where_critics_cannot_follow() {
    // 5 nats: more than the 62 validation rows of a fold can show, less than its 500 report rows.
    let (x, y) = pairs((1.0 - (-5f64).exp()).sqrt(), 1000);
    let found = estimate(&x, &y, &quick(Estimator::Auto)).unwrap();
    assert_eq!(found.estimator, Estimator::Copula, "{:?}", found.why);
    assert!((found.nats - 5.0).abs() < 0.15 && found.ceiling.is_none(), "{}", found.nats);
    // Columns that are many for the rows: the critics' Gaussian part shrinks.
    let (x, y, truth) = draw("multinormal-sparse-25-25-2-2.0", 1000, 2);
    let found = estimate(&x, &y, &quick(Estimator::Auto)).unwrap();
    assert_eq!(found.estimator, Estimator::Copula, "{:?}", found.why);
    let [low, high] = found.interval.unwrap();
    assert!((found.nats - truth).abs() < 0.2 && low < truth && truth < high, "{} in {low} to {high}", found.nats);
    // Pixels are no Gaussian vector: canonical correlations show much more than there is.
    let (x, y, truth) = draw("blobs-16-1.0", 1000, 0);
    assert!(estimate(&x, &y, &quick(Estimator::Copula)).unwrap().nats > 2.0);
    let found = estimate(&x, &y, &quick(Estimator::Auto)).unwrap();
    assert_eq!(found.estimator, Estimator::Neural(NeuralBound::InfoNce), "{:?}", found.why);
    assert!((found.nats - truth).abs() < 0.3, "{}", found.nats);
}

#[test]
fn copies_are_never_learned_by_heart() {
    let (x, y, truth) = draw("multinormal-sparse-25-25-2-2.0", 400, 0);
    let infonce = Estimator::Neural(NeuralBound::InfoNce);
    let mostly: Vec<usize> = (0..100).cycle().take(400).collect();
    for estimator in [infonce, Estimator::Auto, Estimator::Lmi] {
        let said = estimate(&x.select(&mostly), &y.select(&mostly), &quick(estimator)).unwrap_err();
        let expected = MiError::Repeated { side: "x and y together", repeated: 300, rows: 400 };
        assert_eq!(said, EstimateError::Samples(expected), "{estimator}");
    }
    let some: Vec<usize> = (0..400).chain(0..300).collect();
    let found = estimate(&x.select(&some), &y.select(&some), &quick(infonce)).unwrap();
    assert!(found.warnings[0].starts_with("300 rows repeat others"), "{:?}", found.warnings);
    assert!(found.bound.unwrap() < truth + 0.1, "{:?} for {truth}", found.bound);
}

#[test]
fn a_function_of_the_other_side_has_no_end() {
    let (x, _, _) = draw("1v1-normal-0.75", 300, 0);
    let y = x.map_columns(|_, v| v.into_iter().map(f64::exp).collect()).unwrap();
    let endless = MiError::Infinite { x: x.names()[0].clone(), y: y.names()[0].clone() };
    for estimator in [Estimator::Auto, Estimator::Ksg, Estimator::Copula, Estimator::Cca] {
        assert_eq!(estimate(&x, &y, &quick(estimator)).unwrap_err(), EstimateError::Samples(endless.clone()));
    }
    // Fewer rows, falling, and on a scale that does not make the two alike.
    let few: Vec<usize> = (0..100).collect();
    let falling = y.select(&few).map_columns(|_, v| v.into_iter().map(|v| -v).collect()).unwrap();
    let config = EstimateConfig { scaling: Scaling::ZScore, ..quick(Estimator::Auto) };
    assert_eq!(estimate(&x.select(&few), &falling, &config).unwrap_err(), EstimateError::Samples(endless.clone()));
    for bound in [NeuralBound::InfoNce, NeuralBound::Smile] {
        let found = estimate(&x, &y, &quick(Estimator::Neural(bound))).unwrap();
        assert_eq!(found.warnings.last(), Some(&endless.to_string()), "{bound:?}");
        assert!(found.ceiling.is_none_or(|most| found.nats <= most), "{} of {:?}", found.nats, found.ceiling);
    }
}

#[test]
fn labels_have_an_interval_and_a_ceiling() {
    use rand::Rng;
    let mut rng = infomax::seed::stream(0, "labels", 0);
    let x: Vec<f64> = (0..500).map(|_| f64::from(rng.gen_range(0..4))).collect();
    // Kept in half of the rows.
    let y = x.iter().map(|&v| if rng.r#gen() { v } else { f64::from(rng.gen_range(0..4)) }).collect();
    let [x, y] = [x, y].map(|v| Samples::new(v, 1).unwrap());
    let found = estimate(&x, &y, &quick(Estimator::Auto)).unwrap();
    let (same, other) = (0.625f64, 0.125f64);
    let truth = same * (4.0 * same).ln() + 3.0 * other * (4.0 * other).ln();
    let [low, high] = found.interval.unwrap();
    assert!(low < truth && truth < high && high - low < 0.3, "{low} to {high} for {truth}");
    assert!((found.pointwise.iter().sum::<f64>() / 500.0 - found.nats).abs() < 0.01);
    let copied = estimate(&x, &x, &quick(Estimator::Auto)).unwrap();
    assert!((copied.nats - copied.ceiling.unwrap()).abs() < 1e-9, "{} of {:?}", copied.nats, copied.ceiling);
}

#[test]
fn critics_give_the_log_ratio_of_every_row() {
    let (rho, rows) = (0.8f64, 2000);
    let (x, y) = pairs(rho, rows);
    let found = estimate(&x, &y, &quick(Estimator::Neural(NeuralBound::Dv))).unwrap();
    let of_pair = |(x, y): (&f64, &f64)| {
        let rest = 1.0 - rho * rho;
        -0.5 * rest.ln() - (rho * rho * (x * x + y * y) - 2.0 * rho * x * y) / (2.0 * rest)
    };
    let error = |i: usize| x.row(i).iter().zip(y.row(i)).map(of_pair).sum::<f64>() - found.pointwise[i];
    let mean_square = (0..rows).map(|i| error(i).powi(2)).sum::<f64>() / rows as f64;
    // The ratios themselves vary by about 1.1 nats.
    assert!(mean_square.sqrt() < 0.35, "{}", mean_square.sqrt());
}
