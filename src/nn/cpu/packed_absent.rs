//! Where there are no kernels of our own, products are `gemm`'s, in `f32`.

use super::gemm::Mat;

/// There is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {}

impl Unit {
    pub(crate) fn name(self) -> &'static str {
        match self {}
    }
}

/// What the numbers of a packed side would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Bf16,
    Single,
    Split,
}

impl Format {
    pub(crate) fn unit(self) -> Option<Unit> {
        None
    }
}

/// Which side of a product is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// Nothing is ever packed.
#[derive(Clone, Debug)]
pub(crate) struct Packed;

impl Packed {
    pub(crate) fn new(_: Mat<f32>, _: Side, _: Format) -> Self {
        unreachable!("nothing packs where no unit is detected")
    }

    pub(crate) fn outer(&self) -> usize {
        unreachable!("nothing is packed")
    }

    pub(crate) fn format(&self) -> Format {
        unreachable!("nothing is packed")
    }

    pub(crate) fn here(view: Mat<f32>, side: Side, format: Format) -> Self {
        Self::new(view, side, format)
    }
}

pub(crate) fn product(_: &mut [f32], _: usize, _: &Packed, _: &Packed, _: bool) {
    unreachable!("nothing is packed")
}

pub(crate) fn par_product(
    _: &mut [f32],
    _: &Packed,
    _: &Packed,
    _: bool,
    _: &(dyn Fn(usize, usize, &mut [f32]) + Sync),
) {
    unreachable!("nothing is packed")
}

pub(crate) fn fits(_: usize) -> bool {
    false
}

/// The upper layers of concat critics.
pub(crate) mod pair {
    use super::Format;
    use crate::mi::Pairing;
    use crate::nn::cpu::pair::{PairGrads, PairSizes, Upper};

    /// Nothing is ever kept.
    pub(crate) struct Kept;

    pub(crate) fn forward(
        _: PairSizes,
        _: &[f32],
        _: &[f32],
        _: Upper<f32>,
        _: Pairing,
        _: bool,
        _: Format,
    ) -> (Vec<f32>, Kept) {
        unreachable!("nothing fits")
    }

    pub(crate) fn backward(
        _: PairSizes,
        _: (&[f32], Vec<f32>),
        _: &[f32],
        _: Upper<f32>,
        _: Pairing,
        _: Kept,
        _: &[f32],
    ) -> PairGrads<f32> {
        unreachable!("nothing fits")
    }
}

/// Concat critics of vectors.
pub(crate) mod joint {
    use super::Packed;
    use crate::nn::cpu::joint::{Pairs, Part};
    use crate::nn::cpu::pair::Upper;

    pub(crate) fn fits(_: usize) -> bool {
        false
    }

    pub(crate) fn scaled(_: &[f32], _: &[f32]) -> Packed {
        unreachable!("nothing fits")
    }

    /// Nothing is ever in one.
    #[derive(Clone, Copy)]
    #[expect(dead_code, reason = "nothing fits")]
    pub(crate) struct Block<'a> {
        pub pairs: Pairs,
        pub from: usize,
        pub p: &'a [f32],
        pub q: &'a [f32],
    }

    /// Nor in one of these.
    #[derive(Clone, Copy)]
    #[expect(dead_code, reason = "nothing fits")]
    pub(crate) struct Above<'a> {
        pub on: &'a [u8],
        pub gs: &'a [f32],
    }

    pub(crate) fn forward(_: Block, _: Upper<f32>, _: &Packed, _: &mut [f32], _: &mut [u8]) {
        unreachable!("nothing fits")
    }

    pub(crate) fn backward(_: Block, _: Above, _: &Packed, _: &mut Part<f32>) {
        unreachable!("nothing fits")
    }
}

/// Scores of residual embeddings.
pub(crate) mod residual {
    use super::Format;
    use crate::nn::cpu::residual::{Grads, Residual};

    /// Nothing is ever kept.
    pub(crate) struct Kept;

    pub(crate) fn fits(_: usize, _: usize) -> bool {
        false
    }

    pub(crate) fn forward(_: &Residual<f32>, _: &[f32], _: &[f32], _: bool, _: Format) -> (Vec<f32>, Option<Kept>) {
        unreachable!("nothing fits")
    }

    pub(crate) fn backward(_: &Residual<f32>, _: &[f32], _: &Kept, _: &[f32], _: [&mut [f32]; 2], _: &mut Grads<f32>) {
        unreachable!("nothing fits")
    }
}

/// Convolutions.
pub(crate) mod conv {
    use super::Format;
    use crate::nn::cpu::unfold::Geometry;

    pub(crate) fn fits(_: &Geometry) -> bool {
        false
    }

    pub(crate) fn forward(_: &Geometry, _: &[f32], _: &[f32], _: Format) -> Vec<f32> {
        unreachable!("nothing fits")
    }

    pub(crate) fn grad_weight(_: &Geometry, _: &[f32], _: &[f32], _: &mut [f32], _: Format) {
        unreachable!("nothing fits")
    }

    pub(crate) fn grad_input(_: &Geometry, _: &[f32], _: &[f32], _: &mut [f32], _: Format) {
        unreachable!("nothing fits")
    }
}
