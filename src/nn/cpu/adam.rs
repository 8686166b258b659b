//! One step of Adam on slices.
//!
//! It is a square root and a division for each weight, so the processor's widest vectors are chosen at run time. Every
//! choice gives the same bits: the operations on each number are the same ones in the same order.

use super::BLOCK;
use super::gemm::Real;
use crate::nn::backend::AdamStep;
use rayon::prelude::*;

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

/// Moves weights `p` down their gradient `g`, with moments `m` and `v`. All are of one length.
pub(crate) fn update<E: Real>([p, m, v]: [&mut [E]; 3], g: &[E], step: AdamStep) {
    let [beta1, beta2] = step.betas;
    let t = step.t as f64;
    let factors = Factors {
        keep: [E::of(beta1), E::of(beta2)],
        add: [E::of(1.0 - beta1), E::of(1.0 - beta2)],
        size: E::of(step.lr / (1.0 - beta1.powf(t))),
        root: E::of(1.0 / (1.0 - beta2.powf(t)).sqrt()),
        epsilon: E::of(step.epsilon),
        l2: E::of(step.l2),
        shrink: E::of(1.0 - step.lr * step.decoupled),
    };
    p.par_chunks_mut(BLOCK)
        .zip(m.par_chunks_mut(BLOCK))
        .zip(v.par_chunks_mut(BLOCK))
        .zip(g.par_chunks(BLOCK))
        // A small layer is not worth waking another thread.
        .with_min_len(8)
        .for_each(|(((p, m), v), g)| move_block(p, m, v, g, factors));
}

widest!(fn move_block<E: Real>(p: &mut [E], m: &mut [E], v: &mut [E], g: &[E], f: Factors<E>) = body);

/// [`update`] on the calling thread.
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
}
