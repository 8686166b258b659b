//! The Gaussian model of two vectors in canonical coordinates (Hotelling 1936).

use super::ties::{check_magnitude, check_varies};
use crate::mi::linalg::{DEPENDENT, Svd, cholesky, dot, solve_lower, solve_upper, svd, transpose};
use crate::mi::{MiError, Samples};
use crate::nn::cpu::gemm::{Mat, par_matmul};

/// How far correlations are pulled towards 0 before the fit: less noise when rows are few for the columns.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum Shrinkage {
    /// Not at all.
    #[default]
    None,
    /// By this share, 0 to 1.
    Fixed(f64),
    /// By the share of least expected squared error (Schäfer & Strimmer 2005, equation 8 and Table 2 D), from the rows.
    Auto,
}

/// A joint Gaussian fitted to two paired vectors, in the coordinates u = Aᵀ(x − μ_x), v = Bᵀ(y − μ_y) where all
/// variances are 1 and u_i is correlated, by ρ_i, with v_i alone.
///
/// ```
/// use infomax::mi::{Samples, classical::{GaussianModel, Shrinkage}};
/// let x = Samples::new((0..40).map(|i| f64::from(i % 8)).collect(), 1)?;
/// let y = Samples::new((0..40).map(|i| f64::from(i % 8 + i % 5)).collect(), 1)?;
/// let model = GaussianModel::fit(&x, &y, Shrinkage::None)?;
/// let mean = model.log_ratios(&x, &y)?.iter().sum::<f64>() / 40.0;
/// assert!((mean - model.nats()).abs() < 1e-12);
/// # Ok::<(), infomax::mi::MiError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianModel {
    rows: usize,
    shrinkage: f64,
    mean_x: Vec<f64>,
    mean_y: Vec<f64>,
    /// `[d_x, r]`
    a: Vec<f64>,
    /// `[d_y, r]`
    b: Vec<f64>,
    correlations: Vec<f64>,
}

impl GaussianModel {
    /// Fits by maximum likelihood, with shrinkage if asked for: Cholesky factors of both correlation matrices, then the
    /// singular values of the whitened cross-correlations, r = min(d_x, d_y) of them.
    ///
    /// # Errors
    /// Unpaired rows; without shrinkage fewer than d_x + d_y + 2 (at least ten); a constant column; without shrinkage a
    /// column that is a linear combination of its vector's others ([`MiError::Dependent`]) or of the other vector
    /// ([`MiError::Infinite`]); a share of shrinkage below 0 or above 1.
    pub fn fit(x: &Samples, y: &Samples, shrinkage: Shrinkage) -> Result<Self, MiError> {
        let (dx, dy) = (x.columns(), y.columns());
        let d = dx + dy;
        let least = if shrinkage == Shrinkage::None { 10.max(d + 2) } else { 10 };
        x.check_paired(y, least)?;
        for samples in [x, y] {
            check_varies(samples)?;
            check_magnitude(samples)?;
        }
        let standard = Standard::of(x, y)?;
        let mut r = standard.products(&standard.z);
        let share = match shrinkage {
            Shrinkage::None => 0.0,
            Shrinkage::Fixed(share) => share,
            Shrinkage::Auto => standard.best_share(&r),
        };
        if !(0.0..=1.0).contains(&share) {
            return Err(MiError::Setting { name: "shrinkage", value: share.to_string(), allowed: "from 0 to 1" });
        }
        for (at, r) in r.iter_mut().enumerate() {
            *r = if at / d == at % d { 1.0 } else { (1.0 - share) * *r };
        }

        let block = |from: usize, rows: usize, column: usize, columns: usize| -> Vec<f64> {
            (0..rows).flat_map(|i| r[(from + i) * d + column..][..columns].to_vec()).collect()
        };
        let lx = cholesky(&block(0, dx, 0, dx), dx).map_err(|c| dependent(x, &block(0, dx, 0, dx), c))?;
        let ly = cholesky(&block(dx, dy, dx, dy), dy).map_err(|c| dependent(y, &block(dx, dy, dx, dy), c))?;
        // C = Lx⁻¹ Rxy Ly⁻ᵀ
        let mut half = block(0, dx, dx, dy);
        solve_lower(&lx, dx, &mut half, dy);
        check_free(x, y, &lx, &half)?;
        let mut half = transpose(&half, dx, dy);
        solve_lower(&ly, dy, &mut half, dx);
        let Svd { u, singular, v } = svd(&transpose(&half, dy, dx), dx, dy);

        let directions = |l: &[f64], d: usize, columns: &[Vec<f64>], deviations: &[f64]| {
            let r = columns.len();
            let mut w: Vec<f64> = (0..d * r).map(|at| columns[at % r][at / r]).collect();
            solve_upper(l, d, &mut w, r);
            w.chunks_exact_mut(r).zip(deviations).for_each(|(row, sd)| row.iter_mut().for_each(|w| *w /= sd));
            w
        };
        let a = directions(&lx, dx, &u, &standard.deviations[..dx]);
        let b = directions(&ly, dy, &v, &standard.deviations[dx..]);
        if singular.first().is_some_and(|rho| 1.0 - rho * rho < DEPENDENT) {
            let heavy = |s: &Samples, w: &[f64], deviations: &[f64]| {
                let r = singular.len();
                let loads: Vec<f64> = w.iter().step_by(r).zip(deviations).map(|(w, sd)| w * sd).collect();
                names(s, &loads)
            };
            return Err(MiError::Infinite {
                x: heavy(x, &a, &standard.deviations[..dx]),
                y: heavy(y, &b, &standard.deviations[dx..]),
            });
        }
        let mean_y = standard.means[dx..].to_vec();
        let mut mean_x = standard.means;
        mean_x.truncate(dx);
        Ok(Self { rows: x.rows(), shrinkage: share, mean_x, mean_y, a, b, correlations: singular })
    }

    /// Rows that it was fitted on, N.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The share by which correlations were shrunk.
    pub fn shrinkage(&self) -> f64 {
        self.shrinkage
    }

    /// The means μ_x `[d_x]` and μ_y `[d_y]`.
    pub fn means(&self) -> (&[f64], &[f64]) {
        (&self.mean_x, &self.mean_y)
    }

    /// The canonical directions A `[d_x, r]` and B `[d_y, r]`, row-major.
    pub fn directions(&self) -> (&[f64], &[f64]) {
        (&self.a, &self.b)
    }

    /// The canonical correlations ρ `[r]`, from 1 down to 0.
    pub fn correlations(&self) -> &[f64] {
        &self.correlations
    }

    /// I(X;Y) of the fitted Gaussian: −½ Σ log(1 − ρ_i²), nats. As an estimate from samples it is biased up by about
    /// d_x·d_y/(2N).
    pub fn nats(&self) -> f64 {
        self.correlations.iter().map(|rho| -0.5 * (-rho * rho).ln_1p()).sum()
    }

    /// log p(x, y)/(p(x)p(y)) of the fitted Gaussian at one pair, nats.
    ///
    /// # Panics
    /// When the rows are not `[d_x]` and `[d_y]`.
    pub fn log_ratio(&self, x: &[f64], y: &[f64]) -> f64 {
        let u = canonical(x, &self.mean_x, &self.a, self.correlations.len());
        let v = canonical(y, &self.mean_y, &self.b, self.correlations.len());
        let terms = self.correlations.iter().zip(u.iter().zip(&v)).map(|(rho, (u, v))| {
            let rest = 1.0 - rho * rho;
            -0.5 * (-rho * rho).ln_1p() - rho * (rho * (u * u + v * v) - 2.0 * u * v) / (2.0 * rest)
        });
        terms.sum()
    }

    /// [`log_ratio`](Self::log_ratio) of every pair, `[N]`.
    ///
    /// # Errors
    /// When rows are unpaired or have other columns than at the fit.
    pub fn log_ratios(&self, x: &Samples, y: &Samples) -> Result<Vec<f64>, MiError> {
        x.check_paired(y, 1)?;
        for (samples, mean) in [(x, &self.mean_x), (y, &self.mean_y)] {
            if samples.columns() != mean.len() {
                return Err(MiError::Setting {
                    name: "columns",
                    value: samples.columns().to_string(),
                    allowed: "as many as the model was fitted on",
                });
            }
        }
        Ok((0..x.rows()).map(|i| self.log_ratio(x.row(i), y.row(i))).collect())
    }
}

fn canonical(row: &[f64], mean: &[f64], directions: &[f64], r: usize) -> Vec<f64> {
    assert_eq!(row.len(), mean.len(), "the model was fitted on other columns");
    let mut out = vec![0.0; r];
    for ((v, mean), weights) in row.iter().zip(mean).zip(directions.chunks_exact(r)) {
        out.iter_mut().zip(weights).for_each(|(out, w)| *out += (v - mean) * w);
    }
    out
}

/// Both vectors side by side, standardised.
struct Standard {
    rows: usize,
    means: Vec<f64>,
    deviations: Vec<f64>,
    /// `[N, d]`
    z: Vec<f64>,
}

impl Standard {
    fn of(x: &Samples, y: &Samples) -> Result<Self, MiError> {
        let (rows, d) = (x.rows(), x.columns() + y.columns());
        let n = rows as f64;
        let mut z: Vec<f64> = (0..rows).flat_map(|i| x.row(i).iter().chain(y.row(i)).copied()).collect();
        let mut means = vec![0.0; d];
        // Each share before the sum: huge numbers must not overflow.
        z.chunks_exact(d).for_each(|row| means.iter_mut().zip(row).for_each(|(m, v)| *m += v / n));
        z.chunks_exact_mut(d).for_each(|row| row.iter_mut().zip(&means).for_each(|(v, m)| *v -= m));
        let mut largest = vec![0.0f64; d];
        z.chunks_exact(d).for_each(|row| largest.iter_mut().zip(row).for_each(|(l, v)| *l = l.max(v.abs())));
        let mut deviations = vec![0.0; d];
        z.chunks_exact(d).for_each(|row| {
            deviations.iter_mut().zip(row.iter().zip(&largest)).for_each(|(s, (v, l))| *s += (v / l) * (v / l));
        });
        deviations.iter_mut().zip(&largest).for_each(|(s, l)| *s = (*s / (n - 1.0)).sqrt() * l);
        let bad = |s: &f64| !(s.is_finite() && *s > 0.0);
        if let Some(c) = deviations.iter().position(bad) {
            let column = x.names().iter().chain(y.names()).nth(c).cloned().unwrap_or_default();
            return Err(MiError::Constant { column, value: means[c] });
        }
        z.chunks_exact_mut(d).for_each(|row| row.iter_mut().zip(&deviations).for_each(|(v, s)| *v /= s));
        Ok(Self { rows, means, deviations, z })
    }

    /// ZᵀZ/(N − 1), `[d, d]`.
    fn products(&self, z: &[f64]) -> Vec<f64> {
        let d = self.means.len();
        let mut r = vec![0.0; d * d];
        let z = Mat::rows(z, self.rows, d);
        par_matmul(&mut r, z.t(), z, false, &|_, _, _| ());
        let over = 1.0 / (self.rows as f64 - 1.0);
        r.iter_mut().for_each(|r| *r *= over);
        r
    }

    /// Schäfer & Strimmer's share: the sum of the correlations' variances over that of their squares.
    fn best_share(&self, r: &[f64]) -> f64 {
        let (n, d) = (self.rows as f64, self.means.len());
        let squares: Vec<f64> = self.z.iter().map(|z| z * z).collect();
        let second = self.products(&squares);
        let (mut variances, mut sum) = (0.0, 0.0);
        for (at, (&r, &second)) in r.iter().zip(&second).enumerate() {
            if at / d != at % d {
                // With w = z_i·z_j: Σ(w − w̄)² = Σw² − N·w̄², and r = N·w̄/(N − 1).
                let mean = r * (n - 1.0) / n;
                variances += n / (n - 1.0).powi(3) * (second * (n - 1.0) - n * mean * mean);
                sum += r * r;
            }
        }
        if sum > 0.0 { (variances / sum).clamp(0.0, 1.0) } else { 1.0 }
    }
}

/// Names of the columns that carry weight in a combination.
fn names(samples: &Samples, loads: &[f64]) -> String {
    let largest = loads.iter().fold(0.0f64, |m, w| m.max(w.abs()));
    let heavy = samples.names().iter().zip(loads).filter(|(_, w)| w.abs() > 1e-4 * largest);
    heavy.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join("`, `")
}

/// Which columns before `c` make it up.
fn dependent(samples: &Samples, r: &[f64], c: usize) -> MiError {
    let d = samples.columns();
    let leading: Vec<f64> = (0..c).flat_map(|i| r[i * d..i * d + c].to_vec()).collect();
    let mut weights: Vec<f64> = (0..c).map(|i| r[i * d + c]).collect();
    if let Ok(l) = cholesky(&leading, c) {
        solve_lower(&l, c, &mut weights, 1);
        solve_upper(&l, c, &mut weights, 1);
    }
    MiError::Dependent { column: samples.names()[c].clone(), of: format!("`{}`", names(samples, &weights)) }
}

/// No column of y is a linear function of x. `half` is Lx⁻¹·Rxy: its columns' squared lengths are the R² of y's columns.
fn check_free(x: &Samples, y: &Samples, lx: &[f64], half: &[f64]) -> Result<(), MiError> {
    let (dx, dy) = (x.columns(), y.columns());
    for c in 0..dy {
        let mut column: Vec<f64> = half[c..].iter().step_by(dy).copied().collect();
        if 1.0 - dot(&column, &column) < DEPENDENT {
            solve_upper(lx, dx, &mut column, 1);
            return Err(MiError::Infinite { x: names(x, &column), y: y.names()[c].clone() });
        }
    }
    Ok(())
}
