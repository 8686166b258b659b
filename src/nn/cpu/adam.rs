//! One step of Adam on the weights of a whole module.
//!
//! It is a square root and a division for each weight, so the processor's widest vectors are chosen at run time. Every
//! choice gives the same bits: the operations on each number are the same ones in the same order.

use super::BLOCK;
use super::gemm::Real;
use crate::nn::backend::AdamStep;
use rayon::prelude::*;
use std::any::Any;

/// The factors of a step, rounded to the weights' type.
#[derive(Clone, Copy)]
struct Factors<E> {
    /// Shares of the old moments that are kept.
    keep: [E; 2],
    /// Weights of the new gradient and of its square.
    add: [E; 2],
    /// Learning rate over the first moment's correction.
    size: E,
    /// One over the root of the second moment's correction.
    root: E,
    /// Added to the root of the second moment.
    epsilon: E,
    /// L2 penalty.
    l2: E,
    /// What decoupled decay leaves of a weight.
    shrink: E,
}

/// Up to [`BLOCK`] weights that a step is to move, in storage that is borrowed elsewhere.
struct Piece<E> {
    /// Weights, and their two moments.
    change: [*mut E; 3],
    gradient: *const E,
    len: usize,
}

// SAFETY: a piece is an address; whoever follows it promises that nobody else changes what is there.
unsafe impl<E: Send + Sync> Send for Piece<E> {}

/// Steps that were put off, to be done in one pass: each of two threads then finds about the weights in its cache that it had
/// there forward and backward.
pub struct Later<E> {
    pieces: Vec<Piece<E>>,
    /// Handles on the weights' storage: it stays where it is even if a module puts another tensor in the place of one.
    held: Vec<Box<dyn Any>>,
}

impl<E> Default for Later<E> {
    fn default() -> Self {
        Self { pieces: Vec::new(), held: Vec::new() }
    }
}

impl<E: Real> Later<E> {
    /// Whether a step of these weights is put off already.
    pub(crate) fn has(&self, p: &[E]) -> bool {
        self.pieces.iter().any(|piece| std::ptr::eq(piece.change[0], p.as_ptr()))
    }

    /// Puts off a step of weights `p` with moments `m` and `v` down their gradient `g`. All are of one length. `handle` keeps
    /// the weights' storage alive.
    pub(crate) fn push(&mut self, [p, m, v]: [&mut [E]; 3], g: &[E], handle: Box<dyn Any>) {
        assert!([m.len(), v.len(), g.len()] == [p.len(); 3], "two moments and a gradient for each weight");
        let pieces = p.chunks_mut(BLOCK).zip(m.chunks_mut(BLOCK)).zip(v.chunks_mut(BLOCK)).zip(g.chunks(BLOCK));
        self.held.push(handle);
        self.pieces.extend(pieces.map(|(((p, m), v), g)| Piece {
            change: [p.as_mut_ptr(), m.as_mut_ptr(), v.as_mut_ptr()],
            gradient: g.as_ptr(),
            len: p.len(),
        }));
    }

    /// Does all of them.
    ///
    /// # Safety
    /// The moments and gradients that [`Later::push`] was given are where they were, nothing has been at these nor at the
    /// weights since, and no weights or moments were given twice.
    pub(crate) unsafe fn run(self, step: AdamStep) {
        let factors = Factors::new(step);
        let each = |Piece { change, gradient, len }: Piece<E>| {
            // SAFETY: `push` had slices of this length, and the weights' are held; the rest is the caller's promise.
            let ([p, m, v], g) = unsafe {
                (change.map(|at| std::slice::from_raw_parts_mut(at, len)), std::slice::from_raw_parts(gradient, len))
            };
            move_block(p, m, v, g, factors);
        };
        // One piece is not worth another thread.
        self.pieces.into_par_iter().with_min_len(2).for_each(each);
    }
}

impl<E: Real> Factors<E> {
    fn new(step: AdamStep) -> Self {
        let [beta1, beta2] = step.betas;
        let t = step.t as f64;
        Self {
            keep: [E::of(beta1), E::of(beta2)],
            add: [E::of(1.0 - beta1), E::of(1.0 - beta2)],
            size: E::of(step.lr / (1.0 - beta1.powf(t))),
            root: E::of(1.0 / (1.0 - beta2.powf(t)).sqrt()),
            epsilon: E::of(step.epsilon),
            l2: E::of(step.l2),
            shrink: E::of(1.0 - step.lr * step.decoupled),
        }
    }
}

widest!(fn move_block<E: Real>(p: &mut [E], m: &mut [E], v: &mut [E], g: &[E], f: Factors<E>) = body);

/// Moves weights `p` down their gradient `g`, with moments `m` and `v`.
#[inline(always)]
fn body<E: Real>(p: &mut [E], m: &mut [E], v: &mut [E], g: &[E], f: Factors<E>) {
    for (((p, m), v), &g) in p.iter_mut().zip(m).zip(v).zip(g) {
        let g = g + f.l2 * *p;
        *m = f.keep[0] * *m + f.add[0] * g;
        *v = f.keep[1] * *v + f.add[1] * g * g;
        *p = *p * f.shrink - f.size * *m / (v.sqrt() * f.root + f.epsilon);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::stream;
    use rand::Rng;

    #[test]
    fn every_width_gives_the_same_bits() {
        let numbers = |name: &str, from: f32| -> Vec<f32> {
            let mut rng = stream(0, name, 0);
            (0..1003).map(|_| rng.gen_range(from..1.0)).collect()
        };
        let (p, m, v, g) = (numbers("p", -1.0), numbers("m", -1.0), numbers("v", 0.0), numbers("g", -1.0));
        let f = Factors {
            keep: [0.9, 0.999],
            add: [0.1, 0.001],
            size: 5e-4,
            root: 1.3,
            epsilon: 1e-8,
            l2: 1e-3,
            shrink: 0.9999,
        };
        let (mut wide, mut plain) = ((p.clone(), m.clone(), v.clone()), (p, m, v));
        move_block(&mut wide.0, &mut wide.1, &mut wide.2, &g, f);
        for i in 0..g.len() {
            let one = i..=i;
            body(&mut plain.0[one.clone()], &mut plain.1[one.clone()], &mut plain.2[one.clone()], &g[one], f);
        }
        assert_eq!(wide, plain);
    }

    #[test]
    fn one_pass_over_all_weights_moves_each_once_on_any_number_of_threads() {
        let step = AdamStep { lr: 1e-2, betas: [0.9, 0.999], epsilon: 1e-8, l2: 1e-3, decoupled: 0.1, t: 3 };
        let sizes = [1, 1003, BLOCK + 5, 0, 3 * BLOCK];
        let numbers = |name: &str, from: f32, n: usize| -> Vec<f32> {
            let mut rng = stream(n as u64, name, 0);
            (0..n).map(|_| rng.gen_range(from..1.0)).collect()
        };
        let start: Vec<[Vec<f32>; 4]> = sizes
            .iter()
            .map(|&n| [("p", -1.0), ("m", -1.0), ("v", 0.0), ("g", -1.0)].map(|(name, from)| numbers(name, from, n)))
            .collect();
        let mut expected = start.clone();
        for [p, m, v, g] in &mut expected {
            body(p, m, v, g, Factors::new(step));
        }
        for threads in [1, 3] {
            let mut layers = start.clone();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut later = Later::default();
                layers.iter_mut().for_each(|[p, m, v, g]| later.push([p, m, v], g, Box::new(())));
                // SAFETY: the layers are there, and nothing else uses them.
                unsafe { later.run(step) };
            });
            assert!(layers == expected, "{threads} threads");
        }
    }
}
