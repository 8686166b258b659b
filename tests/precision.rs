//! Training in bf16 through the program: repeatable, resumable, and as good as fp32.

use infomax::nn::Precision;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Trains on 640 images of the sample for two epochs of 10 steps; the run.
fn train(root: &TempDir, threads: &str, more: &[&str]) -> PathBuf {
    let output = Command::new(env!("CARGO_BIN_EXE_infomax"))
        .args([
            "train",
            "--epochs",
            "2",
            "--images",
            "640",
            "--log-every",
            "1",
            "--no-probe",
            "--name",
            "test",
            "--runs",
        ])
        .arg(root.path())
        .args(more)
        .env("RAYON_NUM_THREADS", threads)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    if more.contains(&"bf16") {
        let what = Precision::bf16_unit().map_or("products are fp32".to_owned(), |unit| format!("bf16 by {unit}"));
        assert!(said.contains(&what), "{said}");
    }
    fs::read_dir(root.path()).unwrap().next().expect("a run").unwrap().path()
}

/// The loss of each step.
fn losses(run: &std::path::Path) -> Vec<f64> {
    fs::read_to_string(run.join("metrics.jsonl"))
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["loss"].as_f64())
        .collect()
}

#[test]
fn bf16_repeats_for_any_number_of_threads_and_learns_as_fp32_does() {
    for critic in [
        ["--critic", "concat", "--bound", "jsd", "--negatives", "1"],
        ["--critic", "dot-residual", "--bound", "info-nce", "--gamma", "0.5"],
    ] {
        let folders = [TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap()];
        let bf16: Vec<&str> = critic.into_iter().chain(["--precision", "bf16"]).collect();
        let runs = [train(&folders[0], "1", &bf16), train(&folders[1], "3", &bf16), train(&folders[2], "2", &critic)];
        let metrics = runs.each_ref().map(|run| fs::read(run.join("metrics.jsonl")).unwrap());
        assert_eq!(metrics[0], metrics[1]);
        assert!(fs::read_to_string(runs[0].join("config.toml")).unwrap().contains("precision = \"bf16\""));
        assert!(!fs::read_to_string(runs[2].join("config.toml")).unwrap().contains("precision"));
        // Where nothing multiplies bf16, it is fp32 to the last bit; elsewhere it is not.
        assert_eq!(metrics[0] == metrics[2], Precision::bf16_unit().is_none());
        let [narrow, _, single] = runs.each_ref().map(|run| losses(run));
        assert!(narrow.len() >= 20 && narrow.len() == single.len());
        for (narrow, single) in narrow.iter().zip(&single) {
            // The first steps are large ones, and a difference grows over them.
            assert!((narrow - single).abs() < 0.06 * single.abs().max(1.0), "{narrow} for {single}");
        }
        assert!(narrow[narrow.len() - 1] < narrow[0], "{narrow:?}");
    }
}

#[test]
fn a_run_goes_on_in_its_own_precision() {
    let [whole, cut] = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let settings = ["--precision", "bf16", "--checkpoint-every", "4"];
    let (whole, cut) = (train(&whole, "2", &settings), train(&cut, "2", &settings));
    let history = fs::read(whole.join("metrics.jsonl")).unwrap();
    // As if it had been killed after step 10: later checkpoints are not there.
    let mut checkpoints: Vec<PathBuf> =
        fs::read_dir(cut.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
    checkpoints.sort();
    let last = checkpoints.pop().expect("a checkpoint at the end");
    fs::remove_file(last).unwrap();
    assert!(!checkpoints.is_empty());
    let output = Command::new(env!("CARGO_BIN_EXE_infomax"))
        .args(["train", "--no-probe", "--resume"])
        .arg(&cut)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read(cut.join("metrics.jsonl")).unwrap(), history);
}
