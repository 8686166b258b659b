//! Read-outs from blocks against those of the whole matrix.

use crate::{KINDS, narrow, scores, second};
use infomax::mi::bound::{BoundKind, Mine, PairStatistics, ScoreSizes, TrainedBound};

const N: usize = 150;

/// The statistics of blocks of `rows`, in the order given by `order`.
fn gather<E: infomax::nn::Real>(s: &[E], rows: usize, reversed: bool) -> PairStatistics {
    let mut statistics = PairStatistics::new(N, 5.0);
    let mut blocks: Vec<_> = s.chunks(rows * N).enumerate().collect();
    if reversed {
        blocks.reverse();
    }
    for (n, block) in blocks {
        assert!(!statistics.is_complete());
        statistics.add_block(n * rows, block);
    }
    assert!(statistics.is_complete());
    statistics
}

/// Scores of a critic that knows something.
fn informed(spread: f64) -> Vec<f64> {
    let mut s = scores("streaming", N * N, spread);
    s.iter_mut().step_by(N + 1).for_each(|v| *v += spread);
    s
}

#[test]
fn blocks_of_any_size_give_the_same_as_the_whole() {
    for spread in [3.0, 500.0] {
        let s = informed(spread);
        for rows in [1, 2, 7, 64, 65, N - 1, N] {
            for reversed in [false, true] {
                let statistics = gather(&s, rows, reversed);
                for kind in KINDS {
                    let Some(found) = kind.read(&statistics) else {
                        assert!(matches!(kind, BoundKind::IAlpha { .. }));
                        continue;
                    };
                    let whole = kind.evaluate(&s, ScoreSizes::matrix(N)).nats;
                    let off = (found - whole).abs() / whole.abs().max(1.0);
                    assert!(off < 1e-12, "{kind:?}, blocks of {rows}, spread {spread}: {found} for {whole}");
                }
                for bound in [TrainedBound::Mine(Mine::new(0.9)), TrainedBound::Tuba, TrainedBound::Flo] {
                    let b = second(&bound, ScoreSizes::matrix(N));
                    let found = bound.read(&statistics, &b).unwrap();
                    let whole = bound.evaluate(&s, &b, ScoreSizes::matrix(N)).nats;
                    // The exponential of a rounded exponent of a thousand.
                    let allowed = if spread > 100.0 { 1e-11 } else { 1e-12 };
                    let off = (found - whole).abs() / whole.abs().max(1.0);
                    assert!(off < allowed, "{bound:?}, blocks of {rows}, spread {spread}: {found} for {whole}");
                }
            }
        }
    }
}

#[test]
fn single_precision_reads_the_same_to_its_own_accuracy() {
    let s = informed(3.0);
    let (wide, single) = (gather(&s, 64, false), gather(&narrow(&s), 50, false));
    for kind in KINDS {
        if let (Some(a), Some(b)) = (kind.read(&wide), kind.read(&single)) {
            assert!((a - b).abs() < 2e-6 * a.abs().max(1.0), "{kind:?}: {b} for {a}");
        }
    }
    let log_means = wide.row_log_means();
    assert_eq!((log_means.len(), wide.joint().len()), (N, N));
    // Resampling with every row once is the value itself.
    let mean = log_means.iter().map(|v| v.exp()).sum::<f64>() / N as f64;
    assert!((wide.joint().iter().sum::<f64>() / N as f64 - mean.ln() - wide.dv()).abs() < 1e-12);
}

#[test]
fn nan_is_not_hidden() {
    for at in [0, 1, 77 * N + 3, 77 * N + 77, N * N - 1] {
        let mut s = informed(3.0);
        s[at] = f64::NAN;
        let statistics = gather(&s, 32, false);
        for kind in KINDS {
            // The mean joint score knows nothing of the others.
            if matches!(kind, BoundKind::FDimeGan | BoundKind::FDimeKl) && at % (N + 1) != 0 {
                continue;
            }
            assert!(kind.read(&statistics).is_none_or(f64::is_nan), "{kind:?} at {at}");
        }
    }
}

#[test]
#[should_panic(expected = "came before")]
fn a_row_twice_is_refused() {
    let mut statistics = PairStatistics::new(3, 5.0);
    statistics.add_block(0, &[0f32; 6]);
    statistics.add_block(1, &[0f32; 3]);
}

#[test]
#[should_panic(expected = "not all rows")]
fn a_missing_row_is_not_made_up() {
    let mut statistics = PairStatistics::new(3, 5.0);
    statistics.add_block(0, &[0f32; 6]);
    statistics.dv();
}
