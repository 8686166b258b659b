//! Writes the size table of `nn::dims`: for each common window (kernel, stride, padding) and each input size up to 256,
//! the output size, as trait implementations. On stable Rust const generics cannot be computed with, so the table is
//! what lets the compiler work out the shape of a convolution.

use std::{env, fmt::Write as _, fs, path::Path};

/// Windows (kernel, stride, padding) that have compile-time sizes.
const WINDOWS: &[(usize, usize, usize)] = &[
    (1, 1, 0),
    (2, 1, 0),
    (2, 2, 0),
    (3, 1, 0),
    (3, 1, 1),
    (3, 2, 0),
    (3, 2, 1),
    (4, 1, 0),
    (4, 2, 0),
    (4, 2, 1),
    (5, 1, 0),
    (5, 1, 2),
    (5, 2, 2),
    (7, 1, 3),
    (7, 2, 3),
    (8, 4, 0),
    (16, 8, 0),
];
const LARGEST: usize = 256;

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
    let dir = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&dir).join("dims.rs"), out).expect("the build folder is writable");
}
