//! What is measured beside accuracy, noise in patches, and the experiments that report both.
#![cfg(feature = "cli")]

mod made;

use infomax::data::{ImageSet, PatchNoise, Split};
use infomax::experiment::{Budget, CellResult, Choice, Definition, Grid, resolve};
use infomax::probe::Features;
use infomax::seed::stream;
use infomax::train::{InformationConfig, Quiet, RunDir, information, noise_kept};
use infomax::transfer::{Examples, Mode, Task, Transfer, TransferConfig, transfer};
use made::png;
use rand::Rng;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Grey images of two classes, each quadrant of a random grey of its own.
fn images(folder: &Path, train: u64, test: u64) -> [Arc<ImageSet>; 2] {
    for (split, count) in [("train", train), ("test", test)] {
        for i in 0..count {
            let place = folder.join(format!("set/{split}/{}", i % 2));
            fs::create_dir_all(&place).unwrap();
            let greys = made::noise(4, if split == "train" { i } else { train + i });
            let samples: Vec<u8> = (0..784).map(|p| greys[p / 392 * 2 + p % 28 / 14]).collect();
            fs::write(place.join(format!("{i:04}.png")), png(28, 28, 1, &samples)).unwrap();
        }
    }
    let source = folder.join("set");
    let load = |split| Arc::new(ImageSet::load(source.to_str().unwrap(), split, None).unwrap());
    [load(Split::Train), load(Split::Test)]
}

#[test]
fn information_is_of_the_image_and_needs_something_that_varies() {
    let folder = tempfile::tempdir().unwrap();
    let [set, _] = images(folder.path(), 600, 2);
    let config = InformationConfig { rows: 600, steps: 300, seed: 1 };
    // Y of the four greys with a little noise: 4 · ½·log(1 + 1/0.1²), some nine nats, beside Y of nothing but noise.
    let mut rng = stream(2, "noise", 0);
    let mut of = |signal: f32| {
        let values = (0..600).flat_map(|i| [0, 20, 400, 783].map(|p| f32::from(set.image(i)[p]) / 73.6));
        let values = values.map(|v| signal * v + 0.1 * rng.gen_range(-1.7f32..1.7)).collect();
        information(&set, &Features::try_new(600, 4, values).unwrap(), &config).unwrap()
    };
    let (much, none) = (of(1.0), of(0.0));
    assert!(much.held_out > 1.0 && much.training > much.held_out, "{much:?}");
    assert!(none.held_out < 0.2, "{none:?}");
    assert_eq!(much.rows, 600);
    let flat = Features::try_new(600, 4, vec![0.5; 2400]).unwrap();
    let said = information(&set, &flat, &config).unwrap_err().to_string();
    assert!(said.contains("every unit of Y is constant"), "{said}");
    let few = InformationConfig { rows: 99, ..config };
    assert!(information(&set, &flat, &few).unwrap_err().to_string().contains("of 99 images"));
}

#[test]
fn noise_is_read_off_features_that_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let sets = images(folder.path(), 300, 200);
    let sets = [&*sets[0], &*sets[1]];
    let noise = PatchNoise { side: 14, grain: 7, share: 0.5, seed: 4 };
    let features = |kept: f32| {
        [(sets[0], Split::Train), (sets[1], Split::Test)].map(|(set, split)| {
            let mut rng = stream(3, split.name(), 0);
            let squares = (0..set.len()).flat_map(|i| noise.squares(set.shape(), split, i));
            let values = squares.map(|s| if s { kept } else { -kept } + rng.gen_range(-1.0f32..1.0)).collect();
            Features::try_new(set.len(), 8, values).unwrap()
        })
    };
    let read = |[train, test]: [Features; 2]| noise_kept(&noise, [&train, &test], sets).unwrap().unwrap();
    assert!(read(features(5.0)) > 0.99);
    let guess = read(features(0.0));
    assert!((0.4..0.6).contains(&guess), "{guess}");
    let [train, test] = features(1.0);
    let none = PatchNoise { share: 0.0, ..noise };
    assert_eq!(noise_kept(&none, [&train, &test], sets).unwrap(), None);
}

#[test]
fn the_papers_figures_are_in_the_experiments() {
    let row = |name: &str, id: &str| Definition::named(name).unwrap().rows.into_iter().find(|r| r.id == id).unwrap();
    assert_eq!(["conv", "fc", "Y"].map(|l| row("coordinates", "both").paper[l]), [77.27, 75.15, 73.99]);
    assert_eq!(["conv", "fc", "Y"].map(|l| row("coordinates", "plain").paper[l]), [77.46, 73.33, 70.65]);
    let dim = row("ndm", "dim-l").measures;
    assert_eq!(["ms_ssim", "mine", "ndm", "ndm_linear"].map(|m| dim[m]), [0.37, 45.09, 0.18, 9.18]);
    let plan = |name: &str, budget| resolve(&Definition::named(name).unwrap(), budget, &Choice::default()).unwrap();
    let coordinates = plan("coordinates", Budget::Quick);
    let run = |id: &str| &coordinates.rows.iter().find(|r| r.id == id).unwrap().run.model;
    assert_eq!((run("plain").occlusion, run("occlude").occlusion, run("both").occlusion), (0, 10, 10));
    assert_eq!((run("coord").coordinates.absolute, run("both").coordinates.relative), (1.0, 1.0));
    // With and without the prior, and nothing else apart.
    let ndm = plan("ndm", Budget::Paper);
    for name in ["dim-g", "dim-lg", "dim-l"] {
        let run = |id: &str| ndm.rows.iter().find(|r| r.id == id).unwrap().run.model;
        let (with, mut without) = (run(name), run(&format!("{name}-free")));
        assert!(with.weights.gamma > 0.0 && without.weights.gamma == 0.0);
        without.weights.gamma = with.weights.gamma;
        assert_eq!(with, without);
    }
    let rows = plan("local-global", Budget::Smoke).rows;
    let shares: Vec<f64> = rows[1..].iter().map(|r| r.run.data.noise.unwrap().share).collect();
    assert_eq!(shares, [0.0, 0.25, 0.5, 0.75, 0.0, 0.25, 0.5, 0.75]);
    let text = fs::read_to_string("src/experiment/registry/ndm.toml").unwrap();
    let wrong = Definition::parse("ndm", &text.replace("mine = 45.09", "mime = 45.09")).unwrap_err().to_string();
    assert!(wrong.contains("figure of \"mime\""), "{wrong}");
}

/// Runs an experiment on tiny images, and gives its results and its page.
fn run(folder: &Path, name: &str, more: &[&str]) -> (Vec<CellResult>, String, PathBuf) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
    command.current_dir(folder).args(["experiment", "run", name, "--out", "grids", "--set", "data.source=set"]);
    command.args(["--set", "epochs=1", "--set", "batch=16", "--set", "probes.mlp_epochs=[1, 1, 1]"]).args(more);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let grid = Grid::find(&folder.join("grids"), name, None).unwrap().pop().unwrap();
    let results = serde_json::from_slice(&fs::read(grid.join("results.json")).unwrap()).unwrap();
    (results, fs::read_to_string(grid.join("report/report.md")).unwrap(), grid)
}

/// The run of a cell.
fn run_of(cell: &Path) -> PathBuf {
    fs::read_dir(cell).unwrap().map(|e| e.unwrap().path()).find(|p| p.is_dir()).unwrap()
}

#[test]
fn reports_have_the_measures_beside_the_papers() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path(), 160, 120);
    let settings = ["ndm_steps=4", "decoder_epochs=1", "mine_steps=5", "mine_images=120"];
    let settings: Vec<String> = settings.iter().map(|s| format!("probes.measures.{s}")).collect();
    let mut more = vec!["--rows", "dim-l,dim-l-free"];
    settings.iter().for_each(|s| more.extend(["--set", s]));
    let (results, page, grid) = run(folder.path(), "ndm", &more);
    assert_eq!(results.len(), 2);
    assert!(page.contains("## Other measures\n"), "{page}");
    // The accuracies beside the paper's are a support vector machine's, as the paper's are.
    let scores = results[0].layer("Y").unwrap();
    let svm = scores.svm.unwrap();
    assert!(svm != scores.linear && svm != scores.mlp, "{scores:?}");
    let line = page.lines().find(|l| l.starts_with("| DIM(L) ")).unwrap();
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    assert_eq!(cells[6..8], [format!("{:.1}", 100.0 * svm).as_str(), "49.62"]);
    assert!(page.contains("Y SVM") && page.contains("support vector machine on frozen features"), "{page}");
    let measures = results[0].measures.unwrap();
    let (ndm, similar, mine) = (measures.ndm.unwrap(), measures.ms_ssim.unwrap(), measures.mine.unwrap());
    let line = page.lines().filter(|l| l.starts_with("| DIM(L) ")).nth(1).unwrap();
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    assert_eq!(cells[2..4], [format!("{ndm:.2}").as_str(), "0.18"]);
    assert_eq!(cells[5], "9.18");
    assert_eq!(cells[6..10], [&format!("{similar:.2}"), "0.37", &format!("{mine:.2}"), "45.09"]);
    assert!(measures.noise.is_none() && !grid.join("report/noise.svg").exists());
}

#[test]
fn semi_supervised_learning_begins_from_the_trained_encoder() {
    let folder = tempfile::tempdir().unwrap();
    let sets = images(folder.path(), 160, 120);
    let more = ["model.encoder=dcgan28", "data.fit={channels=1, side=28}", "probes.measures.fine_tune_epochs=3"];
    let mut more: Vec<&str> = more.iter().flat_map(|s| ["--set", s]).collect();
    more.extend(["--rows", "random,dim-l-jsd"]);
    let (results, page, grid) = run(folder.path(), "table2-stl10", &more);
    let told = |row: usize| results[row].measures.unwrap().semi_supervised.unwrap();
    let line = page.lines().filter(|l| l.starts_with("| DIM(L) JSD ")).nth(1).unwrap();
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    assert_eq!(cells[2..4], [format!("{:.2}", 100.0 * told(1)).as_str(), "76.96"]);
    assert!(page.contains("semi-supervised, %"), "{page}");
    // The same from the saved encoder, and from scratch, without the program.
    let run = run_of(&grid.join("cells/dim-l-jsd/seed-0"));
    let (_, saved, checkpoint, _) = RunDir::resume(&run).unwrap();
    let config =
        TransferConfig { mode: Mode::FineTuneConv, batch: 16, epochs: 3.0, steps: [30, 30], adam: saved.model.adam };
    let [train, test] = [0, 1].map(|i| {
        let split = [Split::Train, Split::Test][i];
        Examples::load(&sets[i], Task::Classification, "set", split, None, 1).unwrap()
    });
    let all: Vec<usize> = (0..160).collect();
    let of = Transfer {
        encoder: saved.model.encoder,
        start: checkpoint.as_ref().map(|c| &c.arrays),
        task: Task::Classification,
        train: &train,
        test: &test,
        config,
        seed: 0,
    };
    let again = |of: &Transfer<'_>| transfer(of, &all, &mut Quiet, &AtomicBool::new(false)).unwrap().unwrap();
    let (begun, scratch) = (again(&of), again(&Transfer { start: None, ..of }));
    assert_eq!([begun.score, scratch.score], [told(1), told(0)]);
    assert_ne!(begun.train_loss, scratch.train_loss);
    assert_ne!(told(0), told(1), "scores that tell the two apart");
}

#[test]
fn noise_in_patches_is_drawn_against_its_share() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path(), 160, 120);
    let (results, page, grid) = run(folder.path(), "local-global", &["--rows", "local-0,local-50,global-0,global-50"]);
    let noise = |row: &str| results.iter().find(|r| r.row == row).unwrap().measures.and_then(|m| m.noise);
    assert_eq!((noise("local-0"), noise("global-0")), (None, None));
    assert!(noise("local-50").is_some() && noise("global-50").is_some());
    assert!(page.contains("](noise.svg)") && page.contains("noise read off Y, %"), "{page}");
    assert!(fs::read_to_string(grid.join("report/noise.svg")).unwrap().contains("a guess"));
    // The same images come back for a probe of the run: the accuracy of its report.
    let run = run_of(&grid.join("cells/local-50/seed-0"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
    command.current_dir(folder.path()).arg("probe").arg(&run).args([
        "--json",
        "--no-untrained",
        "--mlp-epochs",
        "1,1,1",
    ]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let probed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = results.iter().find(|r| r.row == "local-50").unwrap().layer("Y").unwrap().linear;
    assert_eq!(probed[0]["layers"][2]["linear"]["test_accuracy"], expected);
}
