//! Exact nearest neighbours and counts within a radius, for every sample of a set at once.
//!
//! Samples are sorted along their widest column and kept in blocks of [`LANES`], column by column, so that one vector
//! instruction serves as many samples. Four queries that are neighbours in that order share what is read. A search walks
//! outwards from them and stops where the sorted column alone is too far; inside a block it stops at the column where
//! every distance is already too large.
//!
//! Why no k-d tree: in one column the order is all there is to know. In two to six the walk reads a few times more than
//! a tree would, at a tenth of the cost for each sample, which wins up to about 10⁵ rows. From about ten columns on a
//! tree reads everything too, without vectors.

use super::Norm;
use crate::mi::Samples;
use rayon::prelude::*;

/// Samples of a block.
const LANES: usize = 8;
/// Queries that walk together; they lie in one block.
const GROUP: usize = 4;
/// Columns between two looks at whether a block is already too far.
const STRIDE: usize = 8;
/// Groups of a task.
const TASK: usize = 8;

type Keys = [[f64; LANES]; GROUP];

/// A neighbour: its *key* (the distance; with [`Norm::Euclidean`] the squared distance) and its row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Near {
    pub(super) key: f64,
    pub(super) row: u32,
}

const NONE: Near = Near { key: f64::INFINITY, row: u32::MAX };

/// A group of queries on its way outwards.
struct Walk<'a> {
    /// Sorted position of the first query.
    first: usize,
    k: usize,
    /// `[columns, GROUP]`
    queries: &'a [[f64; GROUP]],
    /// The key of each query's k-th neighbour so far.
    limits: [f64; GROUP],
    /// `[GROUP, k]`, nearest first.
    lists: &'a mut [Near],
}

/// Samples in the order of their widest column.
pub(super) struct Space {
    rows: usize,
    columns: usize,
    /// Columns before it are one vector and those from it on another; their distances' maximum counts.
    split: usize,
    norm: Norm,
    axis: usize,
    /// Sorted position to row.
    order: Vec<u32>,
    /// The axis' numbers in order.
    along: Vec<f64>,
    /// `[blocks, columns, LANES]`; what fills the last block up is infinitely far.
    blocks: Vec<f64>,
}

impl Space {
    /// The space of one vector.
    pub(super) fn of(samples: &Samples, norm: Norm) -> Self {
        Self::build(&[samples], norm)
    }

    /// The joint space of two paired vectors: the larger of the two distances.
    pub(super) fn joint(x: &Samples, y: &Samples, norm: Norm) -> Self {
        Self::build(&[x, y], norm)
    }

    fn build(parts: &[&Samples], norm: Norm) -> Self {
        let all: Vec<Vec<f64>> = parts.iter().flat_map(|p| (0..p.columns()).map(|c| p.column(c).collect())).collect();
        let (rows, columns) = (all[0].len(), all.len());
        let axis = widest(&all);
        let mut order: Vec<u32> = (0..rows as u32).collect();
        order.sort_by(|&a, &b| all[axis][a as usize].total_cmp(&all[axis][b as usize]).then(a.cmp(&b)));
        let along = order.iter().map(|&r| all[axis][r as usize]).collect();
        let mut blocks = vec![f64::INFINITY; rows.div_ceil(LANES) * columns * LANES];
        blocks.par_chunks_mut(columns * LANES).zip(order.par_chunks(LANES)).for_each(|(block, rows)| {
            for (lanes, column) in block.as_chunks_mut::<LANES>().0.iter_mut().zip(&all) {
                lanes.iter_mut().zip(rows).for_each(|(lane, &r)| *lane = column[r as usize]);
            }
        });
        // With the max norm the two vectors need not be told apart.
        let split = if norm == Norm::Euclidean { parts[0].columns() } else { columns };
        Self { rows, columns, split, norm, axis, order, along, blocks }
    }

    /// The `k` nearest other samples of each, nearest first: `[N, k]` by row. `k` is below N.
    pub(super) fn nearest(&self, k: usize) -> Vec<Near> {
        let mut sorted = vec![NONE; self.rows.next_multiple_of(GROUP) * k];
        sorted.par_chunks_mut(TASK * GROUP * k).enumerate().for_each(|(task, out)| {
            for (g, lists) in out.chunks_mut(GROUP * k).enumerate() {
                nearest_of_group(self, (task * TASK + g) * GROUP, k, lists);
            }
        });
        let mut by_row = vec![NONE; self.rows * k];
        for (list, &row) in sorted.chunks_exact(k).zip(&self.order) {
            by_row[row as usize * k..][..k].copy_from_slice(list);
        }
        by_row
    }

    /// How many other samples have a key below `limits[row]`, for each row; a limit of 0 counts none.
    pub(super) fn count_below(&self, limits: &[f64]) -> Vec<u32> {
        let mut sorted = vec![0u32; self.rows];
        sorted.par_chunks_mut(TASK * GROUP).enumerate().for_each(|(task, out)| {
            for (g, counts) in out.chunks_mut(GROUP).enumerate() {
                count_of_group(self, (task * TASK + g) * GROUP, limits, counts);
            }
        });
        let mut by_row = vec![0; self.rows];
        for (&count, &row) in sorted.iter().zip(&self.order) {
            by_row[row as usize] = count;
        }
        by_row
    }

    /// The key of a difference along one column: no key of two samples is smaller than that of any of their columns,
    /// rounding included.
    fn key(&self, difference: f64) -> f64 {
        match self.norm {
            Norm::Max => difference.abs(),
            Norm::Euclidean => difference * difference,
        }
    }

    /// The numbers of the queries from sorted position `first` on, `[columns, GROUP]`; the last stands in for those
    /// beyond the end.
    fn queries(&self, first: usize) -> Vec<[f64; GROUP]> {
        let block = &self.blocks[first / LANES * self.columns * LANES..];
        let last = (self.rows - 1 - first).min(GROUP - 1);
        let lanes = block.as_chunks::<LANES>().0;
        (0..self.columns).map(|c| std::array::from_fn(|g| lanes[c][first % LANES + g.min(last)])).collect()
    }

    #[inline(always)]
    fn nearest_of_group(&self, first: usize, k: usize, lists: &mut [Near]) {
        let queries = self.queries(first);
        let at = queries[self.axis];
        let mut walk = Walk { first, k, queries: &queries, limits: [f64::INFINITY; GROUP], lists };
        let home = first / LANES;
        self.visit(home, &mut walk);
        let (mut left, mut right) = (home, home + 1);
        loop {
            let mut go = [false; 2];
            for (&at, &limit) in at.iter().zip(&walk.limits) {
                go[0] |= left > 0 && self.key(at - self.along[left * LANES - 1]) < limit;
                go[1] |= right * LANES < self.rows && self.key(self.along[right * LANES] - at) < limit;
            }
            if go[0] {
                left -= 1;
                self.visit(left, &mut walk);
            }
            if go[1] {
                self.visit(right, &mut walk);
                right += 1;
            }
            if go == [false; 2] {
                return;
            }
        }
    }

    /// Takes the samples of a block into the lists of those queries that they are near enough to.
    #[inline(always)]
    fn visit(&self, b: usize, walk: &mut Walk) {
        let mut keys = Keys::default();
        if !self.keys(b, walk.queries, &walk.limits, &mut keys) {
            return;
        }
        let home = b == walk.first / LANES;
        for (g, (keys, limit)) in keys.iter_mut().zip(&mut walk.limits).enumerate() {
            if home {
                // Not its own neighbour.
                keys[walk.first % LANES + g] = f64::INFINITY;
            }
            let mut any = false;
            for key in keys.iter() {
                any |= key < limit;
            }
            if !any {
                continue;
            }
            let list = &mut walk.lists[g * walk.k..(g + 1) * walk.k];
            for (lane, &key) in keys.iter().enumerate() {
                if key < *limit {
                    let place = list.partition_point(|near| near.key <= key);
                    list.copy_within(place..walk.k - 1, place + 1);
                    list[place] = Near { key, row: self.order[b * LANES + lane] };
                    *limit = list[walk.k - 1].key;
                }
            }
        }
    }

    #[inline(always)]
    fn count_of_group(&self, first: usize, limits: &[f64], counts: &mut [u32]) {
        let limits: [f64; GROUP] =
            std::array::from_fn(|g| limits[self.order[(first + g).min(first + counts.len() - 1)] as usize]);
        // Where the sorted column alone is near enough.
        let mut window = (self.rows, 0);
        for (g, count) in counts.iter_mut().enumerate() {
            let at = self.along[first + g];
            let from = self.along.partition_point(|&v| v < at && self.key(at - v) >= limits[g]);
            let to = self.along.partition_point(|&v| v <= at || self.key(v - at) < limits[g]);
            window = (window.0.min(from), window.1.max(to));
            *count = (to - from - 1) as u32;
        }
        if self.columns > 1 {
            let queries = self.queries(first);
            let mut lanes = [[0u64; LANES]; GROUP];
            let mut keys = Keys::default();
            for b in window.0 / LANES..window.1.div_ceil(LANES) {
                if self.keys(b, &queries, &limits, &mut keys) {
                    for g in 0..GROUP {
                        for l in 0..LANES {
                            lanes[g][l] += u64::from(keys[g][l] < limits[g]);
                        }
                    }
                }
            }
            for (count, lanes) in counts.iter_mut().zip(&lanes) {
                // Every sample is within any radius of itself.
                *count = lanes.iter().sum::<u64>().saturating_sub(1) as u32;
            }
        }
        for (count, limit) in counts.iter_mut().zip(&limits) {
            if *limit <= 0.0 {
                *count = 0;
            }
        }
    }

    /// Keys of a block's samples for a group of queries; false when none is below its limit, and then they may be
    /// unfinished.
    #[inline(always)]
    fn keys(&self, b: usize, queries: &[[f64; GROUP]], limits: &[f64; GROUP], out: &mut Keys) -> bool {
        let block = self.blocks[b * self.columns * LANES..(b + 1) * self.columns * LANES].as_chunks().0;
        keys(self.norm == Norm::Euclidean, self.split, block, queries, limits, out)
    }
}

/// A method of [`Space`] compiled for AVX-512 and for AVX2 as well, and the widest that the processor has. All do the
/// same operations in the same order, so they give the same bits.
macro_rules! widest_vectors {
    ($dispatch:ident = $method:ident($($arg:ident: $type:ty),*)) => {
        fn $dispatch(space: &Space, $($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f")]
                fn avx512(space: &Space, $($arg: $type),*) {
                    space.$method($($arg),*)
                }
                #[target_feature(enable = "avx2")]
                fn avx2(space: &Space, $($arg: $type),*) {
                    space.$method($($arg),*)
                }
                if std::arch::is_x86_feature_detected!("avx512f") {
                    // SAFETY: the processor has it.
                    return unsafe { avx512(space, $($arg),*) };
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has it.
                    return unsafe { avx2(space, $($arg),*) };
                }
            }
            space.$method($($arg),*)
        }
    };
}

widest_vectors!(nearest_of_group = nearest_of_group(first: usize, k: usize, lists: &mut [Near]));
widest_vectors!(count_of_group = count_of_group(first: usize, limits: &[f64], counts: &mut [u32]));

#[inline(always)]
fn keys(
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

/// The column whose middle half is widest: sorted by it, a radius leaves the fewest samples.
fn widest(columns: &[Vec<f64>]) -> usize {
    let width = |column: &Vec<f64>| {
        let mut v = column.clone();
        let n = v.len();
        let high = *v.select_nth_unstable_by(n - 1 - n / 4, f64::total_cmp).1;
        let low = *v.select_nth_unstable_by(n / 4, f64::total_cmp).1;
        high - low
    };
    let widths: Vec<f64> = columns.par_iter().map(width).collect();
    (0..widths.len()).fold(0, |best, c| if widths[c] > widths[best] { c } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    fn samples(rows: usize, columns: usize, seed: u64) -> Samples {
        let mut rng = crate::seed::stream(seed, "test", columns as u64);
        // Rounded, so that there are ties.
        let values = (0..rows * columns).map(|_| (rng.gen_range(-1.0f64..1.0) * 50.0).round() / 50.0).collect();
        Samples::new(values, columns).unwrap()
    }

    fn key(norm: Norm, a: &[f64], b: &[f64]) -> f64 {
        let d = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        if norm == Norm::Max { d.fold(0.0, f64::max) } else { d.map(|d| d * d).sum() }
    }

    #[test]
    fn the_walk_finds_what_looking_at_all_pairs_finds() {
        for norm in [Norm::Max, Norm::Euclidean] {
            for (rows, dx, dy) in [(10, 1, 1), (67, 1, 1), (203, 1, 2), (131, 3, 2), (90, 9, 12)] {
                let (x, y) = (samples(rows, dx, 1), samples(rows, dy, 2));
                let (joint, space) = (Space::joint(&x, &y, norm), Space::of(&x, norm));
                let k = 4;
                let near = joint.nearest(k);
                let limits: Vec<f64> = (0..rows).map(|i| near[i * k + k - 1].key).collect();
                let counts = space.count_below(&limits);
                for i in 0..rows {
                    let pair = |j: usize| key(norm, x.row(i), x.row(j)).max(key(norm, y.row(i), y.row(j)));
                    let mut all: Vec<f64> = (0..rows).filter(|&j| j != i).map(pair).collect();
                    all.sort_by(f64::total_cmp);
                    for (n, expected) in near[i * k..][..k].iter().zip(&all) {
                        assert_eq!(n.key, *expected, "{norm:?} {rows} {dx} {dy}");
                        assert_eq!(pair(n.row as usize), n.key);
                    }
                    let count = (0..rows).filter(|&j| j != i && key(norm, x.row(i), x.row(j)) < limits[i]).count();
                    assert_eq!(counts[i] as usize, if limits[i] > 0.0 { count } else { 0 });
                }
            }
        }
    }
}
