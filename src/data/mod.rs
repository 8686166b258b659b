//! Images: found, read, decoded, held as bytes, and dealt out in batches.
//!
//! A data set is a name with a card in `datasets/`, whose files are parquet in the Hugging Face hub's layout (a struct
//! column of encoded images, `bytes` and `path`, and an integer label column), or a path to any of the formats that
//! [`source`] lists. Nothing here reaches the network; a named set is read from where it already lies.

mod assemble;
mod batch;
mod card;
mod decode;
mod error;
mod guard;
mod pages;
mod sample;
mod set;
pub mod source;
mod table;

pub use batch::{Batch, BatchLoader, epoch_order, normalise};
pub use card::Card;
pub use decode::{Form, MAX_SIDE, Picture, PictureError, decode_picture, picture_form};
pub use error::DataError;
#[cfg(feature = "cli")]
pub(crate) use guard::is_guarded;
pub use sample::write_sample;
pub use set::{ImageSet, Split};
pub use table::{Table, write_parquet};
