//! A grey image given to a layer for colour images.
use dfdx::prelude::*;
use infomax::nn::builder::Conv2d;

fn main() {
    let dev = Cpu::default();
    let conv = dev.build_module::<Conv2d<3, 64, 4, 2, 1>, f32>();
    let grey: Tensor<Rank4<8, 1, 28, 28>, f32, Cpu> = dev.zeros();
    conv.forward(grey);
}
