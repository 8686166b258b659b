//! Sizes that the compiler works out: what a window makes of an input size, and what a layer accepts.

use dfdx::shapes::{Const, Dim};

/// An input size on which a `K`×`K` window with stride `S` and padding `P` fits, with the size that comes out:
/// `(n + 2P − K) / S + 1`.
///
/// Implemented for `Const<1..=256>` and the common windows, and for `usize`, where the size is checked when it runs.
#[diagnostic::on_unimplemented(
    message = "a {K}x{K} window with stride {S} and padding {P} does not fit an input of size `{Self}`",
    label = "the input is smaller than the window, or this window has no compile-time sizes",
    note = "compile-time sizes cover inputs 1 to 256 and the windows listed in build.rs; a `usize` size is checked at run time"
)]
pub trait ConvDim<const K: usize, const S: usize, const P: usize>: Dim {
    /// The output size.
    type Out: Dim;

    /// The output size as a value.
    ///
    /// # Panics
    /// For a `usize` smaller than the window: a shape mistake that only this call can see.
    fn conv_out(&self) -> Self::Out {
        let n = self.size();
        assert!(n + 2 * P >= K, "a {K}x{K} window with stride {S} and padding {P} does not fit an input of size {n}");
        Self::Out::from_size((n + 2 * P - K) / S + 1).expect("the size table agrees with the formula")
    }
}

impl<const K: usize, const S: usize, const P: usize> ConvDim<K, S, P> for usize {
    type Out = usize;
}

/// An input size on which a transposed `K`×`K` convolution is defined, with the size that comes out:
/// `(n − 1)·S + K − 2P`.
#[diagnostic::on_unimplemented(
    message = "a transposed {K}x{K} convolution with stride {S} and padding {P} has no output for an input of size `{Self}`",
    label = "the output would be empty or larger than 256"
)]
pub trait ConvTransposeDim<const K: usize, const S: usize, const P: usize>: Dim {
    /// The output size.
    type Out: Dim;

    /// The output size as a value.
    ///
    /// # Panics
    /// For a `usize` whose output would be empty.
    fn conv_transpose_out(&self) -> Self::Out {
        let n = self.size();
        assert!(n >= 1 && (n - 1) * S + K > 2 * P, "a transposed {K}x{K} convolution has no output for size {n}");
        Self::Out::from_size((n - 1) * S + K - 2 * P).expect("the size table agrees with the formula")
    }
}

impl<const K: usize, const S: usize, const P: usize> ConvTransposeDim<K, S, P> for usize {
    type Out = usize;
}

include!(concat!(env!("OUT_DIR"), "/dims.rs"));

/// The channel (or feature) dimension that a layer accepts: exactly `Const<N>`.
///
/// Layers ask for it instead of writing `Const<N>` in their input type, so that a mistake reads as a sentence.
#[diagnostic::on_unimplemented(
    message = "this layer takes {N} channels (features), but its input has `{Self}`",
    label = "wrong number of channels (features)"
)]
pub trait Channels<const N: usize>: Dim {}

impl<const N: usize> Channels<N> for Const<N> {}
