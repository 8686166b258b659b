//! Batch norm.

use super::buildable;
use crate::nn::{Backend, BatchNormArgs, Channels, Real};
use dfdx::prelude::*;

macro_rules! batch_norm {
    ($name:ident, $n:ident, [$($dim:ident),*], $doc:literal) => {
        #[doc = $doc]
        /// (Ioffe & Szegedy 2015), followed by `max(0, ·)` when `RELU`, in the same pass.
        ///
        /// `forward_mut` on a taped input trains: it normalises by the batch's own mean and (biased) variance and moves
        /// the running statistics towards them (the variance unbiased, as PyTorch's). `forward` on an input without tape
        /// evaluates: it normalises by the running statistics and changes nothing. A batch of a single value has no
        /// variance to estimate; its running variance is left as it is.
        #[derive(Clone, Debug)]
        pub struct $name<const $n: usize, const RELU: bool, E: Dtype, D: Storage<E>> {
            /// Learned scale, starts at 1.
            pub scale: Tensor<Rank1<$n>, E, D>,
            /// Learned bias, starts at 0.
            pub bias: Tensor<Rank1<$n>, E, D>,
            /// Moving mean, starts at 0; not learned.
            pub running_mean: Tensor<Rank1<$n>, E, D>,
            /// Moving unbiased variance, starts at 1; not learned.
            pub running_var: Tensor<Rank1<$n>, E, D>,
            /// Added to the variance; 1e-5.
            pub epsilon: f64,
            /// Share of the new statistics in the moving ones; 0.1.
            pub momentum: f64,
        }

        buildable!($name, [const $n: usize, const RELU: bool], [$n, RELU]);

        impl<const $n: usize, const RELU: bool, E: Real, D: Device<E>> TensorCollection<E, D> for $name<$n, RELU, E, D> {
            type To<E2: Dtype, D2: Device<E2>> = $name<$n, RELU, E2, D2>;

            fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
                visitor: &mut V,
            ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
                visitor.visit_fields(
                    (
                        Self::tensor("scale", |s| &s.scale, |s| &mut s.scale, TensorOptions::reset_to_ones()),
                        Self::tensor("bias", |s| &s.bias, |s| &mut s.bias, TensorOptions::reset_to_zeros()),
                        Self::tensor(
                            "running_mean",
                            |s| &s.running_mean,
                            |s| &mut s.running_mean,
                            TensorOptions::detached(|t| t.try_fill_with_zeros()),
                        ),
                        Self::tensor(
                            "running_var",
                            |s| &s.running_var,
                            |s| &mut s.running_var,
                            TensorOptions::detached(|t| t.try_fill_with_ones()),
                        ),
                        Self::scalar("epsilon", |s| &s.epsilon, |s| &mut s.epsilon, ScalarOptions::from_default(1e-5)),
                        Self::scalar("momentum", |s| &s.momentum, |s| &mut s.momentum, ScalarOptions::from_default(0.1)),
                    ),
                    |(scale, bias, running_mean, running_var, epsilon, momentum)| $name {
                        scale,
                        bias,
                        running_mean,
                        running_var,
                        epsilon,
                        momentum,
                    },
                )
            }
        }

        impl<B: Dim, X: Channels<$n>, $($dim: Dim,)* const $n: usize, const RELU: bool, E: Real, D: Backend<E>>
            Module<Tensor<(B, X, $($dim),*), E, D, NoneTape>> for $name<$n, RELU, E, D>
        {
            type Output = Tensor<(B, X, $($dim),*), E, D, NoneTape>;
            type Error = D::Err;

            fn try_forward(&self, x: Tensor<(B, X, $($dim),*), E, D, NoneTape>) -> Result<Self::Output, D::Err> {
                let args = BatchNormArgs { scale: &self.scale, bias: &self.bias, epsilon: self.epsilon, relu: RELU };
                D::batch_norm_eval(x, [&self.running_mean, &self.running_var], args)
            }
        }

        impl<B: Dim, X: Channels<$n>, $($dim: Dim,)* const $n: usize, const RELU: bool, E: Real, D: Backend<E>>
            ModuleMut<Tensor<(B, X, $($dim),*), E, D, OwnedTape<E, D>>> for $name<$n, RELU, E, D>
        {
            type Output = Tensor<(B, X, $($dim),*), E, D, OwnedTape<E, D>>;
            type Error = D::Err;

            fn try_forward_mut(
                &mut self,
                x: Tensor<(B, X, $($dim),*), E, D, OwnedTape<E, D>>,
            ) -> Result<Self::Output, D::Err> {
                let count = (x.shape().num_elements() / $n) as f64;
                let args = BatchNormArgs { scale: &self.scale, bias: &self.bias, epsilon: self.epsilon, relu: RELU };
                let (y, [mean, var]) = D::batch_norm_train(x, args)?;
                let m = self.momentum;
                self.running_mean.try_axpy(1.0 - m, &mean, m)?;
                if count > 1.0 {
                    self.running_var.try_axpy(1.0 - m, &var, m * count / (count - 1.0))?;
                }
                Ok(y)
            }
        }
    };
}

batch_norm!(BatchNorm1d, F, [], "Batch norm of `[B, F]`");
batch_norm!(BatchNorm2d, C, [H, W], "Batch norm of each channel of `[B, C, H, W]`");
