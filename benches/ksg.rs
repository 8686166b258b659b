//! Seconds of KSG, ours and NPEET's way in turn, on the same samples.
//!
//! ```sh
//! RAYON_NUM_THREADS=2 INFOMAX_PEER_PYTHON=/path/to/python cargo bench --no-default-features --bench ksg
//! ```
//! Without the variable only our own times are printed. The peer (`benches/peers/npeet_ksg.py`; numpy, scipy, scikit-learn)
//! is asked in both of its ways, with scipy's trees and with scikit-learn's, and must find the same value to 1e-6. A turn
//! of either side is as many estimates as half a second holds, and their median counts; what takes the peer more than five
//! seconds is asked once.

use infomax::mi::Samples;
use infomax::mi::classical::{KsgConfig, KsgVariant, ksg};
use infomax::seed::stream;
use rand::Rng;
use rand_distr::StandardNormal;
use std::process::Command;
use std::time::Instant;

const ROUNDS: usize = 3;
/// Seconds of a turn. The median of its estimates counts: the first ones wait for memory and for cores that slept, here and
/// there.
const TURN: f64 = 0.5;
const K: usize = 3;
const WAYS: [&str; 2] = ["scipy", "sklearn"];

fn normal_pair(rho: f64, d: usize, rows: usize) -> (Samples, Samples) {
    let mut rng = stream(0, "bench", d as u64);
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for _ in 0..rows * d {
        let (a, b): (f64, f64) = (rng.sample(StandardNormal), rng.sample(StandardNormal));
        x.push(a);
        y.push(rho * a + (1.0 - rho * rho).sqrt() * b);
    }
    (Samples::new(x, d).expect("normals are finite"), Samples::new(y, d).expect("normals are finite"))
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Seconds and value of the peer on the same numbers.
fn peer(python: &str, way: &str, x: &Samples, y: &Samples) -> (f64, f64) {
    let folder = std::env::temp_dir();
    let file = folder.join(format!("infomax-ksg-{}.f64", std::process::id()));
    let bytes: Vec<u8> = x.values().iter().chain(y.values()).flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(&file, bytes).expect("the temporary folder can be written");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/npeet_ksg.py");
    let sizes = [x.rows(), x.columns(), y.columns(), K].map(|v| v.to_string());
    let out =
        Command::new(python).arg(script).arg(&file).args(sizes).arg(way).output().expect("the peer's python starts");
    let _ = std::fs::remove_file(&file);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let found: serde_json::Value = serde_json::from_slice(&out.stdout).expect("the peer prints JSON");
    (found["seconds"].as_f64().expect("seconds"), found["nats"].as_f64().expect("nats"))
}

fn main() {
    let python = std::env::var("INFOMAX_PEER_PYTHON").ok();
    println!("k = {K}, {} threads; seconds, median of {ROUNDS}", rayon::current_num_threads());
    for (d, rows) in [(1, 10_000), (2, 10_000), (5, 10_000), (25, 10_000), (1, 100_000), (3, 50_000)] {
        let (x, y) = normal_pair(0.6, d, rows);
        let (mut ours, mut second) = (Vec::new(), Vec::new());
        let mut peers: [Vec<f64>; 2] = Default::default();
        let time = |variant, seconds: &mut Vec<f64>| {
            let (mut turn, mut nats) = (Vec::new(), f64::NAN);
            while turn.iter().sum::<f64>() < TURN {
                let start = Instant::now();
                let found = ksg(&x, &y, &KsgConfig { k: K, variant, ..KsgConfig::default() }).expect("normals are fit");
                turn.push(start.elapsed().as_secs_f64());
                nats = found.nats;
            }
            seconds.push(median(turn));
            nats
        };
        for _ in 0..ROUNDS {
            let nats = time(KsgVariant::One, &mut ours);
            time(KsgVariant::Two, &mut second);
            for (way, peers) in WAYS.iter().zip(&mut peers) {
                let asked = rows == 10_000 && !peers.first().is_some_and(|seconds| *seconds > 5.0);
                if let Some(python) = python.as_ref().filter(|_| asked) {
                    let (seconds, expected) = peer(python, way, &x, &y);
                    assert!((nats - expected).abs() < 1e-6, "{nats} here, {expected} there");
                    peers.push(seconds);
                }
            }
        }
        let (ours, second) = (median(ours), median(second));
        print!("{d}+{d} columns, {rows} rows: I {ours:.4}, II {second:.4}");
        for (way, peers) in WAYS.iter().zip(peers).filter(|(_, peers)| !peers.is_empty()) {
            let seconds = median(peers);
            print!(", {way} {seconds:.3} ({:.0} times ours)", seconds / ours);
        }
        println!();
    }
}
