//! Every method on real images under the trainer: what it minimises falls, and a run that was stopped and taken up again
//! has the numbers of one that was not.
#![cfg(feature = "data")]

use infomax::data::{ImageSet, Order, Source, Split, StreamSet, augment::Augment};
use infomax::dim::{EncoderKind, Method, ModelConfig};
use infomax::mi::Pairing;
use infomax::nn::AdamConfig;
use infomax::train::{Checkpoint, DataConfig, Outcome, Quiet, RunConfig, RunDir, Trainer};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

fn images() -> Arc<ImageSet> {
    let set = StreamSet::open("fashion_mnist_sample", Split::Train, None).unwrap();
    Arc::new(set.draw(96, 7).unwrap())
}

fn config(method: Method) -> RunConfig {
    RunConfig {
        name: method.name().into(),
        seed: 3,
        epochs: 4,
        batch: 16,
        log_every: 1,
        checkpoint_every: 100,
        data: DataConfig { source: "fashion_mnist_sample".into(), dir: None, stream: false },
        order: Order::Shuffled,
        augment: Augment::default(),
        model: ModelConfig {
            method,
            // Pairs that do not fit the batch: they are Deep InfoMax's, and no baseline looks at them.
            pairing: Pairing::Rolled(500),
            adam: AdamConfig { lr: 5e-4, ..AdamConfig::default() },
            ..ModelConfig::new(EncoderKind::Dcgan28)
        },
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
    let (images, folder) = (images(), tempfile::tempdir().unwrap());
    let (history, arrays) = train(method, &images, &folder.path().join("whole"), false);
    let epochs: Vec<Value> =
        history.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()).filter(|e| e["kind"] == "epoch").collect();
    let value = |epoch: usize| epochs[epoch][term].as_f64().unwrap();
    assert!(value(3) < 0.97 * value(0), "{method:?}: {term} went from {} to {}", value(0), value(3));
    assert_eq!(epochs[3]["nats"], 0.0, "a baseline has no bound");
    assert!(config(method).ceiling().is_none());
    let (again, resumed) = train(method, &images, &folder.path().join("parts"), true);
    assert_eq!(again, history, "{method:?}");
    assert!(resumed == arrays, "{method:?}: the last checkpoints differ");
    // Both moments of every learned tensor are in it.
    let saved = |prefix: &str| arrays.iter().filter(|(name, _)| name.starts_with(prefix)).count();
    assert!(saved("adam.first.encoder.") > 0 && saved("adam.first.") == saved("adam.second."), "{method:?}");
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
    // The discriminator learns to tell images from noise at first.
    check(Method::Bigan, "discriminator");
}

#[test]
fn labels_are_looked_at_before_the_first_step() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(Method::Supervised { classes: 3 });
    let dir = RunDir::create(folder.path(), &config).unwrap();
    let Err(error) = Trainer::new(config, Source::from(images()), dir, None) else { panic!("labels up to 9 fit 3") };
    assert!(error.to_string().contains("3 classes, 0 to 2"), "{error}");
}
