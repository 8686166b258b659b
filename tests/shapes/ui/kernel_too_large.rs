//! A window larger than the image.
use dfdx::prelude::*;
use infomax::nn::builder::Conv2d;

fn main() {
    let dev = Cpu::default();
    let conv = dev.build_module::<Conv2d<3, 8, 5, 1, 0>, f32>();
    let tiny: Tensor<Rank4<8, 3, 4, 4>, f32, Cpu> = dev.zeros();
    conv.forward(tiny);
}
