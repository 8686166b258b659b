//! Mutual information from samples ([`Samples`]), and from the scores of a critic: which pairs are scored, and what bound
//! the scores give.

pub mod benchmark;
pub mod bound;
pub mod classical;
pub mod consistency;
pub mod critic;
mod error;
pub mod estimate;
pub mod known;
pub(crate) mod linalg;
mod pairing;
mod permutation;
mod samples;
mod special;
pub mod staircase;
mod standardise;

pub use error::MiError;
pub use pairing::Pairing;
pub use permutation::{Significance, permutation_test};
pub use samples::Samples;
pub use standardise::{Scaling, Standardiser};

/// A critic's scores `[B, L, K]`; see [`Pairing`] for what the columns are.
pub type Scores<E, D, T = dfdx::tensor::NoneTape> = dfdx::tensor::Tensor<(usize, usize, usize), E, D, T>;
