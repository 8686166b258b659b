//! Every method on real images under the trainer: what it minimises falls, and a run that was stopped and taken up again
//! has the numbers of one that was not.
#![cfg(feature = "data")]

mod made;

use dfdx::prelude::Cpu;
use infomax::data::augment::{Augment, Normalise};
use infomax::data::{BatchLoader, ImageSet, Order, Source, Split, StreamSet};
use infomax::dim::{EncoderKind, Method, ModelConfig};
use infomax::mi::Pairing;
use infomax::nn::AdamConfig;
use infomax::seed::stream;
use infomax::train::{Checkpoint, DataConfig, Outcome, Quiet, RunConfig, RunDir, Trainer};
use made::png;
use rand::Rng;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

fn images() -> Arc<ImageSet> {
    let set = StreamSet::open("fashion_mnist_sample", Split::Train, None).unwrap();
    Arc::new(set.draw(96, 7).unwrap())
}

/// Colour images of blocks, whose lightness and colour share their places.
fn colours(folder: &Path) -> Arc<ImageSet> {
    for i in 0..96 {
        let mut rng = stream(4, "blocks", i);
        let blocks: Vec<[u8; 3]> = (0..16).map(|_| rng.r#gen()).collect();
        let samples: Vec<u8> = (0..32 * 32).flat_map(|p| blocks[p / 32 / 8 * 4 + p % 32 / 8]).collect();
        let class = folder.join(format!("train/{}", i % 2));
        fs::create_dir_all(&class).unwrap();
        fs::write(class.join(format!("{i}.png")), png(32, 32, 3, &samples)).unwrap();
    }
    Arc::new(ImageSet::load(folder.to_str().unwrap(), Split::Train, None).unwrap())
}

fn config(method: Method) -> RunConfig {
    let encoder = if matches!(method, Method::Cmc { .. }) { EncoderKind::Dcgan32 } else { EncoderKind::Dcgan28 };
    RunConfig {
        name: method.name().into(),
        seed: 3,
        epochs: 4,
        batch: 16,
        log_every: 1,
        checkpoint_every: 100,
        data: DataConfig {
            source: "fashion_mnist_sample".into(),
            dir: None,
            stream: false,
            fit: None,
            images: None,
            unlabeled: false,
            noise: None,
        },
        order: Order::Shuffled,
        augment: if method.views() > 1 { Augment::simclr(28) } else { Augment::default() },
        model: ModelConfig {
            method,
            // Pairs that do not fit the batch: they are Deep InfoMax's, and no baseline looks at them.
            pairing: Pairing::Rolled(500),
            adam: AdamConfig { lr: 5e-4, ..AdamConfig::default() },
            ..ModelConfig::new(encoder)
        },
        online: None,
    }
}

/// What a run leaves behind: its history, and the tensors at its end, as bits.
fn left(run: &Path) -> (String, Vec<(String, Vec<u32>)>) {
    let (checkpoint, _) = Checkpoint::find(run).unwrap();
    assert_eq!(checkpoint.position.epoch, 4);
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
    let arrays = checkpoint.arrays.into_iter().map(|(name, a)| (name, bits(a.values))).collect();
    (fs::read_to_string(run.join("metrics.jsonl")).unwrap(), arrays)
}

/// Trains to the end, stopping after the first step of each stretch if `interrupted`.
fn train(method: Method, images: &Arc<ImageSet>, root: &Path, interrupted: bool) -> (String, Vec<(String, Vec<u32>)>) {
    let config = config(method);
    let dir = RunDir::create(root, &config).unwrap();
    let path = dir.path().to_owned();
    let mut trainer = Trainer::new(config, images.clone(), dir, None).unwrap();
    if interrupted {
        // Twice, so that what was restored is saved again.
        for _ in 0..2 {
            assert_eq!(trainer.run(&mut Quiet, &AtomicBool::new(true)).unwrap(), Outcome::Interrupted);
            let (dir, config, checkpoint, damaged) = RunDir::resume(&path).unwrap();
            assert!(damaged.is_empty());
            trainer = Trainer::new(config, images.clone(), dir, checkpoint).unwrap();
        }
    }
    assert_eq!(trainer.run(&mut Quiet, &AtomicBool::new(false)).unwrap(), Outcome::Finished);
    left(&path)
}

/// Trains in both ways, and compares a term of the first epoch with the last one's.
fn check(method: Method, term: &str) {
    check_on(&images(), method, term);
}

/// The same on these images.
fn check_on(images: &Arc<ImageSet>, method: Method, term: &str) {
    let values = repeats(images, method, term);
    assert!(values[3] < 0.97 * values[0], "{method:?}: {term} went from {} to {}", values[0], values[3]);
}

/// Trains in both ways; a term by epoch.
fn repeats(images: &Arc<ImageSet>, method: Method, term: &str) -> Vec<f64> {
    let folder = tempfile::tempdir().unwrap();
    let (history, arrays) = train(method, images, &folder.path().join("whole"), false);
    let epochs: Vec<Value> =
        history.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()).filter(|e| e["kind"] == "epoch").collect();
    assert_eq!(epochs[3]["nats"], 0.0, "a baseline has no bound");
    assert!(config(method).ceiling().is_none());
    let (again, resumed) = train(method, images, &folder.path().join("parts"), true);
    assert_eq!(again, history, "{method:?}");
    assert!(resumed == arrays, "{method:?}: the last checkpoints differ");
    // Both moments of every learned tensor are in it.
    let saved = |prefix: &str| arrays.iter().filter(|(name, _)| name.starts_with(prefix)).count();
    assert!(saved("adam.first.encoder.") > 0 && saved("adam.first.") == saved("adam.second."), "{method:?}");
    epochs.iter().map(|epoch| epoch[term].as_f64().unwrap()).collect()
}

#[test]
fn supervised() {
    check(Method::Supervised { classes: 10 }, "cross_entropy");
}

#[test]
fn autoencoder() {
    check(Method::Autoencoder, "reconstruction");
}

#[test]
fn vae() {
    check(Method::Vae, "loss");
}

#[test]
fn beta_vae() {
    check(Method::BetaVae { weight: 4.0 }, "loss");
}

#[test]
fn nat() {
    check(Method::Nat, "loss");
}

#[test]
fn aae() {
    check(Method::Aae, "reconstruction");
}

#[test]
fn bigan() {
    // The discriminator learns to tell images from noise at first; who wins later is open.
    let told = repeats(&images(), Method::Bigan, "discriminator");
    assert!(told[1] < 0.97 * told[0], "{told:?}");
}

#[test]
fn simclr() {
    check(Method::simclr(), "loss");
}

#[test]
fn rotation() {
    check(Method::Rotation, "cross_entropy");
}

#[test]
fn cmc() {
    let folder = tempfile::tempdir().unwrap();
    check_on(&colours(folder.path()), Method::cmc(), "loss");
}

#[test]
fn views_must_differ_and_lightness_needs_a_known_range() {
    let said = |config: RunConfig| config.check().unwrap_err().to_string();
    let alike = RunConfig { augment: Augment::default(), ..config(Method::simclr()) };
    assert!(said(alike).contains("simclr compares two views"));
    let augment = Augment { normalise: Normalise::Unit, ..Augment::default() };
    assert!(said(RunConfig { augment, ..config(Method::cmc()) }).contains("leave augment.normalise symmetric"));
}

#[test]
fn views_are_augmented_apart_and_the_first_is_the_only_one_of_other_methods() {
    let (images, config) = (images(), config(Method::simclr()));
    let batches = |views, first| {
        let loader = BatchLoader::with_views(images.clone(), &config.loading(), views, 1, first).unwrap();
        loader.collect::<Result<Vec<_>, _>>().unwrap()
    };
    let one: Vec<_> = BatchLoader::new(images.clone(), &config.loading(), 1, 0).unwrap().map(Result::unwrap).collect();
    let two = batches(2, 0);
    assert_eq!(two.len(), 6);
    for (one, two) in one.iter().zip(&two) {
        let (first, second) = two.pixels.split_at(16 * 784);
        assert_eq!((first, &two.indices, &two.labels), (&one.pixels[..], &one.indices, &one.labels));
        let differ = first.chunks_exact(784).zip(second.chunks_exact(784)).filter(|(a, b)| a != b).count();
        assert_eq!((second.len(), differ), (16 * 784, 16));
    }
    assert!(batches(2, 3) == two[3..], "they are the same wherever an epoch is taken up");
    let said = two[0].clone().on::<16, 1, 28, 28, _>(&Cpu::default()).unwrap_err().to_string();
    assert!(said.contains("32"), "{said}");
    assert!(BatchLoader::with_views(images.clone(), &config.loading(), 0, 1, 0).is_err());
}

#[test]
fn labels_are_looked_at_before_the_first_step() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(Method::Supervised { classes: 3 });
    let dir = RunDir::create(folder.path(), &config).unwrap();
    let Err(error) = Trainer::new(config, Source::from(images()), dir, None) else { panic!("labels up to 9 fit 3") };
    assert!(error.to_string().contains("3 classes, 0 to 2"), "{error}");
}
