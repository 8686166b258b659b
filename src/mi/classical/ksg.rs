//! Mutual information from nearest neighbours (Kraskov, Stögbauer & Grassberger 2004).

use super::neighbours::{Near, Space, count_below};
use super::ties::{Ties, check_apart, check_pairs, continuous, distinct};
use super::{Norm, Warning};
use crate::mi::special::{digamma, digamma_table};
use crate::mi::{MiError, Samples};
use std::f64::consts::LN_2;

/// Fewest rows for estimates from neighbours.
pub(super) const LEAST_ROWS: usize = 10;
/// Columns from which on the estimate is visibly low at 10⁴ rows (true 1.02 nats in 5+5 columns: 0.74).
const MANY_COLUMNS: usize = 8;
/// Nats from which on a value is looked at twice: of one vector that is a function of the other it grows by ln 2 whenever
/// rows double.
const LARGE: f64 = 2.0;

/// Which of the two estimators of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum KsgVariant {
    /// Equation 8: one radius for both vectors, strictly inside.
    #[default]
    One,
    /// Equation 9: the half-widths of x and y apart, border included.
    Two,
}

/// Settings of [`ksg`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KsgConfig {
    /// Equation 8 or 9.
    pub variant: KsgVariant,
    /// Neighbours, 1..N. Fewer: less bias, more spread.
    pub k: usize,
    /// Distance within x and within y; across them it is always the larger of the two.
    pub norm: Norm,
    /// What to do with repeated rows.
    pub ties: Ties,
}

impl Default for KsgConfig {
    fn default() -> Self {
        Self { variant: KsgVariant::One, k: 3, norm: Norm::Max, ties: Ties::default() }
    }
}

/// What [`ksg`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct KsgEstimate {
    /// I(X;Y) in nats: the mean of `pointwise`, not clamped at 0.
    pub nats: f64,
    /// The share of each row, `[N]`; noisy one by one.
    pub pointwise: Vec<f64>,
    /// Neighbours that were used.
    pub k: usize,
    /// The most that the estimator can return for this N and k: ψ(N) − ψ(k), for equation 9 less by 1/k.
    pub ceiling: f64,
    /// Reasons to doubt.
    pub warnings: Vec<Warning>,
}

/// I(X;Y) of two paired continuous vectors from k nearest neighbours, in nats.
///
/// Equation 8: ψ(k) + ψ(N) − ⟨ψ(n_x + 1) + ψ(n_y + 1)⟩, where n counts the rows strictly nearer in one vector than the
/// k-th neighbour in both. Equation 9: ψ(k) − 1/k + ψ(N) − ⟨ψ(n_x) + ψ(n_y)⟩, where n counts the rows within the smallest
/// box around the k neighbours, along each vector for itself. Exact search, on all threads; the same bits on any number.
///
/// The estimate depends on how x is scaled against y, and on columns' scales within each: standardise first
/// ([`Standardiser`](crate::mi::Standardiser)).
///
/// ```
/// use infomax::mi::{Samples, classical::{KsgConfig, ksg}};
/// let wave: Vec<f64> = (0..200).map(|i| (i as f64 * 0.37).sin() + i as f64 * 1e-3).collect();
/// let next = wave[1..].to_vec();
/// let x = Samples::new(wave[..199].to_vec(), 1)?;
/// let found = ksg(&x, &Samples::new(next, 1)?, &KsgConfig::default())?;
/// assert!(found.nats > 1.0 && found.nats < found.ceiling);
/// # Ok::<(), infomax::mi::MiError>(())
/// ```
///
/// # Errors
/// Fewer than ten rows or unpaired ones; k out of range; a constant column; a vector of few distinct values
/// ([`MiError::Discrete`]: at most √N); more than half of the rows copies of others, or any with [`Ties::Refuse`]
/// ([`MiError::Repeated`]); a column of x that is also in y ([`MiError::Infinite`]).
pub fn ksg(x: &Samples, y: &Samples, config: &KsgConfig) -> Result<KsgEstimate, MiError> {
    // On a thread of the pool: from outside, each parallel section would be handed over and waited for.
    rayon::scope(|_| in_pool(x, y, config))
}

fn in_pool(x: &Samples, y: &Samples, config: &KsgConfig) -> Result<KsgEstimate, MiError> {
    x.check_paired(y, LEAST_ROWS)?;
    let (n, k) = (x.rows(), config.k);
    check_k(k, n)?;
    let mut warnings = Vec::new();
    let (in_x, in_y) = rayon::join(|| distinct(&[x]), || distinct(&[y]));
    check_pairs((x, in_x), (y, in_y))?;
    let x_apart = continuous("x", x, in_x, config.ties, &mut warnings)?;
    let y_apart = continuous("y", y, in_y, config.ties, &mut warnings)?;
    check_apart(x, y)?;
    let (x, y) = (&x_apart, &y_apart);
    let columns = x.columns() + y.columns();
    if columns >= MANY_COLUMNS {
        warnings.push(Warning::Dimension { columns, rows: n });
    }

    let Found { nats, pointwise, ceiling } = count(x, y, config);
    if nats > 0.8 * ceiling {
        warnings.push(Warning::NearCeiling { nats, ceiling });
    } else if nats > LARGE && n / 2 > k.max(LEAST_ROWS) {
        let half: Vec<usize> = (0..n).step_by(2).collect();
        let growth = nats - count(&x.select(&half), &y.select(&half), config).nats;
        if growth > 0.5 * LN_2 {
            warnings.push(Warning::Growing { nats, growth });
        }
    }
    Ok(KsgEstimate { nats, pointwise, k, ceiling, warnings })
}

/// What counting neighbours gives.
struct Found {
    nats: f64,
    pointwise: Vec<f64>,
    ceiling: f64,
}

/// Equation 8 or 9.
fn count(x: &Samples, y: &Samples, config: &KsgConfig) -> Found {
    let (n, k) = (x.rows(), config.k);
    let near = Space::joint(x, y, config.norm).nearest(k);
    let (x_limits, y_limits, constant, add) = match config.variant {
        KsgVariant::One => {
            let radius: Vec<f64> = near.chunks_exact(k).map(|list| list[k - 1].key).collect();
            (radius.clone(), radius, 0.0, 1)
        }
        // Below the next number is up to this one: the border counts.
        KsgVariant::Two => {
            let side = |s: &Samples| half_widths(s, config.norm, &near, k).iter().map(|w| w.next_up()).collect();
            (side(x), side(y), -1.0 / k as f64, 0)
        }
    };
    let (n_x, n_y) = rayon::join(|| count_below(x, config.norm, &x_limits), || count_below(y, config.norm, &y_limits));

    let psi = digamma_table(n);
    let base = digamma(k as f64) + constant + psi[n];
    // x and y summed first: the estimate is the same bit for bit when they change places.
    let row = |(&a, &b): (&u32, &u32)| base - (psi[a as usize + add] + psi[b as usize + add]);
    let pointwise: Vec<f64> = n_x.iter().zip(&n_y).map(row).collect();
    let nats = pointwise.iter().sum::<f64>() / n as f64;
    Found { nats, pointwise, ceiling: psi[n] - digamma(k as f64) + constant }
}

/// `k` neighbours exist.
pub(super) fn check_k(k: usize, rows: usize) -> Result<(), MiError> {
    if k == 0 || k >= rows {
        return Err(MiError::Setting { name: "k", value: k.to_string(), allowed: "from 1 to one less than the rows" });
    }
    Ok(())
}

/// The key of each row's farthest of its `k` joint neighbours along one vector.
fn half_widths(samples: &Samples, norm: Norm, near: &[Near], k: usize) -> Vec<f64> {
    near.chunks_exact(k)
        .enumerate()
        .map(|(i, list)| {
            let key = |near: &Near| {
                let pairs = samples.row(i).iter().zip(samples.row(near.row as usize));
                // The operations and the order of the search, so that a neighbour is within its own distance.
                pairs.fold(0.0f64, |sum, (a, b)| match norm {
                    Norm::Max => sum.max((a - b).abs()),
                    Norm::Euclidean => sum + (a - b) * (a - b),
                })
            };
            list.iter().map(key).fold(0.0, f64::max)
        })
        .collect()
}
