//! Sums of pairs of rows: the first hidden layer of networks on pairs.

use super::add_to;
use super::gemm::Real;
use rayon::prelude::*;

/// Pairs whose rows are one task of the forward pass.
const TASK: usize = 256;
/// Into how many parts the pairs are cut for the backward pass: each keeps sums of its own.
const PARTS: usize = 8;

/// `max(0, p_i + q_j)` for each pair `[i, j]`: `[pairs, U]`.
pub(crate) fn forward<const U: usize, E: Real>(p: &[E], q: &[E], pairs: &[[usize; 2]]) -> Vec<E> {
    let mut out = vec![E::zero(); pairs.len() * U];
    out.par_chunks_mut(TASK * U).zip(pairs.par_chunks(TASK)).for_each(|(out, pairs)| {
        for (out, &[i, j]) in out.chunks_exact_mut(U).zip(pairs) {
            for ((o, &p), &q) in out.iter_mut().zip(&p[i * U..][..U]).zip(&q[j * U..][..U]) {
                let v = p + q;
                *o = if v < E::zero() { E::zero() } else { v };
            }
        }
    });
    out
}

/// Adds each pair's gradient `[pairs, U]` to the rows that it is made of.
pub(crate) fn backward<const U: usize, E: Real>(g: &[E], pairs: &[[usize; 2]], gp: &mut [E], gq: &mut [E]) {
    let part = pairs.len().div_ceil(PARTS).max(TASK);
    let sums: Vec<[Vec<E>; 2]> = g
        .par_chunks(part * U)
        .zip(pairs.par_chunks(part))
        .map(|(g, pairs)| {
            let [mut sp, mut sq] = [vec![E::zero(); gp.len()], vec![E::zero(); gq.len()]];
            for (g, &[i, j]) in g.chunks_exact(U).zip(pairs) {
                sp[i * U..][..U].iter_mut().zip(g).for_each(|(s, &g)| *s += g);
                sq[j * U..][..U].iter_mut().zip(g).for_each(|(s, &g)| *s += g);
            }
            [sp, sq]
        })
        .collect();
    for [sp, sq] in &sums {
        add_to(gp, sp);
        add_to(gq, sq);
    }
}
