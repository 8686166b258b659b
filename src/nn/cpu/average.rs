//! One step of a moving average on slices.

use super::BLOCK;
use super::gemm::Real;
use rayon::prelude::*;

/// `mean ← keep·mean + (1 − keep)·p`, both of one length.
pub(crate) fn update<E: Real>(mean: &mut [E], p: &[E], keep: f64) {
    let (keep, add) = (E::of(keep), E::of(1.0 - keep));
    mean.par_chunks_mut(BLOCK)
        .zip(p.par_chunks(BLOCK))
        // A small layer is not worth waking another thread.
        .with_min_len(8)
        .for_each(|(mean, p)| mean.iter_mut().zip(p).for_each(|(mean, &p)| *mean = keep * *mean + add * p));
}
