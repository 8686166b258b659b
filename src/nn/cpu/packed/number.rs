//! What numbers are packed as.

use super::{Line, Unit, lanes};
use std::arch::asm;
use std::arch::x86_64::{
    __m256i, __m512, __m512i, _mm256_loadu_si256, _mm256_storeu_si256, _mm512_castps_si512, _mm512_castsi512_ps,
    _mm512_cvtepu16_epi32, _mm512_permutex2var_epi16, _mm512_permutexvar_epi16, _mm512_set_epi16, _mm512_slli_epi32,
};

/// What the numbers of a packed side are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Rounded to bf16.
    Bf16,
    /// `f32`.
    Single,
}

impl Format {
    /// Inner numbers of a step, which are also those of a line along the inner dimension.
    pub(super) fn step(self) -> usize {
        match self {
            Self::Bf16 => Bf16::STEP,
            Self::Single => Single::STEP,
        }
    }

    /// What multiplies them on this processor, if anything does.
    pub(crate) fn unit(self) -> Option<Unit> {
        match self {
            Self::Bf16 => Unit::of_bf16(),
            Self::Single => Unit::of_singles(),
        }
    }
}

/// The numbers of packed lines. The methods move sixteen or more at a time in AVX-512's registers.
pub(super) trait Number: Send + Sync + 'static {
    /// Its name at run time.
    const FORMAT: Format;
    /// Inner numbers of a step and of a line: a multiple of sixteen.
    const STEP: usize;
    /// How one of them is kept outside packed sides.
    type Kept: Copy + Send + Sync;

    /// A line of [`Number::STEP`] inner numbers of one outer number: `load(half)` gives sixteen of them.
    ///
    /// # Safety
    /// The processor has what [`Format::unit`] asks for; so with the other methods.
    unsafe fn along(load: impl Fn(usize) -> __m512) -> __m512i;

    /// Line `i` across sixteen outer numbers: `load(inner)` gives these at an inner number of the step.
    ///
    /// # Safety
    /// As [`Number::along`].
    unsafe fn across(load: impl Fn(usize) -> __m512, i: usize) -> __m512i;

    /// Line `i` across outer numbers `16·half..16·half + 16` of thirty-two: `line(inner, block)` gives a line along
    /// them, which holds [`Number::STEP`] of the thirty-two, from `block · STEP` on.
    ///
    /// # Safety
    /// As [`Number::along`].
    unsafe fn turned(line: impl Fn(usize, usize) -> Line, i: usize, half: usize) -> Line;

    /// Sixteen kept numbers.
    ///
    /// # Safety
    /// As [`Number::along`].
    unsafe fn load(kept: &[Self::Kept]) -> __m512;

    /// Keeps sixteen numbers.
    ///
    /// # Safety
    /// As [`Number::along`].
    unsafe fn store(kept: &mut [Self::Kept], v: __m512);
}

/// Rounded to the nearest bf16, ties to even; two share a lane, the first in the lower half.
pub(super) struct Bf16;

/// `f32` as it is.
pub(super) struct Single;

impl Number for Bf16 {
    const FORMAT: Format = Format::Bf16;
    const STEP: usize = 32;
    type Kept = u16;

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn along(load: impl Fn(usize) -> __m512) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe { two(load(0), load(1)) }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn across(load: impl Fn(usize) -> __m512, i: usize) -> __m512i {
        let order = _mm512_set_epi16(
            31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17,
            1, 16, 0,
        );
        // SAFETY: the caller's promise.
        _mm512_permutexvar_epi16(order, unsafe { two(load(2 * i), load(2 * i + 1)) })
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn turned(line: impl Fn(usize, usize) -> Line, i: usize, half: usize) -> Line {
        let (first, second) = (line(2 * i, 0), line(2 * i + 1, 0));
        let order = if half == 0 { const { sixteen_of_each(0) } } else { const { sixteen_of_each(16) } };
        // SAFETY: these types are sixty-four bytes of plain numbers.
        unsafe {
            let [first, second] = [first, second].map(|line| std::mem::transmute::<[u32; 16], __m512i>(line.0));
            let order = std::mem::transmute::<[u16; 32], __m512i>(order);
            Line(std::mem::transmute::<__m512i, [u32; 16]>(_mm512_permutex2var_epi16(first, order, second)))
        }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn load(kept: &[u16]) -> __m512 {
        let sixteen = &kept[..16];
        // SAFETY: there are sixteen numbers.
        let bits = unsafe { _mm256_loadu_si256(sixteen.as_ptr().cast()) };
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(bits)))
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn store(kept: &mut [u16], v: __m512) {
        let sixteen = &mut kept[..16];
        // The compiler's own function would need AVX512-BF16 in every function that packs, `f32` too.
        // SAFETY: the caller promises AVX512-BF16; there is room for sixteen numbers.
        unsafe {
            let bits: __m256i;
            asm!("vcvtneps2bf16 {bits}, {v}", bits = out(ymm_reg) bits, v = in(zmm_reg) v,
                options(pure, nomem, nostack, preserves_flags));
            _mm256_storeu_si256(sixteen.as_mut_ptr().cast(), bits);
        }
    }
}

/// Two times sixteen numbers rounded to bf16, the first ones in the lower half.
///
/// # Safety
/// The processor has AVX512-BF16.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
unsafe fn two(first: __m512, second: __m512) -> __m512i {
    let both: __m512i;
    // SAFETY: the caller's promise; see `store` for why this is assembly.
    unsafe {
        asm!("vcvtne2ps2bf16 {both}, {second}, {first}", both = lateout(zmm_reg) both, second = in(zmm_reg) second,
            first = in(zmm_reg) first, options(pure, nomem, nostack, preserves_flags));
    }
    both
}

/// Numbers `from..from + 16` of two lines side by side; those of the second line count from 32 on.
const fn sixteen_of_each(from: u16) -> [u16; 32] {
    let mut order = [0; 32];
    let mut i = 0;
    while i < 16 {
        (order[2 * i], order[2 * i + 1]) = (from + i as u16, from + i as u16 + 32);
        i += 1;
    }
    order
}

impl Number for Single {
    const FORMAT: Format = Format::Single;
    const STEP: usize = 16;
    type Kept = f32;

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn along(load: impl Fn(usize) -> __m512) -> __m512i {
        _mm512_castps_si512(load(0))
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn across(load: impl Fn(usize) -> __m512, i: usize) -> __m512i {
        _mm512_castps_si512(load(i))
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn turned(line: impl Fn(usize, usize) -> Line, i: usize, half: usize) -> Line {
        line(i, half)
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn load(kept: &[f32]) -> __m512 {
        lanes::load(kept)
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn store(kept: &mut [f32], v: __m512) {
        lanes::store(kept, v);
    }
}
