//! What a critic sees of the samples: standardised columns as tensors of constant width.

use super::MiError;
use super::principal::Principal;
use crate::mi::classical::{GaussianModel, Shrinkage};
use crate::mi::{Samples, Scaling, Standardiser};

/// Rows of standardised x and y, or of their principal components, and the part of the score that a Gaussian model gives:
/// `base_x·base_yᵀ` is its log density ratio of every pair.
///
/// All of it is fitted on the training rows alone.
pub(super) struct Seen {
    x: Samples,
    y: Samples,
    base: Option<Base>,
    /// Principal components of x and y, or their columns; none where both are left as they are.
    pub components: Option<[usize; 2]>,
}

/// The same padded with zeros to `width` columns each.
pub(super) struct Inputs {
    pub width: usize,
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    pub base: Option<Base>,
}

/// A log density ratio as a product of two thin matrices.
pub(super) struct Base {
    pub rank: usize,
    pub x: Vec<f32>,
    pub y: Vec<f32>,
}

impl Seen {
    /// All rows, fitted on `train`.
    ///
    /// # Errors
    /// When a column is constant.
    pub fn new(x: &Samples, y: &Samples, train: &[usize], scaling: Scaling, gaussian: bool) -> Result<Self, MiError> {
        // A column may be constant on the training rows alone; then all rows say how it is scaled.
        let fit = |s: &Samples| {
            let fitted = Standardiser::fit(&s.select(train), scaling).or_else(|_| Standardiser::fit(s, scaling))?;
            let columns = fitted.apply(s)?;
            match Principal::fit(&columns, train) {
                Some(principal) => Ok((principal.apply(&columns)?, true)),
                None => Ok::<_, MiError>((columns, false)),
            }
        };
        let ((x, fewer_x), (y, fewer_y)) = (fit(x)?, fit(y)?);
        let components = (fewer_x || fewer_y).then(|| [x.columns(), y.columns()]);
        // Columns that depend on each other have no Gaussian density; the network then starts from nothing.
        let base = if gaussian { Base::new(&x, &y, train, Shrinkage::Auto).ok() } else { None };
        Ok(Self { x, y, base, components })
    }

    /// Columns that a critic sees of x and of y: themselves and, of several, their common radius.
    pub fn columns(&self) -> [usize; 2] {
        [&self.x, &self.y].map(|s| if s.columns() == 1 { 1 } else { s.columns() + 1 })
    }

    /// Padded to `width` columns.
    pub fn padded(self, width: usize) -> Inputs {
        Inputs { width, x: padded(&self.x, width), y: padded(&self.y, width), base: self.base }
    }
}

impl Inputs {
    /// Rows `rows` of both, `[rows, width]`.
    pub fn batch(&self, rows: &[usize]) -> (Vec<f32>, Vec<f32>) {
        (gather(&self.x, self.width, rows), gather(&self.y, self.width, rows))
    }
}

impl Base {
    /// The Gaussian model of the training rows. With canonical variables `u`, `v` and correlations `ρ`, the log ratio of a
    /// pair is `Σ −½·log(1−ρ²) − (ρ²u² + ρ²v² − 2ρuv) / (2(1−ρ²))`: terms of x alone, of y alone, and products.
    pub fn new(x: &Samples, y: &Samples, train: &[usize], shrinkage: Shrinkage) -> Result<Self, MiError> {
        let model = GaussianModel::fit(&x.select(train), &y.select(train), shrinkage)?;
        let rho = model.correlations();
        let rank = rho.len() + 2;
        let (a, b) = model.directions();
        let (mx, my) = model.means();
        let side = |s: &Samples, mean: &[f64], directions: &[f64], left: bool| {
            let mut out = Vec::with_capacity(s.rows() * rank);
            for i in 0..s.rows() {
                let mut own = if left { model.nats() } else { 0.0 };
                for (k, &r) in rho.iter().enumerate() {
                    let u: f64 = s
                        .row(i)
                        .iter()
                        .zip(mean)
                        .enumerate()
                        .map(|(c, (v, m))| (v - m) * directions[c * rho.len() + k])
                        .sum();
                    own -= r * r * u * u / (2.0 * (1.0 - r * r));
                    out.push((u * (r / (1.0 - r * r)).abs().sqrt()) as f32);
                }
                out.push(if left { own as f32 } else { 1.0 });
                out.push(if left { 1.0 } else { own as f32 });
            }
            out
        };
        Ok(Self { rank, x: side(x, mx, a, true), y: side(y, my, b, false) })
    }

    /// Rows `rows` of both factors, `[rows, rank]`.
    pub fn batch(&self, rows: &[usize]) -> (Vec<f32>, Vec<f32>) {
        (gather(&self.x, self.rank, rows), gather(&self.y, self.rank, rows))
    }
}

/// Rows with their radius beside them, padded with zeros.
///
/// Dependence through the radius (elliptical distributions, rotations that grow outwards, common volatility) is frequent,
/// and a network of ReLUs needs many units to find the sum of squares by itself.
fn padded(s: &Samples, width: usize) -> Vec<f32> {
    let mut out = vec![0.0; s.rows() * width];
    let d = s.columns();
    for (i, out) in out.chunks_exact_mut(width).enumerate() {
        out.iter_mut().zip(s.row(i)).for_each(|(o, &v)| *o = v as f32);
        if d > 1 {
            let square: f64 = s.row(i).iter().map(|v| v * v).sum();
            out[d] = ((square - d as f64) / (2.0 * d as f64).sqrt()) as f32;
        }
    }
    out
}

/// Rows `rows` of `values`, `[rows, width]`.
pub(super) fn gather(values: &[f32], width: usize, rows: &[usize]) -> Vec<f32> {
    rows.iter().flat_map(|&r| &values[r * width..][..width]).copied().collect()
}
