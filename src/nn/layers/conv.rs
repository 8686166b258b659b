//! Convolution and transposed convolution.

use super::{buildable, fan_in_uniform};
use crate::nn::{Backend, Channels, ConvDim, ConvTransposeDim, Real, Window};
use dfdx::prelude::*;

/// A 2-d convolution without bias (batch norm, which follows it here, has one): `[B, I, H, W]` → `[B, O, H', W']` with
/// `H' = (H + 2P − K)/S + 1`, worked out by the compiler.
///
/// Weights start uniform on ±1/√(I·K²), as PyTorch's. With `INPUT_GRAD = false` the gradient of the input is not
/// computed: right for the first layer, whose input is an image.
///
/// ```
/// use dfdx::prelude::*;
/// use infomax::nn::builder::Conv2d;
/// let dev = Cpu::default();
/// let conv = dev.build_module::<Conv2d<3, 64, 4, 2, 1>, f32>();
/// let x: Tensor<Rank4<2, 3, 32, 32>, f32, _> = dev.sample_normal();
/// let y: Tensor<Rank4<2, 64, 16, 16>, f32, _> = conv.forward(x);
/// ```
#[derive(Clone, Debug)]
pub struct Conv2d<
    const I: usize,
    const O: usize,
    const K: usize,
    const S: usize,
    const P: usize,
    const INPUT_GRAD: bool,
    E: Dtype,
    D: Storage<E>,
> {
    /// `[O, I, K, K]`.
    pub weight: Tensor<Rank4<O, I, K, K>, E, D>,
}

buildable!(
    Conv2d,
    [const I: usize, const O: usize, const K: usize, const S: usize, const P: usize, const INPUT_GRAD: bool],
    [I, O, K, S, P, INPUT_GRAD]
);

impl<
    const I: usize,
    const O: usize,
    const K: usize,
    const S: usize,
    const P: usize,
    const G: bool,
    E: Dtype,
    D: Storage<E>,
> NonMutableModule for Conv2d<I, O, K, S, P, G, E, D>
{
}

impl<
    const I: usize,
    const O: usize,
    const K: usize,
    const S: usize,
    const P: usize,
    const G: bool,
    E: Real,
    D: Device<E>,
> TensorCollection<E, D> for Conv2d<I, O, K, S, P, G, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = Conv2d<I, O, K, S, P, G, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            Self::tensor(
                "weight",
                |s| &s.weight,
                |s| &mut s.weight,
                TensorOptions::reset_with(|t| fan_in_uniform(t, I * K * K)),
            ),
            |weight| Conv2d { weight },
        )
    }
}

impl<
    B: Dim,
    C: Channels<I>,
    H: ConvDim<K, S, P>,
    W: ConvDim<K, S, P>,
    const I: usize,
    const O: usize,
    const K: usize,
    const S: usize,
    const P: usize,
    const G: bool,
    E: Real,
    D: Backend<E>,
    T: Tape<E, D>,
> Module<Tensor<(B, C, H, W), E, D, T>> for Conv2d<I, O, K, S, P, G, E, D>
{
    type Output = Tensor<(B, Const<O>, H::Out, W::Out), E, D, T>;
    type Error = D::Err;

    fn try_forward(&self, x: Tensor<(B, C, H, W), E, D, T>) -> Result<Self::Output, D::Err> {
        let (b, _, h, w) = *x.shape();
        let y = (b, Const, h.conv_out(), w.conv_out());
        D::conv2d(x, &self.weight, y, Window { k: K, s: S, p: P }, G)
    }
}

/// A transposed 2-d convolution without bias: `[B, I, H, W]` → `[B, O, H', W']` with `H' = (H − 1)·S + K − 2P`.
///
/// ```
/// use dfdx::prelude::*;
/// use infomax::nn::builder::ConvTranspose2d;
/// let dev = Cpu::default();
/// let up = dev.build_module::<ConvTranspose2d<8, 3, 4, 2, 1>, f32>();
/// let y: Tensor<Rank4<2, 3, 32, 32>, f32, _> = up.forward(dev.zeros::<Rank4<2, 8, 16, 16>>());
/// ```
#[derive(Clone, Debug)]
pub struct ConvTranspose2d<
    const I: usize,
    const O: usize,
    const K: usize,
    const S: usize,
    const P: usize,
    E: Dtype,
    D: Storage<E>,
> {
    /// `[I, O, K, K]`, PyTorch's layout.
    pub weight: Tensor<Rank4<I, O, K, K>, E, D>,
}

buildable!(
    ConvTranspose2d,
    [const I: usize, const O: usize, const K: usize, const S: usize, const P: usize],
    [I, O, K, S, P]
);

impl<const I: usize, const O: usize, const K: usize, const S: usize, const P: usize, E: Dtype, D: Storage<E>>
    NonMutableModule for ConvTranspose2d<I, O, K, S, P, E, D>
{
}

impl<const I: usize, const O: usize, const K: usize, const S: usize, const P: usize, E: Real, D: Device<E>>
    TensorCollection<E, D> for ConvTranspose2d<I, O, K, S, P, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = ConvTranspose2d<I, O, K, S, P, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            Self::tensor(
                "weight",
                |s| &s.weight,
                |s| &mut s.weight,
                TensorOptions::reset_with(|t| fan_in_uniform(t, O * K * K)),
            ),
            |weight| ConvTranspose2d { weight },
        )
    }
}

impl<
    B: Dim,
    C: Channels<I>,
    H: ConvTransposeDim<K, S, P>,
    W: ConvTransposeDim<K, S, P>,
    const I: usize,
    const O: usize,
    const K: usize,
    const S: usize,
    const P: usize,
    E: Real,
    D: Backend<E>,
    T: Tape<E, D>,
> Module<Tensor<(B, C, H, W), E, D, T>> for ConvTranspose2d<I, O, K, S, P, E, D>
{
    type Output = Tensor<(B, Const<O>, H::Out, W::Out), E, D, T>;
    type Error = D::Err;

    fn try_forward(&self, x: Tensor<(B, C, H, W), E, D, T>) -> Result<Self::Output, D::Err> {
        let (b, _, h, w) = *x.shape();
        let y = (b, Const, h.conv_transpose_out(), w.conv_transpose_out());
        D::conv_transpose2d(x, &self.weight, y, Window { k: K, s: S, p: P })
    }
}
