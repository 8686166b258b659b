//! Left sides written and read row by row, and turned into sides of products over their rows.

use super::Line;
use super::number::Number;
use super::pack::{PANEL, Packed, Panels, STEP_LINES, Side, step_lines};
use super::tile::transpose_lines;
use crate::nn::cpu::gemm::Shared;
use rayon::prelude::*;
use std::arch::x86_64::__m512;
use std::marker::PhantomData;
use std::ops::Range;

/// Rows of a left side: some of its panels, each of `steps` steps.
pub(super) struct Rows<L, N> {
    lines: L,
    steps: usize,
    number: PhantomData<N>,
}

impl<L: AsRef<[Line]>, N: Number> Rows<L, N> {
    pub(super) fn new(lines: L, steps: usize) -> Self {
        Self { lines, steps, number: PhantomData }
    }

    /// The line that has a number, or the first part of it, and the number's place there.
    fn place(&self, row: usize, column: usize) -> (usize, usize) {
        let step = row / PANEL * self.steps + column / N::STEP;
        (step * step_lines::<N>() + row % PANEL, column % N::STEP)
    }

    /// Sixteen numbers of a row; `column` is a multiple of sixteen.
    ///
    /// # Safety
    /// The processor has what `N` asks for.
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    pub(super) unsafe fn get(&self, row: usize, column: usize) -> __m512 {
        let (line, at) = self.place(row, column);
        // SAFETY: the caller's promise.
        unsafe { N::get(&self.lines.as_ref()[line..], STEP_LINES, at) }
    }

    /// `rows` of them as a side of a product.
    pub(super) fn panels(&self, rows: usize) -> Panels<'_> {
        Panels { lines: self.lines.as_ref(), steps: self.steps, step_lines: step_lines::<N>(), outer: rows }
    }

    /// The lines.
    pub(super) fn into_lines(self) -> L {
        self.lines
    }
}

impl<L: AsRef<[Line]> + AsMut<[Line]>, N: Number> Rows<L, N> {
    /// Writes what [`Rows::get`] reads.
    ///
    /// # Safety
    /// As [`Rows::get`].
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    pub(super) unsafe fn put(&mut self, row: usize, column: usize, sixteen: __m512) {
        let (line, at) = self.place(row, column);
        // SAFETY: the caller's promise.
        unsafe { N::put(&mut self.lines.as_mut()[line..], STEP_LINES, at, sixteen) };
    }
}

/// Some columns of a left side `[rows, …]` as a side whose outer numbers are these columns, and whose inner ones are the rows:
/// on the left their transpose.
///
/// # Panics
/// When `side` is not a left side of `N`, or the columns do not fill panels.
pub(super) fn turn<N: Number>(side: &Packed, columns: Range<usize>, to: Side) -> Packed {
    assert_eq!((side.side(), side.format()), (Side::Left, N::FORMAT));
    assert!(columns.start.is_multiple_of(PANEL) && columns.len().is_multiple_of(PANEL) && columns.end <= side.inner);
    let mut turned = Packed::unfilled(to, columns.len(), side.outer(), N::FORMAT);
    let (panels, steps) = (turned.panels(), turned.steps());
    let lines = Shared::new(turned.lines_mut());
    let from = side.part(0..side.panels());
    (0..steps).into_par_iter().for_each(|step| {
        for panel in 0..panels {
            // SAFETY: this task alone touches its step of every panel.
            let lines = unsafe { lines.slice((panel * steps + step) * step_lines::<N>(), step_lines::<N>()) };
            // SAFETY: `Packed::unfilled` has asserted that the processor has what packing needs.
            unsafe { turn_step::<N>(from, step * N::STEP, columns.start + panel * PANEL, to, lines) };
        }
    });
    turned
}

/// A step of rows from `row` on by thirty-two columns from `column` on.
///
/// # Safety
/// The processor has what `N` asks for.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn turn_step<N: Number>(from: Panels, row: usize, column: usize, to: Side, lines: &mut [Line]) {
    for (t, tile) in lines.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let (part, half) = (t / 2, t % 2);
        let line = |i: usize, block: usize| {
            let row = row + i;
            if row >= from.outer {
                return Line([0; 16]);
            }
            let step = row / PANEL * from.steps + column / N::STEP + block;
            from.lines[step * step_lines::<N>() + part * STEP_LINES + row % PANEL]
        };
        for (i, to) in tile.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            *to = unsafe { N::turned(line, i, half) };
        }
        if to == Side::Left {
            transpose_lines(tile);
        }
    }
}
