//! Unfolding images into the rows of a matrix, and its transpose.
//!
//! Row `r = (channel, ky, kx)` holds what that tap of the window sees from each place of the output. With stride `S`,
//! neighbours in a row lie `S` pixels apart, so an image is first split into its `S·S` phases (pixels whose row and
//! column have the same remainders): within a phase a row of the matrix is a shifted copy.

use super::gemm::Real;
use std::ops::Range;

/// Sizes of a convolution from `i` to `o` channels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    pub b: usize,
    pub i: usize,
    pub o: usize,
    pub h: usize,
    pub w: usize,
    pub k: usize,
    pub s: usize,
    pub p: usize,
    pub oh: usize,
    pub ow: usize,
}

/// Where a tap looks: its phase, the shift within it, and the output places that see a pixel.
struct Tap {
    channel: usize,
    phase: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    /// The row and column of the phase that the first of these places sees.
    first_row: usize,
    first_column: usize,
}

impl Geometry {
    /// Rows of the unfolded matrix: one for each channel and window position.
    pub fn taps(&self) -> usize {
        self.i * self.k * self.k
    }
    /// Places of the output map.
    pub fn places(&self) -> usize {
        self.oh * self.ow
    }
    /// Numbers of an input image.
    pub fn image(&self) -> usize {
        self.i * self.h * self.w
    }
    /// Images whose unfolded columns make one task.
    pub fn group(&self) -> usize {
        (256 / self.places().max(1)).clamp(1, self.b.max(1))
    }
    /// Rows and columns of a phase.
    fn phase(&self) -> (usize, usize) {
        (self.h.div_ceil(self.s), self.w.div_ceil(self.s))
    }
    /// Numbers of all phases of one channel.
    pub fn phases(&self) -> usize {
        let (h, w) = self.phase();
        self.s * self.s * h * w
    }
    /// Along one axis: the remainder of the tap's pixels, the places that see a pixel, and the phase's first one.
    fn axis(&self, k: usize, size: usize, places: usize) -> (usize, Range<usize>, usize) {
        let from = self.p.saturating_sub(k).div_ceil(self.s).min(places);
        let to = (size + self.p).saturating_sub(k).div_ceil(self.s).min(places).max(from);
        let pixel = from * self.s + k;
        let (remainder, first) =
            if pixel < self.p { (0, 0) } else { ((pixel - self.p) % self.s, (pixel - self.p) / self.s) };
        (remainder, from..to, first)
    }
    fn tap(&self, r: usize) -> Tap {
        let (channel, ky, kx) = (r / (self.k * self.k), r / self.k % self.k, r % self.k);
        let (a, rows, first_row) = self.axis(ky, self.h, self.oh);
        let (b, columns, first_column) = self.axis(kx, self.w, self.ow);
        Tap { channel, phase: a * self.s + b, rows, columns, first_row, first_column }
    }
}

/// The phases of some channels `[C, H, W]` of an image: `[C, S·S, H / S, W / S]`, sizes rounded up.
pub(crate) fn split<E: Real>(g: &Geometry, channels: &[E], phases: &mut [E]) {
    let (h, w) = g.phase();
    for (plane, phases) in channels.chunks_exact(g.h * g.w).zip(phases.chunks_exact_mut(g.phases())) {
        for (y, row) in plane.chunks_exact(g.w).enumerate() {
            let at = (y % g.s * g.s * h + y / g.s) * w;
            if g.s == 2 {
                let (even, odd) = phases[at..].split_at_mut(h * w);
                let pairs = row.chunks_exact(2);
                if let [last] = pairs.remainder() {
                    even[w - 1] = *last;
                }
                for ((pair, e), o) in pairs.zip(even).zip(odd) {
                    (*e, *o) = (pair[0], pair[1]);
                }
            } else {
                for b in 0..g.s {
                    let phase = &mut phases[at + b * h * w..][..w];
                    phase.iter_mut().zip(row.iter().skip(b).step_by(g.s)).for_each(|(p, &v)| *p = v);
                }
            }
        }
    }
}

/// The transpose of [`split`]: adds phases to an image.
pub(crate) fn merge<E: Real>(g: &Geometry, phases: &[E], image: &mut [E]) {
    let (h, w) = g.phase();
    for (plane, phases) in image.chunks_exact_mut(g.h * g.w).zip(phases.chunks_exact(g.phases())) {
        for (y, row) in plane.chunks_exact_mut(g.w).enumerate() {
            let at = (y % g.s * g.s * h + y / g.s) * w;
            if g.s == 2 {
                let (even, odd) = phases[at..].split_at(h * w);
                let mut pairs = row.chunks_exact_mut(2);
                for ((pair, &e), &o) in pairs.by_ref().zip(even).zip(odd) {
                    pair[0] += e;
                    pair[1] += o;
                }
                if let [last] = pairs.into_remainder() {
                    *last += even[w - 1];
                }
            } else {
                for b in 0..g.s {
                    let phase = &phases[at + b * h * w..][..w];
                    row.iter_mut().skip(b).step_by(g.s).zip(phase).for_each(|(r, &v)| *r += v);
                }
            }
        }
    }
}

/// Row `r` of the unfolded matrix for one image, from the phases of its channels `first..`; zero outside the image.
pub(crate) fn unfold_row<E: Real>(g: &Geometry, r: usize, first: usize, phases: &[E], dst: &mut [E]) {
    let t = g.tap(r);
    if t.rows.is_empty() || t.columns.is_empty() {
        dst.fill(E::zero());
        return;
    }
    let (h, w) = g.phase();
    let plane = &phases[(t.channel - first) * g.phases() + t.phase * h * w..][..h * w];
    let source = &plane[t.first_row * w + t.first_column..];
    let begin = t.rows.start * g.ow + t.columns.start;
    let end = (t.rows.end - 1) * g.ow + t.columns.end;
    if w == g.ow {
        dst[begin..end].copy_from_slice(&source[..end - begin]);
    } else {
        for (y, source) in t.rows.clone().zip(source.chunks(w)) {
            dst[y * g.ow..][t.columns.clone()].copy_from_slice(&source[..t.columns.len()]);
        }
    }
    dst[..begin].fill(E::zero());
    dst[end..].fill(E::zero());
    clear_outside(g, &t, dst);
}

/// The transpose of [`unfold_row`]: adds each place's number to what tap `r` sees. `src` is used up.
pub(crate) fn fold_row<E: Real>(g: &Geometry, r: usize, src: &mut [E], phases: &mut [E]) {
    let t = g.tap(r);
    if t.rows.is_empty() || t.columns.is_empty() {
        return;
    }
    let (h, w) = g.phase();
    let plane = &mut phases[t.channel * g.phases() + t.phase * h * w..][..h * w];
    let target = &mut plane[t.first_row * w + t.first_column..];
    if w == g.ow {
        clear_outside(g, &t, src);
        let begin = t.rows.start * g.ow + t.columns.start;
        let end = (t.rows.end - 1) * g.ow + t.columns.end;
        target.iter_mut().zip(&src[begin..end]).for_each(|(t, &v)| *t += v);
    } else {
        for (y, target) in t.rows.clone().zip(target.chunks_mut(w)) {
            target.iter_mut().zip(&src[y * g.ow..][t.columns.clone()]).for_each(|(t, &v)| *t += v);
        }
    }
}

/// Clears the places between the tap's first and last whose column sees no pixel.
fn clear_outside<E: Real>(g: &Geometry, t: &Tap, row: &mut [E]) {
    if t.columns.len() == g.ow {
        return;
    }
    for row in row[t.rows.start * g.ow..t.rows.end * g.ow].chunks_exact_mut(g.ow) {
        row[..t.columns.start].fill(E::zero());
        row[t.columns.end..].fill(E::zero());
    }
}
