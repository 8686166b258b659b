//! Images: found, read, decoded, held as bytes, and dealt out in batches.
//!
//! A data set is a name with a card in `datasets/`, or a folder of parquet files in the Hugging Face hub's layout: a
//! struct column of encoded images (`bytes`, `path`) and an integer label column. Only [`hub`] reaches the network; a
//! named set is read from where it already lies.

mod batch;
mod card;
mod decode;
mod error;
pub mod hub;
mod sample;
mod set;
mod table;

pub use batch::{Batch, BatchLoader, epoch_order, normalise};
pub use card::Card;
pub use error::DataError;
pub use sample::write_sample;
pub use set::{ImageSet, Split};
pub use table::{Table, write_parquet};
