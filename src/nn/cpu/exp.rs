//! Exponentials and logistic functions of slices.
//!
//! The standard library's `exp` is a call for each number; bounds on scores are little else than exponentials. For
//! `f32` these are branch-free polynomials that the compiler turns into vector code. The processor's widest vectors are
//! chosen at run time, and every choice gives the same bits: the operations on each number are the same ones in the
//! same order (no fused multiply-add), and sums run over a fixed number of lanes. `f64` uses the standard library.
//!
//! NaN stays NaN.

/// Numbers of which slices can be exponentiated. Not for use outside this crate.
pub trait Exponentials: Copy {
    /// The largest number that is not NaN; −∞ if there is none.
    fn largest(x: &[Self]) -> Self;

    /// `x ← exp(x − shift)`; the sum.
    fn exp_less(x: &mut [Self], shift: Self) -> f64;

    /// `x ← 1/(1 + e⁻ˣ)`; the sum of `log(1 + eˣ)`.
    fn logistic(x: &mut [Self]) -> f64;
}

/// Numbers that are summed in `f32` before the sum goes on in `f64`.
const BLOCK: usize = 1024;
/// Running sums and maxima side by side.
const LANES: usize = 16;

/// Below, the exponential is zero in `f32`: −100·log 2. What is smaller is nothing beside the largest term of a sum, and as
/// a gradient it would soon be a subnormal number, with which processors compute many times more slowly.
const LOW: f32 = -69.314_72;
/// Above, it is infinite.
const HIGH: f32 = 89.0;
/// 1.5·2²³: adding it rounds to an integer, which is then in the low bits.
const ROUNDER: f32 = 12_582_912.0;
/// log 2 in two parts: the first has so few bits that its product with an exponent is exact.
const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// `2ᵏ` for `−126 ≤ k ≤ 127`.
#[inline(always)]
fn power_of_two(k: i32) -> f32 {
    f32::from_bits((k.wrapping_add(127) as u32) << 23)
}

/// `eˣ` to a relative error of 1.5e-7: `x = n·log 2 + r`, a polynomial on `|r| ≤ ½ log 2` (the coefficients of Cephes'
/// `expf`, Moshier 1992), times `2ⁿ` in two steps because `2¹²⁸` alone is infinite. Zero below [`LOW`].
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Comparisons that are false for NaN, so that it passes.
    let vanishes = x < LOW;
    let x = if vanishes { LOW } else { x };
    let x = if x > HIGH { HIGH } else { x };
    let rounded = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = rounded - ROUNDER;
    let r = (x - n * LN2[0]) - n * LN2[1];
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_6e-1;
    p = p * r + 5.0e-1;
    let p = (p * (r * r) + r) + 1.0;
    let k = (rounded.to_bits() as i32).wrapping_sub(ROUNDER.to_bits() as i32);
    let half = k >> 1;
    let result = p * power_of_two(half) * power_of_two(k.wrapping_sub(half));
    if vanishes { 0.0 } else { result }
}

/// `log(1 + e)` for `0 ≤ e ≤ 1`: `2·artanh(e/(2 + e))` by its series, whose rest is under 2e-9 of it there.
#[inline(always)]
fn ln_1p(e: f32) -> f32 {
    let s = e / (2.0 + e);
    let z = s * s;
    let mut p = 2.0 / 15.0;
    p = p * z + 2.0 / 13.0;
    p = p * z + 2.0 / 11.0;
    p = p * z + 2.0 / 9.0;
    p = p * z + 2.0 / 7.0;
    p = p * z + 2.0 / 5.0;
    p = p * z + 2.0 / 3.0;
    p * (z * s) + 2.0 * s
}

/// The sum of a block.
#[inline(always)]
fn lane_sum(x: &[f32]) -> f64 {
    let mut lanes = [0f32; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for (l, &v) in lanes.iter_mut().zip(chunk) {
            *l += v;
        }
    }
    for (l, &v) in lanes.iter_mut().zip(rest) {
        *l += v;
    }
    lanes.iter().map(|&l| f64::from(l)).sum()
}

#[inline(always)]
fn largest_f32(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for (l, &v) in lanes.iter_mut().zip(chunk) {
            *l = if v > *l { v } else { *l };
        }
    }
    for (l, &v) in lanes.iter_mut().zip(rest) {
        *l = if v > *l { v } else { *l };
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, |m, v| if v > m { v } else { m })
}

#[inline(always)]
fn exp_less_f32(x: &mut [f32], shift: f32) -> f64 {
    let mut total = 0.0;
    for block in x.chunks_mut(BLOCK) {
        for v in block.iter_mut() {
            *v = exp(*v - shift);
        }
        total += lane_sum(block);
    }
    total
}

#[inline(always)]
fn logistic_f32(x: &mut [f32]) -> f64 {
    let mut total = 0.0;
    let mut softplus = [0f32; BLOCK];
    for block in x.chunks_mut(BLOCK) {
        let softplus = &mut softplus[..block.len()];
        for (v, s) in block.iter_mut().zip(softplus.iter_mut()) {
            let e = exp(-v.abs());
            let positive = if *v > 0.0 { *v } else { 0.0 };
            *s = positive + ln_1p(e);
            let top = if *v >= 0.0 { 1.0 } else { e };
            *v = top / (1.0 + e);
        }
        total += lane_sum(softplus);
    }
    total
}

widest!(fn largest_widest(x: &[f32]) -> f32 = largest_f32);
widest!(fn exp_less_widest(x: &mut [f32], shift: f32) -> f64 = exp_less_f32);
widest!(fn logistic_widest(x: &mut [f32]) -> f64 = logistic_f32);

impl Exponentials for f32 {
    fn largest(x: &[f32]) -> f32 {
        largest_widest(x)
    }

    fn exp_less(x: &mut [f32], shift: f32) -> f64 {
        exp_less_widest(x, shift)
    }

    fn logistic(x: &mut [f32]) -> f64 {
        logistic_widest(x)
    }
}

impl Exponentials for f64 {
    fn largest(x: &[f64]) -> f64 {
        x.iter().fold(f64::NEG_INFINITY, |m, &v| if v > m { v } else { m })
    }

    fn exp_less(x: &mut [f64], shift: f64) -> f64 {
        let mut total = 0.0;
        for v in x {
            *v = (*v - shift).exp();
            total += *v;
        }
        total
    }

    fn logistic(x: &mut [f64]) -> f64 {
        let mut total = 0.0;
        for v in x {
            let e = (-v.abs()).exp();
            // `max` would hide NaN, but `ln_1p` of a NaN is one.
            total += v.max(0.0) + e.ln_1p();
            *v = if *v >= 0.0 { 1.0 } else { e } / (1.0 + e);
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every few thousandth `f32` between two numbers of one sign, and their negatives.
    fn dense(from: f32, to: f32, step: usize) -> impl Iterator<Item = f32> {
        (from.to_bits()..to.to_bits()).step_by(step).map(f32::from_bits).flat_map(|v| [v, -v])
    }

    fn relative(found: f32, expected: f64) -> f64 {
        (f64::from(found) - expected).abs() / expected.abs()
    }

    #[test]
    fn exp_is_right_to_3e7() {
        let worst = dense(1e-9, 88.722, 1009)
            .filter(|&x| x >= LOW)
            .map(|x| relative(exp(x), f64::from(x).exp()))
            .fold(0.0, f64::max);
        assert!(worst < 1.5e-7, "{worst:e}");
    }

    #[test]
    fn the_ends_of_exp() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(88.73), f32::INFINITY);
        assert!(exp(88.72).is_finite());
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(-104.0), 0.0);
        assert_eq!(exp(LOW - 1e-5), 0.0);
        assert!(relative(exp(LOW), f64::from(LOW).exp()) < 1.5e-7);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn the_logistic_is_right_to_3e7() {
        let (mut sigmoid, mut softplus) = (0.0f64, 0.0f64);
        for x in dense(1e-9, -LOW, 4001) {
            let wide = f64::from(x);
            let mut v = [x];
            let s = f32::logistic(&mut v) as f32;
            let e = (-wide.abs()).exp();
            sigmoid = sigmoid.max(relative(v[0], if x >= 0.0 { 1.0 } else { e } / (1.0 + e)));
            softplus = softplus.max(relative(s, wide.max(0.0) + e.ln_1p()));
        }
        assert!(sigmoid < 3e-7 && softplus < 3e-7, "{sigmoid:e} {softplus:e}");
        let mut ends = [f32::NEG_INFINITY, -500.0, 500.0, f32::INFINITY];
        assert_eq!(f32::logistic(&mut ends[..3]), 500.0);
        assert_eq!(f32::logistic(&mut ends[3..]), f64::INFINITY);
        assert_eq!(ends, [0.0, 0.0, 1.0, 1.0]);
        let mut nan = [1.0, f32::NAN];
        assert!(f32::logistic(&mut nan).is_nan() && nan[1].is_nan());
    }

    #[test]
    fn every_vector_width_gives_the_same_bits() {
        let values: Vec<f32> = dense(1e-3, 100.0, 30_011).collect();
        for n in [0, 1, 15, 16, 17, 1023, 1024, 1025, values.len()] {
            let x = &values[..n];
            assert_eq!(largest_widest(x).to_bits(), largest_f32(x).to_bits());
            for (widest, plain) in [
                (exp_less_widest as fn(&mut [f32], f32) -> f64, exp_less_f32 as fn(&mut [f32], f32) -> f64),
                (|x, _| logistic_widest(x), |x, _| logistic_f32(x)),
            ] {
                let (mut a, mut b) = (x.to_vec(), x.to_vec());
                assert_eq!(widest(&mut a, 20.0).to_bits(), plain(&mut b, 20.0).to_bits());
                assert!(a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    }

    #[test]
    fn both_types_agree_on_sums() {
        let values: Vec<f32> = dense(1e-2, 30.0, 20_011).collect();
        let wide: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
        let off = |a: f64, b: f64| (a - b).abs() / b;
        assert!(off(f32::exp_less(&mut values.clone(), 30.0), f64::exp_less(&mut wide.clone(), 30.0)) < 1e-6);
        assert!(off(f32::logistic(&mut values.clone()), f64::logistic(&mut wide.clone())) < 1e-6);
        assert_eq!(f64::from(f32::largest(&values)), f64::largest(&wide));
        assert_eq!(f32::largest(&[f32::NAN, -3.0, f32::NAN]), -3.0);
        assert!(f32::exp_less(&mut [1.0, f32::NAN, 2.0], 0.0).is_nan());
    }
}
