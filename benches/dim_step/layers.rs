//! Where the time of a step goes, layer by layer, beside what the machine allows.

use super::roof::{Cost, Roof};
use super::{BATCH, time};
use dfdx::prelude::*;
use infomax::mi::Pairing;
use infomax::mi::bound::{BoundKind, objective};
use infomax::mi::critic::Critic;
use infomax::nn::{Adam, AdamConfig, LocationRows, builder};

/// Forward and backward milliseconds of one module on a given input, and how near that comes to the roof.
fn layer<M, S: Shape, O: Shape>(
    name: &str,
    module: &mut M,
    x: &Tensor<S, f32, Cpu>,
    [forward_cost, backward_cost]: [Cost; 2],
    roof: &Roof,
) where
    M: ModuleMut<Tensor<S, f32, Cpu, OwnedTape<f32, Cpu>>, Output = Tensor<O, f32, Cpu, OwnedTape<f32, Cpu>>>,
{
    let forward = time(20, || {
        let _ = module.forward_mut(x.clone().leaky_traced());
    });
    let both = time(20, || {
        module.forward_mut(x.clone().leaky_traced()).sum().backward();
    });
    let sum = time(20, || {
        let y = module.forward_mut(x.clone().leaky_traced());
        let _ = y.split_tape().0.leaky_traced().sum().backward();
    }) - forward;
    line(name, [forward, both - forward - sum], [forward_cost, backward_cost], roof);
}

fn line(name: &str, [forward, backward]: [f64; 2], [forward_cost, backward_cost]: [Cost; 2], roof: &Roof) {
    println!("  {name:<30} forward  {forward:7.2} ms {}", roof.rate(forward_cost, forward));
    println!("  {:<30} backward {backward:7.2} ms {}", "", roof.rate(backward_cost, backward));
}

/// A convolution of kernel 4 and stride 2 as the matrix product that it is, forward and backward: the gradients of weights
/// and, where `input_grad`, of the input are a product of the same size each.
fn conv(i: usize, o: usize, side: usize, input_grad: bool) -> [Cost; 2] {
    let flops = Cost::product(BATCH * side * side, o, 16 * i).flops;
    let numbers = [BATCH * i * 4 * side * side, 16 * i * o, BATCH * o * side * side];
    let forward = Cost { flops, ..Cost::moved(numbers.iter().sum()) };
    let gradients = 1 + usize::from(input_grad);
    // Each gradient reads two of the three and adds to the third.
    [forward, Cost { flops: flops * gradients as f64, ..Cost::moved(gradients * numbers.iter().sum::<usize>()) }]
}

fn linear(i: usize, o: usize) -> [Cost; 2] {
    let forward = Cost::product(BATCH, o, i);
    [forward, forward.times(2)]
}

/// Batch norm: the input read and the output written; backward the input and the output's gradient read, and the input's
/// written.
fn norm(numbers: usize) -> [Cost; 2] {
    [Cost::moved(2 * numbers), Cost::moved(3 * numbers)]
}

/// The concat critic with one rolled negative: the first layer once for maps and once for vectors, the others for two pairs
/// of each location.
fn concat(locations: usize, channels: usize, y: usize, units: usize) -> [Cost; 2] {
    let (rows, pairs) = (BATCH * locations, 2 * BATCH * locations);
    let forward = Cost::product(rows, units, channels)
        + Cost::product(BATCH, units, y)
        + Cost::product(pairs, units, units)
        + Cost::product(pairs, 1, units);
    [forward, forward.times(2)]
}

/// What one step with the concat critic of 512 units computes in matrix products: the encoder, its critic, and the
/// discriminator three times forward, twice back to its weights and once to its input.
pub fn concat_step() -> Cost {
    let encoder = [conv(3, 64, 16, false), conv(64, 128, 8, true), conv(128, 256, 4, true)];
    let dense = [linear(4096, 1024), linear(1024, 64), concat(64, 128, 64, 512)];
    let discriminator = Cost::product(BATCH, 1000, 64) + Cost::product(BATCH, 200, 1000) + Cost::product(BATCH, 1, 200);
    let all = encoder.into_iter().chain(dense).flatten();
    all.fold(discriminator.times(3 + 2 * 2 + 1), |sum, cost| sum + cost)
}

/// Times each layer and the critic alone, and prints them beside the roof.
pub fn layers(roof: &Roof) {
    let dev = Cpu::seed_from_u64(0);
    macro_rules! layer {
        ($name:literal, $module:ty, $shape:ty, $cost:expr) => {
            layer($name, &mut dev.build_module::<$module, f32>(), &dev.sample_normal::<$shape>(), $cost, roof)
        };
    }
    layer!(
        "conv 3->64 (no input gradient)",
        builder::Conv2d<3, 64, 4, 2, 1, false>,
        Rank4<64, 3, 32, 32>,
        conv(3, 64, 16, false)
    );
    layer!(
        "batch norm + ReLU 64x16x16",
        builder::BatchNorm2d<64, true>,
        Rank4<64, 64, 16, 16>,
        norm(BATCH * 64 * 256)
    );
    layer!("conv 64->128", builder::Conv2d<64, 128, 4, 2, 1>, Rank4<64, 64, 16, 16>, conv(64, 128, 8, true));
    layer!("batch norm + ReLU 128x8x8", builder::BatchNorm2d<128, true>, Rank4<64, 128, 8, 8>, norm(BATCH * 128 * 64));
    layer!("conv 128->256", builder::Conv2d<128, 256, 4, 2, 1>, Rank4<64, 128, 8, 8>, conv(128, 256, 4, true));
    layer!("batch norm + ReLU 256x4x4", builder::BatchNorm2d<256, true>, Rank4<64, 256, 4, 4>, norm(BATCH * 256 * 16));
    layer!("linear 4096->1024", builder::FlattenLinear<256, 4, 4, 1024>, Rank4<64, 256, 4, 4>, linear(4096, 1024));
    layer!("linear 1024->64", builder::Linear<1024, 64>, Rank2<64, 1024>, linear(1024, 64));
    layer!("channels last 128x8x8", LocationRows, Rank4<64, 128, 8, 8>, norm(BATCH * 128 * 64));
    let critic = dev.build_module::<builder::ConcatCritic<128, 64, 512>, f32>();
    let map: Tensor<Rank4<64, 128, 8, 8>, f32, _> = dev.sample_normal();
    let y: Tensor<Rank2<64, 64>, f32, _> = dev.sample_normal();
    let pairing = Pairing::Rolled(1);
    let forward = time(20, || {
        let _ = critic.try_scores(map.clone().leaky_traced(), &y, pairing).expect("scores");
    });
    let both = time(20, || {
        let scores = critic.try_scores(map.clone().leaky_traced(), &y, pairing).expect("scores");
        objective(BoundKind::Jsd, scores, pairing).expect("bound").value.backward();
    });
    line("concat critic 512, bound", [forward, both - forward], concat(64, 128, 64, 512), roof);
    let mut module = dev.build_module::<builder::Dcgan32<3, 64, 128, 256, 1024, 64>, f32>();
    let mut adam = Adam::new(&module, AdamConfig::default()).expect("memory");
    let mut grads = Gradients::leaky();
    adam.update(&mut module, &mut grads).expect("an update");
    let ms = time(20, || adam.update(&mut module, &mut grads).expect("an update"));
    // The gradient read, the weight and both moments read and written.
    let cost = Cost::moved(7 * module.num_trainable_params());
    println!("  {:<30} {ms:16.2} ms {}", "Adam on the encoder", roof.rate(cost, ms));
}
