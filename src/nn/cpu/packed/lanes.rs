//! Sixteen numbers at a time.

use std::arch::x86_64::{
    __m512, _CMP_NLE_UQ, _mm512_add_ps, _mm512_cmp_ps_mask, _mm512_loadu_ps, _mm512_max_ps, _mm512_setzero_ps,
    _mm512_storeu_ps,
};

/// Which units are above zero (or NaN).
#[target_feature(enable = "avx512f")]
pub(super) fn is_on(units: __m512) -> u16 {
    _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(units, _mm512_setzero_ps())
}

/// `max(0, v)`; NaN stays.
#[target_feature(enable = "avx512f")]
pub(super) fn relu(v: __m512) -> __m512 {
    _mm512_max_ps(_mm512_setzero_ps(), v)
}

/// The first sixteen.
#[target_feature(enable = "avx512f")]
pub(super) fn load(numbers: &[f32]) -> __m512 {
    let sixteen = &numbers[..16];
    // SAFETY: there are sixteen numbers.
    unsafe { _mm512_loadu_ps(sixteen.as_ptr()) }
}

/// `numbers[..16] = v`.
#[target_feature(enable = "avx512f")]
pub(super) fn store(numbers: &mut [f32], v: __m512) {
    let sixteen = &mut numbers[..16];
    // SAFETY: there is room for sixteen numbers.
    unsafe { _mm512_storeu_ps(sixteen.as_mut_ptr(), v) };
}

/// `numbers[..16] += v`.
#[target_feature(enable = "avx512f")]
pub(super) fn add(numbers: &mut [f32], v: __m512) {
    store(numbers, _mm512_add_ps(load(numbers), v));
}

/// The sixteen, one by one.
#[target_feature(enable = "avx512f")]
pub(super) fn lanes(v: __m512) -> [f32; 16] {
    let mut lanes = [0.0; 16];
    store(&mut lanes, v);
    lanes
}
