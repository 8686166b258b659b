//! A balanced k-d tree whose leaves are blocks of samples.

use super::LANES;
use rayon::prelude::*;

/// Most columns whose bounds are kept. With more, a node's box is so wide that only the widest column is worth a look.
const MOST_AXES: usize = 16;
/// Blocks from which on the two halves of a node are made in parallel.
const PARALLEL: usize = 128;

/// A node: the blocks `first .. first + blocks`. The left child of node `i` is `i + 1`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Node {
    pub(super) first: usize,
    blocks: usize,
}

impl Node {
    /// Blocks of the left child; 0 for a leaf.
    fn left(self) -> usize {
        self.blocks / 2
    }

    /// The children of node `i`, left and right; none when it is a leaf, that is, one block.
    pub(super) fn children(self, i: usize) -> Option<[usize; 2]> {
        (self.blocks > 1).then(|| [i + 1, i + 2 * self.left()])
    }
}

/// The smallest and the largest number of the samples of a node along one axis.
type Bounds = [f64; 2];

/// Nodes in the order of a walk that takes the left child first.
pub(super) struct Tree {
    /// Columns whose bounds are kept, ascending.
    axes: Vec<usize>,
    nodes: Vec<Node>,
    /// `[nodes, axes]`
    bounds: Vec<Bounds>,
}

impl Tree {
    /// The tree of these columns, and the order of the samples in its blocks of [`LANES`]; only the last block may hold
    /// fewer.
    pub(super) fn build(columns: &[Vec<f64>]) -> (Self, Vec<u32>) {
        let axes: Vec<usize> =
            if columns.len() > MOST_AXES { vec![widest(columns)] } else { (0..columns.len()).collect() };
        let along: Vec<&[f64]> = axes.iter().map(|&a| columns[a].as_slice()).collect();
        let mut order: Vec<u32> = (0..columns[0].len() as u32).collect();
        if let [along] = along[..] {
            order.sort_unstable_by(|&a, &b| along[a as usize].total_cmp(&along[b as usize]).then(a.cmp(&b)));
        }
        let blocks = order.len().div_ceil(LANES);
        let mut nodes = vec![Node::default(); 2 * blocks - 1];
        let mut bounds = vec![Bounds::default(); nodes.len() * axes.len()];
        split(&along, 0, &mut order, &mut nodes, &mut bounds);
        (Self { axes, nodes, bounds }, order)
    }

    pub(super) fn node(&self, i: usize) -> Node {
        self.nodes[i]
    }

    /// The largest distance along one axis from each query to the box of node `i`; 0 within it. Queries are
    /// `[columns, LANES]`.
    #[inline(always)]
    pub(super) fn reach(&self, i: usize, queries: &[[f64; LANES]]) -> [f64; LANES] {
        let mut reach = [0.0f64; LANES];
        let bounds = &self.bounds[i * self.axes.len()..(i + 1) * self.axes.len()];
        for (&axis, &[low, high]) in self.axes.iter().zip(bounds) {
            let at = &queries[axis];
            for q in 0..LANES {
                let (below, above) = (low - at[q], at[q] - high);
                let side = if below > above { below } else { above };
                reach[q] = if side > reach[q] { side } else { reach[q] };
            }
        }
        reach
    }
}

/// Puts the samples of `order` into the order of a node's blocks and fills in its part of the tree.
fn split(along: &[&[f64]], first: usize, order: &mut [u32], nodes: &mut [Node], bounds: &mut [Bounds]) {
    let node = Node { first, blocks: order.len().div_ceil(LANES) };
    nodes[0] = node;
    let (own, rest) = bounds.split_at_mut(along.len());
    for (own, along) in own.iter_mut().zip(along) {
        let all = order.iter().map(|&row| along[row as usize]);
        *own = all.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| {
            [if v < low { v } else { low }, if v > high { v } else { high }]
        });
    }
    if node.blocks == 1 {
        return;
    }
    let rows = node.left() * LANES;
    if along.len() > 1 {
        let width = |axis: usize| own[axis][1] - own[axis][0];
        let axis = (0..along.len()).fold(0, |best, axis| if width(axis) > width(best) { axis } else { best });
        let along = along[axis];
        // The row number decides between equal numbers, so that the order is one and the same.
        let by_axis = |a: &u32, b: &u32| along[*a as usize].total_cmp(&along[*b as usize]).then(a.cmp(b));
        order.select_nth_unstable_by(rows, by_axis);
    }
    let (left, right) = order.split_at_mut(rows);
    let below = 2 * node.left() - 1;
    let (left_nodes, right_nodes) = nodes[1..].split_at_mut(below);
    let (left_bounds, right_bounds) = rest.split_at_mut(below * along.len());
    let mut halves = [(first, left, left_nodes, left_bounds), (first + node.left(), right, right_nodes, right_bounds)];
    let [a, b] = &mut halves;
    let make = |(first, order, nodes, bounds): &mut (usize, &mut [u32], &mut [Node], &mut [Bounds])| {
        split(along, *first, order, nodes, bounds);
    };
    if node.blocks >= PARALLEL {
        rayon::join(|| make(a), || make(b));
    } else {
        make(a);
        make(b);
    }
}

/// The column whose middle half is widest: sorted by it, a radius leaves the fewest samples.
pub(super) fn widest(columns: &[Vec<f64>]) -> usize {
    if columns.len() == 1 {
        return 0;
    }
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
