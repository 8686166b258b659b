//! Adam (Kingma & Ba 2015, arXiv 1412.6980, algorithm 1), one pass over a tensor.

use crate::nn::Real;

/// The numbers of one step, shared by all tensors.
#[derive(Debug, Clone, Copy)]
pub(super) struct AdamStep<T> {
    beta1: T,
    beta2: T,
    /// lr / (1 - beta1^t)
    rate: T,
    /// 1 / sqrt(1 - beta2^t)
    root_scale: T,
    epsilon: T,
}

impl<T: Real> AdamStep<T> {
    /// Step `t` (from 1) with betas 0.9 and 0.999 and epsilon 1e-8.
    pub fn new(t: usize, learning_rate: f64) -> Self {
        let (beta1, beta2) = (0.9f64, 0.999f64);
        Self {
            beta1: T::of(beta1),
            beta2: T::of(beta2),
            rate: T::of(learning_rate / (1.0 - beta1.powf(t as f64))),
            root_scale: T::of(1.0 / (1.0 - beta2.powf(t as f64)).sqrt()),
            epsilon: T::of(1e-8),
        }
    }

    /// Updates parameters and both moments by the gradient.
    pub fn apply(&self, p: &mut [T], g: &[T], m: &mut [T], v: &mut [T]) {
        let one = T::of(1.0);
        let (c1, c2) = (one - self.beta1, one - self.beta2);
        for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
            *m = self.beta1 * *m + c1 * g;
            *v = self.beta2 * *v + c2 * g * g;
            *p -= self.rate * *m / (v.sqrt() * self.root_scale + self.epsilon);
        }
    }
}
