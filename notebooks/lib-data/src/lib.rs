//! [`infomax`] with data sets as one shared library: see `Cargo.toml`. And what reads and writes images, which it has anyway:
//! with another `:dep` line, evcxr would forget the versions of the first.
pub use image;
pub use infomax::*;
