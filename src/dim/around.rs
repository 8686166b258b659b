//! Deep InfoMax around an encoder, once for each device.
//!
//! What is on an NVIDIA device cannot go from one thread to another (dfdx's `Cuda` keeps a stream, which is neither
//! `Send` nor `Sync`), and what is in memory can: the boxes differ, and a macro writes both.

use super::build::{
    COORDINATE_UNITS, Enc28, Enc32, Enc64, Enc64Narrow, EncAlexnet, EncFolded, EncResnet, GLOBAL_UNITS, Y, part,
};
use super::model::{Dim, Model};
use super::prior::PriorLayers;
use super::term::{CoordinatePart, CriticPart, Term};
use super::{CriticKind, DimError, EncoderKind, ModelConfig};
use crate::encoder::Encoder;
use crate::nn::builder;
use crate::seed;
use dfdx::prelude::*;

macro_rules! on {
    ($name:ident: $device:ty, $make:expr, $part:ident, [$($anywhere:tt)*]) => {
        pub(super) mod $name {
            use super::*;

            type D = $device;

            /// A module that an alias describes by its sizes.
            type Built<B> = <B as BuildOnDevice<D, f32>>::Built;

            /// A model on this device.
            type Boxed = Box<dyn Model $($anywhere)*>;

            /// The model that `config` names, which has been checked.
            pub fn build(config: &ModelConfig, root: u64) -> Result<Boxed, DimError> {
                let make: fn(u64) -> Result<D, DimError> = $make;
                let device = &make(seed::child(root, "init", 4))?;
                match config.encoder {
                    EncoderKind::Dcgan32 => around::<Enc32, 128, 8, 15>(device, config, root),
                    EncoderKind::Dcgan28 => around::<Enc28, 128, 7, 13>(device, config, root),
                    EncoderKind::Dcgan64 => around::<Enc64, 256, 8, 15>(device, config, root),
                    EncoderKind::Dcgan64Narrow => around::<Enc64Narrow, 64, 8, 15>(device, config, root),
                    EncoderKind::Alexnet64 => around::<EncAlexnet, 384, 15, 29>(device, config, root),
                    EncoderKind::Resnet19 => around::<EncResnet, 512, 8, 15>(device, config, root),
                    EncoderKind::FoldResnet19 => around::<EncFolded, 1024, 7, 13>(device, config, root),
                }
            }

            /// A batch of feature maps of `C` channels and side `S`.
            type Map<const C: usize, const S: usize> = (usize, Const<C>, Const<S>, Const<S>);

            /// A term of the loss on such maps.
            type BoxedTerm<const C: usize, const S: usize> = Box<dyn Term<Map<C, S>, Y, D> $($anywhere)*>;

            /// Deep InfoMax around encoder `N`, whose feature maps have `C` channels and side `S`: `OFFSETS` = 2·`S` − 1 of
            /// them lie between the rows of two locations.
            fn around<N, const C: usize, const S: usize, const OFFSETS: usize>(
                device: &D,
                config: &ModelConfig,
                root: u64,
            ) -> Result<Boxed, DimError>
            where
                N: BuildOnDevice<Cpu, f32> + BuildOnDevice<D, f32>,
                <N as BuildOnDevice<Cpu, f32>>::Built: TensorCollection<f32, Cpu>,
                Built<N>: TensorCollection<f32, D, To<f32, D> = Built<N>>
                    + Encoder<f32, D, Map<usize> = Map<C, S>, Global<usize> = (usize, Const<Y>)>
                    + Clone
                    $($anywhere)*
                    + 'static,
            {
                const { assert!(OFFSETS == 2 * S - 1) };
                let ModelConfig { bound, pairing, weights, coordinates, adam, .. } = *config;
                let mut information: Vec<BoxedTerm<C, S>> = Vec::new();
                if weights.alpha != 0.0 {
                    let critic = $part::<builder::GlobalCritic<C, S, S, Y, GLOBAL_UNITS>>(device, root, 3)?;
                    let (said, weight) = ((bound, pairing), weights.alpha);
                    let of = CriticPart::new(critic, said, weight, "global", |r| &mut r.global, adam)?;
                    information.push(Box::new(of));
                }
                information.push(match config.units {
                    256 => local::<C, S, 256>(device, config, root)?,
                    512 => local::<C, S, 512>(device, config, root)?,
                    1024 => local::<C, S, 1024>(device, config, root)?,
                    2048 => local::<C, S, 2048>(device, config, root)?,
                    other => {
                        let text = format!("units is {other}; critics come in 256, 512, 1024 and 2048 units");
                        return Err(DimError::Config(text));
                    }
                });
                let mut auxiliary: Vec<BoxedTerm<C, S>> = Vec::new();
                if coordinates.absolute != 0.0 {
                    let net = $part::<builder::AbsoluteCoordinates<C, Y, COORDINATE_UNITS, S>>(device, root, 9)?;
                    let (weight, name) = (coordinates.absolute, "absolute_coordinates");
                    let of = CoordinatePart::new(net, weight, name, |r| &mut r.absolute_coordinates, adam)?;
                    auxiliary.push(Box::new(of));
                }
                if coordinates.relative != 0.0 {
                    let net = $part::<builder::RelativeCoordinates<C, Y, COORDINATE_UNITS, OFFSETS>>(device, root, 10)?;
                    let (weight, name) = (coordinates.relative, "relative_coordinates");
                    let of = CoordinatePart::new(net, weight, name, |r| &mut r.relative_coordinates, adam)?;
                    auxiliary.push(Box::new(of));
                }
                let (encoder, prior) = ($part::<N>(device, root, 0)?, $part::<PriorLayers<Y>>(device, root, 2)?);
                Ok(Box::new(Dim::<_, Y, D, _>::new(device.clone(), encoder, prior, information, auxiliary, config)?))
            }

            /// The local critic of `U` units.
            fn local<const C: usize, const S: usize, const U: usize>(
                device: &D,
                config: &ModelConfig,
                root: u64,
            ) -> Result<BoxedTerm<C, S>, DimError> {
                let ModelConfig { bound, pairing, weights, adam, .. } = *config;
                let (said, weight) = ((bound, pairing), weights.beta);
                Ok(match config.critic {
                    CriticKind::Concat => {
                        let critic = $part::<builder::ConcatCritic<C, Y, U>>(device, root, 1)?;
                        Box::new(CriticPart::new(critic, said, weight, "local", |r| &mut r.local, adam)?)
                    }
                    CriticKind::Dot => {
                        let critic = $part::<builder::DotCritic<C, Y, U>>(device, root, 1)?;
                        Box::new(CriticPart::new(critic, said, weight, "local", |r| &mut r.local, adam)?)
                    }
                    CriticKind::DotResidual => {
                        let critic = $part::<builder::ResidualDotCritic<C, Y, U>>(device, root, 1)?;
                        Box::new(CriticPart::new(critic, said, weight, "local", |r| &mut r.local, adam)?)
                    }
                })
            }
        }
    };
}

/// Module number `index` of the root.
fn drawn<B: BuildOnDevice<Cpu, f32>>(_: &Cpu, root: u64, index: u64) -> Result<B::Built, DimError> {
    part::<B>(root, index)
}

/// The same on another device, with the numbers that it has in memory.
#[cfg(feature = "cuda")]
fn moved<B>(device: &Cuda, root: u64, index: u64) -> Result<<B as BuildOnDevice<Cuda, f32>>::Built, DimError>
where
    B: BuildOnDevice<Cpu, f32> + BuildOnDevice<Cuda, f32>,
    <B as BuildOnDevice<Cpu, f32>>::Built: TensorCollection<f32, Cpu>,
    <B as BuildOnDevice<Cuda, f32>>::Built: TensorCollection<f32, Cuda>,
{
    use crate::nn::checkpoint::{collect, restore};
    let mut arrays = std::collections::BTreeMap::new();
    collect(&part::<B>(root, index)?, "part", &mut arrays);
    let mut module = <B as BuildOnDevice<Cuda, f32>>::try_build_on_device(device).map_err(super::part::device_error)?;
    restore(&mut module, "part", &arrays)?;
    Ok(module)
}

on!(on_cpu: Cpu, |seed| Ok(Cpu::seed_from_u64(seed)), drawn, [+ Send + Sync]);
#[cfg(feature = "cuda")]
on!(on_cuda: Cuda, |seed| Cuda::try_build(0, seed).map_err(super::super::part::device_error), moved, []);
