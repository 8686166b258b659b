//! Packing into tiles.
//!
//! A product sums over its inner dimension; the other one of each side, rows of the left and columns of the right, is
//! called the outer one here. Both are padded with zeros: the outer to panels of 32, the inner to steps of 32 (bf16) or
//! 16 (`f32`). A step of a panel is two tiles of 16 lines. On the left a line is one row's inner numbers of a step; on the
//! right it is one inner number, or pair of bf16, for each of 16 columns.

use super::number::{Bf16, Format, Number, Single, Split};
use super::{Line, Unit};
use crate::nn::cpu::gemm::{Mat, Shared};
use crate::nn::cpu::square::transpose;
use rayon::prelude::*;
use std::arch::x86_64::{
    __m512, __m512i, _mm512_load_si512, _mm512_loadu_ps, _mm512_maskz_loadu_ps, _mm512_setzero_si512,
};
use std::ops::Range;

/// Outer numbers of a panel.
pub(super) const PANEL: usize = 32;
/// Lines of a step of a panel: two tiles of sixteen (and see [`Unit::step_lines`]).
pub(super) const STEP_LINES: usize = 32;

/// Which side of a product is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The left side; its rows are the outer dimension.
    Left,
    /// The right side; its columns are.
    Right,
}

/// One side of a product.
#[derive(Debug)]
pub(crate) struct Packed {
    /// Panel after panel, in each step after step; perhaps more lines after them.
    lines: Vec<Line>,
    side: Side,
    format: Format,
    /// What multiplies this format here.
    unit: Unit,
    /// Rows of the left side, columns of the right.
    outer: usize,
    /// Columns of the left side, rows of the right.
    pub(super) inner: usize,
}

impl Packed {
    /// Packs a view on all threads.
    ///
    /// # Panics
    /// Where nothing multiplies this format ([`Format::unit`]), or when neither rows nor columns are contiguous.
    pub(crate) fn new(view: Mat<f32>, side: Side, format: Format) -> Self {
        let mut packed = Self::sized(view, side, format);
        let work = Work::new(view, side, &mut packed, 0);
        (0..work.bands()).into_par_iter().for_each(|band| work.pack(format, band));
        packed
    }

    /// The same on the calling thread.
    ///
    /// # Panics
    /// As [`Packed::new`].
    pub(crate) fn here(view: Mat<f32>, side: Side, format: Format) -> Self {
        let mut packed = Self::sized(view, side, format);
        let work = Work::new(view, side, &mut packed, 0);
        (0..work.bands()).for_each(|band| work.pack(format, band));
        packed
    }

    /// A side whose inner dimension is that of the first view and then that of the second, on all threads.
    ///
    /// # Panics
    /// As [`Packed::new`], and when the outer dimensions differ, or the first view's inner one does not fill its steps.
    pub(super) fn joined(views: [Mat<f32>; 2], side: Side, format: Format) -> Self {
        let inner = views.map(|view| if side == Side::Left { view.col_count() } else { view.row_count() });
        assert!(inner[0].is_multiple_of(format.step()));
        let outer = if side == Side::Left { views[0].row_count() } else { views[0].col_count() };
        let mut packed = Self::unfilled(side, outer, inner[0] + inner[1], format);
        for (view, first_step) in views.into_iter().zip([0, inner[0] / format.step()]) {
            let work = Work::new(view, side, &mut packed, first_step);
            (0..work.bands()).into_par_iter().for_each(|band| work.pack(format, band));
        }
        packed
    }

    fn sized(view: Mat<f32>, side: Side, format: Format) -> Self {
        match side {
            Side::Left => Self::unfilled(side, view.row_count(), view.col_count(), format),
            Side::Right => Self::unfilled(side, view.col_count(), view.row_count(), format),
        }
    }

    /// A side whose numbers are still to be packed, all of them.
    ///
    /// # Panics
    /// Where nothing multiplies this format.
    pub(super) fn unfilled(side: Side, outer: usize, inner: usize, format: Format) -> Self {
        let unit = format.unit().expect("only what can be multiplied here is packed");
        let mut packed = Self { lines: Vec::new(), side, format, unit, outer, inner };
        packed.lines = super::pool::take(packed.panels() * packed.panel_lines());
        packed
    }

    /// A right side of [sums of three](super::thirds), still to be packed.
    ///
    /// # Panics
    /// Where there are no tiles.
    pub(super) fn unfilled_thirds(outer: usize, inner: usize) -> Self {
        assert_eq!(Format::Bf16.unit(), Some(Unit::Tiles), "only what can be multiplied here is packed");
        let (side, format, unit) = (Side::Right, Format::Bf16, Unit::Thirds);
        let mut packed = Self { lines: Vec::new(), side, format, unit, outer, inner };
        packed.lines = super::pool::take(packed.panels() * packed.panel_lines());
        packed
    }

    /// The lines of its panels.
    pub(super) fn lines_mut(&mut self) -> &mut [Line] {
        let lines = self.panels() * self.panel_lines();
        &mut self.lines[..lines]
    }

    /// Rows of the left side, columns of the right.
    pub(crate) fn outer(&self) -> usize {
        self.outer
    }

    pub(super) fn side(&self) -> Side {
        self.side
    }

    /// What its numbers are.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// What multiplies it.
    pub(super) fn unit(&self) -> Unit {
        self.unit
    }

    /// Panels of 32.
    pub(super) fn panels(&self) -> usize {
        self.outer.div_ceil(PANEL)
    }

    /// Steps along the inner dimension.
    pub(super) fn steps(&self) -> usize {
        self.inner.div_ceil(self.format.step())
    }

    /// Lines of a panel.
    fn panel_lines(&self) -> usize {
        self.steps() * self.unit.step_lines()
    }

    /// Some of the panels.
    pub(super) fn part(&self, panels: Range<usize>) -> Panels<'_> {
        let outer = (panels.end * PANEL).min(self.outer) - panels.start * PANEL;
        let lines = &self.lines[panels.start * self.panel_lines()..panels.end * self.panel_lines()];
        Panels { lines, steps: self.steps(), step_lines: self.unit.step_lines(), outer }
    }

    /// All panels.
    pub(super) fn all(&self) -> Panels<'_> {
        self.part(0..self.panels())
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        super::pool::give(std::mem::take(&mut self.lines));
    }
}

/// Panels of one side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panels<'a> {
    /// Panel after panel, in each step after step.
    pub lines: &'a [Line],
    /// Steps of a panel.
    pub steps: usize,
    /// Lines of a step.
    pub step_lines: usize,
    /// Outer numbers; the last panel is padded.
    pub outer: usize,
}

impl<'a> Panels<'a> {
    /// Their number.
    pub fn count(&self) -> usize {
        self.outer.div_ceil(PANEL)
    }

    /// Lines of a panel.
    pub fn panel_lines(&self) -> usize {
        self.steps * self.step_lines
    }

    /// One of `shares` equal shares of some steps of a panel; nothing beyond its last step.
    pub fn share(&self, panel: usize, steps: Range<usize>, [share, shares]: [usize; 2]) -> &'a [Line] {
        let steps = steps.start.min(self.steps)..steps.end.min(self.steps);
        let (from, lines) = (panel * self.panel_lines() + steps.start * self.step_lines, steps.len() * self.step_lines);
        &self.lines[from + share * lines / shares..from + (share + 1) * lines / shares]
    }
}

/// Packing cut into bands along the view's contiguous direction, so that each reads memory in order: panels where the
/// inner dimension is contiguous, else steps.
struct Work<'a> {
    /// Rows are the outer dimension.
    view: Mat<'a, f32>,
    side: Side,
    lines: Shared<Line>,
    panels: usize,
    steps: usize,
    /// The first step's number in a panel, and all steps of one.
    first_step: usize,
    panel_steps: usize,
}

impl<'a> Work<'a> {
    /// Work on the steps of each panel from `first_step` on.
    fn new(view: Mat<'a, f32>, side: Side, packed: &mut Packed, first_step: usize) -> Self {
        let view = if side == Side::Left { view } else { view.t() };
        let (panels, panel_steps) = (packed.panels(), packed.steps());
        let steps = view.col_count().div_ceil(packed.format.step());
        assert!(view.row_count() == packed.outer && first_step + steps <= panel_steps, "there is room for it");
        Self { view, side, lines: Shared::new(&mut packed.lines), panels, steps, first_step, panel_steps }
    }

    fn bands(&self) -> usize {
        if self.view.has_flat_rows() { self.panels } else { self.steps }
    }

    fn pack(&self, format: Format, band: usize) {
        match format {
            Format::Bf16 => self.pack_band::<Bf16>(band),
            Format::Single => self.pack_band::<Single>(band),
            Format::Split => self.pack_band::<Split>(band),
        }
    }

    fn pack_band<N: Number>(&self, band: usize) {
        if self.view.has_flat_rows() {
            (0..self.steps).for_each(|step| self.pack_step::<N>(band, step));
        } else {
            (0..self.panels).for_each(|panel| self.pack_step::<N>(panel, band));
        }
    }

    fn pack_step<N: Number>(&self, panel: usize, step: usize) {
        // SAFETY: every step of every panel belongs to one band, and bands are packed once each.
        let at = (panel * self.panel_steps + self.first_step + step) * step_lines::<N>();
        let lines = unsafe { self.lines.slice(at, step_lines::<N>()) };
        for (t, tile) in lines.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let at = [panel * PANEL + t % 2 * 16, step * N::STEP];
            // SAFETY: `Packed::unfilled` has asserted that the processor has what the function needs.
            unsafe { pack_tile::<N>(self.view, self.side, at, t / 2, tile) };
        }
    }
}

/// Lines of a step of a panel of these numbers, the parts one after the other.
pub(super) const fn step_lines<N: Number>() -> usize {
    N::PARTS * STEP_LINES
}

/// A part of sixteen outer numbers by a step of inner ones from `at` on; zeros outside the view.
///
/// # Safety
/// The processor has what `N` asks for; so with the functions below.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn pack_tile<N: Number>(
    view: Mat<f32>,
    side: Side,
    [outer, inner]: [usize; 2],
    part: usize,
    tile: &mut [Line; 16],
) {
    let (rows, cols) = (view.row_count(), view.col_count());
    let whole = outer + 16 <= rows && inner + N::STEP <= cols;
    let flat = view.has_flat_rows();
    // SAFETY: the caller's promise, in each of the four.
    unsafe {
        if flat && whole {
            let window = view.window([outer, inner], [16, N::STEP]);
            along::<N>(|i, half| window.sixteen(i, half * 16), side, part, tile);
        } else if whole {
            let window = view.t().window([inner, outer], [N::STEP, 16]);
            across::<N>(|i| window.sixteen(i, 0), side, part, tile);
        } else if flat {
            let load = |i: usize, half: usize| {
                let (row, from) = (outer + i, inner + half * 16);
                load(view, row, from, if row < rows { cols.saturating_sub(from).min(16) } else { 0 })
            };
            along::<N>(load, side, part, tile);
        } else {
            let load = |i: usize| {
                let column = inner + i;
                load(view, outer, column, if column < cols { rows.saturating_sub(outer).min(16) } else { 0 })
            };
            across::<N>(load, side, part, tile);
        }
    }
}

/// A part of a tile from runs of the inner dimension: `load(i, half)` gives number `i` of the outer one, sixteen inner numbers from
/// the first or (of bf16) the sixteenth on.
///
/// # Safety
/// As [`pack_tile`].
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
pub(super) unsafe fn along<N: Number>(
    load: impl Fn(usize, usize) -> __m512,
    side: Side,
    part: usize,
    tile: &mut [Line; 16],
) {
    let mut vectors = [_mm512_setzero_si512(); 16];
    for (i, vector) in vectors.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *vector = unsafe { N::along(|half| load(i, half), part) };
    }
    if side == Side::Right {
        transpose(&mut vectors);
    }
    write(&vectors, tile);
}

/// A part of a tile from runs of the outer dimension: `load(i)` gives sixteen of its numbers at inner number `i` of the step.
///
/// # Safety
/// As [`pack_tile`].
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
pub(super) unsafe fn across<N: Number>(load: impl Fn(usize) -> __m512, side: Side, part: usize, tile: &mut [Line; 16]) {
    let mut vectors = [_mm512_setzero_si512(); 16];
    for (i, vector) in vectors.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *vector = unsafe { N::across(&load, i, part) };
    }
    if side == Side::Left {
        transpose(&mut vectors);
    }
    write(&vectors, tile);
}

/// The lines of a tile.
#[target_feature(enable = "avx512f")]
pub(super) fn write(vectors: &[__m512i; 16], tile: &mut [Line; 16]) {
    for (line, &vector) in tile.iter_mut().zip(vectors) {
        *line = Line(to_bits(vector));
    }
}

/// Numbers of a view that have been checked to be there, in flat rows.
#[derive(Clone, Copy)]
struct Window<'a> {
    numbers: &'a [f32],
    stride: usize,
    sizes: [usize; 2],
}

impl<'a> Mat<'a, f32> {
    /// The part of a view with flat rows from row and column `at` on, of `sizes`.
    fn window(self, at: [usize; 2], sizes: [usize; 2]) -> Window<'a> {
        let (numbers, stride) = self.flat(at, sizes);
        Window { numbers, stride, sizes }
    }
}

impl Window<'_> {
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn sixteen(self, row: usize, column: usize) -> __m512 {
        debug_assert!(row < self.sizes[0] && column + 16 <= self.sizes[1]);
        // SAFETY: callers ask for what the window has; `Mat::flat` has checked that its last row ends in the slice.
        unsafe { _mm512_loadu_ps(self.numbers.as_ptr().add(row * self.stride + column)) }
    }
}

/// `count` numbers of the view's contiguous direction from `(row, column)` on, up to sixteen; zeros after them.
#[target_feature(enable = "avx512f")]
fn load(view: Mat<f32>, row: usize, column: usize, count: usize) -> __m512 {
    let numbers = if count == 0 { &[] } else { view.run(row, column, count) };
    let mask = ((1u32 << numbers.len()) - 1) as u16;
    // SAFETY: the mask lets through no more numbers than the slice has.
    unsafe { _mm512_maskz_loadu_ps(mask, numbers.as_ptr()) }
}

/// Transposes a tile of sixteen numbers or pairs a line.
#[target_feature(enable = "avx512f")]
pub(super) fn transpose_lines(tile: &mut [Line; 16]) {
    let mut vectors = [_mm512_setzero_si512(); 16];
    for (vector, line) in vectors.iter_mut().zip(&*tile) {
        // SAFETY: a line is sixty-four bytes.
        *vector = unsafe { _mm512_load_si512(std::ptr::from_ref(line).cast()) };
    }
    transpose(&mut vectors);
    write(&vectors, tile);
}

#[target_feature(enable = "avx512f")]
fn to_bits(vector: __m512i) -> [u32; 16] {
    // SAFETY: both are sixty-four bytes of plain numbers.
    unsafe { std::mem::transmute::<__m512i, [u32; 16]>(vector) }
}
