//! Pooling windows and whole-map pooling.

use super::gemm::Real;
use rayon::prelude::*;

/// What a pooling window keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest element; padding never wins. Gradients go to the first of equal maxima.
    Max,
    /// The mean over the whole window, padding counted as zeros (PyTorch's `count_include_pad=True`).
    Avg,
}

/// Sizes of a pooling over `planes` = B·C maps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolGeometry {
    pub h: usize,
    pub w: usize,
    pub k: usize,
    pub s: usize,
    pub p: usize,
    pub oh: usize,
    pub ow: usize,
}

impl PoolGeometry {
    /// Indices of the plane seen from output `(y, x)`.
    fn window(&self, y: usize, x: usize) -> impl Iterator<Item = usize> + '_ {
        let rows = (y * self.s).saturating_sub(self.p)..(y * self.s + self.k).saturating_sub(self.p).min(self.h);
        rows.flat_map(move |r| {
            let cols = (x * self.s).saturating_sub(self.p)..(x * self.s + self.k).saturating_sub(self.p).min(self.w);
            cols.map(move |c| r * self.w + c)
        })
    }

    /// The index of the first largest element of a window. NaN wins, so that it is not hidden.
    fn winner<E: Real>(&self, plane: &[E], y: usize, x: usize) -> usize {
        let mut best: Option<usize> = None;
        for i in self.window(y, x) {
            if best.is_none_or(|b| plane[i] > plane[b] || (plane[i].is_nan() && !plane[b].is_nan())) {
                best = Some(i);
            }
        }
        best.expect("a pooling window covers at least one element")
    }
}

/// Pools each plane of `x [planes, H, W]` to `[planes, OH, OW]`.
pub(crate) fn forward<E: Real>(g: &PoolGeometry, kind: PoolKind, x: &[E]) -> Vec<E> {
    let area = E::of((g.k * g.k) as f64);
    let planes = x.len() / (g.h * g.w);
    let mut out = vec![E::zero(); planes * g.oh * g.ow];
    out.par_chunks_mut(g.oh * g.ow).zip(x.par_chunks(g.h * g.w)).for_each(|(out, plane)| {
        for (i, o) in out.iter_mut().enumerate() {
            let (y, x) = (i / g.ow, i % g.ow);
            *o = match kind {
                PoolKind::Max => plane[g.winner(plane, y, x)],
                PoolKind::Avg => g.window(y, x).map(|j| plane[j]).sum::<E>() / area,
            };
        }
    });
    out
}

/// Adds the gradient to `gx`.
pub(crate) fn backward<E: Real>(g: &PoolGeometry, kind: PoolKind, x: &[E], gy: &[E], gx: &mut [E]) {
    let area = E::of((g.k * g.k) as f64);
    gx.par_chunks_mut(g.h * g.w).zip(x.par_chunks(g.h * g.w)).zip(gy.par_chunks(g.oh * g.ow)).for_each(
        |((gx, plane), gy)| {
            for (i, &d) in gy.iter().enumerate() {
                let (y, x) = (i / g.ow, i % g.ow);
                match kind {
                    PoolKind::Max => gx[g.winner(plane, y, x)] += d,
                    PoolKind::Avg => g.window(y, x).for_each(|j| gx[j] += d / area),
                }
            }
        },
    );
}
