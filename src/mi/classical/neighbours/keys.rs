//! Distances from the samples of one block, the queries, to those of another, as vector instructions.

use super::LANES;

/// Columns between two looks at whether a block is already too far.
const STRIDE: usize = 8;

/// What distances are compared by, for each query and each sample of a block.
pub(super) type Keys = [[f64; LANES]; LANES];

/// Keys of a block's samples for the queries, where the columns before `split` are one vector and those from it on
/// another; false when none is below its limit, and then they may be unfinished.
#[inline(always)]
pub(super) fn keys(
    euclidean: bool,
    split: usize,
    block: &[[f64; LANES]],
    queries: &[[f64; LANES]],
    limits: &[f64; LANES],
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
    for q in 0..LANES {
        for l in 0..LANES {
            out[q][l] = if first[q][l] > out[q][l] { first[q][l] } else { out[q][l] };
        }
    }
    true
}

/// The keys of one vector.
#[inline(always)]
fn part<const EUCLIDEAN: bool>(
    block: &[[f64; LANES]],
    queries: &[[f64; LANES]],
    limits: &[f64; LANES],
    out: &mut Keys,
) -> bool {
    let mut sums = Keys::default();
    let mut alive = false;
    for (block, queries) in block.chunks(STRIDE).zip(queries.chunks(STRIDE)) {
        for (v, queries) in block.iter().zip(queries) {
            for q in 0..LANES {
                for l in 0..LANES {
                    let d = v[l] - queries[q];
                    sums[q][l] = if EUCLIDEAN {
                        sums[q][l] + d * d
                    } else if d.abs() > sums[q][l] {
                        d.abs()
                    } else {
                        sums[q][l]
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
