//! Distances from a few queries to a block of samples, as vector instructions.

use super::{GROUP, LANES};

/// Columns between two looks at whether a block is already too far.
const STRIDE: usize = 8;

/// What distances are compared by, for each query and each sample of a block.
pub(super) type Keys = [[f64; LANES]; GROUP];

/// Keys of a block's samples for a group of queries, where the columns before `split` are one vector and those from it on
/// another; false when none is below its limit, and then they may be unfinished.
#[inline(always)]
pub(super) fn keys(
    euclidean: bool,
    split: usize,
    block: &[[f64; LANES]],
    queries: &[[f64; GROUP]],
    limits: &[f64; GROUP],
    out: &mut Keys,
) -> bool {
    if !euclidean {
        return part::<false>(block, queries, limits, out);
    }
    if !part::<true>(&block[..split], &queries[..split], limits, out) {
        return false;
    }
    if split == block.len() {
        return true;
    }
    let first = *out;
    if !part::<true>(&block[split..], &queries[split..], limits, out) {
        return false;
    }
    for g in 0..GROUP {
        for l in 0..LANES {
            out[g][l] = if first[g][l] > out[g][l] { first[g][l] } else { out[g][l] };
        }
    }
    true
}

/// The keys of one vector.
#[inline(always)]
fn part<const EUCLIDEAN: bool>(
    block: &[[f64; LANES]],
    queries: &[[f64; GROUP]],
    limits: &[f64; GROUP],
    out: &mut Keys,
) -> bool {
    let mut sums = Keys::default();
    let mut alive = false;
    for (block, queries) in block.chunks(STRIDE).zip(queries.chunks(STRIDE)) {
        for (v, q) in block.iter().zip(queries) {
            for g in 0..GROUP {
                for l in 0..LANES {
                    let d = v[l] - q[g];
                    sums[g][l] = if EUCLIDEAN {
                        sums[g][l] + d * d
                    } else if d.abs() > sums[g][l] {
                        d.abs()
                    } else {
                        sums[g][l]
                    };
                }
            }
        }
        alive = false;
        for (sums, limit) in sums.iter().zip(limits) {
            for sum in sums {
                alive |= sum < limit;
            }
        }
        if !alive {
            break;
        }
    }
    *out = sums;
    alive
}
