//! Patches larger than the image.
use dfdx::prelude::*;
use infomax::patch::Patches;

fn main() {
    let dev = Cpu::default();
    let images: Tensor<Rank4<8, 3, 12, 12>, f32, Cpu> = dev.zeros();
    let _ = Patches::<16, 8>::cut(&images);
}
