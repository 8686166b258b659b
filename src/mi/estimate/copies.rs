//! Rows and columns that repeat: a critic that is read on a row whose copy it learned from knows it by heart, and a column
//! that is on both sides tells without end.

use super::folds::Fold;
use crate::mi::classical::{classes, distinct, few};
use crate::mi::{MiError, Samples};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Fewest rows to learn from.
const LEAST_TRAINED: usize = 4;

/// Rows of x and y together that repeat others.
pub(super) struct Copies {
    /// A number for each row, the same for copies; none where there are no copies.
    of: Option<Vec<u32>>,
    repeated: usize,
}

impl Copies {
    /// Looks for them. Rows of labels or of coarse numbers repeat by nature: there no column tells which row it is from, as
    /// a column of copied rows does.
    ///
    /// # Errors
    /// When more than half of the rows repeat another.
    pub fn find(x: &Samples, y: &Samples) -> Result<Self, MiError> {
        let rows = x.rows();
        let different = distinct(&[x, y]);
        let repeated = rows - different;
        let telling = || [x, y].iter().any(|s| (0..s.columns()).any(|c| 10 * values(s, c) >= 9 * different));
        let labels = || few(distinct(&[x]), rows) && few(distinct(&[y]), rows);
        if repeated == 0 || labels() || !telling() {
            return Ok(Self { of: None, repeated: 0 });
        }
        if 2 * repeated > rows {
            return Err(MiError::Repeated { side: "x and y together", repeated, rows });
        }
        Ok(Self { of: Some(classes(&[x, y]).0), repeated })
    }

    /// Leaves copies of rows that report out of what stops the training, and copies of both out of what is learned from.
    ///
    /// # Errors
    /// When too little would be left.
    pub fn keep_apart(&self, fold: &mut Fold) -> Result<(), MiError> {
        let Some(of) = &self.of else { return Ok(()) };
        let mut held: HashSet<u32> = fold.report.iter().map(|&r| of[r]).collect();
        for rows in [&mut fold.validation, &mut fold.train] {
            rows.retain(|&r| !held.contains(&of[r]));
            held.extend(rows.iter().map(|&r| of[r]));
        }
        if fold.validation.is_empty() || fold.train.len() < LEAST_TRAINED {
            return Err(MiError::Repeated { side: "x and y together", repeated: self.repeated, rows: of.len() });
        }
        Ok(())
    }

    /// What to know of an estimate from such rows.
    pub fn warning(&self) -> Option<String> {
        let repeated = self.repeated;
        (repeated > 0)
            .then(|| format!("{repeated} rows repeat others; no critic was read on a row whose copy it learned from"))
    }
}

/// A column of many values in x that rises or falls with a column of y without exception: as far as these rows show, one is
/// a function of the other, and continuous columns then share information without end.
pub(super) fn endless(x: &Samples, y: &Samples) -> Option<MiError> {
    let known: HashMap<u64, usize> =
        (0..x.columns()).into_par_iter().filter_map(|c| Some((fingerprint(&ranks(x, c)?), c))).collect();
    (0..y.columns()).into_par_iter().find_map_first(|c| {
        let mut ranks = ranks(y, c)?;
        let rising = known.get(&fingerprint(&ranks));
        let top = ranks.iter().copied().max()?;
        ranks.iter_mut().for_each(|r| *r = top - *r);
        let a = *rising.or_else(|| known.get(&fingerprint(&ranks)))?;
        Some(MiError::Infinite { x: x.names()[a].clone(), y: y.names()[c].clone() })
    })
}

/// The place of each row's value among a column's different values; none where these are no more than half as many as the
/// rows, as are whole numbers, whose information has an end.
fn ranks(samples: &Samples, c: usize) -> Option<Vec<u32>> {
    let column: Vec<f64> = samples.column(c).collect();
    let mut order: Vec<usize> = (0..column.len()).collect();
    order.sort_unstable_by(|&a, &b| column[a].total_cmp(&column[b]));
    let mut ranks = vec![0; column.len()];
    let mut rank = 0;
    for pair in order.windows(2) {
        rank += u32::from(column[pair[0]] < column[pair[1]]);
        ranks[pair[1]] = rank;
    }
    (2 * (rank as usize + 1) > column.len()).then_some(ranks)
}

/// Different values of a column.
fn values(samples: &Samples, c: usize) -> usize {
    let mut column: Vec<u64> = samples.column(c).map(|v| (v + 0.0).to_bits()).collect();
    column.par_sort_unstable();
    column.dedup();
    column.len()
}

fn fingerprint(ranks: &[u32]) -> u64 {
    let mut hasher = DefaultHasher::new();
    ranks.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mi::estimate::folds::folds;

    fn column(values: impl IntoIterator<Item = f64>) -> Samples {
        Samples::new(values.into_iter().collect(), 1).unwrap()
    }

    #[test]
    fn no_copy_is_learned_from() {
        // Every third row is a copy of the one before it.
        let x = column((0..90).map(|i| f64::from(i - i32::from(i % 3 == 2))));
        let y = column((0..90).map(|i| f64::from((i - i32::from(i % 3 == 2)) * 7 % 91)));
        let copies = Copies::find(&x, &y).unwrap();
        assert!(copies.warning().unwrap().starts_with("30 rows repeat others"));
        for mut fold in folds(90, 5, 0.125, 0) {
            copies.keep_apart(&mut fold).unwrap();
            let values = |rows: &[usize]| rows.iter().map(|&r| x.row(r)[0] as i32).collect::<HashSet<_>>();
            let [train, validation, report] = [&fold.train, &fold.validation, &fold.report].map(|r| values(r));
            assert!(train.is_disjoint(&report) && validation.is_disjoint(&report) && train.is_disjoint(&validation));
            assert!(fold.train.len() > 30, "{fold:?}");
        }
    }

    #[test]
    fn rows_that_repeat_by_nature_are_none() {
        let labels = column((0..90).map(|i| f64::from(i % 5)));
        let numbers = column((0..90).map(f64::from));
        // Two coarse columns: 225 pairs at most in 900 rows, of 15 values each.
        let [coarse, other] = [7, 11].map(|f| column((0..900).map(|i| f64::from((i * f + i / 15) % 15))));
        assert!(Copies::find(&coarse, &other).unwrap().warning().is_none());
        let ten =
            Samples::new((0..900).flat_map(|i| (0..10).map(move |b| f64::from(i >> b & 1))).collect(), 10).unwrap();
        let twice = ten.select(&(0..450).chain(0..450).collect::<Vec<_>>());
        assert!(Copies::find(&twice, &twice).unwrap().warning().is_none());
        for (x, y) in [(&labels, &labels), (&labels, &numbers), (&numbers, &numbers)] {
            let copies = Copies::find(x, y).unwrap();
            let fold = &folds(90, 5, 0.125, 0)[0];
            let mut kept = fold.clone();
            copies.keep_apart(&mut kept).unwrap();
            assert!(copies.warning().is_none() && *fold == kept);
        }
        let thrice = column((0..90).map(|i| f64::from(i % 30)));
        assert_eq!(
            Copies::find(&thrice, &thrice).err(),
            Some(MiError::Repeated { side: "x and y together", repeated: 60, rows: 90 })
        );
    }

    #[test]
    fn a_column_of_both_sides_is_found_whatever_is_done_to_it() {
        let x = Samples::new((0..100).flat_map(|i| [f64::from(i * 37 % 101), f64::from(i * 11 % 103)]).collect(), 2);
        let x = x.unwrap();
        let changed = |f: fn(f64) -> f64| column(x.column(1).map(f));
        let found = Some(MiError::Infinite { x: "#1".into(), y: "#0".into() });
        for f in [|v| v, |v| -3.0 * v, |v: f64| (0.01 * v).exp()] {
            assert_eq!(endless(&x, &changed(f)), found);
        }
        assert_eq!(endless(&x, &changed(|v| (v - 50.0).powi(2) + 1e-3 * v)), None);
        // Values that repeat change nothing, while there are many.
        assert_eq!(
            endless(&changed(|v| v.max(9.0)), &changed(|v| -v.max(9.0))).map(|e| matches!(e, MiError::Infinite { .. })),
            Some(true)
        );
        // Labels on both sides share what labels hold.
        assert_eq!(endless(&changed(|v| v % 3.0), &changed(|v| v % 3.0)), None);
    }
}
