//! Features of 48 patches refolded to a grid of 7x7.
use dfdx::prelude::*;
use infomax::patch::Refold;

fn main() {
    let dev = Cpu::default();
    let features: Tensor<Rank3<8, 48, 64>, f32, Cpu> = dev.zeros();
    Refold::<7, 7>.forward(features);
}
