//! `infomax data scenes` through the program: what was written is read back and compared with what is drawn.

use infomax::data::scene::{CLASS_NAMES, DenseTargets, Scene, SceneConfig};
use infomax::data::stats::stats;
use infomax::data::{Card, ImageSet, Split};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::tempdir;

fn scenes(folder: &Path, threads: &str, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
    command.args(["data", "scenes"]).args(args).current_dir(folder).env("RAYON_NUM_THREADS", threads);
    command.stdin(Stdio::null()).output().expect("the program starts")
}

fn made(folder: &Path, threads: &str, args: &[&str]) -> serde_json::Value {
    let output = scenes(folder, threads, &[args, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

const SMALL: [&str; 6] = ["--count", "60", "--valid", "10", "--test", "20"];

#[test]
fn what_is_written_is_what_is_drawn() {
    let root = tempdir().unwrap();
    let args = [&["--out", "made", "--variant", "TC-L", "--seed", "3"], &SMALL[..]].concat();
    let told = made(root.path(), "2", &args);
    assert_eq!(told["images"], 90);
    let card = root.path().join("made/scenes.toml");
    let source = card.to_str().unwrap();
    assert_eq!(told["card"]["classes"].as_array().unwrap().len(), 10);
    let config = SceneConfig { variant: "TC-L".parse().unwrap(), seed: 3, ..SceneConfig::default() };
    for (split, images) in [(Split::Train, 60), (Split::Validation, 10), (Split::Test, 20)] {
        let set = ImageSet::load(source, split, None).unwrap();
        let targets = DenseTargets::load(source, split, None).unwrap();
        assert_eq!((set.len(), targets.len(), [set.channels, set.height, set.width]), (images, images, [3, 64, 64]));
        assert_eq!(set.classes, CLASS_NAMES);
        for i in 0..images {
            let scene = Scene::draw(&config, split, i as u64).unwrap();
            let image = scene.render();
            let (mask, depth) = targets.image(i);
            assert!(set.image(i) == image.pixels && mask == image.mask, "{split:?} {i}");
            assert_eq!(set.label(i) as usize, scene.objects[0].class);
            let near = |(a, b): (&f32, &f32)| a == b || (a - b).abs() < 3e-5;
            assert!(depth.iter().zip(&image.depth).all(near), "{split:?} {i}");
        }
    }
    // The card's statistics are those that reading the images finds.
    let found = stats(source, None, |_| {}).unwrap();
    let card = Card::read(&card).unwrap();
    for (said, measured) in card.mean.iter().zip(&found.splits[0].mean).chain(card.std.iter().zip(&found.splits[0].std))
    {
        assert!((said - measured).abs() < 1e-4, "{said} {measured}");
    }
    assert!(found.shared.is_empty() && found.splits.iter().all(|s| s.repeated == 0), "{found:?}");
    for sheet in ["texture", "colour", "viewpoint", "lighting", "all"] {
        let png = fs::read(root.path().join(format!("made/sheets/{sheet}.png"))).unwrap();
        assert!(png.starts_with(b"\x89PNG"), "{sheet}");
    }
    // The folder is read without its card, too.
    let folder = root.path().join("made");
    let plain = ImageSet::load(folder.to_str().unwrap(), Split::Test, None).unwrap();
    assert_eq!(plain.len(), 20);
}

#[test]
fn files_have_the_same_bytes_whatever_the_threads_and_are_not_overwritten() {
    let root = tempdir().unwrap();
    let args = |out: &'static str| [&["--out", out, "--objects", "4", "--size", "128"], &SMALL[..]].concat();
    made(root.path(), "1", &args("one"));
    made(root.path(), "3", &args("three"));
    let read = |folder: &str, file: &str| fs::read(root.path().join(folder).join(file)).unwrap();
    for file in ["train", "valid", "test"].map(|s| format!("data/{s}-00000-of-00001.parquet")) {
        assert!(read("one", &file) == read("three", &file), "{file}");
    }
    assert!(read("one", "scenes.toml") == read("three", "scenes.toml"));
    let before = read("one", "data/train-00000-of-00001.parquet");
    let output = scenes(root.path(), "2", &args("one"));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("one exists already") && error.lines().count() == 1, "{error}");
    assert!(read("one", "data/train-00000-of-00001.parquet") == before);
    // A label of several objects is one of theirs, and masks show more than one class.
    let card = root.path().join("one/scenes.toml");
    let targets = DenseTargets::load(card.to_str().unwrap(), Split::Train, None).unwrap();
    let set = ImageSet::load(card.to_str().unwrap(), Split::Train, None).unwrap();
    let mut several = 0;
    for i in 0..set.len() {
        let (mask, _) = targets.image(i);
        assert!(mask.contains(&(1 + set.label(i) as u8)), "{i}");
        several += usize::from(mask.iter().any(|&m| m > 0 && u32::from(m) != 1 + set.label(i)));
    }
    assert!(several > 50, "{several}");
}

#[test]
fn bad_input_is_told_in_one_line() {
    let root = tempdir().unwrap();
    for (args, said) in [
        (&["--variant", "TX"][..], "T (texture)"),
        (&["--size", "100"], "64 and 128"),
        (&["--objects", "7"], "1 to 4"),
        (&["--count", "0"], "1 or more training images"),
        (&["--test", "0"], "1 or more test images"),
        (&["--count", "99999999999"], "too many"),
    ] {
        let output = scenes(root.path(), "2", &[&["--out", "made"], args].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(said) && error.lines().count() == 1, "{error}");
    }
    // Nothing was left behind.
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    let error = DenseTargets::load("fashion_mnist_sample", Split::Test, None).unwrap_err().to_string();
    assert!(error.contains("mask") && !error.contains('\n'), "{error}");
}
