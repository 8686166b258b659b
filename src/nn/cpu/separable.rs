//! A separable critic: its two towers side by side, and the scores of all pairs.

use super::add_to;
use super::gemm::{Mat, Real, matmul, par_matmul, written};
use super::tower::{self, Layer, LayerGrad};
use rayon::prelude::*;

/// Rows of one task: enough that reading the weights is not what takes the time, few enough that a batch of usual size is
/// several tasks.
const ROWS: usize = 128;

/// What the backward pass needs.
pub(crate) struct Kept<E> {
    /// The activations of each task: the blocks of x, then those of y.
    blocks: Vec<Vec<Vec<E>>>,
    /// What each tower says, `[K, B]`.
    outputs: [Vec<E>; 2],
}

/// The gradients of one tower and of its input.
pub(crate) struct SideGrad<E> {
    pub layers: Vec<LayerGrad<E>>,
    /// `[B, I]`.
    pub rows: Vec<E>,
}

/// The width K of both towers' outputs.
fn outputs<E>(towers: [&[Layer<E>]; 2]) -> usize {
    towers[0].last().map_or(0, |layer| layer.b.len())
}

/// Scores `[B, B]` of each of `b` rows of x with each of `b` of y.
pub(crate) fn forward<E: Real>(towers: [&[Layer<E>]; 2], rows: [&[E]; 2], b: usize) -> (Vec<E>, Kept<E>) {
    let (k, tasks) = (outputs(towers), b.div_ceil(ROWS));
    let blocks: Vec<Vec<Vec<E>>> = (0..2 * tasks)
        .into_par_iter()
        .with_max_len(1)
        .map(|task| {
            let (side, from) = (task / tasks, task % tasks * ROWS);
            let (n, width) = (ROWS.min(b - from), rows[side].len() / b);
            tower::forward(towers[side], &rows[side][from * width..][..n * width], n)
        })
        .collect();
    let outputs = [0, 1].map(|side| beside(&blocks[side * tasks..][..tasks], k, b));
    let mut scores = vec![E::zero(); b * b];
    par_matmul(&mut scores, Mat::rows(&outputs[0], k, b).t(), Mat::rows(&outputs[1], k, b), false, &|_, _, _| ());
    (scores, Kept { blocks, outputs })
}

/// The last activations of all blocks of a tower side by side, `[K, B]`.
fn beside<E: Real>(blocks: &[Vec<Vec<E>>], k: usize, b: usize) -> Vec<E> {
    let mut out = Vec::with_capacity(k * b);
    for row in 0..k {
        for last in blocks.iter().filter_map(|block| block.last()) {
            let n = last.len() / k;
            out.extend_from_slice(&last[row * n..][..n]);
        }
    }
    out
}

/// Adds the gradients of `sum(gs · scores)` to `grads`; those of the rows are appended to what is there.
pub(crate) fn backward<E: Real>(
    towers: [&[Layer<E>]; 2],
    kept: &Kept<E>,
    gs: &[E],
    b: usize,
    grads: &mut [SideGrad<E>; 2],
) {
    let (k, tasks) = (outputs(towers), b.div_ceil(ROWS));
    // The first block of a tower adds to the gradients themselves, the others to sums of their own.
    let starts: Vec<Vec<LayerGrad<E>>> = (0..2 * tasks)
        .map(|task| match task % tasks {
            0 => std::mem::take(&mut grads[task / tasks].layers),
            _ => towers[task / tasks].iter().map(Layer::zeros).collect(),
        })
        .collect();
    let done: Vec<(Vec<LayerGrad<E>>, Vec<E>)> = starts
        .into_par_iter()
        .enumerate()
        .with_max_len(1)
        .map(|(task, mut sums)| {
            let (side, from) = (task / tasks, task % tasks * ROWS);
            let n = ROWS.min(b - from);
            let scores = match side {
                0 => Mat::rows(&gs[from * b..], n, b).t(),
                _ => Mat::strided(&gs[from..], b, n, b, 1),
            };
            let left = Mat::rows(&kept.outputs[1 - side], k, b);
            // SAFETY: the product writes every number, and reads none.
            let d = unsafe { written(k * n, |d| matmul(d, n, left, scores, false)) };
            let rows = tower::backward(towers[side], &kept.blocks[task], d, n, &mut sums);
            (sums, rows)
        })
        .collect();
    for (task, (sums, rows)) in done.into_iter().enumerate() {
        let side = &mut grads[task / tasks];
        if task % tasks == 0 {
            side.layers = sums;
        } else {
            for (total, sum) in side.layers.iter_mut().zip(&sums) {
                add_to(&mut total.w, &sum.w);
                add_to(&mut total.b, &sum.b);
            }
        }
        side.rows.extend(rows);
    }
}
