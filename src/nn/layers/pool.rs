//! Pooling.

use crate::nn::{Backend, ConvDim, PoolKind, Real, Window};
use dfdx::prelude::*;

macro_rules! pool {
    ($name:ident, $kind:expr, $doc:literal) => {
        #[doc = $doc]
        ///
        /// `[B, C, H, W]` → `[B, C, H', W']` with `H' = (H + 2P − K)/S + 1`.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name<const K: usize, const S: usize, const P: usize = 0>;

        impl<const K: usize, const S: usize, const P: usize> ZeroSizedModule for $name<K, S, P> {}
        impl<const K: usize, const S: usize, const P: usize> NonMutableModule for $name<K, S, P> {}

        impl<
            B: Dim,
            C: Dim,
            H: ConvDim<K, S, P>,
            W: ConvDim<K, S, P>,
            const K: usize,
            const S: usize,
            const P: usize,
            E: Real,
            D: Backend<E>,
            T: Tape<E, D>,
        > Module<Tensor<(B, C, H, W), E, D, T>> for $name<K, S, P>
        {
            type Output = Tensor<(B, C, H::Out, W::Out), E, D, T>;
            type Error = D::Err;

            fn try_forward(&self, x: Tensor<(B, C, H, W), E, D, T>) -> Result<Self::Output, D::Err> {
                const { assert!(2 * P <= K, "padding may be at most half the window") };
                let (b, c, h, w) = *x.shape();
                D::pool2d(x, (b, c, h.conv_out(), w.conv_out()), Window { k: K, s: S, p: P }, $kind)
            }
        }
    };
}

pool!(MaxPool2d, PoolKind::Max, "The largest element of each window; padding never wins.");
pool!(AvgPool2d, PoolKind::Avg, "The mean of each window, padding counted as zeros.");
