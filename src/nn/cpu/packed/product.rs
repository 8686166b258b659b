//! Products of packed sides.

use super::pack::{PANEL, Packed, Panels, Side};
use super::{Tile, Unit, amx, avx512, fma};
use crate::nn::cpu::gemm::Shared;
use rayon::prelude::*;
use std::cell::Cell;
use std::ops::Range;

/// Panels along each side of the block that a task computes: its sums and the operands' parts stay in the second cache.
const BLOCK_PANELS: usize = 8;

thread_local! {
    /// Sums of the block at work, kept for the next one.
    static SUMS: Cell<Vec<[Tile; 4]>> = const { Cell::new(Vec::new()) };
}

/// `lhs·rhs` on the calling thread; `write(row, first column, sums)` takes the sums of each row, sixteen (or what is left
/// of them) at a time, row by row from left to right.
///
/// # Safety
/// The processor has `unit`, and both sides are of its numbers.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
pub(super) unsafe fn block(unit: Unit, lhs: Panels, rhs: Panels, mut write: impl FnMut(usize, usize, &[f32])) {
    let (down, across) = (lhs.count(), rhs.count());
    if down == 0 || across == 0 {
        return;
    }
    let mut sums = SUMS.take();
    if sums.len() < down * across {
        sums.resize(down * across, [Tile([[0.0; 16]; 16]); 4]);
    }
    let (steps, panel, right_panel) = (lhs.steps, lhs.panel_lines(), rhs.panel_lines());
    if steps == 0 {
        sums.fill([Tile([[0.0; 16]; 16]); 4]);
    }
    for part in (0..steps).step_by(unit.part()) {
        let count = unit.part().min(steps - part);
        let left = &lhs.lines[part * lhs.step_lines..];
        let next = part + count..part + count + unit.part();
        for (r, out) in sums.chunks_mut(down).take(across).enumerate() {
            let right = &rhs.lines[r * right_panel + part * rhs.step_lines..][..count * rhs.step_lines];
            match unit {
                // SAFETY: the caller's promise, here and in the next three lines.
                Unit::Tiles => unsafe { amx::panels(left, panel, right, count, out, part > 0) },
                Unit::Thirds => unsafe { amx::thirds(left, panel, right, count, out, part > 0) },
                Unit::Sixths => unsafe { amx::sixths(left, panel, right, count, out, part > 0) },
                Unit::Pairs => unsafe { avx512::panels(left, panel, right, count, out, part > 0) },
                Unit::Singles => {
                    // Of the next part, each call asks for its share of the left panels and of the right one.
                    fma::panels(left, panel, right, count, out, part > 0, |p| {
                        [lhs.share(p, next.clone(), [r, across]), rhs.share(r, next.clone(), [p, down])]
                    });
                }
            }
        }
    }
    for row in 0..lhs.outer {
        let (tile, line) = (row % PANEL / 16 * 2, row % 16);
        for (r, sums) in sums.chunks(down).take(across).enumerate() {
            let of_row = &sums[row / PANEL];
            for half in 0..2 {
                let column = r * PANEL + half * 16;
                let width = rhs.outer.saturating_sub(column).min(16);
                if width > 0 {
                    write(row, column, &of_row[tile + half].0[line][..width]);
                }
            }
        }
    }
    SUMS.set(sums);
}

/// `dst = lhs·rhs`, or `dst += lhs·rhs`, on the calling thread. `dst` has rows `stride` apart.
///
/// # Panics
/// When sides or sizes do not fit.
pub(crate) fn product(dst: &mut [f32], stride: usize, lhs: &Packed, rhs: &Packed, accumulate: bool) {
    let unit = check(lhs, rhs);
    // SAFETY: it was detected.
    unsafe { product_by(unit, dst, stride, lhs, rhs, accumulate) };
}

/// [`product`] by one of the processor's units.
///
/// # Safety
/// As [`block`].
pub(super) unsafe fn product_by(
    unit: Unit,
    dst: &mut [f32],
    stride: usize,
    lhs: &Packed,
    rhs: &Packed,
    accumulate: bool,
) {
    for left in blocks(lhs) {
        for right in blocks(rhs) {
            let dst = &mut dst[left.start * PANEL * stride + right.start * PANEL..];
            // SAFETY: the caller's promise.
            unsafe { store(unit, dst, stride, lhs.part(left.clone()), rhs.part(right), accumulate) };
        }
    }
}

/// A block of a product into rows of `dst`.
///
/// # Safety
/// As [`block`].
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn store(unit: Unit, dst: &mut [f32], stride: usize, lhs: Panels, rhs: Panels, accumulate: bool) {
    let write = |row: usize, column: usize, sums: &[f32]| {
        put(&mut dst[row * stride + column..][..sums.len()], sums, accumulate);
    };
    // SAFETY: the caller's promise.
    unsafe { block(unit, lhs, rhs, write) };
}

/// `dst = lhs·rhs` (or `+=`) in parallel, rows of `dst` contiguous, then `epilogue(row, first column, elements)` on each
/// piece of a row while it is still in the cache.
///
/// # Panics
/// As [`product`].
pub(crate) fn par_product(
    dst: &mut [f32],
    lhs: &Packed,
    rhs: &Packed,
    accumulate: bool,
    epilogue: &(dyn Fn(usize, usize, &mut [f32]) + Sync),
) {
    let unit = check(lhs, rhs);
    let n = rhs.outer();
    assert_eq!(dst.len(), lhs.outer() * n);
    let shared = Shared::new(dst);
    let across = rhs.panels().div_ceil(BLOCK_PANELS);
    (0..lhs.panels().div_ceil(BLOCK_PANELS) * across).into_par_iter().for_each(|task| {
        let (left, right) = (panels(lhs, task / across), panels(rhs, task % across));
        let at = [left.start * PANEL, right.start * PANEL];
        let (lhs, rhs) = (lhs.part(left), rhs.part(right));
        // SAFETY: `unit` was detected; tasks own disjoint blocks of `dst`, which stays borrowed until they are done.
        unsafe { store_shared(unit, shared, n, at, lhs, rhs, accumulate) };
        for row in at[0]..at[0] + lhs.outer {
            // SAFETY: as above; the block's references are gone.
            epilogue(row, at[1], unsafe { shared.slice(row * n + at[1], rhs.outer) });
        }
    });
}

/// A block of a product into its place in rows of `n`.
///
/// # Safety
/// As [`block`], and no other task may use the block's elements meanwhile.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn store_shared(
    unit: Unit,
    dst: Shared<f32>,
    n: usize,
    [first_row, first_column]: [usize; 2],
    lhs: Panels,
    rhs: Panels,
    accumulate: bool,
) {
    let write = |row: usize, column: usize, sums: &[f32]| {
        // SAFETY: the caller's promise; the slice is used before the next is made.
        let dst = unsafe { dst.slice((first_row + row) * n + first_column + column, sums.len()) };
        put(dst, sums, accumulate);
    };
    // SAFETY: the caller's promise.
    unsafe { block(unit, lhs, rhs, write) };
}

/// Sixteen sums, or fewer, into as many numbers.
#[inline]
pub(super) fn put(dst: &mut [f32], sums: &[f32], accumulate: bool) {
    // The whole width nearly always, and then without a loop or a call.
    if let (Ok(dst), Ok(sums)) = (<&mut [f32; 16]>::try_from(&mut *dst), <&[f32; 16]>::try_from(sums)) {
        for i in 0..16 {
            dst[i] = if accumulate { dst[i] + sums[i] } else { sums[i] };
        }
    } else if accumulate {
        dst.iter_mut().zip(sums).for_each(|(d, &s)| *d += s);
    } else {
        dst.copy_from_slice(sums);
    }
}

fn check(lhs: &Packed, rhs: &Packed) -> Unit {
    assert_eq!((lhs.side(), rhs.side()), (Side::Left, Side::Right), "each side is packed for its place");
    assert_eq!(lhs.inner, rhs.inner, "inner dimensions differ");
    assert_eq!(lhs.format(), rhs.format(), "sides are of the same numbers");
    rhs.unit()
}

/// Panels of block `i`.
fn panels(side: &Packed, i: usize) -> Range<usize> {
    i * BLOCK_PANELS..((i + 1) * BLOCK_PANELS).min(side.panels())
}

fn blocks(side: &Packed) -> impl Iterator<Item = Range<usize>> {
    (0..side.panels().div_ceil(BLOCK_PANELS)).map(|i| panels(side, i))
}
