//! The residual embedding of rows and its products with embedded vectors, some rows at a time from features to scores and
//! back.
//!
//! What a task makes of its rows goes from one product into the next while it is in the cache. The hidden layer, the
//! normalised sum and their gradients are written once, as left sides; the gradients of weights turn these.

use super::lanes::{add, is_on, load, relu, store};
use super::left::{Rows, turn};
use super::number::{Bf16, Format, Number, Single, Split};
use super::pack::{PANEL, Packed, Side, step_lines};
use super::product::{block, par_product, put};
use super::upper::{self, fill};
use super::{Line, pool};
use crate::nn::cpu::add_to;
use crate::nn::cpu::gemm::{Mat, add_column_sums, written};
use crate::nn::cpu::residual::{Grads, Residual};
use rayon::prelude::*;
use std::arch::x86_64::{
    _mm512_add_ps, _mm512_fmadd_ps, _mm512_fnmadd_ps, _mm512_maskz_mov_ps, _mm512_mul_ps, _mm512_reduce_add_ps,
    _mm512_set1_ps, _mm512_setzero_ps, _mm512_sub_ps,
};

/// Whether these kernels can be used for rows of `features` and layers of `units`: tiles are full.
pub(crate) fn fits(features: usize, units: usize) -> bool {
    upper::fits(features) && upper::fits(units)
}

/// What the backward pass needs.
pub(crate) struct Kept {
    /// `[N, U + I]`: the hidden layer, then the features.
    input: Packed,
    /// `[N, U]`: the sum before the norm's scale and bias.
    normal: Packed,
    /// One over the deviation of each row's sum.
    inverse: Vec<f32>,
}

/// Rows, features, units and vectors.
#[derive(Clone, Copy)]
struct Sizes {
    n: usize,
    i: usize,
    u: usize,
    m: usize,
}

impl Sizes {
    fn new(layers: &Residual<f32>, rows: usize, vectors: &[f32]) -> Self {
        let u = layers.scale.len();
        let i = layers.first.w.len() / u;
        assert!(fits(i, u) && vectors.len() >= u, "tiles are full, and there is a vector");
        Self { n: rows, i, u, m: vectors.len() / u }
    }

    /// Rows of a task: sums of a layer take half of the second cache, and there are tasks for many threads.
    fn rows(self) -> usize {
        let cached = (1 << 18) / self.u / PANEL * PANEL;
        cached.min(self.n.div_ceil(32).next_multiple_of(PANEL)).max(PANEL)
    }

    /// Lines of a task's rows of a left side with these columns.
    fn lines<N: Number>(self, columns: usize) -> usize {
        self.rows() / PANEL * (columns / N::STEP) * step_lines::<N>()
    }
}

/// Scores `[N, M]`: the embedded rows of `x [N, I]` times `vectors [M, U]`; with `keep`, what the backward pass needs.
///
/// # Panics
/// Unless these sizes [fit](fits) and there is a vector, and where nothing multiplies the format.
pub(crate) fn forward(
    layers: &Residual<f32>,
    x: &[f32],
    vectors: &[f32],
    keep: bool,
    format: Format,
) -> (Vec<f32>, Option<Kept>) {
    match format {
        Format::Bf16 => forward_of::<Bf16>(layers, x, vectors, keep),
        Format::Single => forward_of::<Single>(layers, x, vectors, keep),
        Format::Split => forward_of::<Split>(layers, x, vectors, keep),
    }
}

/// Adds the gradients of `sum(gs · scores)` to those of the rows, `gx [N, I]`, of the vectors, `gv [M, U]`, and of the layers.
///
/// # Panics
/// When sizes differ from those of the forward pass.
pub(crate) fn backward(
    layers: &Residual<f32>,
    vectors: &[f32],
    kept: &Kept,
    gs: &[f32],
    [gx, gv]: [&mut [f32]; 2],
    g: &mut Grads<f32>,
) {
    match kept.input.format() {
        Format::Bf16 => backward_of::<Bf16>(layers, vectors, kept, gs, [gx, gv], g),
        Format::Single => backward_of::<Single>(layers, vectors, kept, gs, [gx, gv], g),
        Format::Split => backward_of::<Split>(layers, vectors, kept, gs, [gx, gv], g),
    }
}

/// The layers, and as sides of the products of the forward pass.
struct Forth<'a> {
    s: Sizes,
    layers: &'a Residual<'a, f32>,
    /// `I → U`.
    first: Packed,
    /// `U + I → U`: the second layer, and the shortcut.
    second: Packed,
    /// `U → M`.
    vectors: Packed,
}

fn forward_of<N: Number>(layers: &Residual<f32>, x: &[f32], vectors: &[f32], keep: bool) -> (Vec<f32>, Option<Kept>) {
    let i = layers.first.w.len() / layers.scale.len();
    let s = Sizes::new(layers, x.len() / i, vectors);
    let Sizes { n, u, m, .. } = s;
    assert_eq!(x.len(), n * i, "rows are whole");
    let weights = |w, i| Mat::rows(w, u, i).t();
    let second = [weights(layers.second.w, u), weights(layers.shortcut.w, i)];
    let forth = Forth {
        s,
        layers,
        first: Packed::new(weights(layers.first.w, i), Side::Right, N::FORMAT),
        second: Packed::joined(second, Side::Right, N::FORMAT),
        vectors: Packed::new(Mat::rows(vectors, m, u).t(), Side::Right, N::FORMAT),
    };
    let mut kept = keep.then(|| Kept {
        input: Packed::unfilled(Side::Left, n, u + i, N::FORMAT),
        normal: Packed::unfilled(Side::Left, n, u, N::FORMAT),
        inverse: vec![0.0; n],
    });
    let rows = s.rows();
    let lines = [u + i, u].map(|columns| s.lines::<N>(columns));
    let mut scores = vec![0.0; n * m];
    let tasks = x.par_chunks(rows * i).zip(scores.par_chunks_mut(rows * m));
    if let Some(Kept { input, normal, inverse }) = &mut kept {
        tasks
            .zip(input.lines_mut().par_chunks_mut(lines[0]))
            .zip(normal.lines_mut().par_chunks_mut(lines[1]))
            .zip(inverse.par_chunks_mut(rows))
            .for_each(|((((x, scores), input), normal), inverse)| {
                // SAFETY: the layers are packed, so the processor has what packing needs.
                unsafe { forward_rows::<N>(&forth, x, input, Some((normal, inverse)), scores) };
            });
    } else {
        let room = || vec![Line([0; 16]); lines[0]];
        // SAFETY: as above.
        tasks.for_each_init(room, |input, (x, scores)| unsafe { forward_rows::<N>(&forth, x, input, None, scores) });
    }
    (scores, kept)
}

/// The rows of `x` as far as their scores; what comes before the norm's scale and bias, and one over the deviation, is kept
/// where there is room for it.
///
/// # Safety
/// The processor has what `N` asks for; so below.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn forward_rows<N: Number>(
    forth: &Forth,
    x: &[f32],
    input: &mut [Line],
    kept: Option<(&mut [Line], &mut [f32])>,
    scores: &mut [f32],
) {
    let &Forth { s: Sizes { i, u, m, .. }, layers, .. } = forth;
    let rows = x.len() / i;
    let mut input = Rows::<_, N>::new(input, (u + i) / N::STEP);
    for (row, x) in x.chunks_exact(i).enumerate() {
        for column in (0..i).step_by(16) {
            // SAFETY: the caller's promise.
            unsafe { input.put(row, u + column, load(&x[column..])) };
        }
    }
    let mut lines = pool::scratch();
    // SAFETY: the caller's promise.
    unsafe { fill::<N>(&mut lines, rows, i, |row, column| load(&x[row * i + column..])) };
    let hidden = |row: usize, unit: usize, sums: &[f32]| {
        let h = relu(_mm512_add_ps(load(sums), load(&layers.first.b[unit..])));
        // SAFETY: the caller's promise.
        unsafe { input.put(row, unit, h) };
    };
    let features = Rows::<_, N>::new(lines, i / N::STEP);
    // SAFETY: both sides are of `N`, with as many steps, and the layer knows what multiplies it.
    unsafe { block(forth.first.unit(), features.panels(rows), forth.first.all(), hidden) };

    let mut lines = features.into_lines();
    lines.resize(rows.div_ceil(PANEL) * (u / N::STEP) * step_lines::<N>(), Line([0; 16]));
    let mut embedded = Rows::<_, N>::new(lines, u / N::STEP);
    let mut kept = kept.map(|(lines, inverse)| (Rows::<_, N>::new(lines, u / N::STEP), inverse));
    let mut sum = vec![0.0; u];
    let summed = |row: usize, unit: usize, sums: &[f32]| {
        let biases = _mm512_add_ps(load(&layers.second.b[unit..]), load(&layers.shortcut.b[unit..]));
        store(&mut sum[unit..], _mm512_add_ps(load(sums), biases));
        if unit + 16 < u {
            return;
        }
        let inverse = normalise(&mut sum, layers.epsilon);
        for unit in (0..u).step_by(16) {
            let v = load(&sum[unit..]);
            let scaled = _mm512_fmadd_ps(v, load(&layers.scale[unit..]), load(&layers.bias[unit..]));
            // SAFETY: the caller's promise.
            unsafe { embedded.put(row, unit, scaled) };
            if let Some((normal, _)) = &mut kept {
                // SAFETY: as above.
                unsafe { normal.put(row, unit, v) };
            }
        }
        if let Some((_, inverses)) = &mut kept {
            inverses[row] = inverse;
        }
    };
    // SAFETY: as of the first layer.
    unsafe { block(forth.second.unit(), input.panels(rows), forth.second.all(), summed) };
    let score = |row: usize, column: usize, sums: &[f32]| {
        put(&mut scores[row * m + column..][..sums.len()], sums, false);
    };
    // SAFETY: as of the first layer.
    unsafe { block(forth.vectors.unit(), embedded.panels(rows), forth.vectors.all(), score) };
    pool::keep(embedded.into_lines());
}

/// Takes the mean off a row and divides by its deviation, one over which is returned.
#[target_feature(enable = "avx512f")]
fn normalise(row: &mut [f32], epsilon: f64) -> f32 {
    let count = row.len() as f32;
    let mut sum = _mm512_setzero_ps();
    for sixteen in row.chunks_exact(16) {
        sum = _mm512_add_ps(sum, load(sixteen));
    }
    let mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / count);
    let mut squares = _mm512_setzero_ps();
    for sixteen in row.chunks_exact_mut(16) {
        let v = _mm512_sub_ps(load(sixteen), mean);
        squares = _mm512_fmadd_ps(v, v, squares);
        store(sixteen, v);
    }
    let inverse = 1.0 / (_mm512_reduce_add_ps(squares) / count + epsilon as f32).sqrt();
    for sixteen in row.chunks_exact_mut(16) {
        store(sixteen, _mm512_mul_ps(load(sixteen), _mm512_set1_ps(inverse)));
    }
    inverse
}

/// The layers, and as sides of the products of the backward pass.
struct Back<'a> {
    s: Sizes,
    layers: &'a Residual<'a, f32>,
    kept: &'a Kept,
    /// `M → U`.
    vectors: Packed,
    /// `U → U`.
    second: Packed,
    /// `U → I`.
    shortcut: Packed,
    /// `U → I`.
    first: Packed,
}

/// What some rows add to the gradients of the norm's scale and bias, of the sum, and of the first layer's bias.
struct Part {
    scale: Vec<f32>,
    bias: Vec<f32>,
    sum: Vec<f32>,
    first_b: Vec<f32>,
}

fn backward_of<N: Number>(
    layers: &Residual<f32>,
    vectors: &[f32],
    kept: &Kept,
    gs: &[f32],
    [gx, gv]: [&mut [f32]; 2],
    g: &mut Grads<f32>,
) {
    let s = Sizes::new(layers, kept.inverse.len(), vectors);
    let Sizes { n, i, u, m } = s;
    let given = [gx.len(), gs.len(), gv.len(), kept.input.inner, kept.normal.inner];
    assert_eq!(given, [n * i, n * m, m * u, u + i, u], "sizes are those of the forward pass");
    let right = |w, rows, columns| Packed::new(Mat::rows(w, rows, columns), Side::Right, N::FORMAT);
    let back = Back {
        s,
        layers,
        kept,
        vectors: right(vectors, m, u),
        second: right(layers.second.w, u, u),
        shortcut: right(layers.shortcut.w, u, i),
        first: right(layers.first.w, u, i),
    };
    let mut of_sum = Packed::unfilled(Side::Left, n, u, N::FORMAT);
    let mut of_hidden = Packed::unfilled(Side::Left, n, u, N::FORMAT);
    let rows = s.rows();
    let tasks = (of_sum.lines_mut().par_chunks_mut(s.lines::<N>(u)))
        .zip(of_hidden.lines_mut().par_chunks_mut(s.lines::<N>(u)))
        .zip(gx.par_chunks_mut(rows * i))
        .zip(gs.par_chunks(rows * m))
        .enumerate();
    let parts: Vec<Part> = tasks
        .map(|(task, (((of_sum, of_hidden), gx), gs))| {
            // SAFETY: the layers are packed, so the processor has what packing needs.
            unsafe { backward_rows::<N>(&back, task, gs, [of_sum, of_hidden], gx) }
        })
        .collect();
    for part in &parts {
        add_to(&mut g.scale, &part.scale);
        add_to(&mut g.bias, &part.bias);
        add_to(&mut g.second_b, &part.sum);
        add_to(&mut g.shortcut_b, &part.sum);
        add_to(&mut g.first_b, &part.first_b);
    }
    let features = turn::<N>(&kept.input, u..u + i, Side::Right);
    let hidden = turn::<N>(&kept.input, 0..u, Side::Right);
    let left = turn::<N>(&of_sum, 0..u, Side::Left);
    par_product(&mut g.second_w, &left, &hidden, true, &|_, _, _| ());
    par_product(&mut g.shortcut_w, &left, &features, true, &|_, _, _| ());
    drop((left, hidden));
    let left = turn::<N>(&of_hidden, 0..u, Side::Left);
    par_product(&mut g.first_w, &left, &features, true, &|_, _, _| ());
    drop((left, features));
    // The embedded rows are `normal·scale + bias`.
    let mut sums = vec![0.0; m];
    add_column_sums(&mut sums, gs);
    let left = Packed::new(Mat::rows(gs, n, m).t(), Side::Left, N::FORMAT);
    let normal = turn::<N>(&kept.normal, 0..u, Side::Right);
    let scaled = |vector: usize, unit: usize, numbers: &mut [f32]| {
        for ((v, &scale), &bias) in numbers.iter_mut().zip(&layers.scale[unit..]).zip(&layers.bias[unit..]) {
            *v = *v * scale + sums[vector] * bias;
        }
    };
    // SAFETY: a product that is not added to anything writes each number before the epilogue sees it.
    add_to(gv, &unsafe { written(m * u, |v| par_product(v, &left, &normal, false, &scaled)) });
}

/// Adds the gradients of the rows of task `task` to `gx`, and writes those of their sums and hidden layers.
///
/// # Safety
/// As [`forward_rows`].
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn backward_rows<N: Number>(
    back: &Back,
    task: usize,
    gs: &[f32],
    [of_sum, of_hidden]: [&mut [Line]; 2],
    gx: &mut [f32],
) -> Part {
    let &Back { s, layers, kept, .. } = back;
    let Sizes { i, u, m, .. } = s;
    let (from, rows) = (task * s.rows(), gx.len() / i);
    let size = u as f32;
    let zeros = || vec![0.0; u];
    let mut part = Part { scale: zeros(), bias: zeros(), sum: zeros(), first_b: zeros() };
    let mut of_sum = Rows::<_, N>::new(of_sum, u / N::STEP);
    let mut of_hidden = Rows::<_, N>::new(of_hidden, u / N::STEP);
    let input = Rows::<_, N>::new(kept.input.all().lines, (u + i) / N::STEP);
    let normal = Rows::<_, N>::new(kept.normal.all().lines, u / N::STEP);
    let mut of_embedded = zeros();
    let embedded = |row: usize, unit: usize, sums: &[f32]| {
        store(&mut of_embedded[unit..], load(sums));
        if unit + 16 < u {
            return;
        }
        let (mut sum, mut dot) = (_mm512_setzero_ps(), _mm512_setzero_ps());
        for unit in (0..u).step_by(16) {
            let g = load(&of_embedded[unit..]);
            // SAFETY: the caller's promise.
            let normal = unsafe { normal.get(from + row, unit) };
            let scaled = _mm512_mul_ps(g, load(&layers.scale[unit..]));
            add(&mut part.scale[unit..], _mm512_mul_ps(g, normal));
            add(&mut part.bias[unit..], g);
            sum = _mm512_add_ps(sum, scaled);
            dot = _mm512_fmadd_ps(scaled, normal, dot);
            store(&mut of_embedded[unit..], scaled);
        }
        let mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / size);
        let dot = _mm512_set1_ps(_mm512_reduce_add_ps(dot) / size);
        let inverse = _mm512_set1_ps(kept.inverse[from + row]);
        for unit in (0..u).step_by(16) {
            // SAFETY: the caller's promise.
            let normal = unsafe { normal.get(from + row, unit) };
            let rest = _mm512_fnmadd_ps(normal, dot, _mm512_sub_ps(load(&of_embedded[unit..]), mean));
            let g = _mm512_mul_ps(inverse, rest);
            add(&mut part.sum[unit..], g);
            // SAFETY: the caller's promise.
            unsafe { of_sum.put(row, unit, g) };
        }
    };
    let scores = Packed::here(Mat::rows(gs, rows, m), Side::Left, N::FORMAT);
    // SAFETY: both sides are of `N`, with as many steps, and the right one knows what multiplies it; so below.
    unsafe { block(back.vectors.unit(), scores.all(), back.vectors.all(), embedded) };
    let hidden = |row: usize, unit: usize, sums: &[f32]| {
        // SAFETY: the caller's promise.
        let on = is_on(unsafe { input.get(from + row, unit) });
        let g = _mm512_maskz_mov_ps(on, load(sums));
        add(&mut part.first_b[unit..], g);
        // SAFETY: the caller's promise.
        unsafe { of_hidden.put(row, unit, g) };
    };
    // SAFETY: as above.
    unsafe { block(back.second.unit(), of_sum.panels(rows), back.second.all(), hidden) };
    let mut features = |row: usize, feature: usize, sums: &[f32]| {
        put(&mut gx[row * i + feature..][..sums.len()], sums, true);
    };
    // SAFETY: as above.
    unsafe {
        block(back.shortcut.unit(), of_sum.panels(rows), back.shortcut.all(), &mut features);
        block(back.first.unit(), of_hidden.panels(rows), back.first.all(), &mut features);
    }
    part
}
