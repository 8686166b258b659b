//! Differential entropy from nearest neighbours (Kozachenko & Leonenko 1987).

use super::ksg::{LEAST_ROWS, check_k};
use super::neighbours::Space;
use super::ties::{Ties, alone};
use super::{Norm, Warning};
use crate::mi::special::{digamma, ln_euclidean_ball, ln_max_ball};
use crate::mi::{MiError, Samples};

/// What [`knn_entropy`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct EntropyEstimate {
    /// Differential entropy h(X) in nats; negative for narrow distributions.
    pub nats: f64,
    /// The share of each row, `[N]`: an estimate of −log p(x_i).
    pub pointwise: Vec<f64>,
    /// Reasons to doubt.
    pub warnings: Vec<Warning>,
}

/// The differential entropy h(X) = ψ(N) − ψ(k) + log c_d + d⟨log ε⟩ in nats, where ε is the distance to the k-th nearest
/// other row and c_d the volume of the norm's unit ball (Kraskov 2004, equation 20).
///
/// # Errors
/// As [`ksg`](super::ksg()) on one vector.
pub fn knn_entropy(x: &Samples, k: usize, norm: Norm, ties: Ties) -> Result<EntropyEstimate, MiError> {
    x.check_paired(x, LEAST_ROWS)?;
    let n = x.rows();
    check_k(k, n)?;
    let mut warnings = Vec::new();
    let x = alone("x", x, ties, &mut warnings)?;
    let d = x.columns();
    let (ball, power) = match norm {
        Norm::Max => (ln_max_ball(d), 1.0),
        // Keys are squares.
        Norm::Euclidean => (ln_euclidean_ball(d), 0.5),
    };
    let base = digamma(n as f64) - digamma(k as f64) + ball;
    let near = Space::of(&x, norm).nearest(k);
    let pointwise: Vec<f64> = near.chunks_exact(k).map(|list| base + d as f64 * power * list[k - 1].key.ln()).collect();
    let nats = pointwise.iter().sum::<f64>() / n as f64;
    Ok(EntropyEstimate { nats, pointwise, warnings })
}
