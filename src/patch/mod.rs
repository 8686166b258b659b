//! Patches of images: on a grid, overlapping, or at random; cut, put back, and refolded into feature maps.
//!
//! * [`Patches`], [`GridPatches`], [`RandomPatches`]: tensors `[B, C, H, W]` → `[B, P, C, K, K]` with P worked out by the
//!   compiler, and back;
//! * [`Refold`]: one feature vector for each patch, `[B, P, F]`, to a feature map `[B, F, R, Q]`, on the tape;
//! * [`Cutter`]: the same on slices, with sizes at run time.
//!
//! The crops of Deep InfoMax's folded encoders, 16×16 pixels at stride 8 of 64×64 (STL-10) and 8×8 at stride 4 of 32×32
//! (CIFAR), are `Patches<16, 8>` and `Patches<8, 4>`: 7×7 of them each.

mod count;
mod cutter;
mod error;
mod refold;
mod tensors;

pub use count::{CountOf, FillsGrid, PatchCount};
pub use cutter::{Cutter, Pixel, Position};
pub use error::PatchError;
pub use refold::{Refold, merge_batch, refold, split_batch};
pub use tensors::{GridPatches, PatchTensor, Patches, RandomPatches};
