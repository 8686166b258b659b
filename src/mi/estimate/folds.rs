//! Which rows a critic learns from, which stop it, and which report.

use crate::seed;
use rand::seq::SliceRandom;

/// Rows of one fold, without overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fold {
    /// The critic learns from these.
    pub train: Vec<usize>,
    /// These choose when it stops.
    pub validation: Vec<usize>,
    /// These give the number, and were never seen before.
    pub report: Vec<usize>,
}

/// Cuts `rows` into `count` folds in a seeded random order: every row reports in exactly one of them. Of the others, one in
/// `1 / validation` stops the training.
pub(super) fn folds(rows: usize, count: usize, validation: f64, seed: u64) -> Vec<Fold> {
    let mut order: Vec<usize> = (0..rows).collect();
    order.shuffle(&mut seed::stream(seed, "folds", 0));
    (0..count)
        .map(|k| {
            let (from, to) = (k * rows / count, (k + 1) * rows / count);
            let rest: Vec<usize> = order[to..].iter().chain(&order[..from]).copied().collect();
            let stop = ((rest.len() as f64 * validation).round() as usize).clamp(1, rest.len() - 1);
            let (validation, train) = rest.split_at(stop);
            Fold { train: train.to_vec(), validation: validation.to_vec(), report: order[from..to].to_vec() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_reports_once_and_never_where_it_was_seen() {
        for (rows, count) in [(10, 2), (103, 5), (1000, 4)] {
            let all = folds(rows, count, 0.125, 7);
            let mut reported: Vec<usize> = all.iter().flat_map(|f| f.report.clone()).collect();
            reported.sort_unstable();
            assert_eq!(reported, (0..rows).collect::<Vec<_>>());
            for fold in &all {
                let mut seen: Vec<usize> = [&fold.train[..], &fold.validation, &fold.report].concat();
                seen.sort_unstable();
                assert_eq!(seen, (0..rows).collect::<Vec<_>>());
            }
        }
        assert_eq!(folds(50, 5, 0.2, 1), folds(50, 5, 0.2, 1));
        assert_ne!(folds(50, 5, 0.2, 1), folds(50, 5, 0.2, 2));
    }
}
