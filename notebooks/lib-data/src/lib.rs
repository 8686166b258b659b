//! [`infomax`] with data sets as one shared library: see `Cargo.toml`.
pub use infomax::*;
