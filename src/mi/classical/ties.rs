//! Repeated rows, which nearest-neighbour estimators assume away.

use super::Warning;
use crate::mi::{MiError, Samples};
use crate::seed;
use rand::Rng;
use rayon::prelude::*;
use std::cmp::Ordering;
use std::collections::HashMap;

/// What to do when rows of x (or of y) are repeated, so that some distances are 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ties {
    /// Add uniform noise of 1e-10 standard deviations of each column, and say so ([`Warning::Jittered`]).
    Jitter {
        /// Seed of the noise.
        seed: u64,
    },
    /// Answer [`MiError::Repeated`].
    Refuse,
}

impl Default for Ties {
    fn default() -> Self {
        Self::Jitter { seed: 0 }
    }
}

/// Half-width of the noise in standard deviations: far below any distance that matters, far above rounding.
const AMPLITUDE: f64 = 1e-10;

/// A number for each row, the same for equal rows: 0, 1, … in order of first appearance; and how many there are.
pub(crate) fn classes(parts: &[&Samples]) -> (Vec<u32>, usize) {
    let mut seen: HashMap<Vec<u64>, u32> = HashMap::new();
    let rows = parts.iter().map(|p| p.rows()).min().unwrap_or(0);
    let of = (0..rows)
        .map(|i| {
            // Adding 0 makes −0 equal to 0.
            let key = parts.iter().flat_map(|p| p.row(i)).map(|v| (v + 0.0).to_bits()).collect();
            let next = seen.len() as u32;
            *seen.entry(key).or_insert(next)
        })
        .collect();
    (of, seen.len())
}

/// How many different rows there are.
pub(crate) fn distinct(parts: &[&Samples]) -> usize {
    let rows = parts.iter().map(|p| p.rows()).min().unwrap_or(0);
    let Some(first) = parts.first() else { return rows.min(1) };
    // Adding 0 makes −0 equal to 0. The first numbers alone decide nearly always.
    let mut alone: Vec<u64> = first.column(0).take(rows).map(|v| (v + 0.0).to_bits()).collect();
    alone.par_sort_unstable();
    if alone.windows(2).all(|pair| pair[0] != pair[1]) {
        return rows;
    }
    let compare = |&a: &usize, &b: &usize| {
        let all = parts.iter().flat_map(|p| p.row(a).iter().zip(p.row(b)));
        all.map(|(a, b)| (a + 0.0).total_cmp(&(b + 0.0))).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
    };
    let mut order: Vec<usize> = (0..rows).collect();
    order.par_sort_unstable_by(compare);
    rows.min(1) + order.windows(2).filter(|pair| compare(&pair[0], &pair[1]).is_ne()).count()
}

/// So few different rows among `rows` that they look like labels: at most the root.
pub(crate) fn few(distinct: usize, rows: usize) -> bool {
    distinct * distinct <= rows
}

/// No column of `samples` is constant.
pub(super) fn check_varies(samples: &Samples) -> Result<(), MiError> {
    for (c, name) in samples.names().iter().enumerate() {
        let first = samples.row(0)[c];
        if samples.column(c).all(|v| v == first) {
            return Err(MiError::Constant { column: name.clone(), value: first });
        }
    }
    Ok(())
}

/// Differences of numbers of these magnitudes have squares that neither overflow nor vanish.
const MAGNITUDES: std::ops::RangeInclusive<f64> = 1e-100..=1e100;

/// Every column's largest number is of a magnitude that can be computed with.
pub(super) fn check_magnitude(samples: &Samples) -> Result<(), MiError> {
    for c in 0..samples.columns() {
        let largest = samples.column(c).fold(0.0f64, |m, v| m.max(v.abs()));
        if largest > 0.0 && !MAGNITUDES.contains(&largest) {
            let name = samples.names().get(c).map_or("", String::as_str);
            return Err(MiError::Setting {
                name: "the scale of a column",
                value: format!("{largest:e} (`{name}`)"),
                allowed: "between 1e-100 and 1e100; rescale it",
            });
        }
    }
    Ok(())
}

/// No column of x is also a column of y: continuous variables would share infinite information.
pub(super) fn check_apart(x: &Samples, y: &Samples) -> Result<(), MiError> {
    for (a, x_name) in x.names().iter().enumerate() {
        for (b, y_name) in y.names().iter().enumerate() {
            if x.column(a).eq(y.column(b)) {
                return Err(MiError::Infinite { x: x_name.clone(), y: y_name.clone() });
            }
        }
    }
    Ok(())
}

/// `samples` of so many different rows, fit for nearest neighbours: no constant column, not discrete, and without ties (or
/// an error).
pub(super) fn continuous(
    side: &'static str,
    samples: &Samples,
    distinct: usize,
    ties: Ties,
    warnings: &mut Vec<Warning>,
) -> Result<Samples, MiError> {
    check_varies(samples)?;
    check_magnitude(samples)?;
    let rows = samples.rows();
    if few(distinct, rows) {
        return Err(MiError::Discrete { side, distinct, rows });
    }
    let repeated = rows - distinct;
    if repeated == 0 {
        return Ok(samples.clone());
    }
    match ties {
        Ties::Refuse => Err(MiError::Repeated { side, repeated, rows }),
        Ties::Jitter { seed } => {
            warnings.push(Warning::Jittered { side, repeated, amplitude: AMPLITUDE });
            jitter(samples, side, seed)
        }
    }
}

/// One vector alone, fit for nearest neighbours, as [`continuous`], and without too many copies.
pub(super) fn alone(
    side: &'static str,
    samples: &Samples,
    ties: Ties,
    warnings: &mut Vec<Warning>,
) -> Result<Samples, MiError> {
    let distinct = distinct(&[samples]);
    check_copies(side, samples.rows(), distinct)?;
    continuous(side, samples, distinct, ties, warnings)
}

/// Two paired vectors, of so many different rows each, without too many copies of whole pairs.
pub(super) fn check_pairs(x: (&Samples, usize), y: (&Samples, usize)) -> Result<(), MiError> {
    let rows = x.0.rows();
    // Pairs repeat no more often than the rows of either vector.
    if !mostly_copies(rows, x.1) || !mostly_copies(rows, y.1) {
        return Ok(());
    }
    check_copies("x and y together", rows, distinct(&[x.0, y.0]))
}

/// More than half of the rows repeat another: that looks like dependence without end.
fn mostly_copies(rows: usize, distinct: usize) -> bool {
    2 * (rows - distinct) > rows
}

fn check_copies(side: &'static str, rows: usize, distinct: usize) -> Result<(), MiError> {
    if mostly_copies(rows, distinct) {
        return Err(MiError::Repeated { side, repeated: rows - distinct, rows });
    }
    Ok(())
}

fn jitter(samples: &Samples, side: &str, seed: u64) -> Result<Samples, MiError> {
    let n = samples.rows() as f64;
    let mut rng = seed::stream(seed, side, samples.rows() as u64);
    samples.map_columns(|_, mut v| {
        // Centred first: beside a large mean such noise would round to nothing.
        let mean = v.iter().sum::<f64>() / n;
        v.iter_mut().for_each(|v| *v -= mean);
        let sd = (v.iter().map(|v| v * v).sum::<f64>() / n).sqrt();
        v.iter_mut().for_each(|v| *v += AMPLITUDE * sd * rng.gen_range(-1.0..1.0));
        v
    })
}
