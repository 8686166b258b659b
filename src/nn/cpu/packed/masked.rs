//! The backward pass of a concat critic's upper layers in `f32`, by [products of masks](super::thirds).
//!
//! As in [`super::joint`]: with `m` the mask of the second ReLU, `h₁` the first hidden layer and `g` the gradient of a pair's
//! score, the gradient of the second layer's weights is `diag(w₃)·G` with `G = Σ m·(g·h₁)ᵀ`, and what goes on to the first
//! layer is `g·(m·diag(w₃)·W₂)`. Of the second layer nothing but the mask is kept.

use super::lanes::{add, is_on, load, store};
use super::number::{Number, Single};
use super::pack::{Packed, Side};
use super::pair::{Column, column, partners};
use super::product::{block, par_product};
use super::thirds::{Mask, bytes, right_by_all};
use super::upper::Keep;
use crate::mi::Pairing;
use crate::nn::cpu::gemm::Mat;
use crate::nn::cpu::pair::{PairGrads, PairSizes, Upper};
use crate::nn::cpu::{add_to, dot};
use rayon::prelude::*;
use std::arch::x86_64::{
    __m512, _mm_storeu_si128, _mm512_cvtepi32_epi8, _mm512_fmadd_ps, _mm512_maskz_mul_ps, _mm512_maskz_set1_epi32,
    _mm512_mul_ps, _mm512_set1_ps,
};

/// Whether these kernels are to be used for layers of `units`.
pub(super) fn fits(units: usize) -> bool {
    units >= 128 && units.is_multiple_of(32) && super::thirds::available()
}

/// Of a layer of `f32` only which units are on.
pub(super) enum On {}

impl Keep for On {
    type Number = Single;
    type Kept = u8;

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn keep(kept: &mut [u8], units: __m512) {
        let sixteen = &mut kept[..16];
        let on = _mm512_cvtepi32_epi8(_mm512_maskz_set1_epi32(is_on(units), 1));
        // SAFETY: there is room for sixteen bytes.
        unsafe { _mm_storeu_si128(sixteen.as_mut_ptr().cast(), on) };
    }
}

/// The gradients of `sum(gs · scores)`; that of `p` is added to `gp`.
pub(super) fn backward(
    z: PairSizes,
    (p, gp): (&[f32], Vec<f32>),
    q: &[f32],
    up: Upper<f32>,
    pairing: Pairing,
    kept: Vec<Vec<u8>>,
    gs: &[f32],
) -> PairGrads<f32> {
    let PairSizes { b, l, u } = z;
    let columns = pairing.columns(b);
    let mut g = PairGrads::new(z, gp);
    let mut kept = kept.into_iter();
    let forth = (kept.len() < columns).then(|| Packed::new(Mat::rows(up.w2, u, u).t(), Side::Right, Single::FORMAT));
    let scaled = super::joint::scaled(up.w2, up.w3);
    let mut on_sums = vec![0.0; u];
    for k in 0..columns {
        let partners = &partners(z, pairing, k);
        let c = Column { z, p, q, partners };
        let gs: Vec<f32> = gs.iter().skip(k).step_by(columns).copied().collect();
        let again = || column::<On>(c, up, forth.as_ref().expect("packed where a column is missing")).0;
        let on = kept.next().unwrap_or_else(again);
        g.b3[0] += gs.iter().sum::<f32>();
        let rows = c.rows();
        // Each location's image takes its share of the global vector's gradient, summed per task and image.
        let parts: Vec<Part> =
            g.p.par_chunks_mut(rows * u)
                .zip(on.par_chunks(rows * u))
                .zip(gs.par_chunks(rows))
                .enumerate()
                // SAFETY: `scaled` is packed, so there are tiles, and AVX-512 with them.
                .map(|(task, ((gp, on), gs))| unsafe { backward_rows(c, task * rows, &scaled, on, gs, gp) })
                .collect();
        for part in &parts {
            add_to(&mut on_sums, &part.on);
            for (image, sums) in &part.images {
                g.q[partners[image * l] * u..][..u].iter_mut().zip(sums).for_each(|(d, &v)| *d += v);
            }
        }
        // SAFETY: as above.
        let first = unsafe { scaled_first(c, &gs) };
        let left = Mask { bytes: &on, columns: u }.left_turned_by_all();
        assert_eq!(gs.len(), b * l, "a gradient for each location");
        par_product(&mut g.w2, &left, &first, true, &|_, _, _| ());
    }
    for (unit, row) in g.w2.chunks_exact_mut(u).enumerate() {
        g.w3[unit] = dot(row, &up.w2[unit * u..][..u]) + up.b2[unit] * on_sums[unit];
        g.b2[unit] = up.w3[unit] * on_sums[unit];
        row.iter_mut().for_each(|v| *v *= up.w3[unit]);
    }
    g
}

/// `g·h₁` of each location.
///
/// # Safety
/// There are tiles; so below.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn scaled_first(c: Column, gs: &[f32]) -> Packed {
    let first = |row: usize, unit: usize| _mm512_mul_ps(c.first(row, unit), _mm512_set1_ps(gs[row]));
    // SAFETY: the caller's promise.
    unsafe { right_by_all([gs.len(), c.z.u], first) }
}

/// What some rows add to the gradients of other things.
struct Part {
    /// `Σ g·m`.
    on: Vec<f32>,
    /// By image, the sum over its rows of the gradient before the first ReLU.
    images: Vec<(usize, Vec<f32>)>,
}

/// Adds the gradient of rows from number `from` on to `gp`.
///
/// # Safety
/// As [`scaled_first`].
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn backward_rows(c: Column, from: usize, scaled: &Packed, on: &[u8], gs: &[f32], gp: &mut [f32]) -> Part {
    let u = c.z.u;
    let mut part = Part { on: vec![0.0; u], images: Vec::new() };
    sum_on(on, gs, &mut part.on);
    let left = Mask { bytes: on, columns: u }.left();
    let write = |row: usize, unit: usize, below: &[f32]| {
        if unit == 0 {
            let image = (from + row) / c.z.l;
            if part.images.last().is_none_or(|(last, _)| *last != image) {
                part.images.push((image, vec![0.0; u]));
            }
        }
        let before = is_on(c.first(from + row, unit));
        let g = _mm512_maskz_mul_ps(before, load(below), _mm512_set1_ps(gs[row]));
        add(&mut gp[row * u + unit..], g);
        if let Some((_, sums)) = part.images.last_mut() {
            add(&mut sums[unit..], g);
        }
    };
    // SAFETY: the sides are a mask and sums of three, which `scaled` knows what to multiply by.
    unsafe { block(scaled.unit(), left.part(0..left.panels()), scaled.part(0..scaled.panels()), write) };
    part
}

/// Adds `Σ g·m` over rows of the mask to `sums`.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn sum_on(on: &[u8], gs: &[f32], sums: &mut [f32]) {
    let u = sums.len();
    for unit in (0..u).step_by(16) {
        let mut sum = load(&sums[unit..]);
        for (on, &g) in on.chunks_exact(u).zip(gs) {
            sum = _mm512_fmadd_ps(bytes(&on[unit..]), _mm512_set1_ps(g), sum);
        }
        store(&mut sums[unit..], sum);
    }
}
