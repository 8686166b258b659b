//! Encoders for images of another shape than the set's, and images without labels beside those with: through the program.

use infomax::seed::stream;
use rand::Rng;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// STL-10's binary files: 12 training, 6 unlabeled and 8 test images of 96x96 noise.
fn stl(folder: &Path) {
    for (name, images) in [("train_X", 12), ("unlabeled_X", 6), ("test_X", 8)] {
        let mut rng = stream(5, name, 0);
        let pixels: Vec<u8> = (0..images * 3 * 96 * 96).map(|_| rng.r#gen()).collect();
        fs::write(folder.join(name).with_extension("bin"), pixels).unwrap();
    }
    for (name, images) in [("train_y", 12), ("test_y", 8)] {
        let labels: Vec<u8> = (0..images).map(|i| i % 2 + 1).collect();
        fs::write(folder.join(name).with_extension("bin"), labels).unwrap();
    }
    let classes = "airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck";
    fs::write(folder.join("class_names.txt"), classes).unwrap();
}

fn infomax(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
    command.args(args).args(["--quiet", "--no-cache"]).stdin(Stdio::null());
    command
}

fn train(root: &TempDir, more: &[&str]) -> Output {
    let (data, runs) = (root.path().join("stl"), root.path().join("runs"));
    let mut command = infomax(&["train", "--epochs", "1", "--batch", "6", "--log-every", "1"]);
    command.arg("--data").arg(data).arg("--runs").arg(runs).args(more).output().expect("the program starts")
}

fn fails(output: &Output, code: i32, words: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    for word in words {
        assert!(error.contains(word), "no {word:?} in {error}");
    }
}

fn made(root: &TempDir) -> PathBuf {
    let runs = fs::read_dir(root.path().join("runs")).unwrap().map(|e| e.unwrap().path());
    runs.max_by_key(|p| fs::metadata(p.join("config.toml")).unwrap().modified().unwrap()).expect("a run")
}

#[test]
fn images_are_fitted_and_unlabeled_ones_trained_on() {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("stl")).unwrap();
    stl(&root.path().join("stl"));
    fails(&train(&root, &[]), 2, &["[3, 96, 96]", "--encoder", "--fit"]);
    fails(&train(&root, &["--encoder", "dcgan64-narrow"]), 1, &["takes images of [3, 64, 64]", "[3, 96, 96]"]);
    fails(&train(&root, &["--fit"]), 2, &["--encoder"]);
    fails(&train(&root, &["--encoder", "alexnet"]), 2, &["alexnet64", "fold-resnet19"]);
    let streamed = ["--encoder", "dcgan64-narrow", "--fit", "--stream", "--buffer", "8"];
    fails(&train(&root, &streamed), 1, &["leave out stream"]);
    let supervised = ["--encoder", "dcgan64-narrow", "--fit", "--unlabeled", "--method", "supervised"];
    fails(&train(&root, &supervised), 1, &["6 of the 18 images", "have no labels"]);
    assert!(!root.path().join("runs").exists(), "what cannot work is refused before a run is made");

    let fewer = ["--encoder", "dcgan64-narrow", "--fit", "--images"];
    fails(&train(&root, &[&fewer[..], &["13"]].concat()), 1, &["13 rows", "give 1 to 12"]);
    assert!(!root.path().join("runs").exists());
    assert!(train(&root, &[&fewer[..], &["6"]].concat()).status.success());
    let history = fs::read_to_string(made(&root).join("metrics.jsonl")).unwrap();
    assert!(history.contains("\"step\":1") && !history.contains("\"step\":2"), "{history}");

    let fitted = train(&root, &["--encoder", "dcgan64-narrow", "--fit", "--unlabeled", "--json"]);
    assert!(fitted.status.success(), "{}", String::from_utf8_lossy(&fitted.stderr));
    // The probes saw the 12 with labels.
    let report = String::from_utf8_lossy(&fitted.stdout).into_owned();
    assert!(report.contains("\"train_rows\": 12"), "{report}");
    let run = made(&root);
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    for part in ["unlabeled = true\n", "[data.fit]\nchannels = 3\nside = 64\n", "encoder = \"dcgan64-narrow\"\n"] {
        assert!(config.contains(part), "no {part:?} in {config}");
    }
    // 18 images are 3 steps of 6.
    let history = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert!(history.contains("\"step\":3") && !history.contains("\"step\":4"), "{history}");
    let y = root.path().join("y.npy");
    let embed = |split: &str| {
        let mut command = infomax(&["embed", run.to_str().unwrap(), "--split", split, "--force"]);
        let output = command.arg("--out").arg(&y).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(fs::read(&y).unwrap()[..128].iter().copied().filter(u8::is_ascii).collect()).unwrap()
    };
    assert!(embed("unlabeled").contains("(6, 64,"));
    assert!(embed("train").contains("(12, 64,"));
    let mut probe = infomax(&["probe", run.to_str().unwrap(), "--no-untrained", "--json"]);
    let probed = probe.output().unwrap();
    assert!(probed.status.success(), "{}", String::from_utf8_lossy(&probed.stderr));
}
