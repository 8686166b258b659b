//! Training on streamed images, through the program: the batches are those of the set in memory, bit for bit, whatever the
//! number of threads, and after a run is taken up again in the midst of an epoch.
#![cfg(feature = "cli")]

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use infomax::data::write_parquet;
use infomax::seed::stream;
use infomax::train::Checkpoint;
use rand::RngCore;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Noise of 28x28 pixels: training images in three files of 24, 32 and 16, test images in one.
struct Set(TempDir);

impl Set {
    fn new() -> Self {
        let set = Self(TempDir::new().unwrap());
        let parts = [("train-00000-of-00003", 24), ("train-00001-of-00003", 32), ("train-00002-of-00003", 16)];
        for (part, (name, images)) in parts.into_iter().chain([("test-00000-of-00001", 20)]).enumerate() {
            let image = |i: u64| {
                let mut pixels = vec![0; 784];
                stream(part as u64, "test image", i).fill_bytes(&mut pixels);
                let mut out = Vec::new();
                PngEncoder::new(&mut out).write_image(&pixels, 28, 28, ExtendedColorType::L8).unwrap();
                out
            };
            let images: Vec<Vec<u8>> = (0..images).map(image).collect();
            let labels: Vec<i64> = (0..images.len() as i64).map(|i| i % 2).collect();
            let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
            let path = set.0.path().join(format!("set/{name}.parquet"));
            write_parquet(&path, "image", "label", &images, &labels).unwrap();
        }
        set
    }

    fn infomax(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
        command.args(args).stdin(Stdio::null()).current_dir(self.0.path());
        command.env("INFOMAX_HOME", self.0.path().join("home"));
        command
    }

    /// Trains a run of this name in a folder of its own; the run's folder.
    fn train(&self, name: &str, threads: &str, more: &[&str]) -> PathBuf {
        let args = ["train", "--data", "set", "--name", "noise", "--runs", name, "--batch", "8", "--epochs", "2"];
        let settings = ["--log-every", "1", "--checkpoint-every", "4", "--flip", "--shift", "2", "--jitter", "0.4"];
        let mut command = self.infomax(&args);
        let output = command.args(settings).args(more).env("RAYON_NUM_THREADS", threads).output().unwrap();
        succeeded(&output);
        let runs: Vec<_> = fs::read_dir(self.0.path().join(name)).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(runs.len(), 1);
        runs[0].clone()
    }
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn history(run: &std::path::Path) -> Vec<u8> {
    fs::read(run.join("metrics.jsonl")).unwrap()
}

/// Every number of a checkpoint, as bits.
fn bits(run: &std::path::Path, step: u64) -> Vec<(String, Vec<u32>)> {
    let checkpoint = Checkpoint::read(&run.join(format!("checkpoints/step-{step:09}.safetensors"))).unwrap();
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect();
    checkpoint.arrays.iter().map(|(name, a)| (name.clone(), bits(&a.values))).collect()
}

/// 9 steps an epoch, 18 in all.
#[test]
fn memory_and_stream_and_threads_and_a_resume_make_no_difference() {
    let set = Set::new();
    let memory = ["--no-probe", "--buffer", "32"];
    let streamed = ["--no-probe", "--buffer", "32", "--stream"];
    let first = set.train("memory-1", "1", &memory);
    let expected = history(&first);
    assert_eq!(expected.iter().filter(|&&b| b == b'\n').count(), 20);
    let mut runs = Vec::new();
    for (name, threads, more) in
        [("memory-2", "2", &memory[..]), ("stream-1", "1", &streamed), ("stream-2", "2", &streamed)]
    {
        let run = set.train(name, threads, more);
        assert!(history(&run) == expected, "{name}");
        assert!(bits(&run, 18) == bits(&first, 18), "{name}");
        runs.push(run);
    }
    // Taken up again at step 16, which is batch 7 of the second epoch, with the other number of threads.
    for (run, threads) in [(&runs[0], "1"), (&runs[1], "2"), (&runs[2], "1")] {
        let newest = run.join("checkpoints/step-000000018.safetensors");
        let last = bits(run, 18);
        fs::remove_file(&newest).unwrap();
        let position = Checkpoint::read(&run.join("checkpoints/step-000000016.safetensors")).unwrap().position;
        assert_eq!((position.epoch, position.batch), (1, 7));
        let mut command = set.infomax(&["train", "--no-probe", "-q", "--resume", run.to_str().unwrap()]);
        succeeded(&command.env("RAYON_NUM_THREADS", threads).output().unwrap());
        assert!(history(run) == expected && bits(run, 18) == last, "{}", run.display());
    }
    // Another buffer is another order.
    assert!(history(&set.train("other", "2", &["--no-probe", "--buffer", "16", "--stream"])) != expected);
}

/// The same without the time that things took.
fn without_seconds(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.remove("seconds");
            fields.values_mut().for_each(without_seconds);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(without_seconds),
        _ => {}
    }
}

#[test]
fn a_streamed_run_is_probed() {
    let set = Set::new();
    let report = |name: &str, more: &[&str]| -> serde_json::Value {
        let run = set.train(name, "2", more);
        let text = fs::read_to_string(run.join("report/probe.json")).unwrap();
        let again = set.infomax(&["probe", run.to_str().unwrap(), "--json", "-q"]).output().unwrap();
        succeeded(&again);
        let mut again: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
        let mut report: serde_json::Value = serde_json::from_str(&text).unwrap();
        [&mut again, &mut report].into_iter().for_each(without_seconds);
        assert_eq!(again, report["probes"], "probed again");
        report
    };
    let memory = report("memory", &["--buffer", "32"]);
    let streamed = report("stream", &["--buffer", "32", "--stream"]);
    assert_eq!(memory["probes"], streamed["probes"]);
    assert_eq!(memory["few_labels"], streamed["few_labels"]);
}

#[test]
fn settings_of_streams_that_cannot_work_are_refused() {
    let set = Set::new();
    let output = set.infomax(&["train", "--data", "set", "--buffer", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let run = set.train("runs", "2", &["--no-probe", "--stream"]);
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(config.contains("stream = true") && config.contains("buffered = 10000"), "{config}");
    let config = config.replace("buffered = 10000", "buffered = 0");
    fs::write(run.join("config.toml"), config).unwrap();
    let output = set.infomax(&["train", "--no-probe", "--resume", run.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("a buffer of 1 or more"), "{output:?}");
}
