//! The encoder of the paper's tables of STL-10 and Tiny ImageNet.

use super::{Encoder, Features, staged::staged};
use crate::nn::{Backend, BatchNorm1d, BatchNorm2d, Conv2d, FlattenLinear, Linear, MaxPool2d, Real, UnbiasedLinear};
use dfdx::prelude::*;

staged! {
    /// The paper's AlexNet for 64×64 images (Hjelm et al. 2019, Table 2; the authors' `alex64x64`, with 96, 192, 384, 384 and
    /// 192 channels and two hidden layers of 4096): five 3×3 convolutions, 3×3 max pooling of stride 2 after the first, second
    /// and fifth, two hidden layers and a linear output. The local feature map is the third convolution's, `[B, C3, 15, 15]`.
    ///
    /// Channels and sizes are const parameters: `CH` image channels, `C1` to `C5` convolution channels, `FC` units of both
    /// hidden layers, `Y` outputs. Batch norm and ReLU follow each convolution and hidden layer, and `Y` is linear. The first
    /// convolution does not compute the gradient of the images.
    Alexnet64<CH, C1, C2, C3, C4, C5, FC, Y> [CH, 64]
    {
        /// Convolution 1, batch norm, ReLU and pooling.
        conv1: (Conv2d<CH, C1, 3, 1, 1, false, E, D>, BatchNorm2d<C1, true, E, D>, MaxPool2d<3, 2>),
        /// Convolution 2, batch norm, ReLU and pooling.
        conv2: (Conv2d<C1, C2, 3, 1, 1, true, E, D>, BatchNorm2d<C2, true, E, D>, MaxPool2d<3, 2>),
        /// Convolution 3, batch norm and ReLU.
        conv3: (Conv2d<C2, C3, 3, 1, 1, true, E, D>, BatchNorm2d<C3, true, E, D>),
    } map [C3, 15]
    {
        /// Convolution 4, batch norm and ReLU.
        conv4: (Conv2d<C3, C4, 3, 1, 1, true, E, D>, BatchNorm2d<C4, true, E, D>),
        /// Convolution 5, batch norm, ReLU and pooling.
        conv5: (Conv2d<C4, C5, 3, 1, 1, true, E, D>, BatchNorm2d<C5, true, E, D>, MaxPool2d<3, 2>),
    } conv [C5, 7]
    {
        /// Hidden layer 1 on the flattened map, batch norm and ReLU.
        fc1: (FlattenLinear<C5, 7, 7, FC, E, D>, BatchNorm1d<FC, true, E, D>),
        /// Hidden layer 2, batch norm and ReLU.
        fc2: (UnbiasedLinear<FC, FC, E, D>, BatchNorm1d<FC, true, E, D>),
    } fc [FC]
    {
        /// Output layer.
        y: Linear<FC, Y, false, E, D>,
    } global [Y]
}
