//! Critics: networks that score how well a location of the feature map and a global vector go together.

mod concat;
mod dot;
mod global;

pub use concat::{ConcatCritic, PairNet};
pub use dot::{DotCritic, Embed, PlainEmbed, ResidualEmbed};
pub use global::GlobalCritic;

use super::{Pairing, Scores};
use crate::nn::{Backend, Real};
use dfdx::prelude::*;

/// A critic of feature maps `M = [B, C, H, W]` and global vectors `G = [B, Y]`.
///
/// What a critic accepts is fixed by its type: scoring a map with the wrong number of channels does not compile.
#[diagnostic::on_unimplemented(
    message = "this critic cannot score a feature map of shape `{M}` with a global vector of shape `{G}`",
    label = "the critic was built for other sizes"
)]
pub trait Critic<M: Shape, G: Shape, E: Real, D: Backend<E>> {
    /// Scores `[B, L, K]` of each location with the global vectors that `pairing` names.
    ///
    /// The tape travels with `map`; it must also hold what `global` was computed with, as it does when both come from
    /// one encoder.
    ///
    /// # Errors
    /// When the device fails.
    fn try_scores<T: Tape<E, D>>(
        &self,
        map: Tensor<M, E, D, T>,
        global: &Tensor<G, E, D>,
        pairing: Pairing,
    ) -> Result<Scores<E, D, T>, D::Err>;
}
