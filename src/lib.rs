//! infomax: representations by mutual-information maximisation, shapes checked by the compiler.

pub mod dim;
pub mod encoder;
pub mod mi;
pub mod nn;
pub mod seed;
