//! ZCA whitening (Bell & Sejnowski 1997; Krizhevsky 2009): a linear map after which pixels are uncorrelated and an image
//! still looks like itself.

use super::DataError;
use crate::files::write_atomic;
use crate::nn::cpu::gemm::{Mat, par_matmul};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::HashMap;
use std::path::Path;

/// Images whose products are summed at a time.
const ROWS: usize = 1024;
/// Iterations of the root at most; 40 are enough for a condition number of 10¹².
const ITERATIONS: usize = 60;

/// A fitted whitening of vectors of `D` numbers: `x ↦ (x − mean)·W` with `W = (Σ + εI)^(−½)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Whitening {
    mean: Vec<f32>,
    /// `[D, D]`, symmetric.
    matrix: Vec<f32>,
    epsilon: f64,
}

impl Whitening {
    /// Fits to `images`, `[N, D]` numbers (say in [0, 1], where ε = 0.1 · the mean variance of a pixel is common).
    ///
    /// Costs `2·N·D²` operations for the covariance and some `100·D³` for the root: a second for patches of 8×8×3, minutes
    /// for images of 32×32×3 on two cores.
    ///
    /// # Errors
    /// When there is no image, the sizes do not fit, a number is not finite, ε is not above 0, or the root does not
    /// converge.
    pub fn fit(images: &[f32], dim: usize, epsilon: f64) -> Result<Self, DataError> {
        let fail = |text: String| Err(DataError::Setting(text));
        if dim == 0 || images.is_empty() || !images.len().is_multiple_of(dim) {
            return fail(format!(
                "whitening {} numbers as vectors of {dim}: give whole vectors, one or more",
                images.len()
            ));
        }
        if !(epsilon > 0.0 && epsilon.is_finite()) {
            return fail(format!("whitening with epsilon {epsilon}: it must be above 0"));
        }
        if let Some(i) = images.iter().position(|v| !v.is_finite()) {
            return fail(format!("whitening: image {} holds {}", i / dim, images[i]));
        }
        let n = (images.len() / dim) as f64;
        let mut sums = vec![0f64; dim];
        for row in images.chunks_exact(dim) {
            sums.iter_mut().zip(row).for_each(|(s, &v)| *s += f64::from(v));
        }
        let mean: Vec<f32> = sums.iter().map(|s| (s / n) as f32).collect();
        let mut covariance = vec![0f64; dim * dim];
        let mut product = vec![0f32; dim * dim];
        for rows in images.chunks(ROWS * dim) {
            let centred: Vec<f32> =
                rows.chunks_exact(dim).flat_map(|r| r.iter().zip(&mean).map(|(v, m)| v - m)).collect();
            let x = Mat::rows(&centred, rows.len() / dim, dim);
            par_matmul(&mut product, x.t(), x, false, &|_, _, _| ());
            covariance.iter_mut().zip(&product).for_each(|(c, &p)| *c += f64::from(p) / n);
        }
        (0..dim).for_each(|i| covariance[i * dim + i] += epsilon);
        let matrix = inverse_root(covariance, dim).ok_or_else(|| {
            DataError::Setting(format!("whitening with epsilon {epsilon} does not converge; raise epsilon"))
        })?;
        Ok(Self { mean, matrix: matrix.into_iter().map(|v| v as f32).collect(), epsilon })
    }

    /// Size of the vectors, D.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// Whitens vectors `[N, D]` in place.
    ///
    /// # Errors
    /// When the sizes do not fit.
    pub fn apply(&self, images: &mut [f32]) -> Result<(), DataError> {
        let dim = self.dim();
        if !images.len().is_multiple_of(dim) {
            let text =
                format!("whitening {} numbers by a map of vectors of {dim}: they are no whole vectors", images.len());
            return Err(DataError::Setting(text));
        }
        let centred: Vec<f32> =
            images.chunks_exact(dim).flat_map(|r| r.iter().zip(&self.mean).map(|(v, m)| v - m)).collect();
        let (lhs, rhs) = (Mat::rows(&centred, images.len() / dim, dim), Mat::rows(&self.matrix, dim, dim));
        par_matmul(images, lhs, rhs, false, &|_, _, _| ());
        Ok(())
    }

    /// Writes a safetensors file, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), DataError> {
        let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let (mean, matrix, dim) = (bytes(&self.mean), bytes(&self.matrix), self.dim());
        let views = TensorView::new(Dtype::F32, vec![dim], &mean)
            .and_then(|m| Ok([("mean", m), ("matrix", TensorView::new(Dtype::F32, vec![dim, dim], &matrix)?)]));
        let metadata = HashMap::from([("epsilon".to_owned(), self.epsilon.to_string())]);
        let file = views.and_then(|v| safetensors::serialize(v, &Some(metadata)));
        let file = file.map_err(|e| DataError::io("write", path)(std::io::Error::other(format!("{e:?}"))))?;
        write_atomic(path, &file).map_err(DataError::io("write", path))
    }

    /// Reads what [`Whitening::save`] wrote.
    ///
    /// # Errors
    /// When the file cannot be read or is no whitening.
    pub fn load(path: &Path) -> Result<Self, DataError> {
        let file = std::fs::read(path).map_err(DataError::io("read", path))?;
        let bad = |reason: String| DataError::Whitening { path: path.to_owned(), reason };
        let tensors = SafeTensors::deserialize(&file).map_err(|e| bad(format!("{e:?}")))?;
        let values = |name: &str| -> Result<Vec<f32>, DataError> {
            let view = tensors.tensor(name).map_err(|e| bad(format!("{e:?}")))?;
            if view.dtype() != Dtype::F32 {
                return Err(bad(format!("`{name}` is {:?}, not F32", view.dtype())));
            }
            Ok(view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
        };
        let (mean, matrix) = (values("mean")?, values("matrix")?);
        let (_, header) = SafeTensors::read_metadata(&file).map_err(|e| bad(format!("{e:?}")))?;
        let epsilon = header.metadata().as_ref().and_then(|m| m.get("epsilon")?.parse().ok());
        let epsilon = epsilon.ok_or_else(|| bad("its metadata has no epsilon".into()))?;
        if mean.is_empty() || matrix.len() != mean.len() * mean.len() {
            return Err(bad(format!("a mean of {} and a matrix of {} numbers", mean.len(), matrix.len())));
        }
        Ok(Self { mean, matrix, epsilon })
    }
}

/// `A^(−½)` of a symmetric positive definite matrix by the coupled Newton-Schulz iteration (Higham 2008, eq. 6.35).
fn inverse_root(mut a: Vec<f64>, dim: usize) -> Option<Vec<f64>> {
    let norm = a.iter().map(|v| v * v).sum::<f64>().sqrt();
    a.iter_mut().for_each(|v| *v /= norm);
    let (mut y, mut z) = (a, vec![0f64; dim * dim]);
    (0..dim).for_each(|i| z[i * dim + i] = 1.0);
    let (mut t, mut next) = (vec![0f64; dim * dim], vec![0f64; dim * dim]);
    let product = |out: &mut [f64], a: &[f64], b: &[f64]| {
        par_matmul(out, Mat::rows(a, dim, dim), Mat::rows(b, dim, dim), false, &|_, _, _| ());
    };
    for _ in 0..ITERATIONS {
        product(&mut t, &z, &y);
        let mut off = 0f64;
        for (i, v) in t.iter_mut().enumerate() {
            let unit = if i % (dim + 1) == 0 { 1.0 } else { 0.0 };
            off = off.max((*v - unit).abs());
            *v = 1.5 * unit - 0.5 * *v;
        }
        if !off.is_finite() {
            return None;
        }
        product(&mut next, &y, &t);
        std::mem::swap(&mut y, &mut next);
        product(&mut next, &t, &z);
        std::mem::swap(&mut z, &mut next);
        if off < 1e-9 {
            z.iter_mut().for_each(|v| *v /= norm.sqrt());
            return Some(z);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::stream;
    use rand::Rng;

    fn covariance(x: &[f32], dim: usize) -> Vec<f64> {
        let n = x.len() / dim;
        let mean: Vec<f64> =
            (0..dim).map(|j| x.iter().skip(j).step_by(dim).map(|&v| f64::from(v)).sum::<f64>() / n as f64).collect();
        let mut c = vec![0.0; dim * dim];
        for row in x.chunks_exact(dim) {
            for i in 0..dim {
                for j in 0..dim {
                    c[i * dim + j] += (f64::from(row[i]) - mean[i]) * (f64::from(row[j]) - mean[j]) / n as f64;
                }
            }
        }
        c
    }

    #[test]
    fn whitened_numbers_are_uncorrelated_and_saved_ones_are_the_same() {
        let (n, dim) = (3000, 12);
        let mut rng = stream(0, "whiten", 0);
        // Neighbours that go together, as pixels do.
        let x: Vec<f32> = (0..n)
            .flat_map(|_| {
                let mut level = 0.5f32;
                (0..dim)
                    .map(|_| {
                        level = 0.9 * level + rng.gen_range(0.0..0.1f32);
                        level
                    })
                    .collect::<Vec<_>>()
            })
            .collect();
        let whitening = Whitening::fit(&x, dim, 1e-7).unwrap();
        let mut y = x.clone();
        whitening.apply(&mut y).unwrap();
        for (i, v) in covariance(&y, dim).into_iter().enumerate() {
            let unit = if i % (dim + 1) == 0 { 1.0 } else { 0.0 };
            assert!((v - unit).abs() < 0.02, "entry {i} is {v}");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("zca.safetensors");
        whitening.save(&file).unwrap();
        assert_eq!(Whitening::load(&file).unwrap(), whitening);
        std::fs::write(&file, "no").unwrap();
        assert!(Whitening::load(&file).unwrap_err().to_string().contains("zca.safetensors"));
    }

    #[test]
    fn the_root_is_that_of_a_known_matrix() {
        // [[5, 4], [4, 5]] has eigenvalues 9 and 1 along (1, 1) and (1, −1): the inverse root is [[2, −1], [−1, 2]] / 3.
        let root = inverse_root(vec![5.0, 4.0, 4.0, 5.0], 2).unwrap();
        for (a, b) in root.iter().zip([2.0 / 3.0, -1.0 / 3.0, -1.0 / 3.0, 2.0 / 3.0]) {
            assert!((a - b).abs() < 1e-9, "{root:?}");
        }
    }

    #[test]
    fn what_cannot_be_whitened_is_said() {
        let said = |r: Result<Whitening, DataError>| r.unwrap_err().to_string();
        assert!(said(Whitening::fit(&[1.0; 5], 2, 0.1)).contains("whole vectors"));
        assert!(said(Whitening::fit(&[1.0; 4], 2, 0.0)).contains("above 0"));
        assert!(said(Whitening::fit(&[1.0, f32::NAN], 2, 0.1)).contains("image 0 holds NaN"));
        assert!(Whitening::fit(&[1.0; 4], 2, 0.1).unwrap().apply(&mut [0.0; 3]).is_err());
    }
}
