//! Counts within a radius of the max norm, by ranks.
//!
//! A sample is within a query's radius when each of its numbers is within the query's interval of that column. Sorted, the
//! numbers of an interval are a run of ranks, so that two binary searches a column say exactly, rounding included, which
//! ranks are within; what remains is to compare small integers, 32 of them to a vector instruction. Samples lie in the
//! order of their widest column, and only those within its interval are looked at.

use super::by_row;
use super::tree::widest;
use crate::mi::Samples;
use num_traits::{PrimInt, WrappingSub};
use rayon::prelude::*;
use std::ops::Range;

/// Samples of a block.
const BLOCK: usize = 64;
/// Queries of a task.
const TASK: usize = 32;

/// A sample's place among the sorted numbers of a column.
trait Rank: PrimInt + WrappingSub + Into<u32> + Send + Sync {
    /// `rank`, which fits.
    fn new(rank: usize) -> Self;
}

impl Rank for u16 {
    fn new(rank: usize) -> Self {
        rank as Self
    }
}

impl Rank for u32 {
    fn new(rank: usize) -> Self {
        rank as Self
    }
}

widest!(fn count<R: Rank>(blocks: &[[R; BLOCK]], intervals: &[[R; 2]]) -> u32 = count_body);

/// How many samples of the blocks are within all intervals, the columns' first and last rank. There are as many columns as
/// intervals.
#[inline(always)]
fn count_body<R: Rank>(blocks: &[[R; BLOCK]], intervals: &[[R; 2]]) -> u32 {
    let mut counts = [R::zero(); BLOCK];
    for block in blocks.chunks_exact(intervals.len()) {
        // Zero where all columns are within.
        let mut outside = [R::zero(); BLOCK];
        for (ranks, &[first, last]) in block.iter().zip(intervals) {
            for l in 0..BLOCK {
                outside[l] = outside[l] | ranks[l].wrapping_sub(&first).saturating_sub(last - first);
            }
        }
        for l in 0..BLOCK {
            counts[l] = counts[l] + if outside[l] == R::zero() { R::one() } else { R::zero() };
        }
    }
    counts.iter().map(|&c| c.into()).sum()
}

/// How many other samples are nearer than `limits[row]`, for each row; a limit of 0 counts none.
pub(super) fn count_below(samples: &Samples, limits: &[f64]) -> Vec<u32> {
    // What fills the last block up has the largest number for a rank, which no sample may have.
    if samples.rows() <= usize::from(u16::MAX) {
        Ranked::<u16>::build(samples).count_below(limits)
    } else {
        Ranked::<u32>::build(samples).count_below(limits)
    }
}

/// A column in order.
struct Sorted {
    rows: Vec<u32>,
    values: Vec<f64>,
}

impl Sorted {
    fn build(column: &[f64]) -> Self {
        let mut pairs: Vec<(f64, u32)> = column.iter().copied().zip(0..).collect();
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Self { rows: pairs.iter().map(|p| p.1).collect(), values: pairs.iter().map(|p| p.0).collect() }
    }

    /// The ranks of the numbers that differ from `at` by less than `limit`, which is positive; `at` is one of them.
    fn within(&self, at: f64, limit: f64) -> Range<usize> {
        // Numbers beyond `at` give a negative difference, which is below the limit.
        let from = self.values.partition_point(|&v| at - v >= limit);
        let to = self.values.partition_point(|&v| v - at < limit);
        from..to
    }
}

/// Samples as ranks, in the order of their widest column.
struct Ranked<'a, R> {
    samples: &'a Samples,
    sorted: Vec<Sorted>,
    /// The widest column.
    axis: usize,
    /// `[blocks, columns, BLOCK]`
    blocks: Vec<[R; BLOCK]>,
}

impl<'a, R: Rank> Ranked<'a, R> {
    fn build(samples: &'a Samples) -> Self {
        let (rows, columns) = (samples.rows(), samples.columns());
        let all: Vec<Vec<f64>> = (0..columns).map(|c| samples.column(c).collect()).collect();
        let axis = widest(&all);
        let sorted: Vec<Sorted> = all.par_iter().map(|column| Sorted::build(column)).collect();
        let mut position = vec![0u32; rows];
        sorted[axis].rows.iter().zip(0..).for_each(|(&row, at)| position[row as usize] = at);
        let mut blocks = vec![[R::max_value(); BLOCK]; rows.div_ceil(BLOCK) * columns];
        for (c, column) in sorted.iter().enumerate() {
            for (rank, &row) in column.rows.iter().enumerate() {
                let at = position[row as usize] as usize;
                blocks[at / BLOCK * columns + c][at % BLOCK] = R::new(rank);
            }
        }
        Self { samples, sorted, axis, blocks }
    }

    fn count_below(&self, limits: &[f64]) -> Vec<u32> {
        let (rows, columns) = (limits.len(), self.sorted.len());
        let mut in_order = vec![0u32; rows];
        in_order.par_chunks_mut(TASK).enumerate().for_each(|(task, out)| {
            let mut intervals = vec![[R::zero(); 2]; columns];
            for (place, count) in (task * TASK..).zip(out) {
                let limit = limits[self.sorted[self.axis].rows[place] as usize];
                if limit > 0.0 {
                    // Every sample is within any radius of itself.
                    *count = self.count(place, limit, &mut intervals) - 1;
                }
            }
        });
        by_row(&self.sorted[self.axis].rows, &in_order, 1)
    }

    /// Samples within `limit` of the one at `place`, itself included.
    fn count(&self, place: usize, limit: f64, intervals: &mut [[R; 2]]) -> u32 {
        let columns = self.sorted.len();
        let row = self.samples.row(self.sorted[self.axis].rows[place] as usize);
        let window = self.sorted[self.axis].within(row[self.axis], limit);
        if columns == 1 {
            return window.len() as u32;
        }
        for ((interval, column), &at) in intervals.iter_mut().zip(&self.sorted).zip(row) {
            let within = column.within(at, limit);
            *interval = [R::new(within.start), R::new(within.end - 1)];
        }
        let blocks = window.start / BLOCK * columns..window.end.div_ceil(BLOCK) * columns;
        count(&self.blocks[blocks], intervals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn ranks_of_either_size_count_what_differences_count() {
        let mut rng = crate::seed::stream(3, "test", 0);
        for (rows, columns) in [(10, 1), (64, 2), (1000, 3), (517, 20)] {
            // Rounded, so that there are ties.
            let values = (0..rows * columns).map(|_| (rng.gen_range(-1.0f64..1.0) * 50.0).round() / 50.0).collect();
            let samples = Samples::new(values, columns).unwrap();
            // Some of 0, some of exactly a difference, some that take all.
            let limits: Vec<f64> = (0..rows).map(|i| (i % 7) as f64 * 0.38).collect();
            let counts = Ranked::<u16>::build(&samples).count_below(&limits);
            assert_eq!(counts, Ranked::<u32>::build(&samples).count_below(&limits));
            for (i, (&count, &limit)) in counts.iter().zip(&limits).enumerate() {
                let apart = |j: usize| samples.row(i).iter().zip(samples.row(j)).map(|(a, b)| (a - b).abs());
                let inside = (0..rows).filter(|&j| j != i && apart(j).all(|d| d < limit)).count();
                assert_eq!(count as usize, inside, "row {i} of {rows}, limit {limit}");
            }
        }
    }
}
