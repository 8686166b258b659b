//! Writes two tables as trait implementations. The size table of `nn::dims`: for each common window (kernel, stride,
//! padding) and each input size up to 256, the output size. The count table of `patch::count`: how many patches a grid of
//! rows and columns has. On stable Rust const generics cannot be computed with, so the tables are what lets the compiler
//! work out the shape of a convolution and of an image's patches.

use std::{env, fmt::Write as _, fs, path::Path};

/// Windows (kernel, stride, padding) that have compile-time sizes.
const WINDOWS: &[(usize, usize, usize)] = &[
    (1, 1, 0),
    (1, 2, 0),
    (2, 1, 0),
    (2, 2, 0),
    (3, 1, 0),
    (3, 1, 1),
    (3, 2, 0),
    (3, 2, 1),
    (4, 1, 0),
    (4, 2, 0),
    (4, 2, 1),
    (4, 4, 0),
    (5, 1, 0),
    (5, 1, 2),
    (5, 2, 2),
    (7, 1, 3),
    (7, 2, 3),
    (7, 7, 0),
    (8, 4, 0),
    (8, 8, 0),
    (14, 14, 0),
    (16, 8, 0),
    (16, 16, 0),
];
const LARGEST: usize = 256;

/// Square grids of patches up to this many on a side have compile-time counts, others up to [`LARGEST_GRID`].
const LARGEST_SQUARE: usize = 128;
const LARGEST_GRID: usize = 16;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let mut out = String::new();
    for &(k, s, p) in WINDOWS {
        for n in 1..=LARGEST {
            if n + 2 * p >= k {
                let o = (n + 2 * p - k) / s + 1;
                let _ = writeln!(out, "impl ConvDim<{k},{s},{p}> for Const<{n}> {{ type Out = Const<{o}>; }}");
            }
            let grown = (n - 1) * s + k;
            if grown > 2 * p && grown - 2 * p <= LARGEST {
                let o = grown - 2 * p;
                let _ = writeln!(out, "impl ConvTransposeDim<{k},{s},{p}> for Const<{n}> {{ type Out = Const<{o}>; }}");
            }
        }
    }
    let mut counts = String::new();
    for r in 1..=LARGEST_SQUARE {
        for q in (1..=LARGEST_SQUARE).filter(|&q| q == r || r.max(q) <= LARGEST_GRID) {
            let n = r * q;
            let _ = writeln!(counts, "impl PatchCount<Const<{q}>> for Const<{r}> {{ type Out = Const<{n}>; }}");
        }
    }
    let dir = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    for (name, text) in [("dims.rs", out), ("patch_counts.rs", counts)] {
        fs::write(Path::new(&dir).join(name), text).expect("the build folder is writable");
    }
}
