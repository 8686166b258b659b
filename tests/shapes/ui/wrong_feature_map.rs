//! A critic built for 128 channels given a map of 256.
use dfdx::prelude::*;
use infomax::mi::{Pairing, critic::Critic};
use infomax::nn::builder::ConcatCritic;

fn main() {
    let dev = Cpu::default();
    let critic = dev.build_module::<ConcatCritic<128, 64, 256>, f32>();
    let map: Tensor<Rank4<8, 256, 4, 4>, f32, Cpu> = dev.zeros();
    let y: Tensor<Rank2<8, 64>, f32, Cpu> = dev.zeros();
    let _ = critic.try_scores(map, &y, Pairing::All);
}
