//! Linear classifiers by L-BFGS: multinomial logistic regression and support vector machines.

use super::dot::dot;
use super::features::{argmax, check_labels};
use super::lbfgs::{History, axpy, line_search};
use super::softmax::{Sizes, gradient, scores};
use super::{Features, ProbeError, ProbeResult, accuracy, hinge, softmax};
use crate::nn::Real;
use std::time::Instant;

/// What a linear probe minimises.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LinearLoss {
    /// Cross-entropy of the softmax. Biases are not penalised.
    #[default]
    Logistic,
    /// Squared hinges of one classifier for each class against the rest: an L2 support vector machine, scikit-learn's
    /// `LinearSVC`. Biases are penalised with the weights, as there.
    SquaredHinge,
}

impl LinearLoss {
    /// Value, slope and curvature of the summed loss at `scores + step * direction`.
    fn on_line<T: Real>(self, scores: &[T], direction: &[T], step: f64, labels: &[u32], classes: usize) -> [f64; 3] {
        match self {
            Self::Logistic => softmax::loss_on_line(scores, direction, step, labels, classes),
            Self::SquaredHinge => hinge::loss_on_line(scores, direction, step, labels, classes),
        }
    }

    /// Turns scores into `factor` times their slopes; returns the summed loss.
    fn residuals<T: Real>(self, scores: &mut [T], labels: &[u32], classes: usize, factor: f64) -> f64 {
        match self {
            Self::Logistic => softmax::residuals(scores, labels, classes, factor),
            Self::SquaredHinge => hinge::residuals(scores, labels, classes, factor),
        }
    }
}

/// Settings of the linear probe.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearConfig {
    /// The loss.
    pub loss: LinearLoss,
    /// Inverse strength of the penalty: `1 / (2 C n)` times the squared weights is added to the mean loss of n rows, as
    /// scikit-learn's `LogisticRegression(C)` and `LinearSVC(C)`.
    pub c: f64,
    /// Stop when no component of the gradient is larger than this (loss per row and unit of weight).
    pub tolerance: f64,
    /// Stop after so many iterations.
    pub max_iterations: usize,
    /// Steps that L-BFGS remembers.
    pub memory: usize,
}

impl Default for LinearConfig {
    fn default() -> Self {
        Self { loss: LinearLoss::Logistic, c: 1.0, tolerance: 1e-4, max_iterations: 100, memory: 10 }
    }
}

impl LinearConfig {
    /// A support vector machine. Its loss has edges, so that it takes many more iterations than logistic regression, and
    /// stopped early it is another classifier: on 1,024 features of 10,000 images it is better by 1.7 points after 300
    /// iterations than where it settles, after 1,919.
    pub fn svm() -> Self {
        Self { loss: LinearLoss::SquaredHinge, max_iterations: 5000, ..Self::default() }
    }
}

/// A fitted linear classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearProbe {
    params: Vec<f32>,
    dim: usize,
    classes: usize,
    iterations: usize,
    converged: bool,
    train_loss: f64,
}

impl LinearProbe {
    /// Fits by L-BFGS from zero weights. Standardise the features first: the penalty treats all alike.
    ///
    /// Scores are linear in the weights, so the line search works on scores alone and an iteration passes over the
    /// features just twice.
    ///
    /// # Errors
    /// Shapes, labels at or over `classes`, settings out of range; [`ProbeError::Diverged`] when the loss is not finite.
    pub fn fit(x: &Features, labels: &[u32], classes: usize, config: &LinearConfig) -> Result<Self, ProbeError> {
        x.check()?;
        check_labels(x.rows, labels, classes)?;
        config.check()?;
        let s = Sizes { rows: x.rows, dim: x.dim, classes };
        let fitted = minimise::<f32>(&x.values, labels, s, config)?;
        let Minimum { params, iterations, converged, loss } = fitted;
        Ok(Self { params, dim: x.dim, classes, iterations, converged, train_loss: loss })
    }

    /// Most likely class of each row, `[N]`.
    ///
    /// # Errors
    /// [`ProbeError::Width`] when the columns differ from those fitted.
    pub fn predict(&self, x: &Features) -> Result<Vec<u32>, ProbeError> {
        Ok(argmax(&self.scores(x)?, self.classes).collect())
    }

    /// Scores before softmax or hinge, `[N, K]` row-major.
    ///
    /// # Errors
    /// [`ProbeError::Width`] when the columns differ from those fitted.
    pub fn scores(&self, x: &Features) -> Result<Vec<f32>, ProbeError> {
        x.check_width(self.dim)?;
        Ok(scores(&x.values, &self.params, Sizes { rows: x.rows, dim: x.dim, classes: self.classes }))
    }

    /// Weights `[K, F]`, row-major.
    pub fn weights(&self) -> &[f32] {
        &self.params[..self.classes * self.dim]
    }

    /// Biases `[K]`.
    pub fn bias(&self) -> &[f32] {
        &self.params[self.classes * self.dim..]
    }

    /// L-BFGS iterations done.
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// Whether the gradient met the tolerance, or no step lowers the loss further in single precision.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// Mean loss of the training rows, without the penalty: nats of cross-entropy, or the sum of a row's squared hinges.
    pub fn train_loss(&self) -> f64 {
        self.train_loss
    }
}

impl LinearConfig {
    fn check(&self) -> Result<(), ProbeError> {
        let positive = |name, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(ProbeError::Setting { name, value: value.to_string(), range: "positive and finite" }),
        };
        positive("c", self.c)?;
        positive("tolerance", self.tolerance)?;
        positive("max_iterations", self.max_iterations as f64)?;
        positive("memory", self.memory as f64)
    }
}

struct Minimum<T> {
    params: Vec<T>,
    iterations: usize,
    converged: bool,
    loss: f64,
}

fn minimise<T: Real>(x: &[T], labels: &[u32], s: Sizes, config: &LinearConfig) -> Result<Minimum<T>, ProbeError> {
    let n = s.rows as f64;
    let loss_of = config.loss;
    let penalised = match loss_of {
        LinearLoss::Logistic => s.classes * s.dim,
        LinearLoss::SquaredHinge => s.params(),
    };
    let l2 = 1.0 / (config.c * n);
    let mut params = vec![T::default(); s.params()];
    let mut z = vec![T::default(); s.rows * s.classes];
    let full_gradient = |z: &[T], params: &[T]| {
        let mut d = z.to_vec();
        let loss = loss_of.residuals(&mut d, labels, s.classes, 1.0 / n) / n;
        let mut g = gradient(x, &d, s);
        axpy(&mut g[..penalised], l2, &params[..penalised]);
        (loss, g)
    };
    let (mut loss, mut g) = full_gradient(&z, &params);
    let mut history = History::new(config.memory);
    let mut iterations = 0;
    let converged = loop {
        let largest = g.iter().fold(0.0, |m: f64, v| if v.wide().is_nan() { f64::NAN } else { m.max(v.wide().abs()) });
        if !loss.is_finite() || largest.is_nan() {
            return Err(ProbeError::Diverged { step: iterations });
        }
        if largest <= config.tolerance {
            break true;
        }
        if iterations == config.max_iterations {
            break false;
        }
        let direction = history.direction(&g);
        let dz = scores(x, &direction, s);
        let (w, d) = (&params[..penalised], &direction[..penalised]);
        let (ww, wd, dd) = (dot(w, w), dot(w, d), dot(d, d));
        let found = line_search(|t| {
            let [value, slope, curvature] = loss_of.on_line(&z, &dz, t, labels, s.classes);
            [
                value / n + 0.5 * l2 * (ww + 2.0 * t * wd + t * t * dd),
                slope / n + l2 * (wd + t * dd),
                curvature / n + l2 * dd,
            ]
        });
        let Some(step) = found else {
            if history.is_empty() {
                break true;
            }
            history.clear();
            continue;
        };
        axpy(&mut params, step, &direction);
        axpy(&mut z, step, &dz);
        let (new_loss, new_g) = full_gradient(&z, &params);
        let change = new_g.iter().zip(&g).map(|(&a, &b)| a - b).collect();
        let factor = T::of(step);
        history.push(direction.iter().map(|&d| d * factor).collect(), change);
        (loss, g) = (new_loss, new_g);
        iterations += 1;
    };
    Ok(Minimum { params, iterations, converged, loss })
}

/// Fits on the training rows and scores both sets.
///
/// # Errors
/// As [`LinearProbe::fit`], and for the shapes and labels of the test rows.
pub fn linear_probe(
    train: &Features,
    train_labels: &[u32],
    test: &Features,
    test_labels: &[u32],
    classes: usize,
    config: &LinearConfig,
) -> Result<(LinearProbe, ProbeResult), ProbeError> {
    test.check_width(train.dim)?;
    check_labels(test.rows, test_labels, classes)?;
    let start = Instant::now();
    let probe = LinearProbe::fit(train, train_labels, classes, config)?;
    let seconds = start.elapsed().as_secs_f64();
    let result = ProbeResult {
        probe: match config.loss {
            LinearLoss::Logistic => "linear",
            LinearLoss::SquaredHinge => "svm",
        },
        train_rows: train.rows,
        test_rows: test.rows,
        dim: train.dim,
        classes,
        train_accuracy: accuracy(&probe.predict(train)?, train_labels)?,
        test_accuracy: accuracy(&probe.predict(test)?, test_labels)?,
        iterations: probe.iterations,
        converged: probe.converged,
        train_loss: probe.train_loss,
        seconds,
    };
    Ok((probe, result))
}
