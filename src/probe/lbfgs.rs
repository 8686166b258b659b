//! Limited-memory BFGS directions (Nocedal & Wright 2006, algorithm 7.4) and a line search for convex functions.

use super::dot::dot;
use crate::nn::Real;
use std::collections::VecDeque;

/// The last few steps and gradient changes.
pub(super) struct History<T> {
    memory: usize,
    pairs: VecDeque<(Vec<T>, Vec<T>, f64)>,
}

impl<T: Real> History<T> {
    pub fn new(memory: usize) -> Self {
        Self { memory, pairs: VecDeque::with_capacity(memory + 1) }
    }

    /// Forgets everything: the next direction is the steepest descent.
    pub fn clear(&mut self) {
        self.pairs.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Remembers a step and the change of the gradient along it; drops it when the curvature is not positive.
    pub fn push(&mut self, step: Vec<T>, change: Vec<T>) {
        let curvature = dot(&step, &change);
        if curvature > 1e-10 * dot(&change, &change).sqrt() * dot(&step, &step).sqrt() {
            self.pairs.push_back((step, change, 1.0 / curvature));
            if self.pairs.len() > self.memory {
                self.pairs.pop_front();
            }
        }
    }

    /// `-H g` by the two-loop recursion.
    pub fn direction(&self, gradient: &[T]) -> Vec<T> {
        let mut q: Vec<T> = gradient.iter().map(|&g| -g).collect();
        let mut factors = Vec::with_capacity(self.pairs.len());
        for (s, y, rho) in self.pairs.iter().rev() {
            let a = rho * dot(s, &q);
            axpy(&mut q, -a, y);
            factors.push(a);
        }
        if let Some((_, y, rho)) = self.pairs.back() {
            let scale = T::of(1.0 / (rho * dot(y, y)));
            q.iter_mut().for_each(|v| *v *= scale);
        }
        for ((s, y, rho), a) in self.pairs.iter().zip(factors.iter().rev()) {
            let correction = a - rho * dot(y, &q);
            axpy(&mut q, correction, s);
        }
        q
    }
}

/// `y += a x`.
pub(super) fn axpy<T: Real>(y: &mut [T], a: f64, x: &[T]) {
    let a = T::of(a);
    y.iter_mut().zip(x).for_each(|(y, &x)| *y += a * x);
}

/// A step that meets the strong Wolfe conditions (c1 = 1e-4, c2 = 0.1) on a convex function, by safeguarded Newton.
///
/// `at(step)` gives value, slope and curvature. None when no step found lowers the value: at the limit of precision.
pub(super) fn line_search(mut at: impl FnMut(f64) -> [f64; 3]) -> Option<f64> {
    let [start, slope, curvature] = at(0.0);
    if slope.is_nan() || slope >= 0.0 {
        return None;
    }
    let (mut low, mut high) = (0.0, f64::INFINITY);
    let mut step = if curvature > 0.0 { (-slope / curvature).min(1e6) } else { 1.0 };
    let mut best = None;
    for _ in 0..40 {
        let [value, tangent, curvature] = at(step);
        let lower = value.is_finite() && value <= start + 1e-4 * step * slope;
        if lower {
            if tangent.abs() <= 0.1 * slope.abs() {
                return Some(step);
            }
            best = Some(step);
        }
        if tangent > 0.0 || !value.is_finite() {
            high = step;
        } else {
            low = step;
        }
        let newton = step - tangent / curvature;
        step = if newton.is_finite() && newton > low && newton < high && newton <= 10.0 * step {
            newton
        } else if high.is_finite() {
            0.5 * (low + high)
        } else {
            2.0 * step
        };
    }
    best
}
