//! Where no processor multiplies bf16 for us, products stay in `f32`.

use super::gemm::Mat;

/// There is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {}

impl Unit {
    pub(crate) fn detect() -> Option<Self> {
        None
    }

    pub(crate) fn name(self) -> &'static str {
        match self {}
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
pub(crate) enum Packed {}

impl Packed {
    pub(crate) fn new(_: Mat<f32>, _: Side) -> Self {
        unreachable!("nothing asks for bf16 where no unit is detected")
    }

    pub(crate) fn outer(&self) -> usize {
        match *self {}
    }

    pub(crate) fn here(view: Mat<f32>, side: Side) -> Self {
        Self::new(view, side)
    }
}

pub(crate) fn product(_: &mut [f32], _: usize, lhs: &Packed, _: &Packed, _: bool) {
    match *lhs {}
}

pub(crate) fn par_product(
    _: &mut [f32],
    lhs: &Packed,
    _: &Packed,
    _: bool,
    _: impl Fn(usize, usize, &mut [f32]) + Sync,
) {
    match *lhs {}
}

/// The upper layers of concat critics, which stay in `f32` too.
pub(crate) mod pair {
    use crate::mi::Pairing;
    use crate::nn::cpu::pair::{PairGrads, PairSizes, Upper};

    /// Nothing is ever kept.
    pub(crate) enum Second {}

    pub(crate) fn fits(_: usize) -> bool {
        false
    }

    pub(crate) fn forward(
        _: PairSizes,
        _: &[f32],
        _: &[f32],
        _: Upper<f32>,
        _: Pairing,
        _: bool,
    ) -> (Vec<f32>, Vec<Second>) {
        unreachable!("nothing fits")
    }

    pub(crate) fn backward(
        _: PairSizes,
        _: (&[f32], Vec<f32>),
        _: &[f32],
        _: Upper<f32>,
        _: Pairing,
        _: Vec<Second>,
        _: &[f32],
    ) -> PairGrads<f32> {
        unreachable!("nothing fits")
    }
}

/// Convolutions, which stay in `f32` too.
pub(crate) mod conv {
    use crate::nn::cpu::unfold::Geometry;

    pub(crate) fn fits(_: &Geometry) -> bool {
        false
    }

    pub(crate) fn forward(_: &Geometry, _: &[f32], _: &[f32]) -> Vec<f32> {
        unreachable!("nothing fits")
    }

    pub(crate) fn grad_weight(_: &Geometry, _: &[f32], _: &[f32], _: &mut [f32]) {
        unreachable!("nothing fits")
    }

    pub(crate) fn grad_input(_: &Geometry, _: &[f32], _: &[f32], _: &mut [f32]) {
        unreachable!("nothing fits")
    }
}
