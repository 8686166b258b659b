//! Encoders `E = f ∘ C`: images to a local feature map `C(x)` and on to a global vector `Y = E(x)`.

mod alexnet;
mod dcgan;
mod folded;
mod resnet;
mod staged;

pub use alexnet::Alexnet64;
pub use dcgan::{Dcgan28, Dcgan32, Dcgan64};
pub use folded::Folded;
pub use resnet::{Bottleneck, BottleneckPath, CropResnet, FoldResnet19, Resnet19, WideningBottleneck};

use crate::nn::{Backend, Real};
use dfdx::prelude::*;

/// Everything that one pass of an encoder computes. The tape, if any, is in `tape`; put it where the next step begins.
pub struct Features<N: Encoder<E, D>, B: Dim, E: Real, D: Backend<E>, T> {
    /// Local feature map `C(x)`, `[B, C, M, M]`.
    pub map: Tensor<N::Map<B>, E, D>,
    /// The last convolution's map.
    pub conv: Tensor<N::Conv<B>, E, D>,
    /// The last hidden vector.
    pub fc: Tensor<N::Fc<B>, E, D>,
    /// Global vector `Y`.
    pub global: Tensor<N::Global<B>, E, D>,
    /// What the pass recorded.
    pub tape: T,
}

/// A trained map from images to a local feature map and a global vector, with the shapes of both as types.
pub trait Encoder<E: Real, D: Backend<E>>: TensorCollection<E, D> {
    /// A batch of images, `[B, C, H, W]`.
    type Image<B: Dim>: Shape;
    /// Local feature map `C(x)`: what local objectives score.
    type Map<B: Dim>: Shape;
    /// The last convolution's output: probed as "conv".
    type Conv<B: Dim>: Shape;
    /// The last hidden layer: probed as "fc".
    type Fc<B: Dim>: Shape;
    /// Global vector `Y = E(x)`: probed as "Y".
    type Global<B: Dim>: Shape;

    /// The shape of a batch of `b` images.
    fn image<B: Dim>(b: B) -> Self::Image<B>;

    /// Evaluates: batch norm by its running statistics, nothing recorded or changed.
    ///
    /// # Errors
    /// When the device fails.
    fn try_encode<B: Dim>(&self, x: Tensor<Self::Image<B>, E, D>) -> Result<Features<Self, B, E, D, NoneTape>, D::Err>;

    /// Trains: batch norm by the batch's statistics (its running ones move), everything recorded on the tape.
    ///
    /// # Errors
    /// When the device fails.
    fn try_encode_train<B: Dim>(
        &mut self,
        x: Tensor<Self::Image<B>, E, D, OwnedTape<E, D>>,
    ) -> Result<Features<Self, B, E, D, OwnedTape<E, D>>, D::Err>;
}
