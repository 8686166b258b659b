//! Exact nearest neighbours of a few rows.

use super::{Features, ProbeError};
use rayon::prelude::*;
use serde::Serialize;

/// How far two rows are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Distance {
    /// Sum of absolute differences.
    #[default]
    L1,
    /// One minus the cosine of the angle, in [0, 2]; one when a row is all zero.
    Cosine,
}

/// A row near a query.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Neighbour {
    /// Row of the matrix.
    pub row: usize,
    /// Its distance from the query.
    pub distance: f32,
}

/// The `k` nearest rows of each query row, nearest first, the query itself left out; ties go to the lower row.
///
/// Takes N F operations per query, all rows compared.
///
/// # Errors
/// [`ProbeError::Query`] for a query at or over the number of rows, [`ProbeError::Setting`] unless `0 < k < rows`.
pub fn nearest(
    features: &Features,
    queries: &[usize],
    k: usize,
    distance: Distance,
) -> Result<Vec<Vec<Neighbour>>, ProbeError> {
    features.check()?;
    let rows = features.rows;
    if k == 0 || k >= rows {
        return Err(ProbeError::Setting { name: "k", value: k.to_string(), range: "at least 1 and below the rows" });
    }
    if let Some(&row) = queries.iter().find(|&&q| q >= rows) {
        return Err(ProbeError::Query { row, rows });
    }
    let one = |&query: &usize| {
        let q = features.row(query);
        let mut all: Vec<Neighbour> = features
            .values
            .par_chunks(features.dim)
            .enumerate()
            .map(|(row, x)| Neighbour { row, distance: apart(q, x, distance) })
            .collect();
        all.swap_remove(query);
        let order = |a: &Neighbour, b: &Neighbour| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row));
        if k < all.len() {
            all.select_nth_unstable_by(k - 1, order);
            all.truncate(k);
        }
        all.sort_unstable_by(order);
        all
    };
    Ok(queries.iter().map(one).collect())
}

fn apart(a: &[f32], b: &[f32], distance: Distance) -> f32 {
    match distance {
        Distance::L1 => lanes(a, b, |x, y| (x - y).abs()) as f32,
        Distance::Cosine => {
            let norm = (lanes(a, a, |x, y| x * y) * lanes(b, b, |x, y| x * y)).sqrt();
            if norm > 0.0 { (1.0 - lanes(a, b, |x, y| x * y) / norm) as f32 } else { 1.0 }
        }
    }
}

/// Sums `f` over pairs in sixteen lanes, in fixed order.
fn lanes(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f64 {
    let mut sums = [0.0f32; 16];
    let (ca, cb) = (a.chunks_exact(16), b.chunks_exact(16));
    let tail: f32 = ca.remainder().iter().zip(cb.remainder()).map(|(&x, &y)| f(x, y)).sum();
    for (x, y) in ca.zip(cb) {
        for i in 0..16 {
            sums[i] += f(x[i], y[i]);
        }
    }
    sums.iter().map(|&s| f64::from(s)).sum::<f64>() + f64::from(tail)
}
