//! Matrix products of numbers rounded to bf16 and summed in `f32`.
//!
//! Both sides are first rounded and packed into tiles, in the layouts that the processor's instructions read: AMX (the
//! product of two tiles is one instruction) or, where there is none, AVX512-BF16. What is summed in which order depends
//! on the sizes alone, so the same numbers come out for any number of threads.

mod amx;
mod avx512;
pub(crate) mod conv;
mod pack;
pub(crate) mod pair;
mod pool;
mod product;
#[cfg(test)]
mod tests;

pub(crate) use pack::{Packed, Side};
pub(crate) use product::{par_product, product};

use std::sync::OnceLock;

/// Sixteen pairs of bf16; the lower half of a pair is the first.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Line(pub [u32; 16]);

/// Sixteen rows of sixteen sums.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Tile(pub [[f32; 16]; 16]);

/// What multiplies bf16 on this processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// AMX.
    Tiles,
    /// AVX512-BF16.
    Vectors,
}

impl Unit {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tiles => "AMX",
            Self::Vectors => "AVX512-BF16",
        }
    }

    /// The better of what the processor has; `None` where it has neither, or no AVX-512 to pack with.
    pub(crate) fn detect() -> Option<Self> {
        static UNIT: OnceLock<Option<Unit>> = OnceLock::new();
        *UNIT.get_or_init(|| {
            if !pack::available() {
                None
            } else if amx::available() {
                Some(Self::Tiles)
            } else {
                Some(Self::Vectors)
            }
        })
    }
}
