//! Critics: networks that score how well a location of the feature map and a global vector go together.

mod bilinear;
mod concat;
mod dot;
mod global;
mod joint;
mod separable;
mod tower;
mod towers;

pub use bilinear::BilinearCritic;
pub use concat::{ConcatCritic, PairNet};
pub use dot::{DotCritic, Embed, PlainEmbed, ResidualEmbed};
pub use global::GlobalCritic;
pub use joint::JointCritic;
pub use separable::SeparableCritic;
pub use tower::Tower;
pub use towers::TowersCritic;

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

/// A critic of two random vectors `X = Const<I>` and `Y = Const<J>` numbers long.
#[diagnostic::on_unimplemented(
    message = "this critic cannot score vectors of `{X}` numbers with vectors of `{Y}`",
    label = "the critic was built for other sizes"
)]
pub trait VectorCritic<X: Dim, Y: Dim, E: Real, D: Backend<E>> {
    /// Scores `[B, 1, K]` of each x with the y that `pairing` names; with [`Pairing::All`], the matrix `[B, B]` with joint
    /// pairs on the diagonal.
    ///
    /// The tape travels with `x`.
    ///
    /// # Errors
    /// When the device fails.
    fn try_scores<B: Dim, T: Tape<E, D>>(
        &self,
        x: Tensor<(B, X), E, D, T>,
        y: Tensor<(B, Y), E, D>,
        pairing: Pairing,
    ) -> Result<Scores<E, D, T>, D::Err>;

    /// Scores `[N, M]` of each of `N` x with each of `M` y, off the tape.
    ///
    /// # Errors
    /// When the device fails.
    fn try_block<N: Dim, M: Dim>(
        &self,
        x: Tensor<(N, X), E, D>,
        y: Tensor<(M, Y), E, D>,
    ) -> Result<Tensor<(N, M), E, D>, D::Err>;
}
