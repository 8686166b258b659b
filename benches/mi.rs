//! Training steps of critics of vectors, ours and PyTorch's in turn.
//!
//! ```sh
//! RAYON_NUM_THREADS=2 INFOMAX_PEER_PYTHON=/path/to/python cargo bench --bench mi
//! cargo bench --bench mi -- concat          one of the two critics
//! ```
//! The work: correlated Gaussians of 20 numbers each, a fresh batch of 64 every step, InfoNCE over all pairs, Adam; a
//! separable critic (two hidden layers of 256, 32 outputs) and a concat critic (two hidden layers of 256). Without the
//! variable only our own times are printed. The peer is `benches/peers/torch_mi_step.py` (needs torch). KSG has a bench of
//! its own, `ksg`.

use dfdx::prelude::*;
use infomax::mi::Pairing;
use infomax::mi::bound::{BoundKind, objective};
use infomax::mi::critic::VectorCritic;
use infomax::mi::known::CorrelatedGaussian;
use infomax::nn::{Adam, AdamConfig, awake, builder};
use std::process::Command;
use std::time::Instant;

const D: usize = 20;
const BATCH: usize = 64;
const ROUNDS: usize = 5;

fn median(mut ms: Vec<f64>) -> f64 {
    ms.sort_by(f64::total_cmp);
    ms[ms.len() / 2]
}

/// Median milliseconds of a step with this critic.
fn ours<C>(mut critic: C, steps: usize) -> f64
where
    C: VectorCritic<Const<D>, Const<D>, f32, Cpu> + TensorCollection<f32, Cpu, To<f32, Cpu> = C>,
{
    let dev = Cpu::default();
    let config = AdamConfig { lr: 5e-4, betas: [0.9, 0.999], ..AdamConfig::default() };
    let mut adam = Adam::new(&critic, config).expect("memory for two moments");
    let source = CorrelatedGaussian::new(D, 4.0).expect("a valid staircase level");
    let mut times = Vec::new();
    for step in 0..steps + steps / 4 {
        let start = Instant::now();
        let (mut x, mut y) = (vec![0f32; BATCH * D], vec![0f32; BATCH * D]);
        source.batch(0, step as u64, &mut x, &mut y);
        let x: Tensor<Rank2<BATCH, D>, f32, Cpu> = dev.tensor(x);
        let y: Tensor<Rank2<BATCH, D>, f32, Cpu> = dev.tensor(y);
        let scores = critic.try_scores(x.leaky_traced(), y, Pairing::All).expect("sizes fit");
        let bound = objective(BoundKind::InfoNce, scores, Pairing::All).expect("sizes fit");
        let mut gradients = (-bound.value).backward();
        adam.update(&mut critic, &mut gradients).expect("sizes fit");
        if step >= steps / 4 {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    median(times)
}

/// Median milliseconds of the peer's step, and who it is.
fn peer(python: &str, critic: &str, steps: usize) -> Option<(f64, String)> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/torch_mi_step.py");
    let output =
        Command::new(python).args([script, "--critic", critic, "--steps", &steps.to_string()]).output().ok()?;
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    Some((line["median_ms"].as_f64()?, line["peer"].as_str()?.to_owned()))
}

fn main() {
    let dev = Cpu::seed_from_u64(0);
    let python = std::env::var("INFOMAX_PEER_PYTHON").ok();
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    for (critic, steps) in [("separable", 2000), ("concat", 200)] {
        if !wanted.is_empty() && !wanted.iter().any(|word| word == critic) {
            continue;
        }
        let (mut own, mut theirs, mut name) = (Vec::new(), Vec::new(), String::new());
        for _ in 0..ROUNDS {
            own.push(awake(|| match critic {
                "separable" => ours(dev.build_module::<builder::SeparableCritic<D, D, 256, 1, 32>, f32>(), steps),
                _ => ours(dev.build_module::<builder::JointCritic<D, D, 256>, f32>(), steps),
            }));
            if let Some((ms, who)) = python.as_deref().and_then(|p| peer(p, critic, steps)) {
                theirs.push(ms);
                name = who;
            }
        }
        let mine = median(own.clone());
        println!("{critic:<10} ours {mine:7.3} ms a step, {:6.0} steps/s", 1e3 / mine);
        if theirs.len() == own.len() {
            let ratio = median(own.iter().zip(&theirs).map(|(a, b)| b / a).collect());
            println!("{:<10} {name} {:7.3} ms a step; ours is {ratio:.2} times as fast", "", median(theirs));
        }
    }
}
