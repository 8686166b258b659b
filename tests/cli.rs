//! The program as a user runs it: bad input gives one clear line and exit code 1; runs repeat and resume bit for bit.

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use infomax::data::write_parquet;
use infomax::seed::stream;
use infomax::train::Checkpoint;
use rand::Rng;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

fn infomax(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
    command.args(args).stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Output {
    command.output().expect("the program starts")
}

/// The one line of a failure; checks exit code 1 and that every word is in it.
fn fails(output: &Output, words: &[&str]) -> String {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    let lines: Vec<&str> = error.lines().filter(|l| l.starts_with("error:")).collect();
    assert_eq!(lines.len(), 1, "{error}");
    assert!(!error.contains("panicked"), "{error}");
    for word in words {
        assert!(lines[0].contains(word), "no {word:?} in {:?}", lines[0]);
    }
    lines[0].to_owned()
}

fn png(width: u32, height: u32, seed: u64) -> Vec<u8> {
    let mut rng = stream(seed, "test image", 0);
    let pixels: Vec<u8> = (0..width * height).map(|_| rng.r#gen()).collect();
    let mut out = Vec::new();
    PngEncoder::new(&mut out).write_image(&pixels, width, height, ExtendedColorType::L8).unwrap();
    out
}

/// A data set of 28x28 noise: 48 training and 20 test images of two classes.
struct Set {
    folder: TempDir,
    images: Vec<Vec<u8>>,
    labels: Vec<i64>,
}

impl Set {
    fn new() -> Self {
        let set = Self {
            folder: TempDir::new().unwrap(),
            images: (0..48).map(|i| png(28, 28, i)).collect(),
            labels: (0..48).map(|i| i % 2).collect(),
        };
        set.write();
        set
    }

    fn file(&self, split: &str) -> PathBuf {
        self.folder.path().join(format!("{split}-00000-of-00001.parquet"))
    }

    fn write(&self) {
        let images: Vec<&[u8]> = self.images.iter().map(Vec::as_slice).collect();
        write_parquet(&self.file("train"), "image", "label", &images, &self.labels).unwrap();
        let n = self.images.len().min(20);
        write_parquet(&self.file("test"), "image", "label", &images[..n], &self.labels[..n]).unwrap();
    }

    fn path(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    fn runs(&self) -> PathBuf {
        self.folder.path().join("made")
    }

    /// A short training command; `more` comes last.
    fn train(&self, more: &[&str]) -> Command {
        let runs = self.runs();
        let mut command = infomax(&["train", "--data", self.path(), "--batch", "8", "--epochs", "1", "--no-probe"]);
        command.args(["--name", "noise", "--runs", runs.to_str().unwrap()]).args(more);
        command
    }

    /// The only run made so far.
    fn made(&self) -> PathBuf {
        let runs: Vec<_> = fs::read_dir(self.runs()).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(runs.len(), 1);
        runs[0].clone()
    }
}

#[test]
fn damaged_data_is_named() {
    let set = Set::new();
    let whole = fs::read(set.file("train")).unwrap();
    fs::write(set.file("train"), &whole[..whole.len() / 2]).unwrap();
    fails(&run(&mut set.train(&[])), &["train-00000-of-00001.parquet", "not a readable parquet file"]);
    fs::write(set.file("train"), "no parquet at all").unwrap();
    fails(&run(&mut set.train(&[])), &["train-00000-of-00001.parquet", "not a readable parquet file"]);

    let mut set = Set::new();
    let cut = set.images[5].len() / 2;
    set.images[5].truncate(cut);
    set.write();
    fails(&run(&mut set.train(&[])), &["row 5", "does not decode"]);

    let mut set = Set::new();
    set.images[3] = png(20, 30, 0);
    set.write();
    fails(&run(&mut set.train(&[])), &["row 3", "20x30", "28x28"]);

    let mut set = Set::new();
    set.labels[7] = -1;
    set.write();
    fails(&run(&mut set.train(&[])), &["row 7", "label -1", "out of range"]);

    let mut set = Set::new();
    (set.images, set.labels) = (Vec::new(), Vec::new());
    set.write();
    fails(&run(&mut set.train(&[])), &["no rows", "train split is empty"]);

    let set = Set::new();
    let images: Vec<&[u8]> = set.images.iter().map(Vec::as_slice).collect();
    write_parquet(&set.file("train"), "picture", "label", &images, &set.labels).unwrap();
    fails(&run(&mut set.train(&[])), &["no usable column `image` or `img`", "picture, label"]);
    write_parquet(&set.file("train"), "image", "kind", &images, &set.labels).unwrap();
    fails(&run(&mut set.train(&[])), &["no usable column `label` or `fine_label`", "image, kind"]);
}

#[test]
fn a_label_beyond_a_cards_classes_is_named() {
    let set = Set::new();
    let images: Vec<&[u8]> = set.images.iter().map(Vec::as_slice).collect();
    let mut labels = set.labels.clone();
    labels[4] = 10;
    let folder = set.folder.path().join("fashion_mnist");
    write_parquet(&folder.join("train-0.parquet"), "image", "label", &images, &labels).unwrap();
    let output = run(&mut infomax(&["train", "--data-dir", set.path(), "--no-probe"]));
    fails(&output, &["row 4", "label 10", "10 classes, 0 to 9"]);
}

/// A PNG that claims a huge size in a few bytes is refused before memory is asked for.
#[test]
fn a_png_bomb_is_refused() {
    let mut set = Set::new();
    let mut bomb = png(28, 28, 0);
    bomb[16..20].copy_from_slice(&60_000u32.to_be_bytes());
    bomb[20..24].copy_from_slice(&60_000u32.to_be_bytes());
    set.images[2] = bomb;
    set.write();
    fails(&run(&mut set.train(&[])), &["row 2", "does not decode"]);
}

#[test]
fn settings_that_cannot_work_are_refused_before_a_run_is_made() {
    let set = Set::new();
    fails(&run(&mut set.train(&["--batch", "49"])), &["batch of 49", "48 images"]);
    fails(&run(&mut set.train(&["--batch", "1"])), &["batch is 1", "too small"]);
    fails(&run(&mut set.train(&["--negatives", "8"])), &["batch is 8", "at least 9"]);
    fails(&run(&mut set.train(&["--units", "300"])), &["units is 300", "256, 512, 1024 and 2048"]);
    fails(&run(&mut set.train(&["--gamma", "NaN"])), &["gamma is NaN"]);
    fails(&run(&mut set.train(&["--beta", "0"])), &["alpha and beta are both 0"]);
    fails(&run(&mut set.train(&["--lr", "0"])), &["lr is 0"]);
    fails(&run(&mut set.train(&["--epochs", "0"])), &["epochs is 0"]);
    assert!(!set.runs().exists());
    fails(&run(&mut infomax(&["train", "--data", "cifar11"])), &["cifar11", "cifar10, cifar100, fashion_mnist"]);
    let output = run(infomax(&["train", "--data", "cifar10"]).env("HF_HUB_CACHE", set.path()).current_dir(set.path()));
    fails(&output, &["cifar10 (train) is not on this machine", "--data-dir"]);
    assert_eq!(run(&mut infomax(&["train", "--critic", "cat"])).status.code(), Some(2));
}

/// A baseline has its own settings, needs no pairs, and ends with the same report.
#[test]
fn a_baseline_is_trained_by_name() {
    let set = Set::new();
    fails(&run(&mut set.train(&["--method", "beta-vae", "--kl-weight=-1"])), &["Kullback-Leibler term is -1"]);
    fails(&run(&mut set.train(&["--method", "ae", "--batch", "1"])), &["batch is 1", "batch norm"]);
    let misplaced = run(&mut set.train(&["--method", "vae", "--kl-weight", "2"]));
    assert_eq!(misplaced.status.code(), Some(2));
    assert!(!set.runs().exists());
    let runs = set.runs();
    let output = run(infomax(&["train", "--data", set.path(), "--batch", "8", "--epochs", "1", "--log-every", "2"])
        .args(["--method", "supervised", "--negatives", "20", "--runs"])
        .arg(&runs));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{error}");
    assert!(error.contains("trained by supervised (650 more)"), "{error}");
    let made = set.made();
    let config = fs::read_to_string(made.join("config.toml")).unwrap();
    assert!(config.contains("[model.method.supervised]\nclasses = 2\n"), "{config}");
    let curves = fs::read_to_string(made.join("report/curves.svg")).unwrap();
    assert!(!curves.contains("bound"), "a baseline has no bound to show");
}

#[test]
fn later_methods_have_their_settings() {
    let set = Set::new();
    fails(&run(&mut set.train(&["--method", "cmc"])), &["of Dcgan28 are grey", "take colour images or another method"]);
    fails(&run(&mut set.train(&["--method", "simclr", "--temperature", "0"])), &["the temperature is 0"]);
    let misplaced = run(&mut set.train(&["--method", "rotation", "--temperature", "1"]));
    assert_eq!(misplaced.status.code(), Some(2));
    assert!(!set.runs().exists());
    assert!(run(&mut set.train(&["--method", "simclr"])).status.success());
    let config = fs::read_to_string(set.made().join("config.toml")).unwrap();
    for part in [
        "[augment.crop]\nkind = \"resized\"\nsize = 28\n",
        "[augment.jitter]",
        "[model.method.simclr]\ntemperature = 0.5",
    ] {
        assert!(config.contains(part), "no {part:?} in {config}");
    }
}

#[test]
fn an_unwritable_run_folder_is_named() {
    let set = Set::new();
    let blocked = set.folder.path().join("blocked");
    fs::write(&blocked, "a file where a folder should be").unwrap();
    fails(&run(&mut set.train(&["--runs", blocked.to_str().unwrap()])), &["cannot create", "blocked"]);
}

#[test]
fn a_checkpoint_that_does_not_fit_is_refused() {
    let set = Set::new();
    assert!(run(&mut set.train(&[])).status.success());
    let made = set.made();
    // A checkpoint whose settings say another critic than its tensors are of.
    let config = fs::read_to_string(made.join("config.toml")).unwrap();
    fs::write(made.join("config.toml"), config.replace("units = 256", "units = 512")).unwrap();
    let resume = |path: &Path| run(&mut infomax(&["train", "--no-probe", "--resume", path.to_str().unwrap()]));
    fails(&resume(&made), &["tensor `local.local.first.weight`", "[256, 128]", "[512, 128]"]);
    fs::write(made.join("config.toml"), config.replace("\"dot\"", "\"concat\"")).unwrap();
    fails(&resume(&made), &["no tensor `local.local.weight`", "another architecture"]);
    fails(&resume(set.folder.path()), &["no config.toml"]);
    // Files that are no checkpoints.
    let file = set.folder.path().join("cut.safetensors");
    let newest = fs::read_dir(made.join("checkpoints")).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(newest).unwrap();
    fs::write(&file, &whole[..whole.len() / 3]).unwrap();
    let probe = |path: &Path| run(&mut infomax(&["probe", path.to_str().unwrap()]));
    fails(&probe(&file), &["cut.safetensors", "not a usable checkpoint"]);
    fs::write(&file, "short").unwrap();
    fails(&probe(&file), &["cut.safetensors", "not a usable checkpoint"]);
    fails(&probe(Path::new("nowhere")), &["cannot read nowhere"]);
}

#[cfg(not(feature = "cuda"))]
#[test]
fn without_an_nvidia_device_the_cpu_trains_and_says_so() {
    let set = Set::new();
    let there = run(&mut set.train(&["--device", "cuda"]));
    let said = String::from_utf8_lossy(&there.stderr).into_owned();
    assert!(there.status.success(), "{said}");
    assert!(said.contains("built without the feature `cuda`: the CPU trains"), "{said}");
    // A run that was begun on one cannot go on here, and is probed all the same.
    let (made, file) = (set.made(), set.made().join("config.toml"));
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, config.replace("[model]\n", "[model]\ndevice = \"cuda\"\n")).unwrap();
    let made = made.to_str().unwrap();
    fails(&run(&mut infomax(&["train", "--no-probe", "--resume", made])), &["`cuda`", "set `device` to \"cpu\""]);
    assert!(run(&mut infomax(&["probe", made, "-q"])).status.success());
}

#[test]
fn a_damaged_checkpoint_gives_way_to_the_one_before() {
    let set = Set::new();
    let settings = ["--epochs", "3", "--log-every", "1", "--checkpoint-every", "2", "-q"];
    assert!(run(&mut set.train(&settings)).status.success());
    let made = set.made();
    let history = fs::read(made.join("metrics.jsonl")).unwrap();
    let newest = made.join("checkpoints/step-000000018.safetensors");
    let whole = fs::read(&newest).unwrap();
    fs::write(&newest, &whole[..1000]).unwrap();
    let output = run(&mut infomax(&["train", "--no-probe", "-q", "--resume", made.to_str().unwrap()]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("using an older one"));
    assert_eq!(fs::read(made.join("metrics.jsonl")).unwrap(), history);
    assert_eq!(fs::read(&newest).unwrap(), whole);
}

const LONG: [&str; 13] = [
    "--epochs",
    "4",
    "--log-every",
    "1",
    "--checkpoint-every",
    "3",
    "--lr",
    "1e-3",
    "--flip",
    "--shift",
    "2",
    "--jitter",
    "0.4",
];

#[test]
fn the_loss_history_is_the_same_for_any_number_of_threads() {
    for critic in [
        ["--critic", "concat", "--bound", "jsd", "--negatives", "1"],
        ["--critic", "dot-residual", "--bound", "info-nce", "--alpha", "0.5"],
    ] {
        let histories: Vec<Vec<u8>> = ["1", "2", "3"]
            .iter()
            .map(|threads| {
                let set = Set::new();
                let output = run(set.train(&LONG).args(critic).env("RAYON_NUM_THREADS", threads));
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                fs::read(set.made().join("metrics.jsonl")).unwrap()
            })
            .collect();
        assert!(histories[0].len() > 1000);
        assert!(histories.iter().all(|h| h == &histories[0]));
    }
}

#[test]
fn a_killed_run_goes_on_bit_for_bit() {
    // Long enough not to end before it is killed.
    const MORE: [&str; 2] = ["--epochs", "12"];
    let whole = Set::new();
    assert!(run(whole.train(&LONG).args(MORE)).status.success());
    let history = fs::read(whole.made().join("metrics.jsonl")).unwrap();
    // Killed at several moments, each time taken up again, until it ends by itself.
    let set = Set::new();
    let mut child = set.train(&LONG).args(MORE).stderr(Stdio::null()).spawn().unwrap();
    let mut kills = 0;
    for milliseconds in [700, 450, 600, 500, 900] {
        std::thread::sleep(Duration::from_millis(milliseconds));
        if child.try_wait().unwrap().is_some() || !set.runs().exists() {
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        let made = set.made();
        child = infomax(&["train", "--no-probe", "--resume", made.to_str().unwrap()])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
    }
    assert!(child.wait().unwrap().success());
    assert!(kills > 0, "the run ended before it could be killed");
    assert_eq!(fs::read(set.made().join("metrics.jsonl")).unwrap(), history);
    // The settings name each set's own folder; all else is the same.
    let last = |s: &Set| Checkpoint::read(&s.made().join("checkpoints/step-000000072.safetensors")).unwrap();
    let (resumed, uninterrupted) = (last(&set), last(&whole));
    assert_eq!(resumed.position, uninterrupted.position);
    let bits = |c: &Checkpoint| -> Vec<_> {
        c.arrays
            .iter()
            .map(|(name, a)| (name.clone(), a.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>()))
            .collect()
    };
    assert!(bits(&resumed) == bits(&uninterrupted), "the last checkpoints differ");
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_says_how_to_go_on() {
    let set = Set::new();
    let child = set.train(&["--epochs", "10000"]).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("infomax train --resume"), "{text}");
    assert!(fs::read_dir(set.made().join("checkpoints")).unwrap().count() > 0);
}

/// The whole way on a tiny set: train, probe, pictures, JSON.
#[test]
fn a_run_ends_with_a_report() {
    let set = Set::new();
    let runs = set.runs();
    let args = ["train", "--data", set.path(), "--batch", "8", "--epochs", "1", "--json", "--log-every", "2", "--runs"];
    let output = run(infomax(&args).arg(&runs));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["probes"].as_array().unwrap().len(), 2);
    assert_eq!(result["few_labels"][0]["points"][0]["per_class"], 10);
    let report = set.made().join("report");
    for name in
        ["report.md", "probe.json", "curves.png", "curves.svg", "neighbours.png", "neighbours.svg", "few-labels.png"]
    {
        assert!(report.join(name).metadata().unwrap().len() > 100, "{name}");
    }
    let made = set.made();
    let output = run(&mut infomax(&["probe", made.to_str().unwrap(), "--json"]));
    let again: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let accuracy = |v: &serde_json::Value| v["layers"][2]["linear"]["test_accuracy"].clone();
    assert_eq!(accuracy(&again[0]), accuracy(&result["probes"][0]));
}
