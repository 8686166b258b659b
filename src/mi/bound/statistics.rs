//! Read-outs over all pairs of a large held-out set, from blocks of the score matrix.

use super::jsd::{clip, mi_from_jsd};
use super::pairs::{ExpSum, capped_exp, exponentials_of_both, in_pieces, log_add};
use crate::nn::Real;

/// Rows whose columns are summed together.
const BAND: usize = 64;

/// What the read-outs need of an `[N, N]` score matrix, gathered block by block: memory grows as N, not N².
///
/// Rows come in any order and in blocks of any size, each once; values do not depend on that, up to rounding. The
/// read-outs are those of the functions of the same names at [`Pairing::All`](crate::mi::Pairing::All) and L = 1, and
/// their standing as bounds is described there. NaN among the scores makes the values NaN.
///
/// ```
/// use infomax::mi::{Pairing, bound::{PairStatistics, ScoreSizes, dv}};
/// let scores = [3.0, 0.5, -1.0, 0.0, 2.0, 1.0, -0.5, 0.0, 4.0];
/// let mut statistics = PairStatistics::new(3, 5.0);
/// statistics.add_block(0, &scores[..3]);
/// statistics.add_block(1, &scores[3..]);
/// let whole = dv(&scores, ScoreSizes { batch: 3, locations: 1, pairing: Pairing::All });
/// assert!((statistics.dv() - whole.nats).abs() < 1e-12);
/// ```
#[derive(Clone, Debug)]
pub struct PairStatistics {
    tau: f64,
    /// What is known of each row.
    rows: Vec<Option<Row>>,
    /// The sum over each column's marginal pairs.
    columns: Vec<ExpSum>,
}

/// One row.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// Score of its joint pair.
    joint: f64,
    /// `log Σ eᶠ` over its marginal pairs.
    log_sum: f64,
    /// The same of clipped scores.
    clipped: f64,
    /// `Σ log(1 + eᶠ)` over its marginal pairs.
    softplus: f64,
}

impl PairStatistics {
    /// For `n` samples; `tau` is where [`smile`](PairStatistics::smile) clips, and may be infinite.
    ///
    /// # Panics
    /// When `n` is less than two or `tau` not positive.
    pub fn new(n: usize, tau: f64) -> Self {
        assert!(n >= 2, "{n} samples have no marginal pairs");
        assert!(tau > 0.0, "tau {tau} is not positive");
        let nothing = ExpSum { top: f64::NEG_INFINITY, sum: 0.0 };
        Self { tau, rows: vec![None; n], columns: vec![nothing; n] }
    }

    /// Number of samples, N.
    pub fn samples(&self) -> usize {
        self.rows.len()
    }

    /// Whether every row has come.
    pub fn is_complete(&self) -> bool {
        self.rows.iter().all(Option::is_some)
    }

    /// Adds the scores of `x_first_row…` with every `y`: `[rows, N]`, row-major.
    ///
    /// # Panics
    /// When the block is not full rows of N, reaches beyond row N, or holds a row that has come already.
    pub fn add_block<E: Real>(&mut self, first_row: usize, scores: &[E]) {
        let n = self.samples();
        assert!(scores.len().is_multiple_of(n), "{} scores are not full rows of {n}", scores.len());
        let last = first_row + scores.len() / n;
        assert!(last <= n, "rows up to {last} of {n}");
        assert!(self.rows[first_row..last].iter().all(Option::is_none), "a row of {first_row}..{last} came before");
        let mut work = scores.to_vec();
        let tau = self.tau;
        let found = in_pieces(&mut work, n, &|row, work| Row::read(work, first_row + row, tau));
        for (slot, row) in self.rows[first_row..last].iter_mut().zip(found) {
            *slot = Some(row);
        }
        for (band, scores) in scores.chunks(BAND * n).enumerate() {
            self.add_columns(first_row + band * BAND, scores);
        }
    }

    /// Adds a few rows to the sums over columns.
    fn add_columns<E: Real>(&mut self, first_row: usize, scores: &[E]) {
        let n = self.samples();
        let mut work = scores.to_vec();
        for (row, scores) in work.chunks_exact_mut(n).enumerate() {
            scores[first_row + row] = E::neg_infinity();
        }
        let mut top = vec![E::neg_infinity(); n];
        for scores in work.chunks_exact(n) {
            top.iter_mut().zip(scores).for_each(|(t, &s)| *t = if s > *t { s } else { *t });
        }
        // A column without a finite score here.
        top.iter_mut().for_each(|t| *t = if t.is_finite() { *t } else { E::zero() });
        let mut sums = vec![0.0; n];
        for scores in work.chunks_exact_mut(n) {
            scores.iter_mut().zip(&top).for_each(|(s, &t)| *s -= t);
            E::exp_less(scores, E::zero());
            sums.iter_mut().zip(scores).for_each(|(sum, s)| *sum += s.wide());
        }
        for ((column, sum), top) in self.columns.iter_mut().zip(sums).zip(top) {
            // Nothing but masked scores: the column's joint pair alone.
            if sum == 0.0 {
                continue;
            }
            let (low, high) = (*column, ExpSum { top: top.wide(), sum });
            let (low, high) = if low.top > high.top { (high, low) } else { (low, high) };
            *column = ExpSum { top: high.top, sum: high.sum + low.sum * (low.top - high.top).exp() };
        }
    }

    /// Score of each joint pair, `[N]`.
    ///
    /// # Panics
    /// When a row is missing, as all below.
    pub fn joint(&self) -> Vec<f64> {
        self.rows().map(|r| r.joint).collect()
    }

    /// `log mean_j eᶠ` over the marginal pairs of each row, `[N]`: what resampling over rows needs.
    pub fn row_log_means(&self) -> Vec<f64> {
        let log_others = self.log_others();
        self.rows().map(|r| r.log_sum - log_others).collect()
    }

    /// The value of [`dv`](super::dv), which is also MINE's.
    pub fn dv(&self) -> f64 {
        self.joint_mean() - self.log_mean(|r| r.log_sum)
    }

    /// The value of [`nwj`](super::nwj()).
    pub fn nwj(&self) -> f64 {
        self.joint_mean() - capped_exp(self.log_mean(|r| r.log_sum) - 1.0)
    }

    /// The read-out of [`js_nwj`](super::js_nwj).
    pub fn js_nwj(&self) -> f64 {
        1.0 + self.joint_mean() - capped_exp(self.log_mean(|r| r.log_sum))
    }

    /// The read-out of [`smile`](super::smile).
    pub fn smile(&self) -> f64 {
        self.joint_mean() - self.log_mean(|r| r.clipped)
    }

    /// The read-out of [`f_dime_gan`](super::f_dime_gan) and [`f_dime_kl`](super::f_dime_kl): the mean joint score.
    pub fn joint_mean(&self) -> f64 {
        self.rows().map(|r| r.joint).sum::<f64>() / self.samples() as f64
    }

    /// The objective of [`jsd`](super::jsd()).
    pub fn jsd_objective(&self) -> f64 {
        let n = self.samples() as f64;
        // softplus(−f) = softplus(f) − f
        let positive: f64 = self.rows().map(|r| log_add(0.0, -r.joint)).sum();
        let negative: f64 = self.rows().map(|r| r.softplus).sum();
        -positive / n - negative / (n * (n - 1.0))
    }

    /// The read-out of [`jsd`](super::jsd()).
    pub fn jsd(&self) -> f64 {
        mi_from_jsd((self.jsd_objective() + 4f64.ln()) / 2.0)
    }

    /// The value of [`info_nce_rows`](super::info_nce_rows); at most `log N`.
    pub fn info_nce_rows(&self) -> f64 {
        let n = self.samples() as f64;
        self.rows().map(|r| r.joint - log_add(r.joint, r.log_sum)).sum::<f64>() / n + n.ln()
    }

    /// The value of [`info_nce`](super::info_nce()); at most `log N`.
    pub fn info_nce(&self) -> f64 {
        let n = self.samples() as f64;
        let total: f64 = self.rows().zip(&self.columns).map(|(r, c)| r.joint - log_add(r.joint, c.ln())).sum();
        total / n + n.ln()
    }

    /// The value of [`info_nce_symmetric`](super::info_nce_symmetric); at most `log N`.
    pub fn info_nce_symmetric(&self) -> f64 {
        0.5 * (self.info_nce() + self.info_nce_rows())
    }

    /// The value of [`tuba`](super::tuba) with `log a(y_j)` for each sample, `[N]`.
    ///
    /// # Panics
    /// Also when `log_baseline` is not `[N]`.
    pub fn tuba(&self, log_baseline: &[f64]) -> f64 {
        assert_eq!(log_baseline.len(), self.samples(), "a baseline for each y");
        let log_others = self.log_others();
        let parts = self.rows().zip(&self.columns).zip(log_baseline);
        let total: f64 = parts.map(|((r, c), b)| r.joint - b - capped_exp(c.ln() - log_others - b)).sum();
        1.0 + total / self.samples() as f64
    }

    /// The value of [`flo`](super::flo()) with `u` at each joint pair, `[N]`.
    ///
    /// # Panics
    /// Also when `u` is not `[N]`.
    pub fn flo(&self, u: &[f64]) -> f64 {
        assert_eq!(u.len(), self.samples(), "a value of u for each joint pair");
        let log_others = self.log_others();
        let total: f64 = self.rows().zip(u).map(|(r, u)| u - capped_exp(u - r.joint + r.log_sum - log_others)).sum();
        1.0 + total / self.samples() as f64
    }

    fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        assert!(self.is_complete(), "not all rows have come");
        self.rows.iter().flatten().copied()
    }

    fn log_others(&self) -> f64 {
        ((self.samples() - 1) as f64).ln()
    }

    /// The logarithm of the mean over all marginal pairs, from the rows' logarithms of sums.
    fn log_mean(&self, log_sum: impl Fn(&Row) -> f64) -> f64 {
        let top = self.rows().map(|r| log_sum(&r)).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = self.rows().map(|r| (log_sum(&r) - top).exp()).sum();
        top + sum.ln() - (self.samples() as f64).ln() - self.log_others()
    }
}

impl Row {
    /// Reads a row whose joint pair is at `own`; the scores are used up.
    fn read<E: Real>(scores: &mut [E], own: usize, tau: f64) -> Self {
        let joint = scores[own].wide();
        let mut work = scores.to_vec();
        let log_sum = sum_but(&mut work, own);
        let clipped = if tau < f64::INFINITY {
            work.copy_from_slice(scores);
            clip(&mut work, tau);
            sum_but(&mut work, own)
        } else {
            log_sum
        };
        let (head, tail) = scores.split_at_mut(own);
        let softplus = E::logistic(head) + E::logistic(&mut tail[1..]);
        Self { joint, log_sum, clipped, softplus }
    }
}

/// The logarithm of the sum of exponentials of all but one.
fn sum_but<E: Real>(x: &mut [E], own: usize) -> f64 {
    let (head, tail) = x.split_at_mut(own);
    exponentials_of_both(head, &mut tail[1..]).ln()
}
