//! Matrix products of packed sides, in bf16 summed in `f32`, or in `f32`.
//!
//! Both sides are first packed into tiles, in the layouts that the processor's instructions read. Of bf16 these are AMX
//! (the product of two tiles is one instruction) or, where there is none, AVX512-BF16; of `f32` AVX-512's fused
//! multiply-adds or, as sums of three bf16, AMX again. What is summed in which order depends on the sizes alone, so the same numbers come out for any number
//! of threads.

mod amx;
mod avx512;
pub(crate) mod conv;
mod fma;
pub(crate) mod joint;
mod lanes;
mod left;
mod masked;
mod number;
mod pack;
pub(crate) mod pair;
mod pool;
mod product;
pub(crate) mod residual;
#[cfg(test)]
mod residual_tests;
#[cfg(test)]
mod tests;
mod thirds;
mod tile;
mod upper;

pub(crate) use number::Format;
pub(crate) use pack::{Packed, Side};
pub(crate) use product::{par_product, product};
pub(crate) use upper::fits;

use std::sync::OnceLock;

/// Sixteen `f32`, or sixteen pairs of bf16; the lower half of a pair is the first.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Line(pub [u32; 16]);

/// Sixteen rows of sixteen sums.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Tile(pub [[f32; 16]; 16]);

/// What multiplies tiles on this processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// AMX, of bf16.
    Tiles,
    /// AMX, of bf16 on the left and on the right sums of three: see [`thirds`].
    Thirds,
    /// AMX, of sums of three bf16 on both sides.
    Sixths,
    /// AVX512-BF16.
    Pairs,
    /// AVX-512, of `f32`.
    Singles,
}

impl Unit {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tiles | Self::Thirds | Self::Sixths => "AMX",
            Self::Pairs => "AVX512-BF16",
            Self::Singles => "AVX-512",
        }
    }

    /// Lines of a step of a panel of a side packed for it: two tiles of sixteen, or three times two.
    fn step_lines(self) -> usize {
        match self {
            Self::Tiles | Self::Pairs | Self::Singles => pack::STEP_LINES,
            Self::Thirds | Self::Sixths => 3 * pack::STEP_LINES,
        }
    }

    /// Steps that are multiplied before the next part of the inner dimension, so that one panel's part stays in the first
    /// cache.
    fn part(self) -> usize {
        match self {
            Self::Tiles | Self::Pairs => 16,
            Self::Thirds | Self::Sixths => 4,
            Self::Singles => 8,
        }
    }

    /// The better of what the processor has for bf16; `None` where it has neither, or no AVX-512 to pack with.
    fn of_bf16() -> Option<Self> {
        static UNIT: OnceLock<Option<Unit>> = OnceLock::new();
        *UNIT.get_or_init(|| {
            if Self::of_singles().is_none() || !is_x86_feature_detected!("avx512bf16") {
                None
            } else if amx::available() {
                Some(Self::Tiles)
            } else {
                Some(Self::Pairs)
            }
        })
    }

    /// AMX where the processor has it.
    fn of_split() -> Option<Self> {
        (Self::of_bf16() == Some(Self::Tiles)).then_some(Self::Sixths)
    }

    /// AVX-512 where the processor has it.
    fn of_singles() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")).then_some(Self::Singles)
    }
}
