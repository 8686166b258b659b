//! From the scores of held-out rows to nats, and to each row's influence on them.

use crate::mi::bound::PairStatistics;
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// Scores of all pairs of some held-out rows: `[n, n]`, joint pairs on the diagonal.
pub(super) struct HeldOut {
    pub rows: Vec<usize>,
    pub scores: Vec<f32>,
}

/// How scores are read as nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ReadOut {
    /// `mean_j [ s_jj − log mean_i e^{s_ij} ]`, the mean over all x for each y, as the training sums: at most `log n`.
    InfoNce,
    /// `mean_i s_ii − log mean_{i≠j} e^{s_ij}`, with scores clipped to ±τ in the second term.
    Dv { clip: f64 },
    /// `1 + mean_i f_ii − mean_{i≠j} e^{f_ij}` with `f = s − shift`: the critic's optimum is the log ratio plus `shift`.
    Nwj { shift: f64 },
}

impl ReadOut {
    /// The mean over groups, weighted by their sizes, nats.
    pub fn value(self, groups: &[HeldOut]) -> f64 {
        let rows: usize = groups.iter().map(|g| g.rows.len()).sum();
        groups.iter().map(|g| self.read(g).nats * g.rows.len() as f64).sum::<f64>() / rows as f64
    }

    /// The value of one group, and how much each row moves it.
    pub fn read(self, group: &HeldOut) -> Reading {
        let n = group.rows.len();
        let joint: Vec<f64> = (0..n).map(|i| f64::from(group.scores[i * n + i])).collect();
        let mean_joint = joint.iter().sum::<f64>() / n as f64;
        match self {
            Self::InfoNce => {
                let log_means = column_log_means(&group.scores, n);
                let nats = (0..n).map(|j| joint[j] - log_means[j]).sum::<f64>() / n as f64;
                // How much each x holds of the sums of all y: one where it is as likely as any other.
                let share =
                    |row: &[f32]| row.iter().zip(&log_means).map(|(&s, m)| (f64::from(s) - m).exp()).sum::<f64>();
                let shares: Vec<f64> = group.scores.par_chunks(n).map(|row| share(row) / n as f64).collect();
                let influence = (0..n).map(|i| joint[i] - log_means[i] - nats - (shares[i] - 1.0)).collect();
                let pointwise = (0..n).map(|j| joint[j] - log_means[j]).collect();
                Reading { nats, influence, pointwise }
            }
            Self::Dv { clip } => {
                let (rows, columns, top) = masked_sums(&group.scores, n, clip);
                let q = rows.iter().sum::<f64>() / (n * (n - 1)) as f64;
                let nats = mean_joint - (q.ln() + top);
                let each = (n - 1) as f64 * q;
                let influence = (0..n).map(|i| joint[i] - mean_joint - (rows[i] + columns[i]) / each + 2.0).collect();
                let pointwise = joint.iter().map(|s| s - (q.ln() + top)).collect();
                Reading { nats, influence, pointwise }
            }
            Self::Nwj { shift } => {
                let (rows, columns, top) = masked_sums(&group.scores, n, f64::INFINITY);
                let scale = (top - shift).exp();
                let q = rows.iter().sum::<f64>() / (n * (n - 1)) as f64 * scale;
                let nats = 1.0 + mean_joint - shift - q;
                let each = scale / (n - 1) as f64;
                let influence =
                    (0..n).map(|i| joint[i] - mean_joint - (rows[i] + columns[i]) * each + 2.0 * q).collect();
                let pointwise = joint.iter().map(|s| s - shift).collect();
                Reading { nats, influence, pointwise }
            }
        }
    }
}

/// What the Jensen-Shannon bound trains, over groups weighted by their sizes, nats.
pub(super) fn jensen_shannon(groups: &[HeldOut]) -> f64 {
    let of_group = |group: &HeldOut| {
        let n = group.rows.len();
        let mut pairs = PairStatistics::new(n, f64::INFINITY);
        pairs.add_block(0, &group.scores);
        pairs.jsd_objective() * n as f64
    };
    let rows: usize = groups.iter().map(|g| g.rows.len()).sum();
    groups.iter().map(of_group).sum::<f64>() / rows as f64
}

/// Sums of joint scores under `permutations` seeded shufflings of the second sample, and last as they are paired: what the
/// critic would say were there no dependence.
pub(super) fn permuted_sums(group: &HeldOut, permutations: usize, seed: u64) -> Vec<f64> {
    let n = group.rows.len();
    let sum = |order: &[usize]| order.iter().enumerate().map(|(i, &j)| f64::from(group.scores[i * n + j])).sum::<f64>();
    let mut order: Vec<usize> = (0..n).collect();
    let own = sum(&order);
    let mut rng = crate::seed::stream(seed, "permutations", group.rows[0] as u64);
    let mut sums: Vec<f64> = (0..permutations)
        .map(|_| {
            order.shuffle(&mut rng);
            sum(&order)
        })
        .collect();
    sums.push(own);
    sums
}

/// A value and each row's influence on it (their mean is about zero; their standard deviation over √n is its error).
pub(super) struct Reading {
    pub nats: f64,
    pub influence: Vec<f64>,
    /// The log density ratio of each row's own pair, as the critic has it; its mean is near the value.
    pub pointwise: Vec<f64>,
}

/// `log mean_i e^{s_ij}` of each column.
fn column_log_means(scores: &[f32], n: usize) -> Vec<f64> {
    let mut top = vec![f32::NEG_INFINITY; n];
    for row in scores.chunks_exact(n) {
        top.iter_mut().zip(row).for_each(|(t, &s)| *t = t.max(s));
    }
    // Parts of fixed size, their sums added in order.
    let parts: Vec<Vec<f64>> = scores
        .par_chunks(n * 128)
        .map(|rows| {
            let mut sum = vec![0.0; n];
            for row in rows.chunks_exact(n) {
                sum.iter_mut().zip(row).zip(&top).for_each(|((d, &s), &t)| *d += f64::from((s - t).exp()));
            }
            sum
        })
        .collect();
    (0..n).map(|j| (parts.iter().map(|p| p[j]).sum::<f64>() / n as f64).ln() + f64::from(top[j])).collect()
}

/// Sums over rows and over columns of `e^{s − top}` without the diagonal, scores clipped to ±`clip`.
fn masked_sums(scores: &[f32], n: usize, clip: f64) -> (Vec<f64>, Vec<f64>, f64) {
    let clip = clip as f32;
    let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max).min(clip);
    let (mut rows, mut columns) = (vec![0.0; n], vec![0.0; n]);
    for (i, row) in scores.chunks_exact(n).enumerate() {
        for (j, &s) in row.iter().enumerate().filter(|&(j, _)| j != i) {
            let e = f64::from((s.clamp(-clip, clip) - top).exp());
            rows[i] += e;
            columns[j] += e;
        }
    }
    (rows, columns, f64::from(top))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    /// 40 rows with scores of a few nats.
    fn group() -> HeldOut {
        let mut rng = crate::seed::stream(0, "scores", 0);
        let n = 40;
        HeldOut { rows: (0..n).collect(), scores: (0..n * n).map(|_| rng.gen_range(-3.0..3.0)).collect() }
    }

    #[test]
    fn values_are_those_of_the_bounds() {
        let group = group();
        let n = group.rows.len();
        let mut all = PairStatistics::new(n, 2.0);
        let wide: Vec<f64> = group.scores.iter().map(|&s| f64::from(s)).collect();
        all.add_block(0, &wide);
        for (read_out, expected) in [
            (ReadOut::Dv { clip: f64::INFINITY }, all.dv()),
            (ReadOut::Dv { clip: 2.0 }, all.smile()),
            (ReadOut::Nwj { shift: 1.0 }, all.nwj()),
            (ReadOut::Nwj { shift: 0.0 }, all.js_nwj()),
            (ReadOut::InfoNce, all.info_nce()),
        ] {
            let found = read_out.read(&group).nats;
            assert!((found - expected).abs() < 1e-5, "{read_out:?}: {found} for {expected}");
        }
    }

    #[test]
    fn scores_that_are_too_large_have_the_largest_smile_and_the_smallest_merit() {
        use crate::mi::Pairing;
        use crate::mi::bound::{ScoreSizes, jsd};
        use crate::mi::estimate::NeuralBound;
        let (n, mut held) = (40, group());
        let sizes = ScoreSizes { batch: n, locations: 1, pairing: Pairing::All };
        let smile = NeuralBound::Smile;
        let [mut nats, mut merits] = [(); 2].map(|()| Vec::new());
        for scale in [1.0, 10.0] {
            held.scores.iter_mut().for_each(|s| *s *= scale);
            // What a critic of dependent rows says of them.
            (0..n).for_each(|i| held.scores[i * n + i] = held.scores[i * n + i].abs());
            let wide: Vec<f64> = held.scores.iter().map(|&s| f64::from(s)).collect();
            let groups = [HeldOut { rows: held.rows.clone(), scores: held.scores.clone() }];
            nats.push(smile.read_out().value(&groups));
            merits.push(smile.merit(&groups, nats[nats.len() - 1]));
            assert!((merits[merits.len() - 1] - jsd(&wide, sizes).objective).abs() < 1e-5, "{merits:?}");
        }
        assert!(nats[1] > nats[0] + 5.0 && merits[1] < merits[0], "{nats:?} {merits:?}");
        assert_eq!(NeuralBound::Dv.merit(&[held], 0.5), 0.5);
    }

    #[test]
    fn a_row_moves_the_value_by_its_influence() {
        // Leaving row r out moves a mean of n rows by −influence/(n − 1), to first order.
        let group = group();
        let n = group.rows.len();
        for read_out in [ReadOut::InfoNce, ReadOut::Dv { clip: 9.0 }, ReadOut::Nwj { shift: 1.0 }] {
            let whole = read_out.read(&group);
            assert!(whole.influence.iter().sum::<f64>().abs() < 1e-3 * n as f64);
            let without = |r: usize| {
                let keep = || (0..n).filter(move |&i| i != r);
                let scores = keep().flat_map(|i| keep().map(move |j| (i, j))).map(|(i, j)| group.scores[i * n + j]);
                read_out.read(&HeldOut { rows: keep().collect(), scores: scores.collect() }).nats
            };
            let moved: Vec<f64> = (0..n).map(|r| (whole.nats - without(r)) * (n - 1) as f64).collect();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let cosine =
                dot(&moved, &whole.influence) / (dot(&moved, &moved) * dot(&whole.influence, &whole.influence)).sqrt();
            assert!(cosine > 0.99, "{read_out:?}: {cosine}");
        }
    }
}
