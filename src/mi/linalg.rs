//! The little linear algebra of normal distributions and canonical correlations, on matrices as small as the vectors are
//! wide.
//!
//! Cholesky and one-sided Jacobi are short, and Jacobi is the most accurate method there is for singular values; a
//! linear-algebra crate would cost every user of the core more to compile than this costs to run.

/// A column whose variance, given the columns before it, is below this share of its own is their combination.
pub(crate) const DEPENDENT: f64 = 1e-10;

/// The lower triangle L of R = L·Lᵀ, `[d, d]` row-major, of a covariance matrix; or the first column that is a linear
/// combination of those before it, or not finite. Only the lower triangle is read.
pub(crate) fn cholesky(r: &[f64], d: usize) -> Result<Vec<f64>, usize> {
    let mut l = vec![0.0; d * d];
    for i in 0..d {
        for j in 0..=i {
            let sum = r[i * d + j] - dot(&l[i * d..i * d + j], &l[j * d..j * d + j]);
            if i != j {
                l[i * d + j] = sum / l[j * d + j];
            } else if sum > DEPENDENT * r[i * d + i] && sum.is_finite() {
                l[i * d + i] = sum.sqrt();
            } else {
                return Err(i);
            }
        }
    }
    Ok(l)
}

/// Solves L·X = B in place; B is `[n, m]` for the leading `n`×`n` part of L (rows `d` apart).
pub(crate) fn solve_lower(l: &[f64], d: usize, b: &mut [f64], m: usize) {
    for i in 0..b.len() / m {
        let (before, rest) = b.split_at_mut(i * m);
        let row = &mut rest[..m];
        for (j, done) in before.chunks_exact(m).enumerate() {
            let factor = l[i * d + j];
            row.iter_mut().zip(done).for_each(|(v, done)| *v -= factor * done);
        }
        row.iter_mut().for_each(|v| *v /= l[i * d + i]);
    }
}

/// Solves Lᵀ·X = B in place; as [`solve_lower`].
pub(crate) fn solve_upper(l: &[f64], d: usize, b: &mut [f64], m: usize) {
    let n = b.len() / m;
    for i in (0..n).rev() {
        let (head, after) = b.split_at_mut((i + 1) * m);
        let row = &mut head[i * m..];
        for (j, done) in after.chunks_exact(m).enumerate() {
            let factor = l[(i + 1 + j) * d + i];
            row.iter_mut().zip(done).for_each(|(v, done)| *v -= factor * done);
        }
        row.iter_mut().for_each(|v| *v /= l[i * d + i]);
    }
}

pub(crate) fn transpose(a: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..rows * columns).map(|at| a[at % rows * columns + at / rows]).collect()
}

/// A = U·diag(σ)·Vᵀ with r = min(m, n), σ descending, and U and V as lists of their columns.
pub(crate) struct Svd {
    pub(crate) u: Vec<Vec<f64>>,
    pub(crate) singular: Vec<f64>,
    pub(crate) v: Vec<Vec<f64>>,
}

/// The singular value decomposition of A `[m, n]` by one-sided Jacobi rotations (Hestenes 1958).
pub(crate) fn svd(a: &[f64], m: usize, n: usize) -> Svd {
    if m < n {
        let Svd { u, singular, v } = svd(&transpose(a, m, n), n, m);
        return Svd { u: v, singular, v: u };
    }
    let mut columns: Vec<Vec<f64>> = (0..n).map(|c| a[c..].iter().step_by(n).copied().collect()).collect();
    let mut right: Vec<Vec<f64>> = (0..n).map(|c| (0..n).map(|r| f64::from(u8::from(r == c))).collect()).collect();
    let scale = columns.iter().map(|c| dot(c, c)).sum::<f64>();
    // Quadratic convergence: a handful of sweeps; forty is never reached.
    for _ in 0..40 {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                let (x, y) = (dot(&columns[p], &columns[p]), dot(&columns[q], &columns[q]));
                let xy = dot(&columns[p], &columns[q]);
                if xy.abs() <= 1e-15 * (x * y).sqrt() || xy.abs() <= 1e-32 * scale {
                    continue;
                }
                rotated = true;
                let zeta = (y - x) / (2.0 * xy);
                let t = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let cos = 1.0 / t.hypot(1.0);
                rotate(&mut columns, p, q, cos, cos * t);
                rotate(&mut right, p, q, cos, cos * t);
            }
        }
        if !rotated {
            break;
        }
    }
    let norms: Vec<f64> = columns.iter().map(|c| dot(c, c).sqrt()).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| norms[b].total_cmp(&norms[a]));
    let mut u: Vec<Vec<f64>> = Vec::new();
    for &c in &order {
        let direction = if norms[c] > 1e-13 * scale.sqrt() {
            columns[c].iter().map(|v| v / norms[c]).collect()
        } else {
            // A null direction is whatever is orthogonal to those found.
            orthogonal(&u, m)
        };
        u.push(direction);
    }
    let singular = order.iter().map(|&c| norms[c]).collect();
    let v = order.iter().map(|&c| right[c].clone()).collect();
    Svd { u, singular, v }
}

fn rotate(columns: &mut [Vec<f64>], p: usize, q: usize, cos: f64, sin: f64) {
    let (head, tail) = columns.split_at_mut(q);
    for (a, b) in head[p].iter_mut().zip(tail[0].iter_mut()) {
        (*a, *b) = (cos * *a - sin * *b, sin * *a + cos * *b);
    }
}

/// A unit vector orthogonal to `basis`, which has fewer than `m` vectors.
fn orthogonal(basis: &[Vec<f64>], m: usize) -> Vec<f64> {
    let residue = |e: usize| {
        let mut v: Vec<f64> = (0..m).map(|r| f64::from(u8::from(r == e))).collect();
        for _ in 0..2 {
            for b in basis {
                let along = dot(&v, b);
                v.iter_mut().zip(b).for_each(|(v, b)| *v -= along * b);
            }
        }
        let norm = dot(&v, &v).sqrt();
        (norm, v)
    };
    let (norm, v) = (0..m).map(residue).fold((0.0, Vec::new()), |best, next| if next.0 > best.0 { next } else { best });
    v.into_iter().map(|v| v / norm).collect()
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    // Eight sums side by side, so that the additions need not wait for each other.
    let (a8, a1) = a.as_chunks::<8>();
    let (b8, b1) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a8.iter().zip(b8) {
        for l in 0..8 {
            sums[l] += a[l] * b[l];
        }
    }
    sums.iter().sum::<f64>() + a1.iter().zip(b1).map(|(a, b)| a * b).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn the_decomposition_multiplies_back_and_its_vectors_are_orthonormal() {
        let mut rng = crate::seed::stream(4, "test", 0);
        for (m, n, rank) in [(5, 5, 5), (7, 3, 3), (3, 8, 3), (6, 4, 2), (1, 4, 1), (30, 20, 20)] {
            let left: Vec<f64> = (0..m * rank).map(|_| rng.gen_range(-1.0..1.0)).collect();
            let right: Vec<f64> = (0..rank * n).map(|_| rng.gen_range(-1.0..1.0)).collect();
            let entry = |i: usize, j: usize| (0..rank).map(|k| left[i * rank + k] * right[k * n + j]).sum::<f64>();
            let a: Vec<f64> = (0..m * n).map(|at| entry(at / n, at % n)).collect();
            let Svd { u, singular, v } = svd(&a, m, n);
            assert_eq!((u.len(), singular.len(), v.len()), (m.min(n), m.min(n), m.min(n)));
            assert!(singular.windows(2).all(|w| w[0] >= w[1]));
            for i in 0..m {
                for j in 0..n {
                    let back: f64 = (0..u.len()).map(|k| u[k][i] * singular[k] * v[k][j]).sum();
                    assert!((back - a[i * n + j]).abs() < 1e-12, "{m} {n}");
                }
            }
            for (p, q) in (0..u.len()).flat_map(|p| (0..u.len()).map(move |q| (p, q))) {
                let same = f64::from(u8::from(p == q));
                assert!((dot(&u[p], &u[q]) - same).abs() < 1e-12 && (dot(&v[p], &v[q]) - same).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn triangles_are_solved() {
        let r = [1.0, 0.5, 0.2, 0.5, 1.0, -0.3, 0.2, -0.3, 1.0];
        let l = cholesky(&r, 3).unwrap();
        let mut b = r.to_vec();
        solve_lower(&l, 3, &mut b, 3);
        solve_upper(&l, 3, &mut b, 3);
        for (at, v) in b.iter().enumerate() {
            assert!((v - f64::from(u8::from(at % 4 == 0))).abs() < 1e-14);
        }
        assert_eq!(cholesky(&[1.0, 0.3, 1.0, 0.3, 1.0, 0.3, 1.0, 0.3, 1.0], 3), Err(2));
    }
}
