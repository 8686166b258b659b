//! RankMe: how many directions a representation uses.

use super::dot::dot;
use super::{Features, ProbeError};
use crate::nn::cpu::gemm::{Mat, par_matmul};
use rayon::prelude::*;

/// Added to each share of the spectrum (Garrido et al. 2023).
const EPSILON: f64 = 1e-7;
/// Rows of the features that are multiplied at a time.
const ROWS: usize = 4096;

/// The effective rank of features `[N, F]` (Garrido et al. 2023, arXiv 2210.02885, eq. 1 and 2): `exp(−Σ p log p)` with the
/// singular values' shares `p = σ / Σσ + 1e-7` of the features as they are, neither centred nor scaled. Between 1, all rows
/// on one line through the origin, and about `min(N, F)`, all directions alike.
///
/// Singular values are roots of the eigenvalues of the smaller of `XᵀX` and `XXᵀ` in double precision: exact to about
/// `1e-8` of the largest. Takes `N·F² + F³` operations, with `N` and `F` the other way round when there are
/// fewer rows.
///
/// # Errors
/// [`ProbeError::Empty`], [`ProbeError::Size`]; [`ProbeError::Diverged`] when a value is not finite.
pub fn rank_me(features: &Features) -> Result<f64, ProbeError> {
    features.check()?;
    let (n, f) = (features.rows, features.dim);
    let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    let size = n.min(f);
    let mut gram = vec![0.0; size * size];
    if f <= n {
        for rows in features.values.chunks(ROWS * f) {
            let rows = wide(rows);
            let rows = Mat::rows(&rows, rows.len() / f, f);
            par_matmul(&mut gram, rows.t(), rows, true, &|_, _, _| ());
        }
    } else {
        let rows = wide(&features.values);
        let rows = Mat::rows(&rows, n, f);
        par_matmul(&mut gram, rows, rows.t(), false, &|_, _, _| ());
    }
    let eigenvalues = eigenvalues(gram, size).ok_or(ProbeError::Diverged { step: 0 })?;
    let singular: Vec<f64> = eigenvalues.into_iter().map(|v| v.max(0.0).sqrt()).collect();
    let sum = singular.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let entropy: f64 = singular.iter().map(|s| s / sum + EPSILON).map(|p| -p * p.ln()).sum();
    Ok(entropy.exp())
}

/// Eigenvalues of a symmetric matrix `[n, n]`, in no order: Householder's reduction to three diagonals, then implicit QL
/// (Golub & Van Loan 2013, algorithms 8.3.1 and 8.3.3). `None` when a value is not finite.
fn eigenvalues(mut a: Vec<f64>, n: usize) -> Option<Vec<f64>> {
    if a.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let mut beside = vec![0.0; n];
    for k in 0..n.saturating_sub(2) {
        let mut v: Vec<f64> = (k + 1..n).map(|r| a[r * n + k]).collect();
        let length = dot(&v, &v).sqrt();
        if length == 0.0 {
            continue;
        }
        let reflected = if v[0] > 0.0 { -length } else { length };
        v[0] -= reflected;
        beside[k] = reflected;
        let squared = dot(&v, &v);
        let block = &mut a[(k + 1) * n..];
        let mut w: Vec<f64> = block.par_chunks(n).map(|row| 2.0 / squared * dot(&row[k + 1..], &v)).collect();
        let along = dot(&w, &v) / squared;
        w.iter_mut().zip(&v).for_each(|(w, v)| *w -= along * v);
        block.par_chunks_mut(n).enumerate().for_each(|(r, row)| {
            let (vr, wr) = (v[r], w[r]);
            row[k + 1..].iter_mut().zip(v.iter().zip(&w)).for_each(|(a, (v, w))| *a -= vr * w + wr * v);
        });
    }
    if n >= 2 {
        beside[n - 2] = a[(n - 1) * n + n - 2];
    }
    let mut diagonal: Vec<f64> = (0..n).map(|i| a[i * n + i]).collect();
    implicit_ql(&mut diagonal, &mut beside)?;
    Some(diagonal)
}

/// The eigenvalues of the symmetric matrix of three diagonals, in place of its main one; `beside[i]` is between rows `i`
/// and `i + 1`.
fn implicit_ql(d: &mut [f64], e: &mut [f64]) -> Option<()> {
    let n = d.len();
    for l in 0..n {
        for round in 0.. {
            let small = |m: usize| e[m].abs() <= f64::EPSILON * (d[m].abs() + d[m + 1].abs());
            let m = (l..n - 1).find(|&m| small(m)).unwrap_or(n - 1);
            if m == l {
                break;
            }
            // Some two rounds are usual for each eigenvalue.
            if round == 100 {
                return None;
            }
            let mut g = (d[l + 1] - d[l]) / (2.0 * e[l]);
            let r = g.hypot(1.0);
            g = d[m] - d[l] + e[l] / (g + r.copysign(g));
            let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
            let mut split = false;
            for i in (l..m).rev() {
                let (f, b) = (s * e[i], c * e[i]);
                let r = f.hypot(g);
                e[i + 1] = r;
                if r == 0.0 {
                    d[i + 1] -= p;
                    e[m] = 0.0;
                    split = true;
                    break;
                }
                (s, c) = (f / r, g / r);
                g = d[i + 1] - p;
                let r = (d[i] - g) * s + 2.0 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
            }
            if !split {
                d[l] -= p;
                e[l] = g;
                e[m] = 0.0;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::stream;
    use rand::Rng;

    /// Eigenvalues of a product of known ones with random reflections.
    #[test]
    fn eigenvalues_of_a_rotated_diagonal_are_its_own() {
        for n in [1, 2, 3, 17, 60] {
            let mut rng = stream(5, "test", n as u64);
            let mut expected: Vec<f64> =
                (0..n).map(|i| if i % 3 == 0 { 2.0 } else { rng.gen_range(-1.0..9.0) }).collect();
            let mut a = vec![0.0; n * n];
            (0..n).for_each(|i| a[i * n + i] = expected[i]);
            for _ in 0..4 {
                let v: Vec<f64> = (0..n).map(|_| rng.gen_range(-1.0..1.0)).collect();
                let square = dot(&v, &v);
                let h = |r: usize, c: usize| f64::from(u8::from(r == c)) - 2.0 * v[r] * v[c] / square;
                let half: Vec<f64> = (0..n * n).map(|i| (0..n).map(|k| h(i / n, k) * a[k * n + i % n]).sum()).collect();
                a = (0..n * n).map(|i| (0..n).map(|k| half[i / n * n + k] * h(k, i % n)).sum()).collect();
            }
            let mut found = eigenvalues(a, n).unwrap();
            found.sort_by(f64::total_cmp);
            expected.sort_by(f64::total_cmp);
            for (f, e) in found.iter().zip(&expected) {
                assert!((f - e).abs() < 1e-12 * 9.0 * n as f64, "{n}: {f} is not {e}");
            }
        }
        assert_eq!(eigenvalues(vec![1.0, f64::NAN, 0.0, 1.0], 2), None);
        assert_eq!(eigenvalues(vec![0.0; 9], 3), Some(vec![0.0; 3]));
    }
}
