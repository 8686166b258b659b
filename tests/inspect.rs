//! What `data list`, `show`, `stats` and `preview` say of sets whose content is known.
#![cfg(feature = "cli")]

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use infomax::data::{stats::stats, write_parquet};
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A grey image of 4x4 pixels of one value.
fn flat(value: u8) -> Vec<u8> {
    let mut out = Vec::new();
    PngEncoder::new(&mut out).write_image(&[value; 16], 4, 4, ExtendedColorType::L8).unwrap();
    out
}

/// Training images 0, 10, …, 90 and again 50, and two bad ones; test images 100 and, as in training, 30 and 50.
fn made() -> TempDir {
    let folder = TempDir::new().unwrap();
    let write = |split: &str, images: &[Vec<u8>], labels: &[i64]| {
        let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
        let file = folder.path().join(format!("{split}-00000-of-00001.parquet"));
        write_parquet(&file, "image", "label", &images, labels).unwrap();
    };
    let mut train: Vec<Vec<u8>> = (0..10).map(|i| flat(i * 10)).collect();
    train.push(flat(50));
    write("train", &train, &[0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 2]);
    write("test", &[flat(100), flat(30), flat(50)], &[0, 1, 2]);
    folder
}

fn infomax(args: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_infomax")).args(args).current_dir(folder).output().unwrap()
}

#[test]
fn counts_channels_and_shared_images_are_found() {
    let folder = made();
    let found = stats(folder.path().to_str().unwrap(), None, |_| ()).unwrap();
    let (train, test) = (&found.splits[0], &found.splits[1]);
    assert_eq!((train.rows, train.repeated, test.rows, test.repeated), (11, 1, 3, 0));
    assert_eq!((&train.per_class[..], &test.per_class[..]), (&[5, 5, 1][..], &[1, 1, 1][..]));
    let values = [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 50.0];
    let mean = values.iter().sum::<f64>() / 11.0;
    let std = (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 11.0).sqrt();
    assert!((train.mean[0] - mean / 255.0).abs() < 1e-12 && (train.std[0] - std / 255.0).abs() < 1e-9);
    // Test rows 1 and 2 are training rows 3 and 5.
    assert_eq!(found.shared.len(), 1);
    assert_eq!((found.shared[0].splits, found.shared[0].images), (["train", "test"], 2));
    assert_eq!(found.shared[0].rows, [[3, 1], [5, 2]]);
    let strict = infomax(&["data", "stats", ".", "--strict", "-q"], folder.path());
    assert_eq!(strict.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&strict.stderr).contains("2 images that splits share"));
}

/// With a card, whose size holds, bad rows are counted and the others measured.
#[test]
fn bad_rows_are_counted_and_do_not_end_the_work() {
    let folder = TempDir::new().unwrap();
    let card = include_str!("../datasets/fashion_mnist.toml").replace("28", "4").replace("fashion_mnist/", "");
    std::fs::write(folder.path().join("mine.toml"), card).unwrap();
    let images = [flat(10), b"no image".to_vec(), flat(20), flat(30)];
    let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
    write_parquet(&folder.path().join("train-0.parquet"), "image", "label", &images, &[0, 1, 10, 2]).unwrap();
    let path = folder.path().join("mine.toml");
    let found = stats(path.to_str().unwrap(), None, |_| ()).unwrap();
    let train = &found.splits[0];
    assert_eq!((train.rows, train.undecodable, train.mislabelled), (4, 1, 1));
    assert!((train.mean[0] - 20.0 / 255.0).abs() < 1e-12);
    assert!(train.messages.iter().any(|m| m.contains("label 10")), "{:?}", train.messages);
    assert!(train.messages.iter().any(|m| m.contains("row 1") && m.contains("does not decode")));
}

#[test]
fn the_program_lists_shows_and_draws() {
    let folder = made();
    let said = |args: &[&str]| {
        let output = infomax(args, folder.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let list: serde_json::Value = serde_json::from_str(&said(&["data", "list", "--json"])).unwrap();
    let sample = list.as_array().unwrap().iter().find(|s| s["card"]["name"] == "fashion_mnist_sample").unwrap();
    assert_eq!(sample["here"], serde_json::json!(["train", "test"]));
    // A set that is not here is shown all the same, with the way to get it.
    let empty = folder.path().join("empty");
    let output = Command::new(env!("CARGO_BIN_EXE_infomax"))
        .args(["data", "show", "celeba"])
        .env("HF_HUB_CACHE", &empty)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && shown.contains("infomax data download celeba"), "{shown}");
    let shown: serde_json::Value = serde_json::from_str(&said(&["data", "show", ".", "--json"])).unwrap();
    assert_eq!(shown["here"]["train"]["per_class"], serde_json::json!([5, 5, 1]));
    said(&["data", "preview", ".", "--split", "test", "--out", "sheet"]);
    for name in ["sheet.png", "sheet.svg"] {
        assert!(folder.path().join(name).metadata().unwrap().len() > 100, "{name}");
    }
}
