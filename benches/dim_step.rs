//! One Deep InfoMax training step, ours and PyTorch's in turn, and where our time goes.
//!
//! ```sh
//! RAYON_NUM_THREADS=2 INFOMAX_PEER_PYTHON=/path/to/python cargo bench --bench dim_step
//! ```
//! The work: `Dcgan32`, batch 64, concat critic of 512 units with one rolled negative, Jensen-Shannon, prior matching
//! with weight 0.1, Adam, fp32. Without the variable only our own times are printed. The peer
//! (`benches/peers/torch_dim_step.py`; needs torch) is asked for both of its memory layouts in every round, and the better
//! counts.

use dfdx::prelude::*;
use infomax::dim::{CriticKind, EncoderKind, ModelConfig, StepInput, build};
use infomax::mi::Pairing;
use infomax::mi::bound::{BoundKind, objective};
use infomax::mi::critic::Critic;
use infomax::nn::{Adam, AdamConfig, LocationRows, builder};
use infomax::seed::stream;
use rand::Rng;
use std::process::Command;
use std::time::Instant;

const BATCH: usize = 64;
const UNITS: usize = 512;
const ROUNDS: usize = 5;
const STEPS: usize = 20;

fn median(mut ms: Vec<f64>) -> f64 {
    ms.sort_by(f64::total_cmp);
    ms[ms.len() / 2]
}

fn time(steps: usize, mut f: impl FnMut()) -> f64 {
    for _ in 0..steps / 4 + 2 {
        f();
    }
    median(
        (0..steps)
            .map(|_| {
                let start = Instant::now();
                f();
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect(),
    )
}

/// Median milliseconds of our step with this critic, bound and pairing.
fn ours(critic: CriticKind, bound: BoundKind, pairing: Pairing) -> f64 {
    let config = ModelConfig {
        critic,
        units: UNITS,
        bound,
        pairing,
        adam: AdamConfig::default(),
        ..ModelConfig::new(EncoderKind::Dcgan32)
    };
    let mut model = build(&config, 0).expect("the setting is one of those offered");
    let mut rng = stream(0, "bench", 0);
    let pixels: Vec<f32> = (0..BATCH * 3 * 32 * 32).map(|_| rng.gen_range(-1.0..1.0)).collect();
    let noise: Vec<f32> = (0..BATCH * 64).map(|_| rng.r#gen()).collect();
    time(STEPS, || {
        let input = StepInput { batch: BATCH, pixels: pixels.clone(), noise: noise.clone(), ..StepInput::default() };
        model.step(input).expect("a step on random images is finite");
    })
}

/// Median milliseconds of the peer's step in its better layout.
fn peer(python: &str) -> Option<(f64, String)> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/torch_dim_step.py");
    let run = |extra: &[&str]| -> Option<(f64, String)> {
        let output = Command::new(python)
            .args([script, "--critic", "concat", "--batch", "64", "--threads", "2", "--steps", "20"])
            .args(extra)
            .output()
            .ok()?;
        let line: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        Some((line["median_ms"].as_f64()?, format!("{} {}", line["peer"].as_str()?, extra.join(" "))))
    };
    [run(&[]), run(&["--channels-last"])].into_iter().flatten().min_by(|a, b| a.0.total_cmp(&b.0))
}

/// Forward and backward milliseconds of one module on a given input.
fn layer<M, S: Shape, O: Shape>(name: &str, module: &mut M, x: &Tensor<S, f32, Cpu>)
where
    M: ModuleMut<Tensor<S, f32, Cpu, OwnedTape<f32, Cpu>>, Output = Tensor<O, f32, Cpu, OwnedTape<f32, Cpu>>>,
{
    let forward = time(STEPS, || {
        let _ = module.forward_mut(x.clone().leaky_traced());
    });
    let both = time(STEPS, || {
        module.forward_mut(x.clone().leaky_traced()).sum().backward();
    });
    let sum = time(STEPS, || {
        let y = module.forward_mut(x.clone().leaky_traced());
        let _ = y.split_tape().0.leaky_traced().sum().backward();
    }) - forward;
    println!("  {name:<34} forward {forward:7.2} ms   backward {:7.2} ms", both - forward - sum);
}

fn layers() {
    let dev = Cpu::seed_from_u64(0);
    macro_rules! layer {
        ($name:literal, $module:ty, $shape:ty) => {
            layer($name, &mut dev.build_module::<$module, f32>(), &dev.sample_normal::<$shape>())
        };
    }
    println!("where our time goes (each layer alone, batch {BATCH}):");
    layer!("conv 3->64 (no input gradient)", builder::Conv2d<3, 64, 4, 2, 1, false>, Rank4<64, 3, 32, 32>);
    layer!("batch norm + ReLU 64x16x16", builder::BatchNorm2d<64, true>, Rank4<64, 64, 16, 16>);
    layer!("conv 64->128", builder::Conv2d<64, 128, 4, 2, 1>, Rank4<64, 64, 16, 16>);
    layer!("batch norm + ReLU 128x8x8", builder::BatchNorm2d<128, true>, Rank4<64, 128, 8, 8>);
    layer!("conv 128->256", builder::Conv2d<128, 256, 4, 2, 1>, Rank4<64, 128, 8, 8>);
    layer!("batch norm + ReLU 256x4x4", builder::BatchNorm2d<256, true>, Rank4<64, 256, 4, 4>);
    layer!("linear 4096->1024", builder::FlattenLinear<256, 4, 4, 1024>, Rank4<64, 256, 4, 4>);
    layer!("linear 1024->64", builder::Linear<1024, 64>, Rank2<64, 1024>);
    layer!("channels last 128x8x8", LocationRows, Rank4<64, 128, 8, 8>);
    let critic = dev.build_module::<builder::ConcatCritic<128, 64, UNITS>, f32>();
    let map: Tensor<Rank4<64, 128, 8, 8>, f32, _> = dev.sample_normal();
    let y: Tensor<Rank2<64, 64>, f32, _> = dev.sample_normal();
    let pairing = Pairing::Rolled(1);
    let forward = time(STEPS, || {
        let _ = critic.try_scores(map.clone().leaky_traced(), &y, pairing).expect("scores");
    });
    let both = time(STEPS, || {
        let scores = critic.try_scores(map.clone().leaky_traced(), &y, pairing).expect("scores");
        objective(BoundKind::Jsd, scores, pairing).expect("bound").value.backward();
    });
    println!("  {:<34} forward {forward:7.2} ms   backward {:7.2} ms", "concat critic 512, bound", both - forward);
    let mut module = dev.build_module::<builder::Dcgan32<3, 64, 128, 256, 1024, 64>, f32>();
    let mut adam = Adam::new(&module, AdamConfig::default()).expect("memory");
    let mut grads = Gradients::leaky();
    adam.update(&mut module, &mut grads).expect("an update");
    let ms = time(STEPS, || adam.update(&mut module, &mut grads).expect("an update"));
    println!("  {:<34} {ms:15.2} ms", "Adam on the encoder");
}

fn main() {
    println!("threads: {}", rayon::current_num_threads());
    let python = std::env::var("INFOMAX_PEER_PYTHON").ok();
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let ours = ours(CriticKind::Concat, BoundKind::Jsd, Pairing::Rolled(1));
        print!("round {round}: ours {ours:.1} ms ({:.0} images/s)", BATCH as f64 / ours * 1e3);
        if let Some(python) = &python {
            match peer(python) {
                Some((ms, name)) => {
                    print!("   {name}: {ms:.1} ms   ratio {:.2}x", ms / ours);
                    ratios.push(ms / ours);
                }
                None => print!("   the peer did not answer: check that INFOMAX_PEER_PYTHON has torch"),
            }
        }
        println!();
    }
    if !ratios.is_empty() {
        println!("our images/s over the peer's, median of {} rounds: {:.2}x", ratios.len(), median(ratios));
    }
    let dot = ours(CriticKind::Dot, BoundKind::InfoNce, Pairing::All);
    println!(
        "dot critic of {UNITS} units, InfoNCE over all pairs: ours {dot:.1} ms ({:.0} images/s)",
        BATCH as f64 / dot * 1e3
    );
    layers();
}
