//! Probes during training: they change nothing in it, and are the same after any stop.
#![cfg(feature = "cli")]

mod made;

use infomax::data::{ImageSet, Order, Split, augment::Augment};
use infomax::dim::{EncoderKind, Method, ModelConfig};
use infomax::train::{
    Checkpoint, DataConfig, OnlineProbes, OnlineReport, Outcome, Quiet, RunConfig, RunDir, Trainer, probe_online,
};
use made::png;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Grey images of two classes, bright on the left and on the right, under noise: 48 to train on, 24 held out.
fn made(folder: &Path) -> [Arc<ImageSet>; 2] {
    for (split, count) in [("train", 48), ("test", 24)] {
        for i in 0..count {
            let class = i % 2;
            let noise = made::noise(784, 100 * count + i);
            let bright = |at: usize| if (at % 28 < 14) == (class == 0) { 120 } else { 0 };
            let samples: Vec<u8> = noise.iter().enumerate().map(|(at, n)| n / 2 + bright(at)).collect();
            let place = folder.join(format!("{split}/{class}"));
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join(format!("{i}.png")), png(28, 28, 1, &samples)).unwrap();
        }
    }
    let load = |split| Arc::new(ImageSet::load(folder.to_str().unwrap(), split, None).unwrap());
    [load(Split::Train), load(Split::Test)]
}

const ONLINE: OnlineProbes = OnlineProbes {
    every: 2,
    mlp: true,
    mlp_epochs: None,
    mlp_average: None,
    knn: true,
    labels: Some(40),
    held_out: None,
};

fn config(online: Option<OnlineProbes>) -> RunConfig {
    RunConfig {
        name: "online".into(),
        seed: 3,
        epochs: 5,
        batch: 12,
        log_every: 1,
        checkpoint_every: 3,
        data: DataConfig {
            source: "halves".into(),
            dir: None,
            stream: false,
            fit: None,
            images: None,
            unlabeled: false,
            noise: None,
        },
        order: Order::Shuffled,
        augment: Augment { flip: 0.1, ..Augment::default() },
        model: ModelConfig { method: Method::Autoencoder, ..ModelConfig::new(EncoderKind::Dcgan28) },
        online,
    }
}

/// What a run leaves behind: history, last checkpoint but for its settings, probes.
fn left(run: &Path) -> (String, Vec<(String, Vec<u32>)>, String) {
    let (checkpoint, _) = Checkpoint::find(run).unwrap();
    assert_eq!(checkpoint.position.epoch, 5);
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
    let arrays = checkpoint.arrays.into_iter().map(|(name, a)| (name, bits(a.values))).collect();
    let probes = fs::read_to_string(run.join("probes.jsonl")).unwrap_or_default();
    (fs::read_to_string(run.join("metrics.jsonl")).unwrap(), arrays, probes)
}

fn begin(online: Option<OnlineProbes>, sets: &[Arc<ImageSet>; 2], root: &Path) -> (Trainer, PathBuf) {
    let config = config(online);
    let dir = RunDir::create(root, &config).unwrap();
    let path = dir.path().to_owned();
    (Trainer::new(config, sets[0].clone(), dir, None).unwrap().probe_on(sets.clone()).unwrap(), path)
}

fn resume(run: &Path, sets: &[Arc<ImageSet>; 2]) -> Trainer {
    let (dir, config, checkpoint, damaged) = RunDir::resume(run).unwrap();
    assert!(damaged.is_empty());
    Trainer::new(config, sets[0].clone(), dir, checkpoint).unwrap().probe_on(sets.clone()).unwrap()
}

fn finish(trainer: &mut Trainer) {
    assert_eq!(trainer.run(&mut Quiet, &AtomicBool::new(false)).unwrap(), Outcome::Finished);
}

#[test]
fn training_is_the_same_and_probes_are_the_same_after_any_stop() {
    let folder = tempfile::tempdir().unwrap();
    let sets = made(folder.path());
    let (mut plain, run) = begin(None, &sets, &folder.path().join("plain"));
    finish(&mut plain);
    let (history, arrays, none) = left(&run);
    assert_eq!(none, "");
    let (mut probed, run) = begin(Some(ONLINE), &sets, &folder.path().join("probed"));
    finish(&mut probed);
    let (same, also, probes) = left(&run);
    assert_eq!(same, history);
    assert!(also == arrays, "probes changed the training");
    let reports: Vec<OnlineReport> = probes.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(reports, probed.dir().probes().unwrap());
    assert_eq!(reports.iter().map(|r| (r.epoch, r.step)).collect::<Vec<_>>(), [(0, 0), (2, 8), (4, 16)]);
    for report in &reports {
        assert_eq!(report.layers.iter().map(|s| s.layer.as_str()).collect::<Vec<_>>(), ["conv", "fc", "Y"]);
        for score in &report.layers {
            let all = [score.linear, score.mlp.unwrap(), score.knn.unwrap()];
            assert!(all.iter().all(|a| (0.0..=1.0).contains(a)), "{score:?}");
        }
        assert!(report.layers[0].linear > 0.9, "halves of an image are told apart: {report:?}");
    }

    // Stopped after each stretch's first step, until the end comes.
    let (mut parts, run) = begin(Some(ONLINE), &sets, &folder.path().join("parts"));
    for _ in 0..11 {
        assert_eq!(parts.run(&mut Quiet, &AtomicBool::new(true)).unwrap(), Outcome::Interrupted);
        parts = resume(&run, &sets);
    }
    finish(&mut parts);
    assert_eq!(left(&run).2, probes);
    assert_eq!(left(&run).0, history);

    // Killed between the last checkpoint of epoch 4 and its probes, or in the middle of their line; and a line of a
    // later time than the checkpoint's.
    let lines: Vec<&str> = probes.lines().collect();
    let last = fs::read_dir(run.join("checkpoints")).unwrap().map(|e| e.unwrap().path());
    let last = last.filter(|p| p.to_str().unwrap().contains("step-")).max().unwrap();
    fs::remove_file(last).unwrap();
    assert_eq!(Checkpoint::find(&run).unwrap().0.position.step, 18);
    for damaged in [
        format!("{}\n{}\n", lines[0], lines[1]),
        format!("{}\n{}\n{}", lines[0], lines[1], &lines[2][..20]),
        format!("{probes}{}\n", lines[2].replace("\"epoch\":4", "\"epoch\":6")),
    ] {
        let copy = tempfile::tempdir().unwrap();
        copy_all(&run, copy.path());
        fs::write(copy.path().join("probes.jsonl"), &damaged).unwrap();
        let kept = resume(copy.path(), &sets).dir().probes().unwrap();
        assert!(kept.iter().all(|r| r.epoch <= 4));
        // Step 18 lies in epoch 5: what was due before is not made up for from another encoder.
        finish(&mut resume(copy.path(), &sets));
        assert!(probes.starts_with(&left(copy.path()).2));
    }
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy_all(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn a_run_that_was_killed_before_its_probes_makes_them_when_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let sets = made(folder.path());
    let online = OnlineProbes { every: 5, mlp: false, knn: false, labels: None, ..ONLINE };
    let (mut trainer, run) = begin(Some(online), &sets, &folder.path().join("runs"));
    finish(&mut trainer);
    let probes = left(&run).2;
    assert_eq!(probes.lines().count(), 2);
    let cut = probes.len() - 30;
    fs::write(run.join("probes.jsonl"), &probes[..cut]).unwrap();
    finish(&mut resume(&run, &sets));
    assert_eq!(left(&run).2, probes);
    // Once more changes nothing.
    finish(&mut resume(&run, &sets));
    assert_eq!(left(&run).2, probes);
    // They are what the probes say of the restored encoder.
    let trainer = resume(&run, &sets);
    let scores = probe_online(trainer.model(), [&sets[0], &sets[1]], &online, 3, &mut Quiet).unwrap();
    assert_eq!(scores, trainer.dir().probes().unwrap()[1].layers);
    assert!(scores.iter().all(|s| s.mlp.is_none() && s.knn.is_none()));
}

#[test]
fn the_first_held_out_images_alone_are_judged_when_so_told() {
    let folder = tempfile::tempdir().unwrap();
    let sets = made(folder.path());
    let (trainer, _) = begin(None, &sets, &folder.path().join("runs"));
    // Mirrored, an image looks like one of the other class.
    let mirrored = |i: usize, pixels: &mut [u8]| {
        if i >= 7 {
            pixels.chunks_exact_mut(28).for_each(<[u8]>::reverse);
        }
    };
    let held_out = (*sets[1]).clone().with_images(mirrored);
    let judged = |set: &ImageSet, held_out| {
        let online = OnlineProbes { held_out, ..ONLINE };
        probe_online(trainer.model(), [&sets[0], set], &online, 3, &mut Quiet).unwrap()
    };
    let few = judged(&held_out, Some(7));
    assert_eq!(few, judged(&held_out.first(7).unwrap(), None));
    assert!(few[0].linear > 0.9, "{few:?}");
    // Under so much noise that what is learned depends on how long.
    let noisy = [0, 1].map(|split: usize| {
        let under_noise = |i: usize, pixels: &mut [u8]| {
            let noise = made::noise(pixels.len(), (7000 + 100 * split + i) as u64);
            pixels.iter_mut().zip(noise).for_each(|(p, n)| *p = *p / 8 + n / 8 * 7);
        };
        (*sets[split]).clone().with_images(under_noise)
    });
    let trained = |mlp_epochs, mlp_average| {
        let online = OnlineProbes { mlp_epochs, mlp_average, ..ONLINE };
        probe_online(trainer.model(), [&noisy[0], &noisy[1]], &online, 3, &mut Quiet).unwrap()
    };
    assert_eq!(trained(Some([6, 6, 20]), Some(0.0)), trained(None, None));
    assert_ne!(trained(Some([1, 1, 1]), None), trained(None, None));
    assert_ne!(trained(None, Some(0.9)), trained(None, None));
    let all = judged(&held_out, None);
    assert_eq!(all, judged(&held_out, Some(1000)));
    assert!(all[0].linear < 0.5, "{all:?}");
}

#[test]
fn settings_without_probes_are_as_before_and_impossible_ones_are_named() {
    let text = toml::to_string(&config(None)).unwrap();
    assert!(!text.contains("online]"), "{text}");
    assert_eq!(toml::from_str::<RunConfig>(&text).unwrap(), config(None));
    let text = toml::to_string(&config(Some(ONLINE))).unwrap();
    assert_eq!(toml::from_str::<RunConfig>(&text).unwrap(), config(Some(ONLINE)));
    for online in [
        OnlineProbes { every: 0, ..ONLINE },
        OnlineProbes { labels: Some(0), ..ONLINE },
        OnlineProbes { held_out: Some(0), ..ONLINE },
    ] {
        assert!(config(Some(online)).check().unwrap_err().to_string().contains("all three are 1 or more"));
    }
    for online in
        [OnlineProbes { mlp_epochs: Some([1, 0, 1]), ..ONLINE }, OnlineProbes { mlp_average: Some(1.0), ..ONLINE }]
    {
        let said = config(Some(online)).check().unwrap_err().to_string();
        assert!(said.contains("passes are 1 or more, the share is at least 0 and below 1"), "{said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let sets = made(folder.path());
    let config = config(Some(ONLINE));
    let dir = RunDir::create(&folder.path().join("runs"), &config).unwrap();
    let mut trainer = Trainer::new(config, sets[0].clone(), dir, None).unwrap();
    let said = trainer.run(&mut Quiet, &AtomicBool::new(false)).unwrap_err().to_string();
    assert!(said.contains("no images were given"), "{said}");
}

#[test]
fn the_program_writes_them_and_draws_them() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path());
    let runs = folder.path().join("runs");
    let train = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
        command.args(["train", "--data", folder.path().to_str().unwrap(), "--batch", "12", "--epochs", "2", "--runs"]);
        command.arg(&runs).args(more).output().unwrap()
    };
    let refused = train(&["--probe-knn"]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(train(&["--probe-every", "0"]).status.code(), Some(2));
    let output = train(&["--probe-every", "1", "--probe-knn", "--method", "rotation"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("epoch   0  test accuracy, %  linear conv ") && said.contains("  kNN conv "), "{said}");
    let run = fs::read_dir(&runs).unwrap().next().unwrap().unwrap().path();
    let lines: Vec<Value> = fs::read_to_string(run.join("probes.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.iter().map(|l| l["epoch"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(fs::read_to_string(run.join("config.toml")).unwrap().contains("[online]\nevery = 1\nknn = true\n"));
    let drawn = fs::read_to_string(run.join("report/probes.svg")).unwrap();
    assert!(drawn.contains("Y, linear") && drawn.contains("Y, kNN") && !drawn.contains("MLP"), "{drawn}");
    assert!(fs::read_to_string(run.join("report/report.md")).unwrap().contains("](probes.svg)"));
    // The last of them are those of the report.
    let report: Value = serde_json::from_str(&fs::read_to_string(run.join("report/probe.json")).unwrap()).unwrap();
    for layer in 0..3 {
        assert_eq!(
            report["probes"][0]["layers"][layer]["linear"]["test_accuracy"],
            lines[2]["layers"][layer]["linear"]
        );
        assert_eq!(
            report["probes"][1]["layers"][layer]["linear"]["test_accuracy"],
            lines[0]["layers"][layer]["linear"]
        );
    }
}
