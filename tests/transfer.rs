//! Tasks learned on encoders: what can be learned is, and the same bits whatever the threads.
#![cfg(feature = "data")]

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use common::{check_input, tensor};
use dfdx::prelude::*;
use infomax::data::scene::{DEPTH_LIMIT, SceneConfig, SceneSet, Variant};
use infomax::data::subset::stratified;
use infomax::data::{ImageSet, Split};
use infomax::dim::{EncoderKind, Method, ModelConfig, build};
use infomax::nn::AdamConfig;
use infomax::train::Quiet;
use infomax::transfer::{Examples, Mode, Targets, Task, Transfer, TransferConfig, TransferScore, depth_loss, transfer};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;

#[test]
fn the_loss_of_depths_by_hand_and_its_gradient() {
    let dev = Cpu::default();
    let told: Tensor<Rank2<2, 2>, f64, Cpu> = dev.tensor([[1.0, 2.0], [0.5, 3.0]]);
    let truth: Tensor<Rank2<2, 2>, f64, Cpu> = dev.tensor([[1.5, 2.0], [2.0, 2.0]]);
    assert_eq!(depth_loss(told, &truth).unwrap().as_vec(), [0.75]);
    let (told, truth): (Tensor<Rank2<3, 4>, f64, Cpu>, Tensor<Rank2<3, 4>, f64, Cpu>) =
        (tensor("told"), tensor("true"));
    check_input("depth loss", &told, |t| depth_loss(t, &truth).unwrap());
}

const ENCODER: EncoderKind = EncoderKind::Dcgan64Narrow;

/// Scenes in which nothing but class and shape varies.
struct Easy {
    _folder: TempDir,
    card: String,
    images: [Arc<ImageSet>; 2],
}

impl Easy {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let config = SceneConfig { variant: Variant::default(), ..SceneConfig::default() };
        let set = SceneSet { config, train: 200, valid: 0, test: 60 };
        let card = set.write(&folder.path().join("easy"), |_| ()).unwrap().card_file.to_str().unwrap().to_owned();
        let images = [Split::Train, Split::Test].map(|s| Arc::new(ImageSet::load(&card, s, None).unwrap()));
        Self { _folder: folder, card, images }
    }

    fn examples(&self, task: Task) -> [Examples; 2] {
        [(0, Split::Train), (1, Split::Test)]
            .map(|(i, split)| Examples::load(&self.images[i], task, &self.card, split, None, 8).unwrap())
    }
}

fn config(mode: Mode, steps: usize) -> TransferConfig {
    let adam = AdamConfig { lr: 1e-3, betas: [0.8, 0.999], ..AdamConfig::default() };
    TransferConfig { mode, batch: 32, epochs: 0.0, steps: [steps, steps], adam }
}

fn score(easy: &Easy, task: Task, config: TransferConfig) -> TransferScore {
    let [train, test] = easy.examples(task);
    let labelled = stratified(easy.images[0].labels(), 1);
    let of = Transfer { encoder: ENCODER, start: None, task, train: &train, test: &test, config, seed: 7 };
    transfer(&of, &labelled[..120], &mut Quiet, &AtomicBool::new(false)).unwrap().unwrap()
}

#[test]
fn every_task_is_learned_by_fine_tuning() {
    let easy = Easy::new();
    let [_, test] = easy.examples(Task::Segmentation);
    let Targets::Classes { values, classes: 11 } = &test.targets else { panic!("segmentation has eleven classes") };
    assert_eq!(values.len(), 60 * 64);
    let background = values.iter().filter(|&&v| v == 0).count() as f64 / values.len() as f64;
    let found = score(&easy, Task::Classification, config(Mode::FineTune, 60));
    assert!(found.score > 0.5 && found.steps == 60, "{found:?}");
    let found = score(&easy, Task::Classification, config(Mode::FineTuneConv, 60));
    assert!(found.score > 0.5 && found.steps == 60, "{found:?}");
    let [train, test] = easy.examples(Task::Depth);
    let tuned = config(Mode::FineTuneConv, 1);
    let of = Transfer {
        encoder: ENCODER,
        start: None,
        task: Task::Depth,
        train: &train,
        test: &test,
        config: tuned,
        seed: 7,
    };
    let refused = transfer(&of, &[0, 1, 2], &mut Quiet, &AtomicBool::new(false)).unwrap_err().to_string();
    assert!(refused.contains("fine-tune-conv") && refused.contains("depth"), "{refused}");
    // Heads on maps have a slower start: they begin far from the share of the background.
    let mut dense = config(Mode::FineTune, 100);
    dense.adam.lr = 3e-3;
    let found = score(&easy, Task::Segmentation, dense);
    assert!(found.score > background + 0.05, "{found:?}, background {background}");
    let [_, test] = easy.examples(Task::Depth);
    let Targets::Depths(depths) = &test.targets else { panic!("depths are numbers") };
    assert!(depths.iter().all(|&d| d > 0.0 && d <= DEPTH_LIMIT));
    let found = score(&easy, Task::Depth, dense);
    // The mean alone is off by half the distance between objects and background.
    assert!(
        found.score > background && found.rmse.unwrap() < 0.4 && found.within_10.unwrap() <= found.score,
        "{found:?}"
    );
    // Nothing turns where the viewpoint is the same.
    assert_eq!(score(&easy, Task::Pose, config(Mode::FineTune, 60)).score, 1.0);
}

#[test]
fn scores_are_the_same_on_one_thread_and_on_three() {
    let easy = Easy::new();
    for (task, mode) in
        [(Task::Depth, Mode::FineTune), (Task::Segmentation, Mode::Frozen), (Task::Classification, Mode::Linear)]
    {
        let [one, three] = [1, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| score(&easy, task, config(mode, 4)))
        });
        assert_eq!(one, three, "{task} {mode}");
    }
}

#[test]
fn an_encoder_in_its_place_is_the_one_that_is_held() {
    let easy = Easy::new();
    let [train, test] = easy.examples(Task::Classification);
    let model = |seed| build(&ModelConfig { method: Method::Vae, ..ModelConfig::new(ENCODER) }, seed).unwrap().arrays();
    let labelled: Vec<usize> = (0..100).collect();
    let run = |start: Option<&_>, seed| {
        let config = config(Mode::Linear, 1);
        let of =
            Transfer { encoder: ENCODER, start, task: Task::Classification, train: &train, test: &test, config, seed };
        transfer(&of, &labelled, &mut Quiet, &AtomicBool::new(false)).unwrap().unwrap()
    };
    // From scratch is from the weights that pretraining with the seed begins with; others are others.
    let own = model(4);
    assert_eq!(run(Some(&own), 9), run(None, 4));
    assert_ne!(run(Some(&own), 9).train_loss, run(None, 9).train_loss);
    let lacks = std::collections::BTreeMap::new();
    let config = config(Mode::FineTune, 1);
    let of = Transfer {
        encoder: ENCODER,
        start: Some(&lacks),
        task: Task::Classification,
        train: &train,
        test: &test,
        config,
        seed: 0,
    };
    let error = transfer(&of, &labelled, &mut Quiet, &AtomicBool::new(false)).unwrap_err().to_string();
    assert!(error.contains("encoder.conv1"), "{error}");
    let of = Transfer { start: None, encoder: EncoderKind::Dcgan32, ..of };
    let error = transfer(&of, &labelled, &mut Quiet, &AtomicBool::new(false)).unwrap_err().to_string();
    assert!(error.contains("[3, 32, 32]") && error.contains("[3, 64, 64]"), "{error}");
    let of = Transfer { encoder: ENCODER, ..of };
    assert!(transfer(&of, &[3], &mut Quiet, &AtomicBool::new(false)).is_err());
    // Asked to stop, it gives nothing.
    assert!(transfer(&of, &labelled, &mut Quiet, &AtomicBool::new(true)).unwrap().is_none());
}

#[test]
fn schedules_depend_on_labels_alone() {
    let config = TransferConfig { epochs: 8.0, steps: [200, 500], batch: 64, ..config(Mode::FineTune, 1) };
    let steps = [10, 100, 1600, 3200, 6400, 100_000].map(|n| config.steps_of(n));
    assert_eq!(steps, [200, 200, 200, 400, 500, 500]);
    for bad in [
        TransferConfig { batch: 1, ..config },
        TransferConfig { steps: [5, 4], ..config },
        TransferConfig { steps: [0, 4], ..config },
        TransferConfig { epochs: f64::NAN, ..config },
        TransferConfig { adam: AdamConfig { lr: -1.0, ..config.adam }, ..config },
    ] {
        assert!(bad.check().unwrap_err().to_string().starts_with("tune."));
    }
}
