//! Exact nearest neighbours and counts within a radius, for every sample of a set at once.
//!
//! Counts with the max norm compare ranks ([`within`]). For all else, samples lie in blocks of [`LANES`], the leaves of a k-d tree ([`tree`]), column by column, so that one vector
//! instruction serves as many samples ([`keys`]). The samples of one block walk the tree together and share what is read:
//! a box is left out when it is too far for all of them, and a block is left at the column where every distance is already
//! too large.

mod keys;
#[cfg(test)]
mod tests;
mod tree;
mod within;

use super::Norm;
use crate::mi::Samples;
use keys::{Keys, keys};
use rayon::prelude::*;
use tree::Tree;

/// Samples of a block, and queries that walk together.
const LANES: usize = 8;
/// Blocks whose samples are the queries of one task.
const TASK: usize = 4;

/// A neighbour: its *key* (the distance; with [`Norm::Euclidean`] the squared distance) and its row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Near {
    pub(super) key: f64,
    pub(super) row: u32,
}

/// No neighbour yet.
impl Default for Near {
    fn default() -> Self {
        Self { key: f64::INFINITY, row: u32::MAX }
    }
}

/// Nodes that wait for their visit; at first the root does.
struct Waiting {
    /// One for each level of the tree, and the next, are at most 33 of 2³² samples.
    nodes: [usize; 64],
    count: usize,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { nodes: [0; 64], count: 1 }
    }
}

impl Waiting {
    #[inline(always)]
    fn push(&mut self, later: usize, sooner: usize) {
        self.nodes[self.count] = later;
        self.nodes[self.count + 1] = sooner;
        self.count += 2;
    }

    #[inline(always)]
    fn pop(&mut self) -> Option<usize> {
        self.count = self.count.checked_sub(1)?;
        Some(self.nodes[self.count])
    }
}

/// How many other samples have a key below `limits[row]`, for each row; a limit of 0 counts none.
pub(super) fn count_below(samples: &Samples, norm: Norm, limits: &[f64]) -> Vec<u32> {
    match norm {
        Norm::Max => within::count_below(samples, limits),
        Norm::Euclidean => Space::of(samples, norm).count_below(limits),
    }
}

/// `[N, each]` by row of what is `[N, each]` (or longer) by place, where `order` says which row lies in a place.
fn by_row<T: Copy + Default>(order: &[u32], by_place: &[T], each: usize) -> Vec<T> {
    let mut out = vec![T::default(); order.len() * each];
    for (list, &row) in by_place.chunks_exact(each).zip(order) {
        out[row as usize * each..][..each].copy_from_slice(list);
    }
    out
}

/// The samples of a block on their way through the tree.
struct Walk<'a> {
    /// Their block.
    home: usize,
    k: usize,
    /// The key of each query's k-th neighbour so far.
    limits: [f64; LANES],
    /// `[LANES, k]`, nearest first.
    lists: &'a mut [Near],
}

/// Samples in the order of a tree's blocks.
pub(super) struct Space {
    rows: usize,
    columns: usize,
    /// Columns before it are one vector and those from it on another; their distances' maximum counts.
    split: usize,
    norm: Norm,
    tree: Tree,
    /// Position to row.
    order: Vec<u32>,
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
        let (tree, order) = Tree::build(&all);
        let mut blocks = vec![f64::INFINITY; rows.div_ceil(LANES) * columns * LANES];
        blocks.par_chunks_mut(columns * LANES).zip(order.par_chunks(LANES)).for_each(|(block, rows)| {
            for (lanes, column) in block.as_chunks_mut::<LANES>().0.iter_mut().zip(&all) {
                lanes.iter_mut().zip(rows).for_each(|(lane, &r)| *lane = column[r as usize]);
            }
        });
        // With the max norm the two vectors need not be told apart.
        let split = if norm == Norm::Euclidean { parts[0].columns() } else { columns };
        Self { rows, columns, split, norm, tree, order, blocks }
    }

    /// The `k` nearest other samples of each, nearest first: `[N, k]` by row. `k` is below N.
    pub(super) fn nearest(&self, k: usize) -> Vec<Near> {
        let mut by_place = vec![Near::default(); self.rows.next_multiple_of(LANES) * k];
        by_place.par_chunks_mut(LANES * k).enumerate().with_min_len(TASK).for_each(|(home, lists)| {
            nearest_of_block(self, home, k, lists);
        });
        by_row(&self.order, &by_place, k)
    }

    /// How many other samples have a key below `limits[row]`, for each row.
    fn count_below(&self, limits: &[f64]) -> Vec<u32> {
        let mut by_place = vec![0u32; self.rows];
        by_place.par_chunks_mut(LANES).enumerate().with_min_len(TASK).for_each(|(home, counts)| {
            count_of_block(self, home, limits, counts);
        });
        by_row(&self.order, &by_place, 1)
    }

    /// The key of a difference along one column: no key of two samples is smaller than that of any of their columns,
    /// rounding included.
    fn key(&self, difference: f64) -> f64 {
        match self.norm {
            Norm::Max => difference.abs(),
            Norm::Euclidean => difference * difference,
        }
    }

    /// Whether any of the queries has samples below its limit in node `i`.
    #[inline(always)]
    fn reaches(&self, i: usize, queries: &[[f64; LANES]], limits: &[f64; LANES]) -> bool {
        let reach = self.tree.reach(i, queries);
        std::array::from_fn::<bool, LANES, _>(|q| self.key(reach[q]) < limits[q]).contains(&true)
    }

    /// The numbers of a block's samples, `[columns, LANES]`.
    fn block(&self, b: usize) -> &[[f64; LANES]] {
        self.blocks[b * self.columns * LANES..(b + 1) * self.columns * LANES].as_chunks().0
    }

    /// The limits of the samples of a block; 0 for what fills it up, which has no sample below it.
    fn limits(&self, b: usize, of: impl Fn(u32) -> f64) -> [f64; LANES] {
        std::array::from_fn(|q| self.order.get(b * LANES + q).map_or(0.0, |&row| of(row)))
    }

    /// Visits the blocks that some query has samples below its limit in, from the queries' own block outwards.
    #[inline(always)]
    fn nearest_of_block(&self, home: usize, k: usize, lists: &mut [Near]) {
        let mut walk = Walk { home, k, limits: self.limits(home, |_| f64::INFINITY), lists };
        let mut waiting = Waiting::default();
        while let Some(i) = waiting.pop() {
            if !self.reaches(i, self.block(home), &walk.limits) {
                continue;
            }
            match self.tree.node(i).children(i) {
                None => self.visit(self.tree.node(i).first, &mut walk),
                Some([left, right]) => {
                    let home_is_left = home < self.tree.node(right).first;
                    let (sooner, later) = if home_is_left { (left, right) } else { (right, left) };
                    waiting.push(later, sooner);
                }
            }
        }
    }

    /// Takes the samples of a block into the lists of those queries that they are near enough to.
    #[inline(always)]
    fn visit(&self, b: usize, walk: &mut Walk) {
        let mut keys = Keys::default();
        if !self.keys(b, walk.home, &walk.limits, &mut keys) {
            return;
        }
        for (q, (keys, limit)) in keys.iter_mut().zip(&mut walk.limits).enumerate() {
            if b == walk.home {
                // Not its own neighbour.
                keys[q] = f64::INFINITY;
            }
            let mut any = false;
            for key in keys.iter() {
                any |= key < limit;
            }
            if !any {
                continue;
            }
            let list = &mut walk.lists[q * walk.k..(q + 1) * walk.k];
            for (lane, &key) in keys.iter().enumerate() {
                if key < *limit {
                    let mut place = walk.k - 1;
                    while place > 0 && list[place - 1].key > key {
                        list[place] = list[place - 1];
                        place -= 1;
                    }
                    list[place] = Near { key, row: self.order[b * LANES + lane] };
                    *limit = list[walk.k - 1].key;
                }
            }
        }
    }

    /// Counts the samples below the limits from each sample of a block.
    #[inline(always)]
    fn count_of_block(&self, home: usize, limits: &[f64], counts: &mut [u32]) {
        let limits = self.limits(home, |row| limits[row as usize]);
        let mut lanes = [[0u64; LANES]; LANES];
        let mut keys = Keys::default();
        let mut waiting = Waiting::default();
        while let Some(i) = waiting.pop() {
            if !self.reaches(i, self.block(home), &limits) {
                continue;
            }
            let node = self.tree.node(i);
            if let Some([left, right]) = node.children(i) {
                waiting.push(right, left);
            } else if self.keys(node.first, home, &limits, &mut keys) {
                for q in 0..LANES {
                    for l in 0..LANES {
                        lanes[q][l] += u64::from(keys[q][l] < limits[q]);
                    }
                }
            }
        }
        for (count, lanes) in counts.iter_mut().zip(&lanes) {
            // Every sample is within any radius of itself but 0.
            *count = lanes.iter().sum::<u64>().saturating_sub(1) as u32;
        }
    }

    /// Keys of block `b` from the samples of block `home`; false when none is below its limit, and then they may be
    /// unfinished.
    #[inline(always)]
    fn keys(&self, b: usize, home: usize, limits: &[f64; LANES], out: &mut Keys) -> bool {
        keys(self.norm == Norm::Euclidean, self.split, self.block(b), self.block(home), limits, out)
    }
}

widest!(fn nearest_of_block(space: &Space, home: usize, k: usize, lists: &mut [Near]) = Space::nearest_of_block);
widest!(fn count_of_block(space: &Space, home: usize, limits: &[f64], counts: &mut [u32]) = Space::count_of_block);
