//! Convolutions by products of packed sides.
//!
//! An image is turned once, its channels last: what a tap of the window sees from a place is then whole lines of
//! channels, and packing a product's side is moving lines. The gradient of the input is a product for each of the
//! input's `S·S` phases (pixels whose row and column have the same remainders), with the taps that reach it.

use super::number::{Bf16, Format, Single, Whole};
use super::pack::{PANEL, Packed, Panels, STEP_LINES, Side};
use super::product::{block, put};
use super::tile::{across, along, transpose_lines};
use super::{Line, pool};
use crate::nn::cpu::gemm::{Mat, Shared, copy_squares, written};
use crate::nn::cpu::unfold::{Geometry, merge};
use rayon::prelude::*;
use std::arch::x86_64::{__m512, _mm512_loadu_ps, _mm512_maskz_loadu_ps, _mm512_setzero_ps};
use std::marker::PhantomData;
use std::ops::Range;

/// Whether these kernels can be used: channels fill lines, and places fill tiles.
pub(crate) fn fits(g: &Geometry) -> bool {
    let phase = g.h / g.s.max(1) * (g.w / g.s.max(1));
    [g.b, g.i, g.o, g.k, g.s, g.places()].iter().all(|&size| size > 0)
        && g.i.is_multiple_of(PANEL)
        && g.o.is_multiple_of(PANEL)
        && g.h.is_multiple_of(g.s)
        && g.w.is_multiple_of(g.s)
        && g.places().is_multiple_of(16)
        && phase.is_multiple_of(16)
}

/// Images as `[B, H + 2·pad, W + 2·pad, C]`, zero around the edges.
struct ChannelsLast<N> {
    lines: Vec<Line>,
    rows: usize,
    columns: usize,
    /// Lines of a place.
    blocks: usize,
    number: PhantomData<N>,
}

impl<N: Whole> ChannelsLast<N> {
    /// Of `x [B, C, H, W]`.
    fn new(x: &[f32], [channels, height, width]: [usize; 3], pad: usize) -> Self {
        assert!(N::FORMAT.unit().is_some(), "something multiplies these numbers here");
        let (rows, columns, blocks) = (height + 2 * pad, width + 2 * pad, channels / N::STEP);
        let image = rows * columns * blocks;
        let images = x.len() / (channels * height * width);
        let mut lines = pool::take(images * image);
        lines[..images * image].par_chunks_mut(image).zip(x.par_chunks(channels * height * width)).for_each(
            |(lines, x)| {
                fill_edges(lines, [rows, columns, blocks], pad);
                let plane = height * width;
                for block in 0..blocks {
                    let x = &x[block * N::STEP * plane..][..N::STEP * plane];
                    for place in (0..plane).step_by(16) {
                        let mut tile = [Line([0; 16]); 16];
                        // SAFETY: the processor has what `N` asks for, by the assertion.
                        unsafe { sixteen_places::<N>(x, plane, place, &mut tile) };
                        for (place, line) in (place..plane).zip(tile) {
                            let at = (place / width + pad) * columns + place % width + pad;
                            lines[at * blocks + block] = line;
                        }
                    }
                }
            },
        );
        Self { lines, rows, columns, blocks, number: PhantomData }
    }

    /// The first line of a place.
    fn at(&self, image: usize, row: usize, column: usize) -> usize {
        ((image * self.rows + row) * self.columns + column) * self.blocks
    }
}

impl<N> Drop for ChannelsLast<N> {
    fn drop(&mut self) {
        pool::give(std::mem::take(&mut self.lines));
    }
}

/// Zeroes the lines that lie within `pad` rows or columns of an edge.
fn fill_edges(image: &mut [Line], [rows, columns, blocks]: [usize; 3], pad: usize) {
    for (row, lines) in image.chunks_exact_mut(columns * blocks).enumerate() {
        if (pad..rows - pad).contains(&row) {
            lines[..pad * blocks].fill(Line([0; 16]));
            lines[(columns - pad) * blocks..].fill(Line([0; 16]));
        } else {
            lines.fill(Line([0; 16]));
        }
    }
}

/// A line's channels of sixteen places from `place` on, a line for each place.
///
/// # Safety
/// The processor has what `N` asks for.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn sixteen_places<N: Whole>(x: &[f32], plane: usize, place: usize, tile: &mut [Line; 16]) {
    let count = (plane - place).min(16);
    let mask = ((1u32 << count) - 1) as u16;
    let channel = |c: usize| {
        let places = &x[c * plane + place..][..count];
        // SAFETY: the mask lets through no more numbers than the slice has.
        unsafe { _mm512_maskz_loadu_ps(mask, places.as_ptr()) }
    };
    // SAFETY: the caller's promise.
    unsafe { across::<N>(channel, Side::Left, 0, tile) };
}

/// `w [A, B, K·K]` → `[A, K·K, B]`.
fn taps_first(w: &[f32], b: usize, window: usize) -> Vec<f32> {
    let mut out = vec![0.0; w.len()];
    out.par_chunks_mut(b * window).zip(w.par_chunks(b * window)).for_each(|(out, w)| {
        copy_squares(Mat::rows(w, b, window).t(), out);
    });
    out
}

/// What a product's right side is gathered from: lines at `first[outer] + offsets[step]`.
struct Gather<'a> {
    lines: &'a [Line],
    first: &'a [usize],
    offsets: &'a [usize],
}

impl Gather<'_> {
    /// The right side whose outer numbers are places, sixteen to a tile, and whose inner ones are channels: a step for
    /// each offset. `first` has a multiple of sixteen places.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn places(&self, packed: &mut Vec<Line>) {
        let (panels, steps) = (self.first.len().div_ceil(PANEL), self.offsets.len());
        packed.resize(panels * steps * STEP_LINES, Line([0; 16]));
        for (t, tile) in packed.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let (panel, step, half) = (t / 2 / steps, t / 2 % steps, t % 2);
            let Some(first) = self.first.get(panel * PANEL + half * 16..).filter(|f| !f.is_empty()) else {
                tile.fill(Line([0; 16]));
                continue;
            };
            let offset = self.offsets[step];
            for (line, first) in tile.iter_mut().zip(first) {
                *line = self.lines[first + offset];
            }
            transpose_lines(tile);
        }
    }

    /// The right side whose outer numbers are channels, some offsets' to a panel, and whose inner ones are places.
    ///
    /// # Safety
    /// The processor has what `N` asks for.
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn channels<N: Whole>(&self, packed: &mut Vec<Line>) {
        let blocks = PANEL / N::STEP;
        let (panels, steps) = (self.offsets.len() / blocks, self.first.len().div_ceil(N::STEP));
        packed.resize(panels * steps * STEP_LINES, Line([0; 16]));
        for (s, lines) in packed.chunks_exact_mut(STEP_LINES).enumerate() {
            let (offsets, step) = (&self.offsets[s / steps * blocks..], s % steps);
            let line = |i: usize, block: usize| {
                let first = self.first.get(step * N::STEP + i);
                first.map_or(Line([0; 16]), |first| self.lines[first + offsets[block]])
            };
            for (half, tile) in lines.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                for (i, to) in tile.iter_mut().enumerate() {
                    // SAFETY: the caller's promise.
                    *to = unsafe { N::turned(line, i, half) };
                }
            }
        }
    }
}

/// Multiplies `lhs` with a right side that is packed here; `write(row, column, sums)` as of [`block`].
///
/// # Safety
/// `lhs` and what is packed are of the same numbers.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn with_packed(
    lhs: &Packed,
    outer: usize,
    pack: impl FnOnce(&mut Vec<Line>),
    write: impl FnMut(usize, usize, &[f32]),
) {
    let mut lines = pool::scratch();
    pack(&mut lines);
    let rhs = Panels { lines: &lines, steps: lhs.steps(), step_lines: STEP_LINES, outer };
    // SAFETY: the side that is packed knows what multiplies it.
    unsafe { block(lhs.unit(), lhs.part(0..lhs.panels()), rhs, write) };
    pool::keep(lines);
}

/// Why no convolution is of sums of three.
const NO_SPLIT: &str = "`operand::format` never says so";

/// `y = w ∗ x`, as [`crate::nn::cpu::conv::forward`].
pub(crate) fn forward(g: &Geometry, x: &[f32], w: &[f32], format: Format) -> Vec<f32> {
    match format {
        Format::Bf16 => forward_of::<Bf16>(g, x, w),
        Format::Single => forward_of::<Single>(g, x, w),
        Format::Split => unreachable!("{NO_SPLIT}"),
    }
}

/// Adds the gradient of the weights, `[O, I, K, K]`, as [`crate::nn::cpu::conv::backward`]; `gy` is `[B, O, OH, OW]`.
pub(crate) fn grad_weight(g: &Geometry, x: &[f32], gy: &[f32], gw: &mut [f32], format: Format) {
    match format {
        Format::Bf16 => grad_weight_of::<Bf16>(g, x, gy, gw),
        Format::Single => grad_weight_of::<Single>(g, x, gy, gw),
        Format::Split => unreachable!("{NO_SPLIT}"),
    }
}

/// Adds the gradient of the input, `[B, I, H, W]`.
pub(crate) fn grad_input(g: &Geometry, w: &[f32], gy: &[f32], gx: &mut [f32], format: Format) {
    match format {
        Format::Bf16 => grad_input_of::<Bf16>(g, w, gy, gx),
        Format::Single => grad_input_of::<Single>(g, w, gy, gx),
        Format::Split => unreachable!("{NO_SPLIT}"),
    }
}

fn forward_of<N: Whole>(g: &Geometry, x: &[f32], w: &[f32]) -> Vec<f32> {
    let (places, window) = (g.places(), g.k * g.k);
    let x = ChannelsLast::<N>::new(x, [g.i, g.h, g.w], g.p);
    let w = taps_first(w, g.i, window);
    let w = Packed::new(Mat::rows(&w, g.o, window * g.i), Side::Left, N::FORMAT);
    let offsets = tap_offsets(g, &x);
    let group = g.group();
    let images = |(task, y): (usize, &mut [f32])| {
        let images = y.len() / (g.o * places);
        let first = output_places(g, &x, task * group..task * group + images);
        let gather = Gather { lines: &x.lines, first: &first, offsets: &offsets };
        let starts = starts(images * places, places, g.o * places);
        let write = |o: usize, column: usize, sums: &[f32]| {
            put(&mut y[starts[column / 16] + o * places..][..sums.len()], sums, false);
        };
        // SAFETY: `w` is packed, so the processor has what packing needs.
        unsafe { with_packed(&w, images * places, |lines| gather.places(lines), write) };
    };
    // SAFETY: each image's places are written, for each channel of the output.
    unsafe { written(g.b * g.o * places, |y| y.par_chunks_mut(group * g.o * places).enumerate().for_each(images)) }
}

/// Where every sixteenth of some columns, `places` of each image, lies in images `image` numbers apart.
fn starts(columns: usize, places: usize, image: usize) -> Vec<usize> {
    (0..columns).step_by(16).map(|column| column / places * image + column % places).collect()
}

/// From an output place's first line to those of each tap and block of channels, taps first.
fn tap_offsets<N>(g: &Geometry, x: &ChannelsLast<N>) -> Vec<usize> {
    let taps = (0..g.k).flat_map(|ky| (0..g.k).map(move |kx| (ky, kx)));
    taps.flat_map(|(ky, kx)| (0..x.blocks).map(move |block| (ky * x.columns + kx) * x.blocks + block)).collect()
}

/// The first lines of what the output places of some images see.
fn output_places<N: Whole>(g: &Geometry, x: &ChannelsLast<N>, images: Range<usize>) -> Vec<usize> {
    let places = |image| (0..g.places()).map(move |p| x.at(image, p / g.ow * g.s, p % g.ow * g.s));
    images.flat_map(places).collect()
}

fn grad_weight_of<N: Whole>(g: &Geometry, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    let window = g.k * g.k;
    let x = ChannelsLast::<N>::new(x, [g.i, g.h, g.w], g.p);
    let lhs = pack_gradient::<N>(g, gy);
    let first = output_places(g, &x, 0..g.b);
    let offsets = tap_offsets(g, &x);
    // Each task makes one tap's part `[O, I]`; the parts are put in the weights' order afterwards.
    let mut parts = vec![0.0; gw.len()];
    parts.par_chunks_mut(g.o * g.i).zip(offsets.par_chunks(x.blocks)).for_each(|(part, offsets)| {
        let gather = Gather { lines: &x.lines, first: &first, offsets };
        let write = |o: usize, i: usize, sums: &[f32]| put(&mut part[o * g.i + i..][..sums.len()], sums, false);
        // SAFETY: `lhs` is packed, so the processor has what packing needs.
        unsafe { with_packed(&lhs, g.i, |lines| gather.channels::<N>(lines), write) };
    });
    gw.par_chunks_mut(g.i * window).enumerate().for_each(|(o, gw)| {
        let of_taps = Mat::strided(&parts[o * g.i..], window, g.i, g.o * g.i, 1);
        let turned = row_major_here(of_taps.t());
        gw.iter_mut().zip(turned).for_each(|(d, v)| *d += v);
    });
}

/// A copy with its rows one after the other, made on the calling thread.
fn row_major_here(view: Mat<f32>) -> Vec<f32> {
    let mut out = vec![0.0; view.row_count() * view.col_count()];
    copy_squares(view, &mut out);
    out
}

/// `gy [B, O, places]` as the left side with a row for each channel and all places of the batch along it.
fn pack_gradient<N: Whole>(g: &Geometry, gy: &[f32]) -> Packed {
    let places = g.places();
    let mut packed = Packed::unfilled(Side::Left, g.o, g.b * places, N::FORMAT);
    let (panels, steps) = (packed.panels(), packed.steps());
    let lines = Shared::new(packed.lines_mut());
    (0..steps).into_par_iter().for_each(|step| {
        for panel in 0..panels {
            // SAFETY: this task alone touches its step of every panel.
            let lines = unsafe { lines.slice((panel * steps + step) * STEP_LINES, STEP_LINES) };
            // SAFETY: `Packed::unfilled` has asserted that the processor has what packing needs.
            unsafe { pack_gradient_step::<N>(g, gy, panel * PANEL, step * N::STEP, lines) };
        }
    });
    packed
}

/// # Safety
/// The processor has what `N` asks for.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn pack_gradient_step<N: Whole>(g: &Geometry, gy: &[f32], channel: usize, place: usize, lines: &mut [Line]) {
    let places = g.places();
    for (half, tile) in lines.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let load = |i: usize, part: usize| -> __m512 {
            let at = place + part * 16;
            let (image, at) = (at / places, at % places);
            if image >= g.b {
                return _mm512_setzero_ps();
            }
            let sixteen = &gy[(image * g.o + channel + half * 16 + i) * places + at..][..16];
            // SAFETY: there are sixteen numbers.
            unsafe { _mm512_loadu_ps(sixteen.as_ptr()) }
        };
        // SAFETY: the caller's promise.
        unsafe { along::<N>(load, Side::Left, 0, tile) };
    }
}

fn grad_input_of<N: Whole>(g: &Geometry, w: &[f32], gy: &[f32], gx: &mut [f32]) {
    // Taps reach at most this far outside the output.
    let pad = g.k.div_ceil(g.s);
    let gy = ChannelsLast::<N>::new(gy, [g.o, g.oh, g.ow], pad);
    // [O, I, K·K] → [I, O, K·K] → [I, K·K, O].
    let w = taps_first(&swap_outer(w, g.o, g.i, g.k * g.k), g.o, g.k * g.k);
    let phases: Vec<Phase> = (0..g.s * g.s).map(|p| Phase::new(g, &w, &gy, pad, [p / g.s, p % g.s])).collect();
    let (rows, columns) = (g.h / g.s, g.w / g.s);
    let pixels = rows * columns;
    let group = (256 / pixels).clamp(1, g.b);
    gx.par_chunks_mut(group * g.image()).enumerate().for_each_init(Vec::new, |of_phases, (task, gx)| {
        let images = gx.len() / g.image();
        of_phases.resize(gx.len(), 0.0);
        let first: Vec<usize> = (task * group..task * group + images)
            .flat_map(|image| (0..pixels).map(move |p| (image, p / columns, p % columns)))
            .map(|(image, row, column)| gy.at(image, row, column))
            .collect();
        let starts = starts(images * pixels, pixels, g.i * phases.len() * pixels);
        for (number, phase) in phases.iter().enumerate() {
            let gather = Gather { lines: &gy.lines, first: &first, offsets: &phase.offsets };
            // Each image's `[I, S·S, H / S, W / S]`.
            let write = |i: usize, column: usize, sums: &[f32]| {
                let at = starts[column / 16] + (i * phases.len() + number) * pixels;
                put(&mut of_phases[at..][..sums.len()], sums, false);
            };
            // SAFETY: the weights are packed, so the processor has what packing needs.
            unsafe { with_packed(&phase.w, images * pixels, |lines| gather.places(lines), write) };
        }
        for (of_phases, image) in of_phases.chunks_exact(g.image()).zip(gx.chunks_exact_mut(g.image())) {
            merge(g, of_phases, image);
        }
    });
}

/// The pixels of the input with one remainder of rows and columns, and the taps that reach them.
struct Phase {
    /// Left side, `[I, taps · O]`.
    w: Packed,
    /// From the output place with the phase's row and column numbers to what the taps see, by blocks of channels.
    offsets: Vec<usize>,
}

impl Phase {
    /// `w` is `[I, K·K, O]`.
    fn new<N: Whole>(g: &Geometry, w: &[f32], gy: &ChannelsLast<N>, pad: usize, [row, column]: [usize; 2]) -> Self {
        let reach = |at: usize| (0..g.k).filter(move |k| (at + g.p + g.k * g.s - k).is_multiple_of(g.s));
        let taps: Vec<(usize, usize)> = reach(row).flat_map(|ky| reach(column).map(move |kx| (ky, kx))).collect();
        let mut of_taps = vec![0.0; g.i * taps.len() * g.o];
        of_taps.par_chunks_mut((taps.len() * g.o).max(1)).enumerate().for_each(|(i, of_taps)| {
            for (to, (ky, kx)) in of_taps.chunks_exact_mut(g.o).zip(&taps) {
                to.copy_from_slice(&w[(i * g.k * g.k + ky * g.k + kx) * g.o..][..g.o]);
            }
        });
        let w = Packed::new(Mat::rows(&of_taps, g.i, taps.len() * g.o), Side::Left, N::FORMAT);
        // Pixel S·j + at is reached by tap k from output (S·j + at + P − k)/S = j + (at + P − k)/S, an exact division;
        // the padding keeps it from being negative.
        let shift = |at: usize, k: usize| (at + g.p + pad * g.s - k) / g.s;
        let offsets = taps
            .iter()
            .flat_map(|&(ky, kx)| {
                let place = shift(row, ky) * gy.columns + shift(column, kx);
                (0..gy.blocks).map(move |block| place * gy.blocks + block)
            })
            .collect();
        Self { w, offsets }
    }
}

/// `[A, B, L]` → `[B, A, L]`.
fn swap_outer(w: &[f32], a: usize, b: usize, l: usize) -> Vec<f32> {
    let mut out = vec![0.0; w.len()];
    out.par_chunks_mut(a * l).enumerate().for_each(|(j, out)| {
        for (i, out) in out.chunks_exact_mut(l).enumerate() {
            out.copy_from_slice(&w[(i * b + j) * l..][..l]);
        }
    });
    out
}
