//! Read-outs at the best critic of correlated Gaussians against closed forms, within Monte-Carlo error.

use infomax::mi::Pairing;
use infomax::mi::bound::{
    BoundKind, Mine, ScoreSizes, TrainedBound, barber_agakov, club_sample, doe, jsd, l1_out, mi_from_jsd, smile, v_club,
};
use infomax::seed::stream;
use rand::Rng;
use rand_distr::StandardNormal;
use std::f64::consts::PI;

/// Pairs of correlated columns.
const D: usize = 2;
/// Samples in a block, and blocks: each value is a mean over blocks with its standard error.
const SAMPLES: usize = 200;
const BLOCKS: u64 = 40;

/// `x ~ N(0, I)`, `y = ρx + √(1−ρ²)ε`.
#[derive(Clone, Copy)]
struct Gaussian {
    rho: f64,
}

impl Gaussian {
    /// With `mi` nats in `D` columns.
    fn with_mi(mi: f64) -> Self {
        Self { rho: (1.0 - (-2.0 * mi / D as f64).exp()).sqrt() }
    }

    fn rest(self) -> f64 {
        1.0 - self.rho * self.rho
    }

    fn log_conditional(self, x: f64, y: f64) -> f64 {
        -0.5 * (2.0 * PI * self.rest()).ln() - (y - self.rho * x).powi(2) / (2.0 * self.rest())
    }

    fn log_marginal(y: f64) -> f64 {
        -0.5 * (2.0 * PI).ln() - 0.5 * y * y
    }

    fn blocks(self) -> Vec<Block> {
        (0..BLOCKS).map(|index| self.block(index)).collect()
    }

    fn block(self, index: u64) -> Block {
        let mut rng = stream(11, "gaussian", index);
        let mut normal = || (0..SAMPLES).map(|_| [0; D].map(|_| rng.sample(StandardNormal))).collect::<Vec<[f64; D]>>();
        let (x, noise) = (normal(), normal());
        let y: Vec<_> = x
            .iter()
            .zip(&noise)
            .map(|(x, e)| std::array::from_fn(|d| self.rho * x[d] + self.rest().sqrt() * e[d]))
            .collect();
        let sum = |f: &dyn Fn(usize) -> f64| (0..D).map(f).sum::<f64>();
        let mut log_conditional = Vec::new();
        for x in &x {
            log_conditional.extend(y.iter().map(|y: &[f64; D]| sum(&|d| self.log_conditional(x[d], y[d]))));
        }
        let log_marginal: Vec<f64> = y.iter().map(|y| sum(&|d| Self::log_marginal(y[d]))).collect();
        let log_ratio =
            log_conditional.chunks(SAMPLES).flat_map(|row| row.iter().zip(&log_marginal).map(|(c, m)| c - m)).collect();
        Block { log_conditional, log_marginal, log_ratio }
    }
}

/// One block of samples.
struct Block {
    /// `log p(y_j|x_i)`, `[N, N]`.
    log_conditional: Vec<f64>,
    /// `log p(y_j)`, `[N]`.
    log_marginal: Vec<f64>,
    /// The best critic.
    log_ratio: Vec<f64>,
}

impl Block {
    fn shifted(&self, by: f64) -> Vec<f64> {
        self.log_ratio.iter().map(|v| v + by).collect()
    }

    fn pointwise(&self) -> Vec<f64> {
        self.log_ratio.iter().step_by(SAMPLES + 1).copied().collect()
    }
}

/// The mean, and its standard error.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n * (n - 1.0))).sqrt())
}

/// The mean over blocks, and its standard error.
fn measure(blocks: &[Block], f: impl Fn(&Block) -> f64) -> (f64, f64) {
    mean_and_error(&blocks.iter().map(f).collect::<Vec<_>>())
}

/// 8,000 samples give errors of about 0.01 nats; a value must be within four of them.
fn expect(name: &str, (mean, error): (f64, f64), truth: f64, below: f64) {
    assert!(error < 0.04 * truth.max(0.5), "{name}: an error of {error} shows nothing");
    let (low, high) = (truth - below - 4.0 * error, truth + 4.0 * error);
    assert!((low..=high).contains(&mean), "{name}: {mean:.4} ± {error:.4} for {truth:.4}");
}

const SIZES: ScoreSizes = ScoreSizes { batch: SAMPLES, locations: 1, pairing: Pairing::All };

#[test]
fn lower_bounds_are_tight_at_the_best_critic() {
    for mi in [0.1, 0.5, 1.0, 1.5] {
        let blocks = Gaussian::with_mi(mi).blocks();
        let plain = |kind: BoundKind, shift: f64| measure(&blocks, |b| kind.evaluate(&b.shifted(shift), SIZES).nats);
        expect("DV", plain(BoundKind::Dv, 0.0), mi, 0.0);
        expect("DV, any shift", plain(BoundKind::Dv, 7.0), mi, 0.0);
        expect("NWJ", plain(BoundKind::Nwj, 1.0), mi, 0.0);
        expect("JS read by NWJ", plain(BoundKind::JsNwj, 0.0), mi, 0.0);
        expect("SMILE that does not clip", plain(BoundKind::Smile { tau: 50.0 }, 0.0), mi, 0.0);
        expect("f-DIME, GAN", plain(BoundKind::FDimeGan, 0.0), mi, 0.0);
        expect("f-DIME, KL", plain(BoundKind::FDimeKl, 0.0), mi, 0.0);
        // With K candidates InfoNCE lies below the truth by about (E_joint[r] − 1)/K, and E_joint[r] = e^{2·MI} here.
        let short = ((2.0 * mi).exp() - 1.0) / SAMPLES as f64;
        expect("InfoNCE", plain(BoundKind::InfoNce, 3.0), mi, short);
        expect("InfoNCE, rows", plain(BoundKind::InfoNceRows, 3.0), mi, short);
        expect("InfoNCE, symmetric", plain(BoundKind::InfoNceSymmetric, 3.0), mi, short);
        expect("FlatNCE", plain(BoundKind::FlatNce, 3.0), mi, short);
        for alpha in [0.0, 0.5, 1.0] {
            let kind = BoundKind::IAlpha { alpha, log_baseline: 3.0 };
            expect("I_α", plain(kind, 3.0), mi, short);
        }
        let mine = measure(&blocks, |b| Mine::new(0.9).step(&b.log_ratio, SIZES).nats);
        expect("MINE", mine, mi, 0.0);
    }
}

#[test]
fn bounds_with_a_second_network_are_tight_when_it_is_the_best() {
    for mi in [0.1, 0.5, 1.0, 1.5] {
        let blocks = Gaussian::with_mi(mi).blocks();
        // The critic is log p(y|x), whose best baseline is p(y).
        let second =
            |bound: TrainedBound| measure(&blocks, |b| bound.evaluate(&b.log_conditional, &b.log_marginal, SIZES).nats);
        let short = ((2.0 * mi).exp() - 1.0) / SAMPLES as f64;
        expect("TUBA", second(TrainedBound::Tuba), mi, 0.0);
        expect("I_½", second(TrainedBound::IAlpha { alpha: 0.5 }), mi, short);
        let flo = measure(&blocks, |b| TrainedBound::Flo.evaluate(&b.log_ratio, &b.pointwise(), SIZES).nats);
        expect("FLO", flo, mi, 0.0);
        // A second network that sees nothing leaves it below.
        let blind = measure(&blocks, |b| TrainedBound::Flo.evaluate(&b.log_ratio, &vec![mi; SAMPLES], SIZES).nats);
        assert!(blind.0 < mi + 4.0 * blind.1);
    }
}

#[test]
fn bounds_on_conditional_densities() {
    for mi in [0.1, 0.5, 1.0, 1.5] {
        let gaussian = Gaussian::with_mi(mi);
        let blocks = gaussian.blocks();
        let entropy = D as f64 * 0.5 * (2.0 * PI * std::f64::consts::E).ln();
        let matrix = |f: &dyn Fn(&[f64]) -> f64| measure(&blocks, |b| f(&b.log_conditional));
        expect("BA", matrix(&|q| barber_agakov(q, SIZES, entropy).nats), mi, 0.0);
        // E_joint log p(y|x) − E_marginal log p(y|x) = ρ²/(1 − ρ²) in each column.
        let upper = D as f64 * gaussian.rho.powi(2) / gaussian.rest();
        expect("CLUB-sample", matrix(&|q| club_sample(q, SIZES).nats), upper, 0.0);
        expect("vCLUB", matrix(&|q| v_club(q, SIZES).nats), upper * (1.0 - 1.0 / SAMPLES as f64), 0.0);
        let (l1, error) = matrix(&|q| l1_out(q, SIZES).nats);
        assert!(l1 > mi - 4.0 * error && l1 < mi + 0.15 * upper + 4.0 * error, "L1Out: {l1} ± {error} for {mi}");
        let difference = measure(&blocks, |b| {
            let joint: Vec<f64> = b.log_conditional.iter().step_by(SAMPLES + 1).copied().collect();
            doe(&joint, &b.log_marginal).nats
        });
        expect("DoE", difference, mi, 0.0);
    }
}

/// `(E_joint[f], E_marginal[g])` of functions of `log r` for one correlated pair of columns, by the trapezoid rule.
fn quadrature(rho: f64, f: impl Fn(f64) -> f64, g: impl Fn(f64) -> f64) -> (f64, f64) {
    let gaussian = Gaussian { rho };
    let step = 0.02;
    let (mut joint, mut marginal) = (0.0, 0.0);
    for i in -400..=400 {
        for j in -400..=400 {
            let (x, y) = (f64::from(i) * step, f64::from(j) * step);
            let q = Gaussian::log_marginal(x) + Gaussian::log_marginal(y);
            let r = gaussian.log_conditional(x, y) - Gaussian::log_marginal(y);
            joint += (q + r).exp() * f(r);
            marginal += q.exp() * g(r);
        }
    }
    (joint * step * step, marginal * step * step)
}

#[test]
fn the_divergence_and_the_clipped_read_out_match_quadrature() {
    let softplus = |z: f64| z.max(0.0) + (-z.abs()).exp().ln_1p();
    for rho in [0.3, 0.6, 0.9] {
        let (positive, negative) = quadrature(rho, |r| -softplus(-r), softplus);
        let truth = positive - negative;
        let (mean_ratio, clipped) = quadrature(rho, |r| r, |r| r.clamp(-1.0, 1.0).exp());
        let mi = -0.5 * (1.0 - rho * rho).ln();
        assert!((mean_ratio - mi).abs() < 1e-6, "the quadrature itself");
        // One informative column of the two: the other is left out of the scores.
        let mut objective = Vec::new();
        let mut smiles = Vec::new();
        for b in 0..BLOCKS {
            let mut rng = stream(12, "one column", b);
            let gaussian = Gaussian { rho };
            let x: Vec<f64> = (0..SAMPLES).map(|_| rng.sample(StandardNormal)).collect();
            let y: Vec<f64> =
                x.iter().map(|x| rho * x + gaussian.rest().sqrt() * rng.sample::<f64, _>(StandardNormal)).collect();
            let s: Vec<f64> = x
                .iter()
                .flat_map(|&x| y.iter().map(move |&y| gaussian.log_conditional(x, y) - Gaussian::log_marginal(y)))
                .collect();
            objective.push(jsd(&s, SIZES).objective);
            smiles.push(smile(&s, SIZES, 1.0).nats);
        }
        let within = |name: &str, values: &[f64], truth: f64| {
            let (mean, error) = mean_and_error(values);
            assert!(
                error < 0.02 && (mean - truth).abs() < 4.0 * error,
                "{name}, ρ = {rho}: {mean} ± {error} for {truth}"
            );
        };
        within("JSD", &objective, truth);
        within("SMILE", &smiles, mi - clipped.ln());
        // What the divergence implies is below the truth.
        let implied = mi_from_jsd((truth + 4f64.ln()) / 2.0);
        assert!(implied <= mi && implied > 0.5 * mi, "{implied} of {mi}");
    }
}
