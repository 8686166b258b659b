//! [`infomax`] as one shared library: see `Cargo.toml`.
pub use infomax::*;
