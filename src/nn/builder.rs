//! Size-only descriptions of the layers, for dfdx's `build_module`:
//! `dev.build_module::<(builder::Conv2d<3, 64, 4, 2, 1>, builder::BatchNorm2d<64, true>), f32>()`.

/// A convolution from `I` to `O` channels: `K`×`K` window, stride `S`, padding `P`, no bias.
/// `INPUT_GRAD = false` leaves out the gradient of its input.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conv2d<
    const I: usize,
    const O: usize,
    const K: usize,
    const S: usize = 1,
    const P: usize = 0,
    const INPUT_GRAD: bool = true,
>;

/// A transposed convolution from `I` to `O` channels, no bias.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConvTranspose2d<const I: usize, const O: usize, const K: usize, const S: usize = 1, const P: usize = 0>;

/// Batch norm of `F` features, followed by ReLU when `RELU`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchNorm1d<const F: usize, const RELU: bool = false>;

/// Batch norm of `C` channels, followed by ReLU when `RELU`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchNorm2d<const C: usize, const RELU: bool = false>;

/// A linear layer with bias, followed by ReLU when `RELU`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Linear<const I: usize, const O: usize, const RELU: bool = false>;

/// A linear layer without bias.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnbiasedLinear<const I: usize, const O: usize>;

/// A linear layer without bias on a flattened `C`×`H`×`W` map.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlattenLinear<const C: usize, const H: usize, const W: usize, const O: usize>;

/// Layer norm over the last axis, of size `F`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LayerNorm<const F: usize>;

/// Two linear layers with a ReLU between them, `I → U → U`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainEmbed<const I: usize, const U: usize>;

/// Two linear layers beside a linear shortcut, then layer norm, `I → U`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResidualEmbed<const I: usize, const U: usize>;

/// Concat-and-convolve critic of `C` channels and global vectors of `Y`, with `U` units.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConcatCritic<const C: usize, const Y: usize, const U: usize>;

/// Encode-and-dot-product critic with plain embeddings of `U` units.
#[derive(Clone, Copy, Debug, Default)]
pub struct DotCritic<const C: usize, const Y: usize, const U: usize>;

/// Encode-and-dot-product critic with residual, normalised embeddings of `U` units.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResidualDotCritic<const C: usize, const Y: usize, const U: usize>;

/// Global critic of whole `C`×`H`×`W` maps and global vectors of `Y`, with `U` units.
#[derive(Clone, Copy, Debug, Default)]
pub struct GlobalCritic<const C: usize, const H: usize, const W: usize, const Y: usize, const U: usize>;

/// Network of absolute coordinates on `N`×`N` maps of `C` channels, with `U` units; see
/// [`crate::dim::AbsoluteCoordinates`].
#[derive(Clone, Copy, Debug, Default)]
pub struct AbsoluteCoordinates<const C: usize, const Y: usize, const U: usize, const N: usize>;

/// Network of relative coordinates with `N` offsets on each axis, on maps of `C` channels, with `U` units; see
/// [`crate::dim::RelativeCoordinates`].
#[derive(Clone, Copy, Debug, Default)]
pub struct RelativeCoordinates<const C: usize, const Y: usize, const U: usize, const N: usize>;

/// The encoder of the paper for 32×32 images; see [`crate::encoder::Dcgan32`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Dcgan32<
    const CH: usize = 3,
    const C1: usize = 64,
    const C2: usize = 128,
    const C3: usize = 256,
    const FC: usize = 1024,
    const Y: usize = 64,
>;

/// The encoder of the authors' code for 28×28 images; see [`crate::encoder::Dcgan28`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Dcgan28<
    const CH: usize = 1,
    const C1: usize = 64,
    const C2: usize = 128,
    const FC: usize = 1024,
    const Y: usize = 64,
>;

/// The encoder of the authors' code for 64×64 images; see [`crate::encoder::Dcgan64`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Dcgan64<
    const CH: usize = 3,
    const C1: usize = 64,
    const C2: usize = 128,
    const C3: usize = 256,
    const C4: usize = 512,
    const FC: usize = 1024,
    const Y: usize = 64,
>;

/// The paper's AlexNet for 64×64 images; see [`crate::encoder::Alexnet64`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Alexnet64<
    const CH: usize = 3,
    const C1: usize = 96,
    const C2: usize = 192,
    const C3: usize = 384,
    const C4: usize = 384,
    const C5: usize = 192,
    const FC: usize = 4096,
    const Y: usize = 64,
>;

/// The authors' residual encoder for 32×32 images; see [`crate::encoder::Resnet19`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Resnet19<
    const CH: usize = 3,
    const C: usize = 64,
    const M1: usize = 64,
    const O1: usize = 256,
    const M2: usize = 128,
    const O2: usize = 512,
    const M3: usize = 256,
    const O3: usize = 1024,
    const FC: usize = 1024,
    const Y: usize = 64,
>;

/// The same on overlapping crops; see [`crate::encoder::FoldResnet19`].
#[derive(Clone, Copy, Debug, Default)]
pub struct FoldResnet19<
    const CH: usize = 3,
    const C: usize = 64,
    const M1: usize = 64,
    const O1: usize = 256,
    const M2: usize = 128,
    const O2: usize = 512,
    const M3: usize = 256,
    const O3: usize = 1024,
    const FC: usize = 1024,
    const Y: usize = 64,
>;

/// A perceptron `I → H → … → H → K` with `1 + DEPTH` hidden layers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tower<const I: usize, const H: usize, const DEPTH: usize, const K: usize>;

/// Separable critic of vectors of `I` and of `J`: two towers and a dot product of `K` numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeparableCritic<const I: usize, const J: usize, const H: usize, const DEPTH: usize, const K: usize>;

/// Separable critic of whatever networks `F` and `G` read.
#[derive(Clone, Copy, Debug, Default)]
pub struct TowersCritic<F, G>(std::marker::PhantomData<(F, G)>);

/// Concat critic of vectors of `I` and of `J`, with two hidden layers of `U` units.
#[derive(Clone, Copy, Debug, Default)]
pub struct JointCritic<const I: usize, const J: usize, const U: usize>;

/// Bilinear critic of vectors of `I` and of `J`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BilinearCritic<const I: usize, const J: usize>;
