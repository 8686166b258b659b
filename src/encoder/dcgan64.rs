//! The encoder for 64×64 images.

use super::{Encoder, Features};
use crate::nn::{Backend, BatchNorm1d, BatchNorm2d, Conv2d, FlattenLinear, Linear, Real, buildable};
use dfdx::prelude::*;

/// The encoder of the authors' code for 64×64 images (its `basic64x64`, with 64, 128, 256 and 512 channels): four 4×4
/// convolutions of stride 2, a hidden layer and a linear output. The local feature map is the third convolution's,
/// `[B, C3, 8, 8]`.
///
/// Channels and sizes are const parameters: `CH` image channels, `C1` to `C4` convolution channels, `FC` hidden units, `Y`
/// outputs. Batch norm and ReLU follow each convolution and the hidden layer, and `Y` is linear. The first convolution does
/// not compute the gradient of the images.
#[derive(Clone, Debug)]
pub struct Dcgan64<
    const CH: usize,
    const C1: usize,
    const C2: usize,
    const C3: usize,
    const C4: usize,
    const FC: usize,
    const Y: usize,
    E: Dtype,
    D: Storage<E>,
> {
    /// Convolution 1, batch norm and ReLU.
    pub conv1: (Conv2d<CH, C1, 4, 2, 1, false, E, D>, BatchNorm2d<C1, true, E, D>),
    /// Convolution 2, batch norm and ReLU.
    pub conv2: (Conv2d<C1, C2, 4, 2, 1, true, E, D>, BatchNorm2d<C2, true, E, D>),
    /// Convolution 3, batch norm and ReLU.
    pub conv3: (Conv2d<C2, C3, 4, 2, 1, true, E, D>, BatchNorm2d<C3, true, E, D>),
    /// Convolution 4, batch norm and ReLU.
    pub conv4: (Conv2d<C3, C4, 4, 2, 1, true, E, D>, BatchNorm2d<C4, true, E, D>),
    /// Hidden layer on the flattened map, batch norm and ReLU.
    pub fc: (FlattenLinear<C4, 4, 4, FC, E, D>, BatchNorm1d<FC, true, E, D>),
    /// Output layer.
    pub y: Linear<FC, Y, false, E, D>,
}

buildable!(Dcgan64, [const CH: usize, const C1: usize, const C2: usize, const C3: usize, const C4: usize, const FC: usize, const Y: usize], [CH, C1, C2, C3, C4, FC, Y]);

impl<
    const CH: usize,
    const C1: usize,
    const C2: usize,
    const C3: usize,
    const C4: usize,
    const FC: usize,
    const Y: usize,
    E: Real,
    D: Device<E>,
> TensorCollection<E, D> for Dcgan64<CH, C1, C2, C3, C4, FC, Y, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = Dcgan64<CH, C1, C2, C3, C4, FC, Y, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::module("conv1", |s| &s.conv1, |s| &mut s.conv1),
                Self::module("conv2", |s| &s.conv2, |s| &mut s.conv2),
                Self::module("conv3", |s| &s.conv3, |s| &mut s.conv3),
                Self::module("conv4", |s| &s.conv4, |s| &mut s.conv4),
                Self::module("fc", |s| &s.fc, |s| &mut s.fc),
                Self::module("y", |s| &s.y, |s| &mut s.y),
            ),
            |(conv1, conv2, conv3, conv4, fc, y)| Dcgan64 { conv1, conv2, conv3, conv4, fc, y },
        )
    }
}

impl<
    const CH: usize,
    const C1: usize,
    const C2: usize,
    const C3: usize,
    const C4: usize,
    const FC: usize,
    const Y: usize,
    E: Real,
    D: Backend<E>,
> Encoder<E, D> for Dcgan64<CH, C1, C2, C3, C4, FC, Y, E, D>
{
    type Image<B: Dim> = (B, Const<CH>, Const<64>, Const<64>);
    type Map<B: Dim> = (B, Const<C3>, Const<8>, Const<8>);
    type Conv<B: Dim> = (B, Const<C4>, Const<4>, Const<4>);
    type Fc<B: Dim> = (B, Const<FC>);
    type Global<B: Dim> = (B, Const<Y>);

    fn image<B: Dim>(b: B) -> Self::Image<B> {
        (b, Const, Const, Const)
    }

    fn try_encode<B: Dim>(&self, x: Tensor<Self::Image<B>, E, D>) -> Result<Features<Self, B, E, D, NoneTape>, D::Err> {
        let h = self.conv1.try_forward(x)?;
        let map = self.conv3.try_forward(self.conv2.try_forward(h)?)?;
        let conv = self.conv4.try_forward(map.clone())?;
        let fc = self.fc.try_forward(conv.clone())?;
        let global = self.y.try_forward(fc.clone())?;
        Ok(Features { map, conv, fc, global, tape: NoneTape })
    }

    fn try_encode_train<B: Dim>(
        &mut self,
        x: Tensor<Self::Image<B>, E, D, OwnedTape<E, D>>,
    ) -> Result<Features<Self, B, E, D, OwnedTape<E, D>>, D::Err> {
        let h = self.conv1.try_forward_mut(x)?;
        let h = self.conv2.try_forward_mut(h)?;
        let (map, tape) = self.conv3.try_forward_mut(h)?.split_tape();
        let (conv, tape) = self.conv4.try_forward_mut(map.clone().put_tape(tape))?.split_tape();
        let (fc, tape) = self.fc.try_forward_mut(conv.clone().put_tape(tape))?.split_tape();
        let (global, tape) = self.y.try_forward(fc.clone().put_tape(tape))?.split_tape();
        Ok(Features { map, conv, fc, global, tape })
    }
}
