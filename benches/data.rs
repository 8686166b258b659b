//! Batches of CIFAR-10, ours and Hugging Face datasets + torchvision's in turn: images a second and peak memory.
//!
//! ```sh
//! INFOMAX_BENCH_DATA=DIR INFOMAX_PEER_PYTHON=/path/to/python cargo bench --bench data
//! ```
//! `DIR` holds the hub's parquet files of CIFAR-10 (`train-*.parquet`, also some folders down, as the hub has them). The
//! work: decode, random crop of 32 with 4 pixels of padding, mirror, normalise by channel, shuffled batches of 64 as
//! floats. *Cold* is everything from opening the files to the last batch of the first epoch, *warm* the second epoch.
//! Each measurement is a process of its own, so that its peak memory is its own. *Streamed* reads the same files, repeated
//! to some 2 GB decoded, with a shuffle buffer of 10,000 images. *Loaded* is how long it takes to have all images in memory:
//! decoded and kept as a copy the first time, from that copy then.

use infomax::data::augment::{Augment, Crop, Normalise};
use infomax::data::{BatchLoader, CacheUse, DecodedCache, ImageSet, Loading, Order, Source, Split, StreamSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

const ROUNDS: usize = 3;
/// Copies of the 50,000 images that make 2 GB decoded.
const COPIES: usize = 14;

fn loading(order: Order) -> Loading {
    let normalise = Normalise::Channels { mean: vec![0.4914, 0.4822, 0.4465], std: vec![0.2470, 0.2435, 0.2616] };
    let augment =
        Augment { crop: Some(Crop::Random { size: 32, padding: 4 }), flip: 0.5, normalise, ..Augment::default() };
    Loading { batch: 64, seed: 0, order, augment }
}

/// Images of an epoch, and a sum that keeps the work from being left out.
fn epoch(source: impl Into<Source>, order: Order, number: u64) -> usize {
    let mut images = 0;
    for batch in BatchLoader::new(source, &loading(order), number, 0).expect("a loader") {
        let batch = batch.expect("a batch");
        assert!(batch.pixels[0].is_finite());
        images += batch.labels.len();
    }
    images
}

/// The largest resident memory of this process, MB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn child(mode: &str, folder: &str) {
    let start = Instant::now();
    let result = if mode == "memory" {
        let set = Arc::new(ImageSet::load(folder, Split::Train, None).expect("the images"));
        let decoded = start.elapsed().as_secs_f64();
        let images = epoch(Arc::clone(&set), Order::Shuffled, 0);
        let cold = images as f64 / start.elapsed().as_secs_f64();
        let start = Instant::now();
        let warm = epoch(Arc::clone(&set), Order::Shuffled, 1) as f64 / start.elapsed().as_secs_f64();
        let bytes = set.len() * set.image_len();
        serde_json::json!({ "cold": cold, "warm": warm, "decode_s": decoded, "decoded_mb": bytes >> 20, "peak_mb": peak() })
    } else if let Some(kept) = mode.strip_prefix("kept ") {
        let cache = DecodedCache::new(kept);
        let (set, used) = ImageSet::load_cached(folder, Split::Train, None, &cache).expect("the images");
        let seconds = start.elapsed().as_secs_f64();
        let how = if matches!(used, CacheUse::Read(_)) { "from the copy" } else { "decoded and kept" };
        let bytes = set.len() * set.image_len();
        serde_json::json!({ "how": how, "load_s": seconds, "decoded_mb": bytes >> 20, "peak_mb": peak() })
    } else {
        let set = Arc::new(StreamSet::open(folder, Split::Train, None).expect("the images"));
        let bytes = set.len() * set.shape().numel();
        let images = epoch(set, Order::Buffered(10_000), 0);
        let cold = images as f64 / start.elapsed().as_secs_f64();
        serde_json::json!({ "cold": cold, "decoded_mb": bytes >> 20, "peak_mb": peak() })
    };
    println!("{result}");
}

fn line(command: &mut Command) -> Option<serde_json::Value> {
    let output = command.output().ok()?;
    let line = serde_json::from_slice(&output.stdout).ok();
    if line.is_none() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    }
    line
}

fn ours(mode: &str, folder: &Path) -> serde_json::Value {
    let exe = std::env::current_exe().expect("this program has a path");
    line(Command::new(exe).env("INFOMAX_BENCH_CHILD", mode).env("INFOMAX_BENCH_FOLDER", folder))
        .expect("our own numbers")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The folder at or under `root` with a `train-*.parquet`.
fn find(root: &Path) -> Option<PathBuf> {
    let entries: Vec<PathBuf> = std::fs::read_dir(root).ok()?.flatten().map(|e| e.path()).collect();
    let is_train = |p: &PathBuf| {
        p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("train-"))
            && p.extension().is_some_and(|e| e == "parquet")
    };
    if entries.iter().any(is_train) {
        return Some(root.to_owned());
    }
    entries.iter().filter(|p| p.is_dir()).find_map(|p| find(p))
}

fn main() {
    if let (Ok(mode), Ok(folder)) = (std::env::var("INFOMAX_BENCH_CHILD"), std::env::var("INFOMAX_BENCH_FOLDER")) {
        return child(&mode, &folder);
    }
    let Some(folder) = std::env::var_os("INFOMAX_BENCH_DATA").and_then(|d| find(Path::new(&d))) else {
        println!(
            "set INFOMAX_BENCH_DATA to a folder with CIFAR-10's train-*.parquet (`infomax data download cifar10`)"
        );
        return;
    };
    let python = std::env::var("INFOMAX_PEER_PYTHON").ok();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/hf_data.py");
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let us = ours("memory", &folder);
        println!("round {round}: ours {us}");
        if let Some(python) = &python {
            match line(Command::new(python).arg(&script).arg(&folder)) {
                Some(peer) => {
                    println!("         peer {peer}");
                    let ratio = |key: &str| Some(us[key].as_f64()? / peer[key].as_f64()?);
                    cold.extend(ratio("cold"));
                    warm.extend(ratio("warm"));
                }
                None => println!(
                    "         the peer did not answer: check INFOMAX_PEER_PYTHON (datasets, torch, torchvision)"
                ),
            }
        }
    }
    if !cold.is_empty() {
        println!("ours over the peer's, median of {ROUNDS}: cold {:.1}x, warm {:.1}x", median(cold), median(warm));
    }
    let kept = tempfile::tempdir().expect("a folder for the copy");
    let mode = format!("kept {}", kept.path().display());
    for _ in 0..=ROUNDS {
        println!("loaded: {}", ours(&mode, &folder));
    }
    let repeated = tempfile::tempdir().expect("a folder for the repeated set");
    let file = std::fs::read_dir(&folder).expect("the folder").flatten().map(|e| e.path());
    let file = file.into_iter().find(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("train-")));
    let file = file.expect("a file of training images");
    for i in 0..COPIES {
        let copy = repeated.path().join(format!("train-{i:05}-of-{COPIES:05}.parquet"));
        std::fs::copy(&file, copy).expect("room for the repeated set");
    }
    println!("streamed: {}", ours("stream", repeated.path()));
}
