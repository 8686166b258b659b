//! Images: found, read, decoded, held as bytes, and dealt out in batches.
//!
//! A data set is a name with a card in `datasets/`, or a folder of parquet files in the Hugging Face hub's layout: a
//! struct column of encoded images (`bytes`, `path`) and an integer label column. Nothing here reaches the network; a
//! named set is read from where it already lies.

pub mod augment;
mod batch;
mod card;
mod decode;
mod error;
mod order;
mod sample;
mod set;
mod stream;
pub mod subset;
mod table;
mod whiten;

pub use batch::{Batch, BatchLoader, FlatBatch, Loading, Source, normalise};
pub use card::Card;
pub use error::DataError;
pub use order::{Order, buffered_order, epoch_order, piece_order};
pub use sample::write_sample;
pub use set::{ImageSet, Split};
pub use stream::StreamSet;
pub use table::{Table, write_parquet};
pub use whiten::Whitening;
