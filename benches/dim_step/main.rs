//! Deep InfoMax training steps, ours and PyTorch's in turn, and where our time goes.
//!
//! ```sh
//! RAYON_NUM_THREADS=2 INFOMAX_PEER_PYTHON=/path/to/python cargo bench --bench dim_step
//! cargo bench --bench dim_step -- bf16        only works whose name contains the word
//! ```
//! The works: `Dcgan32`, batch 64, prior matching with weight 0.1, Adam, and the paper's critics: concat of 512 units with
//! one rolled negative, and encode-and-dot-product of 2,048 units with all pairs of the batch; in fp32 and in bf16. Without
//! the variable only our own times are printed. The peer (`benches/peers/torch_dim_step.py`; needs torch) is tried in both
//! memory layouts, with `torch.compile` and without, and measured by turns with us in the best of them. Beside the times
//! stands the most memory that a process doing the work had.
//!
//! With `--features cuda` and the word `cuda`: the same steps in fp32 on an NVIDIA device, of 64 and of 512 images, beside
//! PyTorch's there (as it comes, compiled, and as a graph; TF32 allowed).

#[cfg(feature = "cuda")]
mod cuda;
mod layers;
mod memory;
mod roof;

use infomax::dim::{CriticKind, DeviceKind, EncoderKind, ModelConfig, StepInput, build};
use infomax::mi::Pairing;
use infomax::mi::bound::BoundKind;
use infomax::nn::{AdamConfig, Precision};
use infomax::seed::stream;
use memory::Peak;
use rand::Rng;
use roof::Roof;
use std::process::Command;
use std::time::Instant;

const BATCH: usize = 64;
const ROUNDS: usize = 3;

/// One kind of step.
struct Work {
    name: &'static str,
    critic: CriticKind,
    units: usize,
    bound: BoundKind,
    pairing: Pairing,
    precision: Precision,
    steps: usize,
    /// The peer's options for the same.
    peer: &'static [&'static str],
}

/// The paper's critics.
const WORKS: [Work; 6] = {
    const CONCAT: Work = Work {
        name: "concat 512 JSD fp32",
        critic: CriticKind::Concat,
        units: 512,
        bound: BoundKind::Jsd,
        pairing: Pairing::Rolled(1),
        precision: Precision::Fp32,
        steps: 20,
        peer: &["--critic", "concat", "--dtype", "fp32"],
    };
    const DOT: Work = Work {
        name: "dot 2048 JSD fp32",
        critic: CriticKind::DotResidual,
        units: 2048,
        bound: BoundKind::Jsd,
        pairing: Pairing::All,
        precision: Precision::Fp32,
        steps: 8,
        peer: &["--critic", "dot", "--bound", "jsd", "--dtype", "fp32"],
    };
    [
        CONCAT,
        Work {
            name: "concat 512 JSD bf16",
            precision: Precision::Bf16,
            peer: &["--critic", "concat", "--dtype", "bf16"],
            ..CONCAT
        },
        DOT,
        Work {
            name: "dot 2048 JSD bf16",
            precision: Precision::Bf16,
            peer: &["--critic", "dot", "--bound", "jsd", "--dtype", "bf16"],
            ..DOT
        },
        Work {
            name: "dot 2048 InfoNCE fp32",
            bound: BoundKind::InfoNce,
            peer: &["--critic", "dot", "--bound", "infonce", "--dtype", "fp32"],
            ..DOT
        },
        Work {
            name: "dot 2048 InfoNCE bf16",
            bound: BoundKind::InfoNce,
            precision: Precision::Bf16,
            peer: &["--critic", "dot", "--bound", "infonce", "--dtype", "bf16"],
            ..DOT
        },
    ]
};

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

/// Median milliseconds of our step.
fn ours(work: &Work) -> f64 {
    ours_on(DeviceKind::Cpu, work, BATCH)
}

/// The same on a device, of `batch` images.
fn ours_on(device: DeviceKind, work: &Work, batch: usize) -> f64 {
    let &Work { critic, units, bound, pairing, precision, .. } = work;
    let adam = AdamConfig::default();
    let usual = ModelConfig::new(EncoderKind::Dcgan32);
    let config = ModelConfig { critic, units, bound, pairing, precision, adam, device, ..usual };
    let mut model = build(&config, 0).expect("the setting is one of those offered");
    let mut rng = stream(0, "bench", 0);
    let pixels: Vec<f32> = (0..batch * 3 * 32 * 32).map(|_| rng.gen_range(-1.0..1.0)).collect();
    let noise: Vec<f32> = (0..batch * 64).map(|_| rng.r#gen()).collect();
    time(work.steps, || {
        let input = StepInput { batch, pixels: pixels.clone(), noise: noise.clone(), ..StepInput::default() };
        model.step(input).expect("a step on random images is finite");
    })
}

/// Layouts and modes of the peer.
const VARIANTS: [&[&str]; 4] = [&[], &["--channels-last"], &["--compile"], &["--channels-last", "--compile"]];

/// What the peer says of its step.
struct Peer {
    ms: f64,
    name: String,
    peak: Peak,
}

fn peer(python: &str, work: &Work, variant: &[&str]) -> Option<Peer> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/torch_dim_step.py");
    let output = Command::new(python)
        .args([script, "--batch", &BATCH.to_string(), "--threads", "2", "--steps", &work.steps.to_string()])
        .args(work.peer)
        .args(variant)
        .output()
        .ok()?;
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let peak = Peak { before: line["before_mib"].as_u64()?, most: line["peak_mib"].as_u64()? };
    Some(Peer {
        ms: line["median_ms"].as_f64()?,
        name: format!("{} {}", line["peer"].as_str()?, variant.join(" ")),
        peak,
    })
}

/// Rounds of ours and the peer's in turn.
fn compare(work: &Work, python: Option<&str>) {
    let best = python.and_then(|python| {
        let timed = VARIANTS.into_iter().filter_map(|v| Some((peer(python, work, v)?.ms, v)));
        timed.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, variant)| (python, variant))
    });
    if python.is_some() && best.is_none() {
        println!("the peer does not answer: check that INFOMAX_PEER_PYTHON has torch");
    }
    let mut ratios = Vec::new();
    let mut their_peak = None;
    for _ in 0..ROUNDS {
        let ours = ours(work);
        print!("{}: ours {ours:.1} ms ({:.0} images/s)", work.name, BATCH as f64 / ours * 1e3);
        if let Some(Peer { ms, name, peak }) = best.and_then(|(python, variant)| peer(python, work, variant)) {
            print!("   {name}: {ms:.1} ms   ratio {:.2}x", ms / ours);
            ratios.push(ms / ours);
            their_peak = Some(peak);
        }
        println!();
    }
    if let Some(peak) = memory::of_a_process_that_runs(work.name) {
        print!("{}: most memory: ours {peak}", work.name);
        if let Some(peak) = their_peak {
            print!("   the peer's {peak}");
        }
        println!();
    }
    if !ratios.is_empty() {
        println!("{}: our images/s over the peer's, median of {}: {:.2}x", work.name, ratios.len(), median(ratios));
    }
}

fn main() {
    if let Some(name) = memory::asked_for() {
        let work = WORKS.iter().find(|w| w.name == name).expect("a work's name");
        return memory::tell(|| {
            ours(work);
        });
    }
    // As in training: before any thread of the pool takes memory, the program is told to keep what it frees.
    build(&ModelConfig::new(EncoderKind::Dcgan32), 0).expect("the usual settings");
    println!(
        "threads: {}, bf16 by {}",
        rayon::current_num_threads(),
        Precision::bf16_unit().unwrap_or("nothing: as fp32")
    );
    let python = std::env::var("INFOMAX_PEER_PYTHON").ok();
    let word = std::env::args().skip(1).find(|a| !a.starts_with("--")).unwrap_or_default();
    for work in WORKS.iter().filter(|w| w.name.contains(&word)) {
        compare(work, python.as_deref());
    }
    #[cfg(feature = "cuda")]
    if "cuda".contains(&word) {
        cuda::compare(python.as_deref());
    }
    if "layers".contains(&word) {
        let roof = Roof::measure();
        println!(
            "a large fp32 product by `gemm`: {:.0} GFLOP/s; a large copy: {:.1} GB/s",
            roof.gflops, roof.gigabytes
        );
        for precision in [Precision::Fp32, Precision::Bf16] {
            println!("where our time goes in {precision:?} (each layer alone, batch {BATCH}):");
            precision.scope(|| layers::layers(&roof));
        }
        let ms = ours(&WORKS[0]);
        println!("the whole step, {}: {ms:.1} ms {}", WORKS[0].name, roof.rate(layers::concat_step(), ms));
    }
}
