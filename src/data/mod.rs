//! Images: found, read, decoded, held as bytes, and dealt out in batches.
//!
//! A data set is a name with a card in `datasets/`, whose files are parquet in the Hugging Face hub's layout (a struct
//! column of encoded images, `bytes` and `path`, and an integer label column), or a path to any of the formats that
//! [`source`] lists. Only [`hub`] reaches the network; a named set is read from where it
//! already lies.

mod assemble;
pub mod augment;
mod batch;
mod card;
mod decode;
mod error;
mod export;
mod guard;
pub mod hub;
mod order;
mod pages;
mod sample;
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
pub use error::DataError;
pub use export::{Export, ExportFormat, ExportedFile};
#[cfg(feature = "cli")]
pub(crate) use guard::is_guarded;
pub use order::{Order, buffered_order, epoch_order, piece_order};
pub use sample::write_sample;
pub use set::{ImageSet, Split, UNLABELLED};
pub use stream::StreamSet;
pub use table::{Table, write_parquet};
pub use whiten::Whitening;
