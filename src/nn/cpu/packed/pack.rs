//! Packing into tiles.
//!
//! A product sums over its inner dimension; the other one of each side, rows of the left and columns of the right, is
//! called the outer one here. Both are padded with zeros: the outer to panels of 32, the inner to steps of 32 (bf16) or
//! 16 (`f32`). A step of a panel is two tiles of 16 lines, or of sums of three bf16 two for the first of the three, two for
//! the second, two for the third. On the left a line is one row's inner numbers of a step; on the right it is one inner
//! number, or pair of bf16, for each of 16 columns.

use super::number::{Bf16, Format, Number, Single, Split};
use super::tile::pack_tile;
use super::{Line, Unit};
use crate::nn::cpu::gemm::{Mat, Shared};
use rayon::prelude::*;
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
        let at = (panel * self.panel_steps + self.first_step + step) * step_lines::<N>();
        // SAFETY: every step of every panel belongs to one band, and bands are packed once each.
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
