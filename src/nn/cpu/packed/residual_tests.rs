//! Scores of residual embeddings against their layers one by one, in `f64`.

use super::number::{Number, Split};
use super::pack::{Packed, Side};
use super::tests::{cast, distance, formats, random, wide};
use super::{Format, Line, lanes, par_product, residual};
use crate::nn::Precision;
use crate::nn::cpu::gemm::{Mat, Real};
use crate::nn::cpu::residual::{Grads, Layer, Residual};
use crate::nn::cpu::{linear, residual_scores};

/// Rows, features, units and vectors of a residual critic, and numbers for its layers.
struct ResidualCritic<E> {
    u: usize,
    layers: [Vec<E>; 8],
    x: Vec<E>,
    vectors: Vec<E>,
    gs: Vec<E>,
}

impl<E: Real> ResidualCritic<E> {
    fn new([n, i, u, m]: [usize; 4]) -> Self {
        let sizes = [u * i, u, u * u, u, u * i, u, u, u];
        let mut stream = 0;
        let mut numbers = |n: usize| {
            stream += 1;
            cast(&random(n, stream))
        };
        let layers = sizes.map(&mut numbers);
        Self { u, layers, x: numbers(n * i), vectors: numbers(m * u), gs: numbers(n * m) }
    }

    fn layers(&self) -> Residual<'_, E> {
        let [first_w, first_b, second_w, second_b, shortcut_w, shortcut_b, scale, bias] = self.layers.each_ref();
        Residual {
            first: Layer { w: first_w, b: first_b },
            second: Layer { w: second_w, b: second_b },
            shortcut: Layer { w: shortcut_w, b: shortcut_b },
            scale,
            bias,
            epsilon: 1e-5,
        }
    }

    /// Gradients before anything is added to them: ones.
    fn ones(&self) -> Grads<E> {
        let [first_w, first_b, second_w, second_b, shortcut_w, shortcut_b, scale, bias] =
            self.layers.each_ref().map(|layer| vec![E::one(); layer.len()]);
        Grads { first_w, first_b, second_w, second_b, shortcut_w, shortcut_b, scale, bias }
    }

    /// Scores and gradients layer by layer.
    fn plain(&self) -> Vec<Vec<f64>> {
        let (layers, u, m) = (self.layers(), self.u, self.vectors.len() / self.u);
        let (embedded, kept) = layers.forward(&self.x);
        let sizes = [embedded.len() / u, u, m];
        let scores = linear::forward(&embedded, &self.vectors, None, sizes, false);
        let [mut gx, mut gv] = [&self.x, &self.vectors].map(|x| vec![E::one(); x.len()]);
        let (mut g, mut gy) = (self.ones(), vec![E::zero(); embedded.len()]);
        linear::backward(&embedded, &self.vectors, &self.gs, sizes, &mut gv, &mut gy);
        layers.backward(&self.x, &kept, &gy, &mut gx, &mut g);
        listed(scores, [gx, gv], g)
    }
}

fn listed<E: Real>(scores: Vec<E>, [gx, gv]: [Vec<E>; 2], g: Grads<E>) -> Vec<Vec<f64>> {
    let Grads { first_w, first_b, second_w, second_b, shortcut_w, shortcut_b, scale, bias } = g;
    [scores, gx, gv, first_w, first_b, second_w, second_b, shortcut_w, shortcut_b, scale, bias].map(wide).into()
}

impl ResidualCritic<f32> {
    /// Scores and gradients by packed sides of a format.
    fn packed(&self, format: Format) -> Vec<Vec<f64>> {
        let layers = self.layers();
        let (scores, kept) = residual::forward(&layers, &self.x, &self.vectors, true, format);
        let (unkept, nothing) = residual::forward(&layers, &self.x, &self.vectors, false, format);
        assert_eq!(unkept, scores);
        assert!(nothing.is_none());
        let [mut gx, mut gv] = [&self.x, &self.vectors].map(|x| vec![1.0; x.len()]);
        let mut g = self.ones();
        residual::backward(&layers, &self.vectors, &kept.unwrap(), &self.gs, [&mut gx, &mut gv], &mut g);
        listed(scores, [gx, gv], g)
    }

    /// The same by what chooses the format.
    fn chosen(&self) -> Vec<Vec<f64>> {
        let (scores, kept) = residual_scores::forward(&self.layers(), &self.x, &self.vectors, true);
        let [mut gx, mut gv] = [&self.x, &self.vectors].map(|x| vec![1.0; x.len()]);
        let (inputs, into) = ([&*self.x, &*self.vectors], [&mut *gx, &mut *gv]);
        let g = residual_scores::backward(&self.layers(), inputs, &kept.unwrap(), &self.gs, into, self.ones());
        listed(scores, [gx, gv], g)
    }
}

/// Rows, features, units, vectors: more than one task, the last with some rows of a panel; vectors that do not fill one; fewer
/// rows than a panel.
const SIZES: [[usize; 4]; 5] =
    [[77, 32, 64, 7], [300, 64, 96, 40], [150, 96, 2048, 3], [32, 32, 32, 1], [5, 32, 64, 2]];

#[test]
fn residual_scores_are_the_plain_ones_up_to_rounding() {
    for sizes in SIZES {
        let exact = ResidualCritic::<f64>::new(sizes).plain();
        let critic = ResidualCritic::<f32>::new(sizes);
        let in_bf16 = Precision::Bf16.scope(|| critic.plain());
        for format in formats() {
            for (k, (found, exact)) in critic.packed(format).iter().zip(&exact).enumerate() {
                let most = if format == Format::Bf16 { 1.5 * distance(&in_bf16[k], exact) + 0.002 } else { 5e-6 };
                let error = distance(found, exact);
                assert!(error < most, "{format:?}, {sizes:?}, {k}: {error}, of {most}");
            }
        }
    }
}

#[test]
fn residual_scores_are_of_the_format_for_sides_used_often() {
    let critic = ResidualCritic::<f32>::new(SIZES[0]);
    let formats = [(Precision::Fp32, [Format::Split, Format::Single].as_slice()), (Precision::Bf16, &[Format::Bf16])];
    for (precision, formats) in formats {
        if let Some(&format) = formats.iter().find(|format| format.unit().is_some()) {
            assert_eq!(precision.scope(|| critic.chosen()), critic.packed(format));
        }
    }
}

#[test]
fn residual_scores_are_the_same_with_any_number_of_threads() {
    let critic = ResidualCritic::<f32>::new(SIZES[1]);
    for format in formats() {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| critic.packed(format))
        };
        assert_eq!(with(1), with(3));
    }
}

#[test]
fn no_rows_give_no_scores_and_no_gradients() {
    let critic = ResidualCritic::<f32>::new([0, 32, 64, 3]);
    for format in formats() {
        let all = critic.packed(format);
        assert!(all[0].is_empty());
        assert!(all[1..].iter().flatten().all(|&g| g == 1.0));
    }
    let (scores, _) = residual_scores::forward(&critic.layers(), &random(64, 1), &[], true);
    assert!(scores.is_empty());
}

#[test]
fn sums_of_three_are_the_number_and_their_products_round_as_those_of_singles_do() {
    if Format::Split.unit().is_none() {
        return;
    }
    let mut lines = [Line([0; 16]); 3 * 32];
    for exponent in -100..=127 {
        let x: Vec<f32> = random(16, exponent as u64).iter().map(|x| (1.0 + x.abs()) * 2f32.powi(exponent)).collect();
        if x.iter().any(|&x| x > 3.38e38) {
            continue;
        }
        // SAFETY: there are tiles, and AVX-512 with them.
        let back = unsafe {
            Split::put(&mut lines, 32, 16, lanes::load(&x));
            lanes::lanes(Split::get(&lines, 32, 16))
        };
        assert_eq!(back, *x, "{exponent}");
    }
    let [m, n, k] = [100, 90, 700];
    let (a, b) = (random(m * k, 1), random(k * n, 2));
    let exact: Vec<f64> =
        (0..m * n).map(|i| (0..k).map(|l| f64::from(a[i / n * k + l]) * f64::from(b[l * n + i % n])).sum()).collect();
    let error = |format| {
        let lhs = Packed::new(Mat::rows(&a, m, k), Side::Left, format);
        let rhs = Packed::new(Mat::rows(&b, k, n), Side::Right, format);
        let mut product = vec![0.0; m * n];
        par_product(&mut product, &lhs, &rhs, false, &|_, _, _| ());
        distance(&wide(product), &exact)
    };
    assert!(error(Format::Split) < 1.5 * error(Format::Single), "{} {}", error(Format::Split), error(Format::Single));
}
