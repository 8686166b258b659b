//! Products against sums of (rounded) numbers, each unit of the processor; layers against their plain kernels in `f64`.

use super::pack::{Packed, Side};
use super::product::product_by;
use super::{Format, Unit, par_product};
use crate::mi::Pairing;
use crate::nn::Precision;
use crate::nn::cpu::conv;
use crate::nn::cpu::gemm::{Mat, Real};
use crate::nn::cpu::joint::{self, Pairs};
use crate::nn::cpu::operand::{Operand, multiply, par_product as par_side};
use crate::nn::cpu::pair::{self, PairSizes, Upper};
use crate::nn::cpu::unfold::Geometry;
use rand::Rng;

pub(super) fn random(n: usize, stream: u64) -> Vec<f32> {
    let mut rng = crate::seed::stream(0, "test", stream);
    (0..n).map(|_| rng.gen_range(-1.0..1.0)).collect()
}

/// To the nearest bf16, ties to even: the rule itself, in integers.
fn rounded(x: f32) -> f64 {
    let bits = x.to_bits();
    f64::from(f32::from_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000))
}

fn transposed(x: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    (0..cols * rows).map(|i| x[i % rows * cols + i / rows]).collect()
}

/// The formats that this processor multiplies, which tests cannot choose.
pub(super) fn formats() -> impl Iterator<Item = Format> {
    [Format::Bf16, Format::Single, Format::Split].into_iter().filter(|format| format.unit().is_some())
}

/// What a format makes of a number.
fn packed_as(format: Format, x: f32) -> f64 {
    if format == Format::Bf16 { rounded(x) } else { f64::from(x) }
}

#[test]
fn products_are_sums_of_rounded_numbers() {
    let units = formats().flat_map(|format| match format.unit() {
        Some(Unit::Tiles) => vec![(format, Unit::Tiles), (format, Unit::Pairs)],
        unit => vec![(format, unit.expect("only what is multiplied here"))],
    });
    for (format, unit) in units {
        for [m, n, k] in [[1, 1, 1], [5, 7, 3], [16, 16, 32], [32, 32, 32], [33, 65, 70], [300, 290, 600]] {
            let (a, b) = (random(m * k, 1), random(k * n, 2));
            let expected: Vec<f64> = (0..m * n)
                .map(|i| {
                    (0..k).map(|l| packed_as(format, a[i / n * k + l]) * packed_as(format, b[l * n + i % n])).sum()
                })
                .collect();
            let (at, bt) = (transposed(&a, m, k), transposed(&b, k, n));
            for lhs in [Mat::rows(&a, m, k), Mat::rows(&at, k, m).t()] {
                for rhs in [Mat::rows(&b, k, n), Mat::rows(&bt, n, k).t()] {
                    let (lhs, rhs) = (Packed::new(lhs, Side::Left, format), Packed::here(rhs, Side::Right, format));
                    for accumulate in [false, true] {
                        let mut dst = vec![1.0; m * n];
                        // SAFETY: the processor has this unit.
                        unsafe { product_by(unit, &mut dst, n, &lhs, &rhs, accumulate) };
                        for (found, expected) in dst.iter().zip(&expected) {
                            let expected = expected + f64::from(u8::from(accumulate));
                            // Sums of k products of numbers below 1, in f32.
                            let error = (f64::from(*found) - expected).abs();
                            assert!(error < 1e-6 * k as f64, "{unit:?} {m}x{n}x{k}: {found} for {expected}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    formats().for_each(threads);
}

fn threads(format: Format) {
    let [m, n, k] = [700, 530, 1100];
    let (a, b) = (random(m * k, 1), random(k * n, 2));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let (lhs, rhs) = (Mat::rows(&a, m, k), Mat::rows(&b, k, n));
            let (lhs, rhs) = (Packed::new(lhs, Side::Left, format), Packed::new(rhs, Side::Right, format));
            let mut dst = vec![0.0; m * n];
            // Each element is seen once, in a row's part that begins where it says.
            par_product(&mut dst, &lhs, &rhs, false, &|row, column, part| {
                part.iter_mut().enumerate().for_each(|(i, v)| *v += (row * n + column + i) as f32);
            });
            dst
        })
    };
    let one = run(1);
    assert!(one.iter().zip(run(3)).all(|(a, b)| a.to_bits() == b.to_bits()));
    let middle = (m / 2) * n + n / 2;
    let sum: f64 = (0..k).map(|l| packed_as(format, a[m / 2 * k + l]) * packed_as(format, b[l * n + n / 2])).sum();
    assert!((f64::from(one[middle]) - sum - middle as f64).abs() < 0.05, "{} for {sum} + {middle}", one[middle]);
}

#[test]
fn an_empty_inner_dimension_gives_zeros_and_what_is_no_number_stays_so() {
    formats().for_each(edges);
}

fn edges(format: Format) {
    let (lhs, rhs) = (Mat::rows(&[], 40, 0), Mat::rows(&[], 0, 40));
    let (lhs, rhs) = (Packed::new(lhs, Side::Left, format), Packed::new(rhs, Side::Right, format));
    let mut dst = vec![7.0; 1600];
    par_product(&mut dst, &lhs, &rhs, false, &|_, _, _| ());
    assert_eq!(dst, vec![0.0; 1600]);

    let mut a = random(4 * 50, 1);
    (a[60], a[110]) = (f32::NAN, f32::INFINITY);
    let b = vec![1.0; 50];
    let (lhs, rhs) = (Mat::rows(&a, 4, 50), Mat::rows(&b, 50, 1));
    let (lhs, rhs) = (Packed::new(lhs, Side::Left, format), Packed::new(rhs, Side::Right, format));
    let mut dst = vec![0.0; 4];
    par_product(&mut dst, &lhs, &rhs, false, &|_, _, _| ());
    assert!(dst[0].is_finite() && dst[1].is_nan() && dst[3].is_finite(), "{dst:?}");
    // Its parts are an infinity and two that are no numbers.
    let infinite = if format == Format::Split { dst[2].is_nan() } else { dst[2] == f32::INFINITY };
    assert!(infinite, "{dst:?}");
}

/// Whole numbers from −8 to 8, times `unit`: few enough bits that sums and products of two are exact in bf16.
fn whole(n: usize, unit: f32, stream: u64) -> Vec<f32> {
    let mut rng = crate::seed::stream(0, "test", stream);
    (0..n).map(|_| rng.gen_range(-8i8..=8) as f32 * unit).collect()
}

/// Numbers of some type.
pub(super) fn cast<E: Real>(x: &[f32]) -> Vec<E> {
    x.iter().map(|&x| E::of(f64::from(x))).collect()
}

pub(super) fn wide<E: Real>(x: Vec<E>) -> Vec<f64> {
    x.into_iter().map(E::wide).collect()
}

/// Scores and gradients of a concat critic's upper layers, by name.
fn critic<E: Real>(z: PairSizes, pairing: Pairing, keep: bool, precision: Precision) -> [(&'static str, Vec<f64>); 7] {
    let PairSizes { b, l, u } = z;
    let (p, q) = (cast::<E>(&whole(b * l * u, 0.125, 1)), cast(&whole(b * u, 0.125, 2)));
    let (w2, b2) = (cast(&whole(u * u, 0.03125, 3)), cast(&whole(u, 0.125, 4)));
    let (w3, b3) = (cast(&whole(u, 0.125, 5)), cast(&whole(1, 0.125, 6)));
    let up = Upper { w2: &w2, b2: &b2, w3: &w3, b3: &b3 };
    let gs = cast(&whole(b * l * pairing.columns(b), 0.25, 7));
    precision.scope(|| {
        let (scores, kept) = pair::forward(z, &p, &q, up, pairing, keep);
        let g = pair::backward(z, (&p, vec![E::one(); p.len()]), &q, up, pairing, kept, &gs);
        [("scores", scores), ("p", g.p), ("q", g.q), ("w2", g.w2), ("b2", g.b2), ("w3", g.w3), ("b3", g.b3)]
            .map(|(name, numbers)| (name, wide(numbers)))
    })
}

/// `‖a − b‖ / ‖b‖`.
pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|v| v.powi(2)).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
}

#[test]
fn a_packed_critic_is_the_plain_one_where_nothing_is_rounded() {
    for (z, pairing) in [
        (PairSizes { b: 7, l: 49, u: 96 }, Pairing::Rolled(2)),
        (PairSizes { b: 8, l: 64, u: 512 }, Pairing::Rolled(1)),
        (PairSizes { b: 6, l: 5, u: 64 }, Pairing::All),
        (PairSizes { b: 7, l: 5, u: 160 }, Pairing::All),
    ] {
        for keep in [false, true] {
            let exact = critic::<f64>(z, pairing, keep, Precision::Fp32);
            for format in formats() {
                let bf16 = format == Format::Bf16;
                let found = critic::<f32>(z, pairing, keep, if bf16 { Precision::Bf16 } else { Precision::Fp32 });
                for ((name, found), (_, exact)) in found.iter().zip(&exact) {
                    let error = distance(found, exact);
                    // The second layer itself is kept in bf16.
                    let rounded = bf16 && *name == "w3";
                    let most = if rounded { 0.004 } else { 1e-6 };
                    assert!(error < most, "{format:?}, {name} of {z:?}, {pairing:?}, keep {keep}: {error}");
                    // What is not equal at all has been computed in bf16.
                    assert!(!rounded || error > 1e-4, "{error}");
                }
            }
        }
    }
}

/// Scores and gradients of a concat critic of vectors above its first layer, by name.
fn joint_critic<E: Real>([n, m, u]: [usize; 3], pairing: Pairing) -> [(&'static str, Vec<f64>); 7] {
    let (p, q) = (cast::<E>(&random(n * u, 1)), cast(&random(m * u, 2)));
    let (w2, b2) = (cast(&random(u * u, 3)), cast(&random(u, 4)));
    let (w3, b3) = (cast(&random(u, 5)), cast(&random(1, 6)));
    let up = Upper { w2: &w2, b2: &b2, w3: &w3, b3: &b3 };
    let pairs = Pairs::new(pairing, n, m);
    let (scores, on) = joint::forward(pairs, &p, &q, up, true);
    assert!(joint::forward(pairs, &p, &q, up, false) == (scores.clone(), Vec::new()));
    let gs = cast(&random(scores.len(), 7));
    let g = joint::backward(pairs, &p, &q, up, &on, &gs);
    [("scores", scores), ("p", g.p), ("q", g.q), ("w2", g.w2), ("b2", g.b2), ("w3", g.w3), ("b3", g.b3)]
        .map(|(name, numbers)| (name, wide(numbers)))
}

#[test]
fn a_critic_of_vectors_is_the_plain_one_up_to_rounding() {
    for (sizes, pairing) in [
        ([64, 64, 256], Pairing::All),
        ([33, 29, 160], Pairing::All),
        ([300, 300, 128], Pairing::Rolled(3)),
        ([9, 9, 512], Pairing::All),
        ([20, 20, 96], Pairing::All),
        ([300, 300, 288], Pairing::Rolled(3)),
    ] {
        if is_x86_feature_detected!("avx512bw") {
            assert_eq!(joint::fuses::<f32>(sizes[2]), sizes[2] >= 256);
        }
        let exact = joint_critic::<f64>(sizes, pairing);
        for ((name, found), (_, exact)) in joint_critic::<f32>(sizes, pairing).iter().zip(&exact) {
            // A unit that is on in one and off in the other, by rounding, is a rare and small difference.
            let error = distance(found, exact);
            assert!(error < 2e-5, "{name} of {sizes:?}, {pairing:?}: {error}");
        }
    }
}

/// Output, and gradients of input and weights added to ones, of a convolution; the transposed convolution.
fn convolution<E: Real>(g: &Geometry, precision: Precision) -> [Vec<f64>; 4] {
    let (x, w) = (cast::<E>(&random(g.b * g.image(), 1)), cast::<E>(&random(g.o * g.taps(), 2)));
    let gy = cast::<E>(&random(g.b * g.o * g.places(), 3));
    precision.scope(|| {
        let (mut gx, mut gw) = (vec![E::one(); x.len()], vec![E::one(); w.len()]);
        conv::backward(g, &x, &w, &gy, Some(&mut gx), Some(&mut gw));
        [conv::forward(g, &x, &w), gx, gw, conv::transpose_forward(g, &gy, &w)].map(wide)
    })
}

#[test]
fn a_packed_convolution_is_the_plain_one_up_to_rounding() {
    // Images, channels, height, width; kernel, stride, padding. The last two do not fill lines or tiles.
    for ([b, i, o, h, w], [k, s, p], lines) in [
        ([3, 32, 64, 8, 8], [4, 2, 1], true),
        ([5, 64, 32, 16, 8], [3, 1, 1], true),
        ([7, 32, 32, 8, 8], [1, 1, 0], true),
        ([2, 96, 64, 8, 16], [3, 2, 1], true),
        ([9, 64, 96, 8, 8], [2, 2, 0], true),
        ([3, 32, 32, 12, 12], [5, 1, 0], true),
        ([2, 32, 32, 16, 16], [5, 2, 2], true),
        ([4, 3, 32, 16, 16], [4, 2, 1], false),
        ([4, 32, 32, 7, 9], [3, 2, 1], false),
        // Large enough for packed sides without the kernels above, and the last task with fewer images.
        ([5, 24, 288, 20, 20], [4, 1, 1], false),
    ] {
        let size = |n: usize| (n + 2 * p - k) / s + 1;
        let g = Geometry { b, i, o, h, w, k, s, p, oh: size(h), ow: size(w) };
        assert_eq!(super::conv::fits(&g), lines, "{g:?}");
        let exact = convolution::<f64>(&g, Precision::Fp32);
        for format in formats() {
            let (precision, least, most) = match format {
                Format::Bf16 => (Precision::Bf16, 1e-4, 0.005),
                Format::Single | Format::Split => (Precision::Fp32, 0.0, 2e-6),
            };
            for (found, exact) in convolution::<f32>(&g, precision).iter().zip(&exact) {
                let error = distance(found, exact);
                assert!(error > least && error < most, "{format:?}, {g:?}: {error}");
            }
        }
    }
}

#[test]
fn a_side_that_is_not_worth_packing_is_packed_beside_one_that_is() {
    let [m, n, k] = [300, 20, 400];
    let (a, b) = (random(m * k, 1), random(k * n, 2));
    let exact: Vec<f64> =
        (0..m * n).map(|i| (0..k).map(|l| f64::from(a[i / n * k + l]) * f64::from(b[l * n + i % n])).sum()).collect();
    // Once as if the other side had many columns, once as it is.
    let left = [300, n].map(|columns| Operand::left(Mat::rows(&a, m, k), columns, Precision::Fp32));
    assert_eq!(left.each_ref().map(|left| matches!(left, Operand::Packed(_))), [formats().count() > 0, false]);
    let right = Operand::right(Mat::rows(&b, k, n), m, Precision::Fp32);
    for left in &left {
        let product = par_side(left, &right, |_, _, _| ());
        let mut here = vec![0.0; m * n];
        multiply(&mut here, n, left, &right, false);
        assert_eq!(product, here);
        let product: Vec<f64> = product.into_iter().map(f64::from).collect();
        assert!(distance(&product, &exact) < 1e-6);
    }
}
