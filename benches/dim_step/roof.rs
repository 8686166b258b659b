//! What this machine can do at most, and what a piece of work asks of it at least.

use rayon::prelude::*;
use std::time::Instant;

/// Floating-point operations and bytes that a piece of work cannot do without: each input read once, each result written
/// once, nothing kept from the work before.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    pub flops: f64,
    pub bytes: f64,
}

impl Cost {
    /// `numbers` of `f32` read or written, and no operations worth counting.
    pub fn moved(numbers: usize) -> Self {
        Self { flops: 0.0, bytes: 4.0 * numbers as f64 }
    }

    /// An `m`×`k` matrix times a `k`×`n` one.
    pub fn product(m: usize, n: usize, k: usize) -> Self {
        Self { flops: 2.0 * (m * n * k) as f64, ..Self::moved(m * k + k * n + m * n) }
    }

    /// `times` the same.
    pub fn times(self, times: usize) -> Self {
        Self { flops: self.flops * times as f64, bytes: self.bytes * times as f64 }
    }
}

impl std::ops::Add for Cost {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { flops: self.flops + other.flops, bytes: self.bytes + other.bytes }
    }
}

/// The most that all threads reach together.
#[derive(Clone, Copy)]
pub struct Roof {
    /// Of `gemm` on a large `f32` product.
    pub gflops: f64,
    /// Of reading and writing memory that is in no cache.
    pub gigabytes: f64,
}

impl Roof {
    /// Measures both.
    pub fn measure() -> Self {
        Self { gflops: products(), gigabytes: copies() }
    }

    /// How fast work of `cost` was that took `ms`: `GFLOP/s (share of the peak), GB/s (share of the bandwidth)`.
    pub fn rate(&self, cost: Cost, ms: f64) -> String {
        let (gflops, gigabytes) = (cost.flops / ms / 1e6, cost.bytes / ms / 1e6);
        format!(
            "{gflops:6.0} GFLOP/s ({:3.0} %) {gigabytes:5.1} GB/s ({:3.0} %)",
            100.0 * gflops / self.gflops,
            100.0 * gigabytes / self.gigabytes
        )
    }
}

/// The best rate, in thousand millions a second, of five goes at `amount` of work. The first ones also fetch the memory.
fn best(amount: f64, mut work: impl FnMut()) -> f64 {
    let rate = |_| {
        let start = Instant::now();
        work();
        amount / start.elapsed().as_secs_f64() / 1e9
    };
    (0..5).map(rate).fold(0.0, f64::max)
}

/// GFLOP/s of one large product on each thread at the same time.
fn products() -> f64 {
    const N: usize = 1536;
    let threads = rayon::current_num_threads();
    let matrix: Vec<f32> = (0..N * N).map(|i| (i % 101) as f32 - 50.0).collect();
    let mut results = vec![vec![0f32; N * N]; threads];
    best(threads as f64 * Cost::product(N, N, N).flops, || {
        results.par_iter_mut().for_each(|result| {
            let (to, from, row) = (result.as_mut_ptr(), matrix.as_ptr(), N as isize);
            // SAFETY: all three are N×N matrices with rows N apart, and the result is this thread's own.
            unsafe {
                gemm::gemm(
                    N,
                    N,
                    N,
                    to,
                    1,
                    row,
                    false,
                    from,
                    1,
                    row,
                    from,
                    1,
                    row,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm::Parallelism::None,
                );
            }
        });
        std::hint::black_box(&results);
    })
}

/// GB/s, read and written, of copying 256 MiB in pieces on all threads.
fn copies() -> f64 {
    const NUMBERS: usize = 64 << 20;
    let from = vec![1f32; NUMBERS];
    let mut to = vec![0f32; NUMBERS];
    let piece = NUMBERS.div_ceil(rayon::current_num_threads());
    best(Cost::moved(2 * NUMBERS).bytes, || {
        to.par_chunks_mut(piece).zip(from.par_chunks(piece)).for_each(|(to, from)| to.copy_from_slice(from));
        std::hint::black_box(&to);
    })
}
