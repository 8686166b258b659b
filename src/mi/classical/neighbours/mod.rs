//! Exact nearest neighbours and counts within a radius, for every sample of a set at once.
//!
//! Counts with the max norm compare ranks ([`within`]). For all else, samples lie in blocks of [`LANES`], the leaves of a k-d tree ([`tree`]), column by column, so that one vector
//! instruction serves as many samples ([`keys`]). Queries of one block walk the tree together and share what is read: a
//! box is left out when it is too far for all of them, and a block is left at the column where every distance is already
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

/// Samples of a block.
const LANES: usize = 8;
/// Queries that walk together; they lie in one block.
const GROUP: usize = 8;
/// Groups of a task.
const TASK: usize = 4;

/// A neighbour: its *key* (the distance; with [`Norm::Euclidean`] the squared distance) and its row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Near {
    pub(super) key: f64,
    pub(super) row: u32,
}

const NONE: Near = Near { key: f64::INFINITY, row: u32::MAX };

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

/// A group of queries on its way through the tree.
struct Walk<'a> {
    /// Position of the first query.
    first: usize,
    k: usize,
    /// `[columns, GROUP]`
    queries: &'a [[f64; GROUP]],
    /// The key of each query's k-th neighbour so far.
    limits: [f64; GROUP],
    /// `[GROUP, k]`, nearest first.
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

    fn count_below(&self, limits: &[f64]) -> Vec<u32> {
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

    /// Which of these differences along one column have a key below the limit.
    #[inline(always)]
    fn below(&self, differences: [f64; GROUP], limits: &[f64; GROUP]) -> [bool; GROUP] {
        std::array::from_fn(|g| self.key(differences[g]) < limits[g])
    }

    /// The numbers of the queries from position `first` on, `[columns, GROUP]`; the last stands in for those beyond the
    /// end.
    fn queries(&self, first: usize) -> Vec<[f64; GROUP]> {
        let block = &self.blocks[first / LANES * self.columns * LANES..];
        let last = (self.rows - 1 - first).min(GROUP - 1);
        let lanes = block.as_chunks::<LANES>().0;
        (0..self.columns).map(|c| std::array::from_fn(|g| lanes[c][first % LANES + g.min(last)])).collect()
    }

    /// Visits the blocks that some query has samples below its limit in, from the queries' own block outwards.
    #[inline(always)]
    fn nearest_of_group(&self, first: usize, k: usize, lists: &mut [Near]) {
        let queries = self.queries(first);
        let mut walk = Walk { first, k, queries: &queries, limits: [f64::INFINITY; GROUP], lists };
        let home = first / LANES;
        let mut waiting = Waiting::default();
        while let Some(i) = waiting.pop() {
            if !self.below(self.tree.reach(i, &queries), &walk.limits).contains(&true) {
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

    /// Samples below their limits from the queries from position `first` on.
    #[inline(always)]
    fn count_of_group(&self, first: usize, limits: &[f64], counts: &mut [u32]) {
        let last = first + counts.len() - 1;
        let limits: [f64; GROUP] = std::array::from_fn(|g| limits[self.order[(first + g).min(last)] as usize]);
        let queries = self.queries(first);
        let mut lanes = [[0u64; LANES]; GROUP];
        let mut keys = Keys::default();
        let mut waiting = Waiting::default();
        while let Some(i) = waiting.pop() {
            if !self.below(self.tree.reach(i, &queries), &limits).contains(&true) {
                continue;
            }
            let node = self.tree.node(i);
            if let Some([left, right]) = node.children(i) {
                waiting.push(right, left);
            } else if self.keys(node.first, &queries, &limits, &mut keys) {
                for g in 0..GROUP {
                    for l in 0..LANES {
                        lanes[g][l] += u64::from(keys[g][l] < limits[g]);
                    }
                }
            }
        }
        for (count, (lanes, limit)) in counts.iter_mut().zip(lanes.iter().zip(&limits)) {
            // Every sample is within any radius of itself.
            *count = if *limit <= 0.0 { 0 } else { lanes.iter().sum::<u64>().saturating_sub(1) as u32 };
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

widest!(fn nearest_of_group(space: &Space, first: usize, k: usize, lists: &mut [Near]) = Space::nearest_of_group);
widest!(fn count_of_group(space: &Space, first: usize, limits: &[f64], counts: &mut [u32]) = Space::count_of_group);
