//! Images: found, read, decoded, held as bytes, and dealt out in batches.
//!
//! A data set is a name with a card in `datasets/`, whose files are parquet in the Hugging Face hub's layout (a struct
//! column of encoded images, `bytes` and `path`, and an integer label column), or a path to any of the formats that
//! [`source`] lists. Only [`hub`] reaches the network; a named set is read from where it
//! already lies. [`ImageSet::load`] decodes it every time, [`ImageSet::load_cached`] once. [`scene`] renders sets of its own,
//! with a class, a pose, and for every pixel a class and a depth.
//!
//! From a name to batches whose sizes are types, and their patches:
//!
//! ```
//! use dfdx::prelude::*;
//! use infomax::data::augment::{Augment, Crop};
//! use infomax::data::{BatchLoader, ImageSet, Loading, Order, Split, patch::Patches};
//! use std::sync::Arc;
//!
//! let set = Arc::new(ImageSet::load("fashion_mnist_sample", Split::Test, None)?);
//! let augment = Augment { crop: Some(Crop::Random { size: 28, padding: 4 }), flip: 0.5, ..Augment::default() };
//! let loading = Loading { batch: 64, seed: 0, order: Order::Shuffled, augment };
//! for batch in BatchLoader::new(set, &loading, 0, 0)?.take(2) {
//!     let batch = batch?.on::<64, 1, 28, 28, _>(&Cpu::default())?;
//!     let patches: Tensor<Rank5<64, 16, 1, 7, 7>, f32, Cpu> = Patches::<7, 7>::cut(&batch.images)?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assemble;
pub mod augment;
mod batch;
mod card;
mod decode;
mod decoded;
mod encode;
mod error;
mod export;
mod fit;
mod guard;
pub mod hub;
pub mod numbers;
mod order;
mod pages;
mod patch_noise;
mod sample;
pub mod scene;
mod set;
pub mod source;
pub mod stats;
mod stream;
pub mod subset;
mod table;
mod whiten;

pub use crate::patch;
pub use batch::{Batch, BatchLoader, FlatBatch, Loading, Source, normalise};
pub use card::Card;
pub use decode::{ImageShape, MAX_SIDE, Picture, PictureError, decode_picture, picture_form};
#[cfg(feature = "cli")]
pub(crate) use decoded::home;
pub use decoded::{CacheEntry, CacheUse, DecodedCache};
pub use error::DataError;
pub use export::{Export, ExportFormat, ExportedFile, FeatureExport};
pub use fit::Fit;
#[cfg(feature = "cli")]
pub(crate) use guard::is_guarded;
pub use order::{Order, buffered_order, epoch_order, piece_order};
pub use patch_noise::PatchNoise;
pub use sample::write_sample;
pub use set::{ImageSet, Split, UNLABELLED};
pub use stream::StreamSet;
pub use table::{Table, write_parquet};
pub use whiten::Whitening;
