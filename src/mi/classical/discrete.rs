//! Mutual information of labels from their counts.

use super::Warning;
use super::ties::classes;
use crate::mi::special::chi_squared_tail;
use crate::mi::{MiError, Samples};
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// A label for each row: 0, 1, … in order of first appearance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    of: Vec<u32>,
    classes: usize,
}

impl Labels {
    /// Labels of any kind that can be compared.
    ///
    /// # Errors
    /// When there are none.
    pub fn new<L: Hash + Eq>(labels: impl IntoIterator<Item = L>) -> Result<Self, MiError> {
        let mut seen = HashMap::new();
        let of: Vec<u32> = labels
            .into_iter()
            .map(|label| {
                let next = seen.len() as u32;
                *seen.entry(label).or_insert(next)
            })
            .collect();
        if of.is_empty() {
            return Err(MiError::Empty);
        }
        Ok(Self { of, classes: seen.len() })
    }

    /// One label for each distinct row.
    pub fn of_rows(samples: &Samples) -> Self {
        let (of, classes) = classes(&[samples]);
        Self { of, classes }
    }

    /// Number of rows, N.
    pub fn rows(&self) -> usize {
        self.of.len()
    }

    /// Number of different labels.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The label of each row.
    pub fn values(&self) -> &[u32] {
        &self.of
    }

    /// The rows of each class.
    pub(super) fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.classes];
        for (row, &class) in self.of.iter().enumerate() {
            members[class as usize].push(row);
        }
        members
    }

    pub(super) fn check_varies(&self) -> Result<(), MiError> {
        if self.classes < 2 {
            return Err(MiError::Constant { column: "labels".into(), value: 0.0 });
        }
        Ok(())
    }
}

/// Counts of pairs of labels; empty cells take no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    cells: BTreeMap<(u32, u32), u64>,
}

impl Table {
    /// A contingency table from its counts, rows of `columns` one after the other.
    ///
    /// # Errors
    /// When the last row is not full or all counts are 0.
    pub fn new(counts: &[u64], columns: usize) -> Result<Self, MiError> {
        if columns == 0 || !counts.len().is_multiple_of(columns) {
            return Err(MiError::Ragged { numbers: counts.len(), columns });
        }
        let at = |i: usize| ((i / columns) as u32, (i % columns) as u32);
        let cells: BTreeMap<_, _> =
            counts.iter().enumerate().filter(|(_, c)| **c > 0).map(|(i, c)| (at(i), *c)).collect();
        if cells.is_empty() {
            return Err(MiError::Empty);
        }
        Ok(Self { cells })
    }

    /// The table of two paired labels.
    ///
    /// # Errors
    /// When they are not paired.
    pub fn of(x: &Labels, y: &Labels) -> Result<Self, MiError> {
        if x.rows() != y.rows() {
            return Err(MiError::Lengths { x: x.rows(), y: y.rows() });
        }
        let mut cells = BTreeMap::new();
        for pair in x.of.iter().copied().zip(y.of.iter().copied()) {
            *cells.entry(pair).or_insert(0) += 1;
        }
        Ok(Self { cells })
    }

    /// Sum of all counts, N.
    pub fn total(&self) -> u64 {
        self.cells.values().sum()
    }
}

/// What [`discrete_mi`] found; nats.
#[derive(Clone, Debug, PartialEq)]
pub struct DiscreteEstimate {
    /// I(X;Y) with Miller and Madow's correction, not clamped at 0.
    pub nats: f64,
    /// I(X;Y) of the frequencies themselves: never negative, biased up by about (K_x − 1)(K_y − 1)/(2N).
    pub plug_in: f64,
    /// H(X), H(Y) and H(X,Y) of the frequencies.
    pub entropies: [f64; 3],
    /// The most that `nats` can be with these labels: the smaller of H(X) and H(Y), corrected alike.
    pub ceiling: f64,
    /// Degrees of freedom of the G-test, (K_x − 1)(K_y − 1) over labels that occur.
    pub degrees: usize,
    /// Probability of a G = 2N·plug-in this large without dependence, by χ²; 1 when a label never changes. Poor when
    /// cells expect fewer than about five counts: use a [`permutation_test`](crate::mi::permutation_test) there.
    pub p_value: f64,
    /// Reasons to doubt.
    pub warnings: Vec<Warning>,
}

/// I(X;Y) of a table of counts, in nats: the plug-in Σ p log p/(p_x p_y), and corrected by (K_x + K_y − K_xy − 1)/(2N),
/// where K are numbers of non-empty cells (Miller 1955, Madow).
///
/// ```
/// use infomax::mi::classical::{Table, discrete_mi};
/// let found = discrete_mi(&Table::new(&[50, 0, 0, 50], 2)?);
/// assert!((found.plug_in - 2f64.ln()).abs() < 1e-12 && found.p_value < 1e-20);
/// # Ok::<(), infomax::mi::MiError>(())
/// ```
pub fn discrete_mi(table: &Table) -> DiscreteEstimate {
    let (mut x, mut y) = (BTreeMap::new(), BTreeMap::new());
    for (&(a, b), &count) in &table.cells {
        *x.entry(a).or_insert(0u64) += count;
        *y.entry(b).or_insert(0u64) += count;
    }
    let total = table.total();
    let n = total as f64;
    let entropy = |counts: &mut dyn Iterator<Item = &u64>| {
        counts.fold(0.0, |h, &c| {
            let p = c as f64 / n;
            h - p * p.ln()
        })
    };
    let entropies = [entropy(&mut x.values()), entropy(&mut y.values()), entropy(&mut table.cells.values())];
    // Term by term: near independence a difference of entropies would cancel.
    let term = |(&(a, b), &count): (&(u32, u32), &u64)| {
        let (x, y) = (x.get(&a).copied().unwrap_or(1), y.get(&b).copied().unwrap_or(1));
        count as f64 / n * (count as f64 / x as f64 * (n / y as f64)).ln()
    };
    let plug_in = table.cells.iter().map(term).sum::<f64>().max(0.0);
    let (kx, ky, cells) = (x.len(), y.len(), table.cells.len());
    let nats = plug_in + (kx as f64 + ky as f64 - cells as f64 - 1.0) / (2.0 * n);
    let corrected = |entropy: f64, classes: usize| entropy + (classes as f64 - 1.0) / (2.0 * n);
    let ceiling = corrected(entropies[0], kx).min(corrected(entropies[1], ky));
    let degrees = (kx - 1) * (ky - 1);
    let p_value = if degrees == 0 { 1.0 } else { chi_squared_tail(2.0 * n * plug_in, degrees as f64) };
    let warnings = if 5 * cells as u64 > total && cells > 1 {
        vec![Warning::Sparse { cells, rows: total as usize }]
    } else {
        Vec::new()
    };
    DiscreteEstimate { nats, plug_in, entropies, ceiling, degrees, p_value, warnings }
}

/// log p(x,y)/(p(x)p(y)) of each row's pair of labels by their frequencies, `[N]` in nats; the mean is the plug-in.
///
/// # Errors
/// When the labels are not paired.
pub fn discrete_pointwise(x: &Labels, y: &Labels) -> Result<Vec<f64>, MiError> {
    let Table { cells } = Table::of(x, y)?;
    let n = x.rows() as f64;
    let counts = |labels: &Labels| labels.members().iter().map(|rows| rows.len() as f64).collect::<Vec<_>>();
    let (in_x, in_y) = (counts(x), counts(y));
    let of = |(&a, &b): (&u32, &u32)| (cells[&(a, b)] as f64 * n / (in_x[a as usize] * in_y[b as usize])).ln();
    Ok(x.of.iter().zip(&y.of).map(of).collect())
}
