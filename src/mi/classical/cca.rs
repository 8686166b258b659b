//! Mutual information of Gaussians from canonical correlations, with its bias, an interval and a test.

use super::{GaussianModel, Shrinkage};
use crate::mi::special::{chi_squared_tail, digamma, normal_quantile};
use crate::mi::{MiError, Samples, Scaling, Standardiser};

/// What is taken off the plug-in value −½ Σ log(1 − ρ²), which chance correlations push up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Correction {
    /// Nothing.
    None,
    /// d_x·d_y/(2N): the first order.
    FirstOrder,
    /// The exact bias for Gaussians, whatever their correlations, from the expected log determinant of a Wishart matrix:
    /// ½(S(d_x) + S(d_y) − S(d_x + d_y)) with S(d) = Σ_{i=1..d} ψ((N − i)/2).
    #[default]
    Wishart,
}

/// Settings of [`gaussian_mi`] and [`copula_mi`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CcaConfig {
    /// Bias correction; none is made with shrinkage.
    pub correction: Correction,
    /// Shrinkage of the correlations.
    pub shrinkage: Shrinkage,
    /// Probability that the interval holds the truth, above 0 and below 1.
    pub confidence: f64,
}

impl Default for CcaConfig {
    fn default() -> Self {
        Self { correction: Correction::default(), shrinkage: Shrinkage::None, confidence: 0.95 }
    }
}

/// What [`gaussian_mi`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct CcaEstimate {
    /// I(X;Y) in nats: `plug_in` − `bias`, not clamped at 0.
    pub nats: f64,
    /// −½ Σ log(1 − ρ_i²).
    pub plug_in: f64,
    /// What was taken off.
    pub bias: f64,
    /// An interval of the asked confidence for Gaussians, from 0 up: for one column each by Fisher's z, else normal with
    /// variance Σρ²/N + d_x·d_y/(2N²). None with shrinkage.
    pub interval: Option<(f64, f64)>,
    /// Probability of correlations this large without dependence (Bartlett 1938, χ²). None with shrinkage: use
    /// [`permutation_test`](crate::mi::permutation_test).
    pub p_value: Option<f64>,
    /// The fitted Gaussian.
    pub model: GaussianModel,
}

/// I(X;Y) of two paired vectors as if they were jointly Gaussian, in nats.
///
/// For other distributions this is the information of the Gaussian with their covariances; the truth may be larger or
/// smaller.
///
/// # Errors
/// As [`GaussianModel::fit`], and for a confidence outside (0, 1).
pub fn gaussian_mi(x: &Samples, y: &Samples, config: &CcaConfig) -> Result<CcaEstimate, MiError> {
    let confidence = config.confidence;
    if !(confidence > 0.0 && confidence < 1.0) {
        let allowed = "above 0 and below 1";
        return Err(MiError::Setting { name: "confidence", value: confidence.to_string(), allowed });
    }
    let model = GaussianModel::fit(x, y, config.shrinkage)?;
    let plug_in = model.nats();
    let (dx, dy, n) = (x.columns(), y.columns(), x.rows() as f64);
    if model.shrinkage() > 0.0 {
        return Ok(CcaEstimate { nats: plug_in, plug_in, bias: 0.0, interval: None, p_value: None, model });
    }
    let pairs = (dx * dy) as f64;
    let bias = match config.correction {
        Correction::None => 0.0,
        Correction::FirstOrder => 0.5 * pairs / n,
        Correction::Wishart => wishart_bias(dx, dy, n),
    };
    let nats = plug_in - bias;
    // log(1 − ρ²) summed is −2·plug_in.
    let statistic = 2.0 * plug_in * (n - 1.0 - 0.5 * (dx + dy + 1) as f64);
    let p_value = Some(chi_squared_tail(statistic, pairs));
    let z = normal_quantile(0.5 + 0.5 * confidence);
    let interval = if dx == 1 && dy == 1 && x.rows() > 3 {
        let centre = model.correlations().iter().sum::<f64>().atanh();
        let half = z / (n - 3.0).sqrt();
        let of = |z: f64| -0.5 * (-z.tanh().powi(2)).ln_1p();
        (of((centre - half).max(0.0)), of(centre + half))
    } else {
        // Squared correlations are pushed up by chance as well.
        let squares = (model.correlations().iter().map(|r| r * r).sum::<f64>() - pairs / n).max(0.0);
        let half = z * (squares / n + 0.5 * pairs / (n * n)).sqrt();
        ((nats - half).max(0.0), (nats + half).max(0.0))
    };
    Ok(CcaEstimate { nats, plug_in, bias, interval: Some(interval), p_value, model })
}

/// I(X;Y) under a Gaussian copula: [`gaussian_mi`] of the normal scores of every column (mean ranks for ties), in nats.
///
/// Exact for Gaussians whose columns went through any increasing functions. The bias correction, interval and p-value are
/// those of Gaussian columns, to which normal scores are near for N from a few dozen on.
///
/// # Errors
/// As [`gaussian_mi`].
pub fn copula_mi(x: &Samples, y: &Samples, config: &CcaConfig) -> Result<CcaEstimate, MiError> {
    x.check_paired(y, 10)?;
    let scores = |s: &Samples| Standardiser::fit(s, Scaling::NormalScores)?.apply(s);
    gaussian_mi(&scores(x)?, &scores(y)?, config)
}

/// E[plug-in] − I for Gaussians: E log|S| of a Wishart matrix with N − 1 degrees of freedom is log|Σ| plus
/// Σ_{i=1..d} ψ((N − i)/2) and constants that cancel.
fn wishart_bias(dx: usize, dy: usize, n: f64) -> f64 {
    let sum = |d: usize| (1..=d).map(|i| digamma(0.5 * (n - i as f64))).sum::<f64>();
    0.5 * (sum(dx) + sum(dy) - sum(dx + dy))
}
