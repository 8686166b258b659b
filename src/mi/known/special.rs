//! Functions of statistics that the standard library lacks.

use std::f64::consts::FRAC_1_SQRT_2;

/// Φ(x), the standard normal's distribution function.
pub(super) fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// φ(x), the standard normal's density.
pub(super) fn normal_density(x: f64) -> f64 {
    (-0.5 * (x * x + LN_2_PI)).exp()
}

/// ln 2π.
pub(super) const LN_2_PI: f64 = 1.837_877_066_409_345_3;

/// Φ⁻¹(p); ±40 stands for what no f64 probability can reach.
pub(super) fn normal_quantile(p: f64) -> f64 {
    if p <= 0.0 {
        return -40.0;
    }
    // The upper tail is the lower one mirrored, where probabilities have their digits.
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    solve_increasing(|x| (normal_cdf(x), normal_density(x)), p, -40.0, 0.0)
}

/// ln Γ(x) for x > 0.
pub(super) fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// ψ(x) = d/dx ln Γ(x) for x > 0: the recurrence up to 10, then the asymptotic series (Abramowitz & Stegun 6.3.18).
pub(super) fn digamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < 10.0 {
        shift += 1.0 / x;
        x += 1.0;
    }
    let r = 1.0 / (x * x);
    let series = r * (1.0 / 12.0 - r * (1.0 / 120.0 - r * (1.0 / 252.0 - r * (1.0 / 240.0 - r / 132.0))));
    x.ln() - 0.5 / x - series - shift
}

/// The x between `low` and `high` where the increasing function is `target`. `f` gives its value and slope; Newton's
/// steps are taken while they stay between the bounds, and halvings where they do not.
pub(super) fn solve_increasing(f: impl Fn(f64) -> (f64, f64), target: f64, mut low: f64, mut high: f64) -> f64 {
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
pub(super) fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY { most } else { most + values.map(|v| (v - most).exp()).sum::<f64>().ln() }
}

#[cfg(test)]
mod tests {
    use super::*;

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
