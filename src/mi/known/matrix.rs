//! Matrices of known distributions: the shape of a normal one, and random rotations.

use crate::mi::linalg::{cholesky, dot};
use crate::seed;
use rand::Rng;
use rand_distr::StandardNormal;

/// The lower triangle `L` of a symmetric positive definite matrix `L·Lᵀ`.
#[derive(Clone, Debug)]
pub(super) struct Cholesky {
    size: usize,
    /// `[size, size]`, row-major, zero above the diagonal.
    lower: Vec<f64>,
}

impl Cholesky {
    /// Of `matrix [size, size]`; none when it is not positive definite. Only the lower triangle is read.
    pub(super) fn new(matrix: &[f64], size: usize) -> Option<Self> {
        let lower = cholesky(matrix, size).ok()?;
        Some(Self { size, lower })
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// `ln det(L·Lᵀ)`.
    pub(super) fn log_det(&self) -> f64 {
        2.0 * (0..self.size).map(|i| self.lower[i * (self.size + 1)].ln()).sum::<f64>()
    }

    /// `(x, y) ← L·(x, y)`, for the two halves of one vector.
    pub(super) fn colour(&self, x: &mut [f64], y: &mut [f64]) {
        let split = x.len();
        // From the last row to the first: row i needs only what stands at or before i.
        for i in (0..y.len()).rev() {
            let row = &self.lower[(split + i) * self.size..][..self.size];
            y[i] = dot(&row[..split], x) + dot(&row[split..=split + i], &y[..=i]);
        }
        for i in (0..split).rev() {
            x[i] = dot(&self.lower[i * self.size..][..=i], &x[..=i]);
        }
    }

    /// `|L⁻¹·v|²` of a vector of `size` numbers.
    pub(super) fn squared_norm(&self, v: impl Iterator<Item = f64>) -> f64 {
        let mut solved: Vec<f64> = Vec::with_capacity(self.size);
        for (i, v) in v.enumerate() {
            let row = &self.lower[i * self.size..][..=i];
            solved.push((v - dot(&row[..i], &solved)) / row[i]);
        }
        dot(&solved, &solved)
    }
}

/// A random orthogonal matrix `[size, size]` (uniform in the sense of Haar): normal numbers, made orthonormal by
/// Gram-Schmidt, twice for accuracy.
pub(super) fn random_rotation(size: usize, seed: u64, index: u64) -> Vec<f64> {
    let mut rng = seed::stream(seed, "rotation", index);
    let mut q: Vec<f64> = (0..size * size).map(|_| rng.sample(StandardNormal)).collect();
    for i in 0..size {
        let (done, rest) = q.split_at_mut(i * size);
        let row = &mut rest[..size];
        for _ in 0..2 {
            for earlier in done.chunks_exact(size) {
                let along = dot(earlier, row);
                row.iter_mut().zip(earlier).for_each(|(r, e)| *r -= along * e);
            }
        }
        let norm = dot(row, row).sqrt();
        row.iter_mut().for_each(|r| *r /= norm);
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cholesky_of_a_matrix_by_hand() {
        // [[4, 2], [2, 3]] = L·Lᵀ with L = [[2, 0], [1, √2]].
        let c = Cholesky::new(&[4.0, 2.0, 2.0, 3.0], 2).unwrap();
        assert!((c.log_det() - 8f64.ln()).abs() < 1e-14);
        let (mut x, mut y) = ([3.0], [5.0]);
        c.colour(&mut x, &mut y);
        assert!((x[0] - 6.0).abs() < 1e-14 && (y[0] - (3.0 + 5.0 * 2f64.sqrt())).abs() < 1e-14);
        assert!((c.squared_norm([x[0], y[0]].into_iter()) - 34.0).abs() < 1e-12);
        assert!(Cholesky::new(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
        assert!(Cholesky::new(&[f64::NAN], 1).is_none());
    }

    #[test]
    fn rotations_are_orthogonal() {
        let n = 40;
        let q = random_rotation(n, 5, 0);
        for i in 0..n {
            for j in 0..n {
                let d = dot(&q[i * n..][..n], &q[j * n..][..n]);
                assert!((d - f64::from(u8::from(i == j))).abs() < 1e-13);
            }
        }
        assert_ne!(q, random_rotation(n, 5, 1));
    }
}
