//! infomax: representations by mutual-information maximisation, shapes checked by the compiler.

pub mod seed;
