//! Mutual information between a continuous vector and labels (Ross 2014).

use super::ksg::{LEAST_ROWS, check_k};
use super::neighbours::{Space, count_below};
use super::ties::{Ties, alone};
use super::{Labels, Norm, Warning};
use crate::mi::special::digamma_table;
use crate::mi::{MiError, Samples};

/// What [`mixed_mi`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct MixedEstimate {
    /// I(X;L) in nats, not clamped at 0.
    pub nats: f64,
    /// The share of each row, `[N]`; NaN for rows left out.
    pub pointwise: Vec<f64>,
    /// Reasons to doubt.
    pub warnings: Vec<Warning>,
}

/// I(X;L) of a continuous vector and labels: ψ(N) + ⟨ψ(k_i)⟩ − ⟨ψ(N_l)⟩ − ⟨ψ(m)⟩ in nats (Ross 2014, equation 2).
///
/// For each row, its k-th neighbour among the N_l rows of its class gives a radius; m counts the rows of any class inside
/// it, that neighbour included. Classes of k rows or fewer use all their other rows; classes of one row are left out
/// ([`Warning::SingleRows`]).
///
/// # Errors
/// As [`ksg`](super::ksg()), but for labels that are discrete by nature; when no class has two rows
/// ([`MiError::TooFew`]), or there is only one class ([`MiError::Constant`]).
pub fn mixed_mi(x: &Samples, labels: &Labels, k: usize, norm: Norm, ties: Ties) -> Result<MixedEstimate, MiError> {
    let rows = x.rows();
    if labels.rows() != rows {
        return Err(MiError::Lengths { x: rows, y: labels.rows() });
    }
    x.check_paired(x, LEAST_ROWS)?;
    check_k(k, rows)?;
    labels.check_varies()?;
    let mut warnings = Vec::new();
    let x = alone("x", x, ties, &mut warnings)?;

    let members = labels.members();
    let mut kept: Vec<usize> = members.iter().filter(|m| m.len() > 1).flatten().copied().collect();
    kept.sort_unstable();
    if kept.len() < LEAST_ROWS {
        return Err(MiError::TooFew { rows: kept.len(), least: LEAST_ROWS });
    }
    if kept.len() < rows {
        warnings.push(Warning::SingleRows { rows: rows - kept.len() });
    }
    let psi = digamma_table(rows);
    let n = kept.len();
    let mut radius = vec![0.0; rows];
    let mut own = vec![0.0; rows];
    for members in members.iter().filter(|m| m.len() > 1) {
        let k = k.min(members.len() - 1);
        let near = Space::of(&x.select(members), norm).nearest(k);
        for (&row, list) in members.iter().zip(near.chunks_exact(k)) {
            radius[row] = list[k - 1].key;
            own[row] = psi[k] - psi[members.len()];
        }
    }
    let limits: Vec<f64> = kept.iter().map(|&i| radius[i]).collect();
    let inside = count_below(&x.select(&kept), norm, &limits);
    let mut pointwise = vec![f64::NAN; rows];
    for (&row, &m) in kept.iter().zip(&inside) {
        pointwise[row] = psi[n] + own[row] - psi[m as usize + 1];
    }
    let nats = kept.iter().map(|&i| pointwise[i]).sum::<f64>() / n as f64;
    Ok(MixedEstimate { nats, pointwise, warnings })
}
