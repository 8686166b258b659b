//! What numbers are packed as.

use super::{Line, Unit, lanes};
use std::arch::asm;
use std::arch::x86_64::{
    __m256i, __m512, __m512i, _mm256_loadu_si256, _mm256_storeu_si256, _mm512_add_epi32, _mm512_add_ps,
    _mm512_and_si512, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cvtepi32_epi16, _mm512_cvtepu16_epi32,
    _mm512_mask_mov_epi16, _mm512_permutex2var_epi16, _mm512_permutexvar_epi16, _mm512_set_epi16, _mm512_set1_epi32,
    _mm512_slli_epi32, _mm512_srli_epi32, _mm512_sub_ps,
};

/// What the numbers of a packed side are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Rounded to bf16.
    Bf16,
    /// `f32`.
    Single,
    /// `f32` as sums of three bf16.
    Split,
}

impl Format {
    /// Inner numbers of a step, which are also those of a line along the inner dimension.
    pub(super) fn step(self) -> usize {
        match self {
            Self::Bf16 => Bf16::STEP,
            Self::Single => Single::STEP,
            Self::Split => Split::STEP,
        }
    }

    /// What multiplies them on this processor, if anything does.
    pub(crate) fn unit(self) -> Option<Unit> {
        match self {
            Self::Bf16 => Unit::of_bf16(),
            Self::Single => Unit::of_singles(),
            Self::Split => Unit::of_split(),
        }
    }
}

/// The numbers of packed lines. The methods move sixteen or more at a time in AVX-512's registers.
pub(super) trait Number: Send + Sync + 'static {
    /// Its name at run time.
    const FORMAT: Format;
    /// Inner numbers of a step and of a line: a multiple of sixteen.
    const STEP: usize;
    /// Lines that it takes to hold that many numbers; each has a part of all of them.
    const PARTS: usize = 1;

    /// A line of [`Number::STEP`] inner numbers of one outer number, or a part of it: `load(half)` gives sixteen of them.
    ///
    /// # Safety
    /// The processor has what [`Format::unit`] asks for; so with the other methods.
    unsafe fn along(load: impl Fn(usize) -> __m512, part: usize) -> __m512i;

    /// Line `i` across sixteen outer numbers, or a part of it: `load(inner)` gives these at an inner number of the step.
    ///
    /// # Safety
    /// As [`Number::along`].
    unsafe fn across(load: impl Fn(usize) -> __m512, i: usize, part: usize) -> __m512i;

    /// Line `i` across outer numbers `16·half..16·half + 16` of thirty-two: `line(inner, block)` gives a line along
    /// them, which holds [`Number::STEP`] of the thirty-two, from `block · STEP` on; of a part as of the whole.
    ///
    /// # Safety
    /// As [`Number::along`].
    unsafe fn turned(line: impl Fn(usize, usize) -> Line, i: usize, half: usize) -> Line;

    /// Sixteen numbers of a line along the inner dimension, from number `from` on. Its parts are `apart` lines apart.
    ///
    /// # Safety
    /// As [`Number::along`].
    unsafe fn get(lines: &[Line], apart: usize, from: usize) -> __m512;

    /// Puts sixteen numbers where [`Number::get`] finds them.
    ///
    /// # Safety
    /// As [`Number::along`].
    unsafe fn put(lines: &mut [Line], apart: usize, from: usize, v: __m512);
}

/// Numbers that a line holds whole.
pub(super) trait Whole: Number {
    /// How one of them is kept outside packed sides.
    type Kept: Copy + Send + Sync;

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

/// `f32` as the sum of three bf16, whose eight bits each are the twenty-four of `f32`; products lose parts below the least
/// normal number.
pub(super) struct Split;

/// What a line can be taken for.
trait Plain: Copy {}

impl Plain for u16 {}

impl Plain for f32 {}

/// A line as the numbers in it.
fn numbers<K: Plain>(line: &Line) -> &[K] {
    // SAFETY: a line is sixty-four bytes, aligned for either type, of which any bits are numbers.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(line).cast(), size_of::<Line>() / size_of::<K>()) }
}

fn numbers_mut<K: Plain>(line: &mut Line) -> &mut [K] {
    // SAFETY: as above, and any bits are a line's.
    unsafe { std::slice::from_raw_parts_mut(std::ptr::from_mut(line).cast(), size_of::<Line>() / size_of::<K>()) }
}

impl Number for Bf16 {
    const FORMAT: Format = Format::Bf16;
    const STEP: usize = 32;

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn along(load: impl Fn(usize) -> __m512, _: usize) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe { two(load(0), load(1)) }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn across(load: impl Fn(usize) -> __m512, i: usize, _: usize) -> __m512i {
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
    unsafe fn get(lines: &[Line], _: usize, from: usize) -> __m512 {
        // SAFETY: the caller's promise.
        unsafe { Self::load(&numbers(&lines[0])[from..]) }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn put(lines: &mut [Line], _: usize, from: usize, v: __m512) {
        // SAFETY: the caller's promise.
        unsafe { Self::store(&mut numbers_mut(&mut lines[0])[from..], v) };
    }
}

impl Whole for Bf16 {
    type Kept = u16;

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

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn along(load: impl Fn(usize) -> __m512, _: usize) -> __m512i {
        _mm512_castps_si512(load(0))
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn across(load: impl Fn(usize) -> __m512, i: usize, _: usize) -> __m512i {
        _mm512_castps_si512(load(i))
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn turned(line: impl Fn(usize, usize) -> Line, i: usize, half: usize) -> Line {
        line(i, half)
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn get(lines: &[Line], _: usize, from: usize) -> __m512 {
        lanes::load(&numbers(&lines[0])[from..])
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn put(lines: &mut [Line], _: usize, from: usize, v: __m512) {
        lanes::store(&mut numbers_mut(&mut lines[0])[from..], v);
    }
}

impl Whole for Single {
    type Kept = f32;

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

impl Number for Split {
    const FORMAT: Format = Format::Split;
    const STEP: usize = 32;
    const PARTS: usize = 3;

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn along(load: impl Fn(usize) -> __m512, part: usize) -> __m512i {
        let order = _mm512_set_epi16(
            63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11,
            9, 7, 5, 3, 1,
        );
        _mm512_permutex2var_epi16(thirds(load(0))[part], order, thirds(load(1))[part])
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn across(load: impl Fn(usize) -> __m512, i: usize, part: usize) -> __m512i {
        let (first, second) = (thirds(load(2 * i))[part], thirds(load(2 * i + 1))[part]);
        _mm512_mask_mov_epi16(_mm512_srli_epi32::<16>(first), 0xaaaa_aaaa, second)
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn turned(line: impl Fn(usize, usize) -> Line, i: usize, half: usize) -> Line {
        // SAFETY: the caller's promise.
        unsafe { Bf16::turned(line, i, half) }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn get(lines: &[Line], apart: usize, from: usize) -> __m512 {
        // SAFETY: the caller's promise.
        let [high, middle, low] = [0, 1, 2].map(|part| unsafe { Bf16::get(&lines[part * apart..], 0, from) });
        _mm512_add_ps(_mm512_add_ps(high, middle), low)
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn put(lines: &mut [Line], apart: usize, from: usize, v: __m512) {
        for (part, third) in thirds(v).into_iter().enumerate() {
            let sixteen = &mut numbers_mut::<u16>(&mut lines[part * apart])[from..][..16];
            // SAFETY: there is room for sixteen numbers.
            unsafe {
                let bits = _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(third));
                _mm256_storeu_si256(sixteen.as_mut_ptr().cast(), bits);
            }
        }
    }
}

/// Sixteen numbers as sums of three bf16, each in the upper half of a lane; what is in the lower halves does not count.
/// Each is the nearest to what is left, which is exact: of twenty-four bits it takes eight. (The parts beside a
/// [mask](super::thirds) are cut off instead, which is as exact; where parts of both sides are multiplied and the smallest
/// products left out, the nearest make these smaller.) Infinities, and what is nearer to one than to a bf16, become NaN.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn thirds(number: __m512) -> [__m512i; 3] {
    let nearest = |v: __m512| {
        let raised = _mm512_add_epi32(_mm512_castps_si512(v), _mm512_set1_epi32(0x8000));
        _mm512_and_si512(raised, _mm512_set1_epi32(0xffff_0000_u32.cast_signed()))
    };
    let high = nearest(number);
    let rest = _mm512_sub_ps(number, _mm512_castsi512_ps(high));
    let middle = nearest(rest);
    [high, middle, _mm512_castps_si512(_mm512_sub_ps(rest, _mm512_castsi512_ps(middle)))]
}
