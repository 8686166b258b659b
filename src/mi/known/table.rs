//! Discrete pairs: a table of joint probabilities.

use super::{Known, Truth, out_of_range};
use crate::mi::MiError;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Two discrete numbers, x from 0 to R−1 and y from 0 to C−1, with a table of joint probabilities. The mutual
/// information is the sum `Σ p(x,y)·ln(p(x,y)/(p(x)·p(y)))`.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    name: String,
    /// `[R, C]`, row-major, sum 1.
    joint: Vec<f64>,
    /// Sums of `joint` up to and with each cell.
    up_to: Vec<f64>,
    of_x: Vec<f64>,
    of_y: Vec<f64>,
}

impl Table {
    /// Of weights `[R, columns]`, a row for each value of x; they are divided by their sum.
    ///
    /// # Errors
    /// When a weight is negative or not finite, all are 0, or the last row is not full.
    pub fn new(name: impl Into<String>, weights: &[f64], columns: usize) -> Result<Self, MiError> {
        let total: f64 = weights.iter().sum();
        if columns == 0 || weights.is_empty() {
            return Err(MiError::Empty);
        }
        if !weights.len().is_multiple_of(columns) {
            return Err(MiError::Ragged { numbers: weights.len(), columns });
        }
        if weights.iter().any(|w| !w.is_finite() || *w < 0.0) || !(total > 0.0 && total.is_finite()) {
            return Err(out_of_range("weights", format!("{weights:?}"), "finite, none negative, and not all 0"));
        }
        let joint: Vec<f64> = weights.iter().map(|w| w / total).collect();
        let up_to = joint.iter().scan(0.0, |sum, p| Some(add(sum, *p))).collect();
        let of_x = joint.chunks_exact(columns).map(|row| row.iter().sum()).collect();
        let of_y = (0..columns).map(|c| joint.iter().skip(c).step_by(columns).sum()).collect();
        Ok(Self { name: name.into(), joint, up_to, of_x, of_y })
    }

    fn log_ratio(&self, cell: usize) -> f64 {
        let (row, column) = (cell / self.of_y.len(), cell % self.of_y.len());
        let p = self.joint[cell];
        if p > 0.0 { (p / (self.of_x[row] * self.of_y[column])).ln() } else { f64::NEG_INFINITY }
    }
}

fn add(sum: &mut f64, p: f64) -> f64 {
    *sum += p;
    *sum
}

impl Known for Table {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn dims(&self) -> (usize, usize) {
        (1, 1)
    }

    fn truth(&self) -> Truth {
        let cells = self.joint.iter().enumerate().filter(|(_, p)| **p > 0.0);
        Truth::exact(cells.map(|(cell, p)| p * self.log_ratio(cell)).sum::<f64>().max(0.0))
    }

    fn draw(&self, rng: &mut ChaCha8Rng, x: &mut [f64], y: &mut [f64]) {
        let u: f64 = rng.r#gen();
        // Rounding may leave the last sum a little under 1; cells of probability 0 are never met.
        let last = self.joint.iter().rposition(|p| *p > 0.0).unwrap_or(0);
        let cell = self.up_to.partition_point(|sum| *sum <= u).min(last);
        x[0] = (cell / self.of_y.len()) as f64;
        y[0] = (cell % self.of_y.len()) as f64;
    }

    fn pointwise(&self, x: &[f64], y: &[f64]) -> Option<f64> {
        let at = |v: f64, n: usize| (v >= 0.0 && v < n as f64 && v.fract() == 0.0).then_some(v as usize);
        match (at(x[0], self.of_x.len()), at(y[0], self.of_y.len())) {
            (Some(row), Some(column)) => Some(self.log_ratio(row * self.of_y.len() + column)),
            _ => Some(f64::NEG_INFINITY),
        }
    }
}

/// A fair bit and the same bit, turned over with probability `flip`: `ln 2 − H(flip)`.
///
/// # Errors
/// When `flip` is not between 0 and 1.
pub fn binary_symmetric(flip: f64) -> Result<Table, MiError> {
    if !(0.0..=1.0).contains(&flip) {
        return Err(out_of_range("flip", flip, "0 to 1"));
    }
    Table::new(format!("table-binary_symmetric-{flip:?}"), &[1.0 - flip, flip, flip, 1.0 - flip], 2)
}

/// One of `values` equally likely numbers, and the same again: `ln values`.
///
/// # Errors
/// When there are none, or more than 4,096.
pub fn copied(values: usize) -> Result<Table, MiError> {
    if !(1..=4096).contains(&values) {
        return Err(out_of_range("values", values, "1 to 4096"));
    }
    let weights: Vec<f64> = (0..values * values).map(|k| if k / values == k % values { 1.0 } else { 0.0 }).collect();
    Table::new(format!("table-copied-{values}"), &weights, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truths_by_hand() {
        let h = -(0.1 * 0.1f64.ln() + 0.9 * 0.9f64.ln());
        assert!((binary_symmetric(0.1).unwrap().truth().nats - (2f64.ln() - h)).abs() < 1e-14);
        assert!((copied(8).unwrap().truth().nats - 8f64.ln()).abs() < 1e-14);
        assert!(binary_symmetric(0.5).unwrap().truth().nats.abs() < 1e-14);
    }

    #[test]
    fn cells_come_as_often_as_they_are_likely() {
        let weights = [3.0, 0.0, 1.0, 0.0, 4.0, 2.0];
        let table = Table::new("t", &weights, 3).unwrap();
        let rows = 20_000;
        let (x, y) = table.sample(rows, 9).unwrap();
        let mut counts = [0.0; 6];
        x.values().iter().zip(y.values()).for_each(|(x, y)| counts[(x * 3.0 + y) as usize] += 1.0);
        for (count, weight) in counts.iter().zip(weights) {
            let p = weight / 10.0;
            assert!((count / rows as f64 - p).abs() <= 4.0 * (p * (1.0 - p) / rows as f64).sqrt());
        }
        assert_eq!(table.pointwise(&[0.0], &[1.0]), Some(f64::NEG_INFINITY));
        assert_eq!(table.pointwise(&[0.5], &[1.0]), Some(f64::NEG_INFINITY));
        assert_eq!(table.pointwise(&[0.0], &[3.0]), Some(f64::NEG_INFINITY));
    }

    #[test]
    fn what_is_no_table() {
        assert!(matches!(Table::new("t", &[], 2), Err(MiError::Empty)));
        assert!(matches!(Table::new("t", &[1.0; 3], 2), Err(MiError::Ragged { .. })));
        for bad in [[0.0, 0.0], [-1.0, 2.0], [f64::NAN, 1.0], [f64::MAX, f64::MAX]] {
            assert!(matches!(Table::new("t", &bad, 2), Err(MiError::Setting { name: "weights", .. })));
        }
        assert!(copied(0).is_err() && copied(usize::MAX).is_err() && binary_symmetric(1.5).is_err());
    }
}
