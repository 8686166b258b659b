//! The separable critic of whatever two networks read.

use super::dot::select_columns;
use crate::mi::{Pairing, Scores};
use crate::nn::{Backend, Real, builder};
use dfdx::prelude::*;

/// `f(x, y) = ⟨g(x), h(y)⟩` with any two networks that end in `K` numbers: of images, convolutions.
///
/// ```
/// use dfdx::prelude::*;
/// use infomax::mi::{Pairing, bound::{BoundKind, objective}};
/// use infomax::nn::{Flatten, builder};
/// type Conv = ((builder::Conv2d<1, 8, 4, 2, 1>, ReLU), (builder::Conv2d<8, 16, 4, 2, 1>, ReLU));
/// type Tower = (Conv, Flatten<256>, builder::Linear<256, 32>);
/// let dev = Cpu::seed_from_u64(0);
/// let critic = dev.build_module::<builder::TowersCritic<Tower, Tower>, f32>();
/// type Images = Tensor<Rank4<9, 1, 16, 16>, f32, Cpu>;
/// let (x, y): (Images, Images) = (dev.sample_normal(), dev.sample_normal());
/// let scores = critic.try_scores(x.leaky_traced(), y, Pairing::All)?; // [9, 1, 9]
/// let bound = objective(BoundKind::InfoNce, scores, Pairing::All)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TowersCritic<F, G> {
    /// Network of x, `[B, …]` → `[B, K]`.
    pub x: F,
    /// Network of y, `[B, …]` → `[B, K]`.
    pub y: G,
}

impl<E: Real, D: Device<E>, F: BuildOnDevice<D, E>, G: BuildOnDevice<D, E>> BuildOnDevice<D, E>
    for builder::TowersCritic<F, G>
{
    type Built = TowersCritic<F::Built, G::Built>;
}

impl<E: Dtype, D: Device<E>, F: TensorCollection<E, D>, G: TensorCollection<E, D>> TensorCollection<E, D>
    for TowersCritic<F, G>
{
    type To<E2: Dtype, D2: Device<E2>> = TowersCritic<F::To<E2, D2>, G::To<E2, D2>>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(visitor: &mut V) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (Self::module("x", |s| &s.x, |s| &mut s.x), Self::module("y", |s| &s.y, |s| &mut s.y)),
            |(x, y)| TowersCritic { x, y },
        )
    }
}

impl<F, G> TowersCritic<F, G> {
    /// Scores `[B, 1, K]` of each x with the y that `pairing` names; with [`Pairing::All`], the matrix `[B, B]` with joint
    /// pairs on the diagonal. The tape travels with `x`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn try_scores<B: Dim, X: Shape, Y: Shape, const K: usize, E: Real, D: Backend<E>, T: Tape<E, D>>(
        &self,
        x: Tensor<X, E, D, T>,
        y: Tensor<Y, E, D>,
        pairing: Pairing,
    ) -> Result<Scores<E, D, T>, D::Err>
    where
        F: Module<Tensor<X, E, D, T>, Output = Tensor<(B, Const<K>), E, D, T>, Error = D::Err>,
        G: Module<Tensor<Y, E, D, T>, Output = Tensor<(B, Const<K>), E, D, T>, Error = D::Err>,
    {
        let (of_x, tape) = self.x.try_forward(x)?.split_tape();
        let (of_y, tape) = self.y.try_forward(y.put_tape(tape))?.split_tape();
        let b = of_x.shape().0.size();
        let scores = D::linear::<K, _, _, _, _>(of_x.put_tape(tape), &of_y, None, (b, 1, b), false)?;
        match pairing {
            Pairing::All => Ok(scores),
            Pairing::Rolled(_) => select_columns(scores, pairing),
        }
    }
}
