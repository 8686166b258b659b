//! The encoders of the paper's tables of small images: strided convolutions, as in a DCGAN's discriminator.

use super::{Encoder, Features, staged::staged};
use crate::nn::{Backend, BatchNorm1d, BatchNorm2d, Conv2d, FlattenLinear, Linear, Real};
use dfdx::prelude::*;

staged! {
    /// The encoder of the authors' code for MNIST-sized images: two 5×5 convolutions of stride 2, a hidden layer and a linear
    /// output. The local feature map is the second convolution's, `[B, C2, 7, 7]`.
    ///
    /// Channels and sizes are const parameters: `CH` image channels, `C1`, `C2` convolution channels, `FC` hidden units, `Y`
    /// outputs. Batch norm and ReLU follow each convolution and the hidden layer, and `Y` is linear. The first convolution
    /// does not compute the gradient of the images.
    Dcgan28<CH, C1, C2, FC, Y> [CH, 28]
    {
        /// Convolution 1, batch norm and ReLU.
        conv1: (Conv2d<CH, C1, 5, 2, 2, false, E, D>, BatchNorm2d<C1, true, E, D>),
        /// Convolution 2, batch norm and ReLU.
        conv2: (Conv2d<C1, C2, 5, 2, 2, true, E, D>, BatchNorm2d<C2, true, E, D>),
    } map [C2, 7]
    {} conv [C2, 7]
    {
        /// Hidden layer on the flattened map, batch norm and ReLU.
        fc: (FlattenLinear<C2, 7, 7, FC, E, D>, BatchNorm1d<FC, true, E, D>),
    } fc [FC]
    {
        /// Output layer.
        y: Linear<FC, Y, false, E, D>,
    } global [Y]
}

staged! {
    /// The encoder of the paper's CIFAR tables (Hjelm et al. 2019): three 4×4 convolutions of stride 2, a hidden layer and a
    /// linear output. The local feature map is the second convolution's, `[B, C2, 8, 8]`.
    ///
    /// Channels and sizes are const parameters: `CH` image channels, `C1`, `C2`, `C3` convolution channels, `FC` hidden
    /// units, `Y` outputs. Batch norm and ReLU follow each convolution and the hidden layer, and `Y` is linear. The first
    /// convolution does not compute the gradient of the images.
    Dcgan32<CH, C1, C2, C3, FC, Y> [CH, 32]
    {
        /// Convolution 1, batch norm and ReLU.
        conv1: (Conv2d<CH, C1, 4, 2, 1, false, E, D>, BatchNorm2d<C1, true, E, D>),
        /// Convolution 2, batch norm and ReLU.
        conv2: (Conv2d<C1, C2, 4, 2, 1, true, E, D>, BatchNorm2d<C2, true, E, D>),
    } map [C2, 8]
    {
        /// Convolution 3, batch norm and ReLU.
        conv3: (Conv2d<C2, C3, 4, 2, 1, true, E, D>, BatchNorm2d<C3, true, E, D>),
    } conv [C3, 4]
    {
        /// Hidden layer on the flattened map, batch norm and ReLU.
        fc: (FlattenLinear<C3, 4, 4, FC, E, D>, BatchNorm1d<FC, true, E, D>),
    } fc [FC]
    {
        /// Output layer.
        y: Linear<FC, Y, false, E, D>,
    } global [Y]
}

staged! {
    /// The encoder of the authors' code for 64×64 images (its `basic64x64`, with 64, 128, 256 and 512 channels): four 4×4
    /// convolutions of stride 2, a hidden layer and a linear output. The local feature map is the third convolution's,
    /// `[B, C3, 8, 8]`.
    ///
    /// Channels and sizes are const parameters: `CH` image channels, `C1` to `C4` convolution channels, `FC` hidden units,
    /// `Y` outputs. Batch norm and ReLU follow each convolution and the hidden layer, and `Y` is linear. The first
    /// convolution does not compute the gradient of the images.
    Dcgan64<CH, C1, C2, C3, C4, FC, Y> [CH, 64]
    {
        /// Convolution 1, batch norm and ReLU.
        conv1: (Conv2d<CH, C1, 4, 2, 1, false, E, D>, BatchNorm2d<C1, true, E, D>),
        /// Convolution 2, batch norm and ReLU.
        conv2: (Conv2d<C1, C2, 4, 2, 1, true, E, D>, BatchNorm2d<C2, true, E, D>),
        /// Convolution 3, batch norm and ReLU.
        conv3: (Conv2d<C2, C3, 4, 2, 1, true, E, D>, BatchNorm2d<C3, true, E, D>),
    } map [C3, 8]
    {
        /// Convolution 4, batch norm and ReLU.
        conv4: (Conv2d<C3, C4, 4, 2, 1, true, E, D>, BatchNorm2d<C4, true, E, D>),
    } conv [C4, 4]
    {
        /// Hidden layer on the flattened map, batch norm and ReLU.
        fc: (FlattenLinear<C4, 4, 4, FC, E, D>, BatchNorm1d<FC, true, E, D>),
    } fc [FC]
    {
        /// Output layer.
        y: Linear<FC, Y, false, E, D>,
    } global [Y]
}
