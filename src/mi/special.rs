//! Special functions, each to about 1e-13.

use rayon::prelude::*;
use std::f64::consts::{FRAC_1_SQRT_2, LN_2, PI};

/// The digamma function ψ(x) = d/dx log Γ(x), for x > 0.
///
/// Recurrence up to 10, then the asymptotic series (Abramowitz & Stegun 1964, 6.3.18).
pub(crate) fn digamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < 10.0 {
        below -= 1.0 / x;
        x += 1.0;
    }
    let z = 1.0 / (x * x);
    let series = z
        * (1.0 / 12.0
            - z * (1.0 / 120.0 - z * (1.0 / 252.0 - z * (1.0 / 240.0 - z * (1.0 / 132.0 - z * (691.0 / 32760.0))))));
    below + x.ln() - 0.5 / x - series
}

/// ψ at the integers 0..=n; entry 0 is −∞.
pub(crate) fn digamma_table(n: usize) -> Vec<f64> {
    // Each afresh: with ψ(m + 1) = ψ(m) + 1/m rounding would pile up along a long table.
    let entry = |m: usize| if m == 0 { f64::NEG_INFINITY } else { digamma(m as f64) };
    (0..n + 1).into_par_iter().with_min_len(1024).map(entry).collect()
}

/// ln Γ(x) for x > 0.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// The regularised upper incomplete gamma function Q(a, x): series below a + 1, Lentz's continued fraction above.
pub(crate) fn gamma_q(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x.is_infinite() {
        return 0.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    // Both converge in a few times √a steps.
    let steps = 500 + 20 * a.sqrt() as usize;
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for i in 1..steps {
            term *= x / (a + i as f64);
            sum += term;
            if term < sum * 1e-16 {
                break;
            }
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    let tiny = 1e-300;
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / tiny, 1.0 / b);
    let mut fraction = d;
    for i in 1..steps {
        let i = i as f64;
        let numerator = -i * (i - a);
        b += 2.0;
        d = numerator * d + b;
        d = 1.0 / if d.abs() < tiny { tiny } else { d };
        c = b + numerator / c;
        c = if c.abs() < tiny { tiny } else { c };
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}

/// The probability that χ² with `degrees` degrees of freedom exceeds `x`.
pub(crate) fn chi_squared_tail(x: f64, degrees: f64) -> f64 {
    gamma_q(0.5 * degrees, 0.5 * x)
}

/// ln 2π.
pub(crate) const LN_2_PI: f64 = 1.837_877_066_409_345_3;

/// Φ(x), the standard normal's distribution function.
pub(crate) fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// φ(x), the standard normal's density.
pub(crate) fn normal_density(x: f64) -> f64 {
    (-0.5 * (x * x + LN_2_PI)).exp()
}

/// The standard normal quantile Φ⁻¹(p); ±40 stands for what no f64 probability can reach.
///
/// Acklam's rational approximation (2003; relative error 1.2e-9), then one step of Halley's method.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    if p <= 0.0 {
        return -40.0;
    }
    if p > 0.5 {
        // The lower tail is where p itself has its digits.
        return -normal_quantile(1.0 - p);
    }
    const A: [f64; 6] = [
        -3.969683028665376e1,
        2.209460984245205e2,
        -2.759285104469687e2,
        1.38357751867269e2,
        -3.066479806614716e1,
        2.506628277459239,
    ];
    const B: [f64; 5] =
        [-5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1];
    const C: [f64; 6] = [
        -7.784894002430293e-3,
        -3.223964580411365e-1,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 4] = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416];
    let poly = |c: &[f64], x: f64| c.iter().fold(0.0, |sum, v| sum * x + v);
    let x = if p < 0.02425 {
        let q = (-2.0 * p.ln()).sqrt();
        poly(&C, q) / (poly(&D, q) * q + 1.0)
    } else {
        let q = p - 0.5;
        let r = q * q;
        poly(&A, r) * q / (poly(&B, r) * r + 1.0)
    };
    let density = normal_density(x);
    if density == 0.0 {
        return x;
    }
    let u = (normal_cdf(x) - p) / density;
    x - u / (1.0 + 0.5 * x * u)
}

/// log of the volume of the unit ball of the Euclidean norm in `d` dimensions.
pub(crate) fn ln_euclidean_ball(d: usize) -> f64 {
    0.5 * d as f64 * PI.ln() - ln_gamma(1.0 + 0.5 * d as f64)
}

/// log of the volume of the unit ball of the max norm in `d` dimensions.
pub(crate) fn ln_max_ball(d: usize) -> f64 {
    d as f64 * LN_2
}

/// The x between `low` and `high` where the increasing function is `target`. `f` gives its value and slope; Newton's
/// steps are taken while they stay between the bounds, and halvings where they do not.
pub(crate) fn solve_increasing(f: impl Fn(f64) -> (f64, f64), target: f64, mut low: f64, mut high: f64) -> f64 {
    let mut x = 0.5 * (low + high);
    for _ in 0..200 {
        let (value, slope) = f(x);
        if value == target {
            break;
        }
        if value < target {
            low = x;
        } else {
            high = x;
        }
        let newton = x - (value - target) / slope;
        if (newton - x).abs() <= 4.0 * f64::EPSILON * x.abs().max(1e-3) {
            break;
        }
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if next == x {
            break;
        }
        x = next;
    }
    x
}

/// `log Σ exp`, safe for any numbers.
pub(crate) fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY { most } else { most + values.map(|v| (v - most).exp()).sum::<f64>().ln() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{a} is not {b}");
    }

    #[test]
    fn known_values() {
        let euler = 0.577_215_664_901_532_9;
        close(digamma(1.0), -euler);
        close(digamma(0.5), -euler - 2.0 * LN_2);
        close(digamma(100.0), 4.600_161_852_738_087);
        close(ln_gamma(0.5), 0.5 * PI.ln());
        close(ln_gamma(101.0), 363.739_375_555_563_5);
        close(ln_gamma(1.0), 0.0);
        // χ² with two degrees of freedom is exponential.
        for x in [0.1, 1.0, 5.0, 30.0] {
            close(chi_squared_tail(x, 2.0) / (-0.5 * x).exp(), 1.0);
        }
        close(chi_squared_tail(3.841_458_820_694_124, 1.0), 0.05);
        close(chi_squared_tail(124.342_113_404_004_1, 100.0), 0.05);
        close(normal_quantile(0.975), 1.959_963_984_540_054);
        close(normal_quantile(0.5), 0.0);
        close(normal_quantile(1e-10), -6.361_340_902_404_056);
        for x in [-6.0, -3.0, -0.3, 0.0, 0.7, 2.5] {
            close(normal_quantile(normal_cdf(x)), x);
        }
        close(ln_euclidean_ball(3), (4.0 / 3.0 * PI).ln());
        close(digamma_table(20)[20], digamma(20.0));
    }

    #[test]
    fn the_normal_and_its_inverse() {
        // Abramowitz & Stegun, table 26.1.
        for (x, p) in [(0.0, 0.5), (1.0, 0.841_344_746_068_543), (-3.0, 0.001_349_898_031_630)] {
            assert!((normal_cdf(x) - p).abs() < 1e-14, "{x}");
        }
        assert!((normal_density(1.0) - 0.241_970_724_519_143).abs() < 1e-14);
        for x in [-20.0, -8.0, -3.3, -1e-3, 0.0, 0.7, 2.0, 5.0] {
            let back = normal_quantile(normal_cdf(x));
            assert!((back - x).abs() < if x > 3.0 { 1e-9 } else { 1e-13 * 1f64.max(x.abs()) }, "{x} {back}");
        }
        assert!(normal_quantile(0.0) < -38.0 && normal_quantile(1.0) > 38.0);
    }

    #[test]
    fn digamma_at_points_with_closed_forms() {
        let euler = 0.577_215_664_901_532_9;
        assert!((digamma(1.0) + euler).abs() < 1e-13);
        assert!((digamma(0.5) + euler + 4f64.ln()).abs() < 1e-13);
        assert!((digamma(4.0) - (1.0 + 0.5 + 1.0 / 3.0 - euler)).abs() < 1e-13);
        // The slope of ln Γ.
        let h = 1e-5;
        for x in [0.3, 2.7, 11.0, 40.0] {
            let slope = (ln_gamma(x + h) - ln_gamma(x - h)) / (2.0 * h);
            assert!((digamma(x) - slope).abs() < 1e-8, "{x}");
        }
    }

    #[test]
    fn sums_of_exponentials() {
        assert!((log_sum_exp([1000.0, 1000.0].into_iter()) - 1000.0 - 2f64.ln()).abs() < 1e-12);
        assert_eq!(log_sum_exp([f64::NEG_INFINITY; 2].into_iter()), f64::NEG_INFINITY);
    }
}
