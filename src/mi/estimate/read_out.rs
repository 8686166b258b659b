//! From the scores of held-out rows to nats, and to each row's influence on them.

use crate::mi::bound::BoundKind;
use rayon::prelude::*;

/// Scores of all pairs of some held-out rows: `[n, n]`, joint pairs on the diagonal.
pub(super) struct HeldOut {
    pub rows: Vec<usize>,
    pub scores: Vec<f32>,
}

/// How scores are read as nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ReadOut {
    /// `mean_i [ s_ii − log mean_j e^{s_ij} ]`, the mean over all `j`: at most `log n`.
    InfoNce,
    /// `mean_i s_ii − log mean_{i≠j} e^{s_ij}`, with scores clipped to ±τ in the second term.
    Dv { clip: f64 },
    /// `1 + mean_i s_ii − mean_{i≠j} e^{s_ij}` (the critic's optimum is the log ratio itself).
    Nwj,
}

impl ReadOut {
    /// The read-out that belongs to what was maximised.
    pub fn of(kind: BoundKind) -> Self {
        match kind {
            BoundKind::InfoNce => Self::InfoNce,
            BoundKind::Jsd => Self::Dv { clip: 5.0 },
        }
    }

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
                // log mean_j e^{s_ij} of each row, and how much of each row's sum each column holds.
                let rows: Vec<(f64, Vec<f64>)> = group
                    .scores
                    .par_chunks(n * 64)
                    .flat_map_iter(|rows| rows.chunks_exact(n))
                    .map(|row| log_mean_exp(row))
                    .collect();
                let nats = (0..n).map(|i| joint[i] - rows[i].0).sum::<f64>() / n as f64;
                let mut share = vec![0.0; n];
                for (_, shares) in &rows {
                    share.iter_mut().zip(shares).for_each(|(s, v)| *s += v);
                }
                let influence = (0..n).map(|i| joint[i] - rows[i].0 - nats - (share[i] - 1.0)).collect();
                Reading { nats, influence }
            }
            Self::Dv { clip } => {
                let (rows, columns, top) = masked_sums(&group.scores, n, clip);
                let q = rows.iter().sum::<f64>() / (n * (n - 1)) as f64;
                let nats = mean_joint - (q.ln() + top);
                let each = (n - 1) as f64 * q;
                let influence = (0..n).map(|i| joint[i] - mean_joint - (rows[i] + columns[i]) / each + 2.0).collect();
                Reading { nats, influence }
            }
            Self::Nwj => {
                let (rows, columns, top) = masked_sums(&group.scores, n, f64::INFINITY);
                let q = rows.iter().sum::<f64>() / (n * (n - 1)) as f64 * top.exp();
                let nats = 1.0 + mean_joint - q;
                let each = top.exp() / (n - 1) as f64;
                let influence =
                    (0..n).map(|i| joint[i] - mean_joint - (rows[i] + columns[i]) * each + 2.0 * q).collect();
                Reading { nats, influence }
            }
        }
    }
}

/// A value and each row's influence on it (their mean is about zero; their standard deviation over √n is its error).
pub(super) struct Reading {
    pub nats: f64,
    pub influence: Vec<f64>,
}

/// `log mean_j e^{s_j}` and each column's share of the sum.
fn log_mean_exp(row: &[f32]) -> (f64, Vec<f64>) {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut e: Vec<f64> = row.iter().map(|&s| f64::from((s - top).exp())).collect();
    let sum: f64 = e.iter().sum();
    e.iter_mut().for_each(|v| *v /= sum);
    ((sum / row.len() as f64).ln() + f64::from(top), e)
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
