//! A uniform number and the same with uniform noise.

use super::{Known, Truth, out_of_range};
use crate::mi::MiError;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// x uniform on [0, 1], y = x + noise uniform on [−ε, ε]: `1v1-additive-…` in Czyż et al. 2023.
#[derive(Clone, Debug)]
pub struct AdditiveUniform {
    noise: f64,
}

/// See [`AdditiveUniform`].
///
/// # Errors
/// When the noise is not a positive number.
pub fn additive(noise: f64) -> Result<AdditiveUniform, MiError> {
    if !(noise > 0.0 && noise.is_finite()) {
        return Err(out_of_range("noise", noise, "a positive number"));
    }
    Ok(AdditiveUniform { noise })
}

impl Known for AdditiveUniform {
    fn name(&self) -> String {
        format!("1v1-additive-{:?}", self.noise)
    }

    fn dims(&self) -> (usize, usize) {
        (1, 1)
    }

    /// `1/(4ε)` for ε > ½, `ε − ln 2ε` otherwise.
    fn truth(&self) -> Truth {
        let e = self.noise;
        Truth::exact(if e > 0.5 { 0.25 / e } else { e - (2.0 * e).ln() })
    }

    fn draw(&self, rng: &mut ChaCha8Rng, x: &mut [f64], y: &mut [f64]) {
        x[0] = rng.r#gen();
        y[0] = x[0] + self.noise * (2.0 * rng.r#gen::<f64>() - 1.0);
    }

    /// y given x has the density `1/2ε`; y alone has the share of [0, 1] that is within ε of it.
    fn pointwise(&self, x: &[f64], y: &[f64]) -> Option<f64> {
        let (x, y, e) = (x[0], y[0], self.noise);
        if !(0.0..=1.0).contains(&x) || (y - x).abs() > e * (1.0 + 1e-12) {
            return Some(f64::NEG_INFINITY);
        }
        Some(-((y + e).min(1.0) - (y - e).max(0.0)).ln())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_formulas_meet() {
        let (under, over) = (additive(0.5).unwrap(), additive(0.5 + 1e-12).unwrap());
        assert!((under.truth().nats - 0.5).abs() < 1e-12 && (over.truth().nats - 0.5).abs() < 1e-11);
        assert_eq!(under.pointwise(&[0.2], &[0.8]), Some(f64::NEG_INFINITY));
        assert!(additive(0.0).is_err() && additive(f64::NAN).is_err());
        assert_eq!(additive(0.1).unwrap().name(), "1v1-additive-0.1");
    }
}
