//! infomax: representations by mutual-information maximisation, shapes checked by the compiler.

pub mod probe;
#[cfg(feature = "report")]
pub mod report;
pub mod seed;
