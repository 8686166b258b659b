//! Products against sums of rounded numbers, and the two units against each other.

use super::pack::{Packed, Side};
use super::product::product_by;
use super::{Unit, par_product};
use crate::mi::Pairing;
use crate::nn::Precision;
use crate::nn::cpu::conv;
use crate::nn::cpu::gemm::Mat;
use crate::nn::cpu::pair::{self, PairGrads, PairSizes, Upper};
use crate::nn::cpu::unfold::Geometry;
use rand::Rng;

fn random(n: usize, stream: u64) -> Vec<f32> {
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

/// The units of this processor, which tests cannot choose.
fn units() -> Vec<Unit> {
    match Unit::detect() {
        None => Vec::new(),
        Some(Unit::Vectors) => vec![Unit::Vectors],
        Some(Unit::Tiles) => vec![Unit::Tiles, Unit::Vectors],
    }
}

#[test]
fn products_are_sums_of_rounded_numbers() {
    for unit in units() {
        for [m, n, k] in [[1, 1, 1], [5, 7, 3], [16, 16, 32], [32, 32, 32], [33, 65, 70], [300, 290, 600]] {
            let (a, b) = (random(m * k, 1), random(k * n, 2));
            let expected: Vec<f64> = (0..m * n)
                .map(|i| (0..k).map(|l| rounded(a[i / n * k + l]) * rounded(b[l * n + i % n])).sum())
                .collect();
            let (at, bt) = (transposed(&a, m, k), transposed(&b, k, n));
            for lhs in [Mat::rows(&a, m, k), Mat::rows(&at, k, m).t()] {
                for rhs in [Mat::rows(&b, k, n), Mat::rows(&bt, n, k).t()] {
                    let (lhs, rhs) = (Packed::new(lhs, Side::Left), Packed::here(rhs, Side::Right));
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
    if units().is_empty() {
        return;
    }
    let [m, n, k] = [700, 530, 1100];
    let (a, b) = (random(m * k, 1), random(k * n, 2));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let (lhs, rhs) = (Mat::rows(&a, m, k), Mat::rows(&b, k, n));
            let (lhs, rhs) = (Packed::new(lhs, Side::Left), Packed::new(rhs, Side::Right));
            let mut dst = vec![0.0; m * n];
            // Each element is seen once, in a row's part that begins where it says.
            par_product(&mut dst, &lhs, &rhs, false, |row, column, part| {
                part.iter_mut().enumerate().for_each(|(i, v)| *v += (row * n + column + i) as f32);
            });
            dst
        })
    };
    let one = run(1);
    assert!(one.iter().zip(run(3)).all(|(a, b)| a.to_bits() == b.to_bits()));
    let middle = (m / 2) * n + n / 2;
    let sum: f64 = (0..k).map(|l| rounded(a[m / 2 * k + l]) * rounded(b[l * n + n / 2])).sum();
    assert!((f64::from(one[middle]) - sum - middle as f64).abs() < 0.05, "{} for {sum} + {middle}", one[middle]);
}

#[test]
fn an_empty_inner_dimension_gives_zeros_and_what_is_no_number_stays_so() {
    if units().is_empty() {
        return;
    }
    let (lhs, rhs) = (Mat::rows(&[], 40, 0), Mat::rows(&[], 0, 40));
    let (lhs, rhs) = (Packed::new(lhs, Side::Left), Packed::new(rhs, Side::Right));
    let mut dst = vec![7.0; 1600];
    par_product(&mut dst, &lhs, &rhs, false, |_, _, _| ());
    assert_eq!(dst, vec![0.0; 1600]);

    let mut a = random(4 * 50, 1);
    (a[60], a[110]) = (f32::NAN, f32::INFINITY);
    let b = vec![1.0; 50];
    let (lhs, rhs) = (Packed::new(Mat::rows(&a, 4, 50), Side::Left), Packed::new(Mat::rows(&b, 50, 1), Side::Right));
    let mut dst = vec![0.0; 4];
    par_product(&mut dst, &lhs, &rhs, false, |_, _, _| ());
    assert!(dst[0].is_finite() && dst[1].is_nan() && dst[2] == f32::INFINITY && dst[3].is_finite(), "{dst:?}");
}

/// Whole numbers from −8 to 8, times `unit`: few enough bits that sums and products of two are exact in bf16.
fn whole(n: usize, unit: f32, stream: u64) -> Vec<f32> {
    let mut rng = crate::seed::stream(0, "test", stream);
    (0..n).map(|_| rng.gen_range(-8i8..=8) as f32 * unit).collect()
}

/// Scores and gradients of a concat critic's upper layers.
fn critic(z: PairSizes, pairing: Pairing, keep: bool, precision: Precision) -> (Vec<f32>, PairGrads<f32>) {
    let PairSizes { b, l, u } = z;
    let (p, q) = (whole(b * l * u, 0.125, 1), whole(b * u, 0.125, 2));
    let (w2, b2) = (whole(u * u, 0.03125, 3), whole(u, 0.125, 4));
    let (w3, b3) = (whole(u, 0.125, 5), whole(1, 0.125, 6));
    let up = Upper { w2: &w2, b2: &b2, w3: &w3, b3: &b3 };
    let gs = whole(b * l * pairing.columns(b), 0.25, 7);
    precision.scope(|| {
        let (scores, kept) = pair::forward(z, &p, &q, up, pairing, keep);
        (scores, pair::backward(z, (&p, vec![1.0; p.len()]), &q, up, pairing, kept, &gs))
    })
}

/// `‖a − b‖ / ‖b‖`.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let norm = |x: &mut dyn Iterator<Item = f32>| x.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
}

#[test]
fn a_critic_in_bf16_is_the_one_in_f32_where_nothing_is_rounded() {
    if units().is_empty() {
        return;
    }
    for (z, pairing) in [
        (PairSizes { b: 7, l: 49, u: 96 }, Pairing::Rolled(2)),
        (PairSizes { b: 8, l: 64, u: 512 }, Pairing::Rolled(1)),
        (PairSizes { b: 6, l: 5, u: 64 }, Pairing::All),
    ] {
        for keep in [false, true] {
            let (exact, g) = critic(z, pairing, keep, Precision::Fp32);
            let (scores, bf16) = critic(z, pairing, keep, Precision::Bf16);
            for (name, found, exact, most) in [
                ("scores", &scores, &exact, 1e-6),
                ("p", &bf16.p, &g.p, 1e-6),
                ("q", &bf16.q, &g.q, 1e-6),
                ("w2", &bf16.w2, &g.w2, 1e-6),
                ("b2", &bf16.b2, &g.b2, 1e-6),
                // The second layer itself is kept in bf16.
                ("w3", &bf16.w3, &g.w3, 0.004),
                ("b3", &bf16.b3, &g.b3, 1e-6),
            ] {
                let error = distance(found, exact);
                assert!(error < most, "{name} of {z:?}, {pairing:?}, keep {keep}: {error}");
            }
            // What is not equal at all has been computed in bf16.
            assert!(distance(&bf16.w3, &g.w3) > 0.0);
        }
    }
}

#[test]
fn a_convolution_in_bf16_is_the_one_in_f32_up_to_rounding() {
    if units().is_empty() {
        return;
    }
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
    ] {
        let size = |n: usize| (n + 2 * p - k) / s + 1;
        let g = Geometry { b, i, o, h, w, k, s, p, oh: size(h), ow: size(w) };
        assert_eq!(super::conv::fits(&g), lines, "{g:?}");
        let (x, weights, gy) = (random(b * g.image(), 1), random(o * g.taps(), 2), random(b * o * g.places(), 3));
        let run = |precision: Precision| {
            precision.scope(|| {
                // Gradients are added to what is there.
                let (mut gx, mut gw) = (vec![1.0; x.len()], vec![1.0; weights.len()]);
                conv::backward(&g, &x, &weights, &gy, Some(&mut gx), Some(&mut gw));
                [conv::forward(&g, &x, &weights), gx, gw, conv::transpose_forward(&g, &gy, &weights)]
            })
        };
        for (found, exact) in run(Precision::Bf16).iter().zip(&run(Precision::Fp32)) {
            let error = distance(found, exact);
            assert!(error > 0.0 && error < 0.005, "{g:?}: {error}");
        }
    }
}
