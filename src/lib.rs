//! infomax: representations by mutual-information maximisation, shapes checked by the compiler.

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "data")]
pub mod data;
pub mod dim;
pub mod encoder;
pub mod mi;
pub mod nn;
pub mod probe;
#[cfg(feature = "report")]
pub mod report;
pub mod seed;
#[cfg(feature = "data")]
pub mod train;
