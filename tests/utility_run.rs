//! `infomax experiment run utility` through the program: killed and resumed, refused, reported.
#![cfg(all(unix, feature = "cli"))]

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use infomax::data::write_parquet;
use infomax::experiment::{UtilityGrid, UtilityResult};
use infomax::probe::Trial;
use infomax::seed::stream;
use rand::Rng;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Two budgets of few scenes, two seeds, two tasks, a few steps each.
const SMALL: [&str; 18] = [
    "--out",
    "grids",
    "--seeds",
    "0..2",
    "--set",
    "scenes={ train = 40, test = 16 }",
    "--set",
    "labels=[12, 24]",
    "--set",
    "pretrain={ epochs = 2, batch = 8, checkpoint_every = 3 }",
    "--set",
    "tune={ batch = 8, steps = [2, 3] }",
    "--variant",
    "-",
    "--rows",
    "scratch,dim-l",
    "--task",
    "classification,depth",
];

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn infomax(&self, threads: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
        command.args(["experiment"]).args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("RAYON_NUM_THREADS", threads);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.infomax("2", &[&["run", "utility"], args].concat()).output().unwrap()
    }

    /// The latest study.
    fn grid(&self) -> PathBuf {
        UtilityGrid::find(&self.0.path().join("grids"), None).unwrap().pop().expect("a study")
    }

    fn results(&self) -> Vec<UtilityResult> {
        serde_json::from_slice(&fs::read(self.grid().join("results.json")).unwrap()).unwrap()
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", text(output));
}

/// Kills the program when it has made something.
fn kill_when(mut command: Command, signal: &str, made: impl Fn() -> bool) -> Option<i32> {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while !made() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be stopped");
        assert!(began.elapsed() < Duration::from_secs(120), "nothing was made in two minutes");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap().code()
}

fn has_checkpoint(arm: &Path) -> bool {
    let runs = fs::read_dir(arm).into_iter().flatten().flatten();
    runs.filter_map(|run| fs::read_dir(run.path().join("checkpoints")).ok())
        .any(|files| files.flatten().any(|f| f.file_name().to_string_lossy().starts_with("step-")))
}

#[test]
fn a_study_killed_anywhere_and_on_other_threads_ends_with_the_same_bytes() {
    let whole = Place::new();
    let begin = [&["run", "utility"], &SMALL[..]].concat();
    succeeded(&whole.infomax("1", &begin).output().unwrap());
    let results = whole.results();
    assert_eq!(results.len(), 2 * 2 * 2 * 2);

    let place = Place::new();
    let resume = ["run", "utility", "--out", "grids", "--resume"];
    let grids = place.0.path().join("grids");
    let within = |name: &str| UtilityGrid::find(&grids, None).ok().and_then(|mut g| g.pop()).map(|g| g.join(name));
    let done = |name: &str| within(name).is_some_and(|file| file.is_file());
    // Between cells of the first arm; while the second is pretrained; on Ctrl-C among its cells; in the second seed.
    let first = "cells/classification/scratch/labels-12-seed-0.json";
    kill_when(place.infomax("2", &begin), "-KILL", || done(first));
    kill_when(place.infomax("3", &resume), "-KILL", || {
        within("pretrained/dim-l/seed-0").is_some_and(|arm| has_checkpoint(&arm))
    });
    let code =
        kill_when(place.infomax("2", &resume), "-INT", || done("cells/classification/dim-l/labels-12-seed-0.json"));
    assert_eq!(code, Some(130));
    kill_when(place.infomax("2", &resume), "-KILL", || done("cells/depth/scratch/labels-24-seed-1.json"));
    succeeded(&place.infomax("2", &resume).output().unwrap());
    for file in ["results.json", "trials-classification.csv", "trials-depth.csv"] {
        let [expected, found] = [&whole, &place].map(|p| fs::read(p.grid().join(file)).unwrap());
        assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(&expected), "{file}");
    }
    let again = place.infomax("2", &resume).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again).contains("no unfinished grid of utility"), "{}", text(&again));

    reports_say_what_the_results_say(&whole, &results);
    a_checkpoint_is_the_arm_that_it_is_of(&whole, &results);
}

fn reports_say_what_the_results_say(place: &Place, results: &[UtilityResult]) {
    let output = place.infomax("2", &["report", "utility", "--out", "grids"]).output().unwrap();
    succeeded(&output);
    let grid = place.grid();
    let page = fs::read_to_string(grid.join("report/report.md")).unwrap();
    let html = fs::read_to_string(grid.join("report/report.html")).unwrap();
    for r in results {
        assert!((0.0..=1.0).contains(&r.scores.score) && r.scores.rmse.is_some() == (r.task.name() == "depth"));
    }
    for task in ["classification", "depth"] {
        // The raw table on the page, in the file, and as the other command reads it.
        let mut reader = csv::Reader::from_path(grid.join(format!("trials-{task}.csv"))).unwrap();
        let trials: Vec<Trial> = reader.deserialize().collect::<Result<_, _>>().unwrap();
        assert_eq!(trials.len(), 8);
        for t in &trials {
            let same = |r: &&UtilityResult| {
                (r.task.name(), &r.arm, r.labels as u64, r.seed) == (task, &t.arm, t.labels, t.seed)
            };
            let result = results.iter().find(same).unwrap();
            assert_eq!(result.scores.score, t.score);
            assert!(page.contains(&format!("{:.2}", 100.0 * t.score)));
        }
        let file = format!("trials-{task}.csv");
        let output = place.infomax("2", &["utility", grid.join(&file).to_str().unwrap()]).output().unwrap();
        succeeded(&output);
        let reading = String::from_utf8_lossy(&output.stdout).trim().lines().last().unwrap().to_owned();
        assert!(page.contains(&reading), "{reading}");
        for stem in ["scores", "utility"] {
            assert!(grid.join(format!("report/{stem}-{task}.svg")).metadata().unwrap().len() > 500);
        }
    }
    assert!(html.contains("<svg") && !html.contains("src=") && page.contains("Overridden: "));
    let given = format!("{}", grid.display());
    succeeded(&place.infomax("2", &["report", &given, "--json"]).output().unwrap());
}

/// An arm from the checkpoint of the pretrained arm has the scores of that arm; other encoders are refused.
fn a_checkpoint_is_the_arm_that_it_is_of(place: &Place, results: &[UtilityResult]) {
    let arm = place.grid().join("pretrained/dim-l/seed-0");
    let run = fs::read_dir(arm).unwrap().flatten().next().unwrap().path();
    let checkpoint = format!("mine={}", run.display());
    let args = [&SMALL[..], &["--seeds", "0", "--rows", "scratch", "--checkpoint", &checkpoint]].concat();
    // Of a flag given twice the last counts for none of these: take the first ones out.
    let args: Vec<&str> = without(&args, &["0..2", "scratch,dim-l"]);
    succeeded(&place.run(&args));
    let found = place.results();
    for r in found.iter().filter(|r| r.arm == "mine") {
        let same = |o: &&UtilityResult| (o.task, o.arm.as_str(), o.labels, o.seed) == (r.task, "dim-l", r.labels, 0);
        assert_eq!(r.scores, results.iter().find(same).unwrap().scores);
    }
    assert_eq!(found.len(), 8);
    let other = [&args[..], &["--set", "model.encoder=dcgan32", "--set", "scenes.size=32"]].concat();
    let output = place.run(&other);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("arm mine has no checkpoint") && text(&output).contains("Dcgan64Narrow"));
}

/// The arguments without some values and the flags before them.
fn without<'a>(args: &[&'a str], values: &[&str]) -> Vec<&'a str> {
    let mut kept = Vec::new();
    for &arg in args {
        if values.contains(&arg) {
            kept.pop();
        } else {
            kept.push(arg);
        }
    }
    kept
}

#[test]
fn every_task_has_every_mode() {
    let place = Place::new();
    let tasks = "classification,pose,segmentation,depth";
    let args: Vec<&str> = without(&SMALL, &["0..2", "classification,depth"]);
    for mode in ["frozen", "linear"] {
        succeeded(&place.run(&[&args[..], &["--seeds", "1", "--task", tasks, "--mode", mode]].concat()));
        let found = place.results();
        assert_eq!(found.len(), 4 * 2 * 2);
        for r in &found {
            assert!((0.0..=1.0).contains(&r.scores.score), "{r:?}");
            assert_eq!(r.scores.steps > 0, mode == "frozen", "{r:?}");
            assert_eq!(r.scores.rmse.is_some(), r.task.name() == "depth", "{r:?}");
        }
        // Encoders differ, so their frozen features do.
        let of = |arm: &str| found.iter().filter(|r| r.arm == arm).map(|r| r.scores.train_loss).collect::<Vec<_>>();
        assert_ne!(of("scratch"), of("dim-l"));
    }
}

/// 40 training and 20 test images of noise, 28x28 and grey, of two classes.
fn noise(folder: &Path) {
    let png = |seed: u64| {
        let mut rng = stream(seed, "test image", 0);
        let pixels: Vec<u8> = (0..28 * 28).map(|_| rng.r#gen()).collect();
        let mut out = Vec::new();
        PngEncoder::new(&mut out).write_image(&pixels, 28, 28, ExtendedColorType::L8).unwrap();
        out
    };
    let images: Vec<Vec<u8>> = (0..40).map(png).collect();
    let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
    let labels: Vec<i64> = (0..40).map(|i| i % 2).collect();
    for (split, n) in [("train", 40), ("test", 20)] {
        let file = folder.join(format!("set/{split}-00000-of-00001.parquet"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        write_parquet(&file, "image", "label", &images[..n], &labels[..n]).unwrap();
    }
}

#[test]
fn a_real_data_set_is_one_flag() {
    let place = Place::new();
    noise(place.0.path());
    let args = without(&SMALL, &["scenes={ train = 40, test = 16 }", "-", "classification,depth", "0..2"]);
    succeeded(&place.run(&[&args[..], &["--seeds", "0", "--data", "set"]].concat()));
    let found = place.results();
    assert_eq!(found.len(), 4);
    assert!(found.iter().all(|r| r.task.name() == "classification"));
    let plan = fs::read_to_string(place.grid().join("utility.toml")).unwrap();
    assert!(plan.contains("dcgan28") && plan.contains("source = \"set\""), "{plan}");
    // It has labels, and neither masks nor poses.
    for (task, what) in [("segmentation", "a mask"), ("depth", "a depth map"), ("pose", "a pose")] {
        let output = place.run(&[&args[..], &["--seeds", "0", "--data", "set", "--task", task]].concat());
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output);
        assert!(said.contains(&format!("{task} needs {what}")) && said.trim().lines().count() == 1, "{said}");
    }
}

#[test]
fn what_cannot_work_is_one_line_and_nothing_is_written() {
    let place = Place::new();
    for (args, code, words) in [
        (vec!["--set", "labels=[100, 2000]"], 1, "2000 labels were asked for, and scenes has 1600 training images"),
        (vec!["--set", "labels=[5, 100]"], 1, "5 labels were asked for, and classification has 10 classes"),
        (vec!["--set", "labels=[100]"], 1, "two numbers or more"),
        (vec!["--set", "labels=[200, 100]"], 1, "each above the one before"),
        (vec!["--task", "detection"], 1, "there is no task \"detection\""),
        (vec!["--task", "dept"], 1, "did you mean `depth`?"),
        (vec!["--mode", "melt"], 1, "there is no mode \"melt\""),
        (vec!["--variant", "TX"], 1, "TX"),
        (vec!["--checkpoint", "mine=nowhere"], 1, "arm mine has no checkpoint to begin from: cannot read nowhere"),
        (vec!["--checkpoint", "vae=nowhere"], 1, "two arms are called vae"),
        (vec!["--checkpoint", "nowhere"], 2, "ARM=RUN"),
        (vec!["--rows", "dim-l"], 1, "name both"),
        (vec!["--set", "labels=[1, 4]"], 1, "labels begins with 1"),
        (vec!["--set", "model.units=300"], 1, "units is 300"),
        (vec!["--set", "data.images=5"], 1, "all arms see the same training images"),
        (vec!["--rows", "scratch,dim"], 2, "runs no row \"dim\""),
        (vec!["--set", "tune.batch=1"], 1, "tune.batch is 1"),
        (vec!["--set", "tune.step=1"], 2, "did you mean `tune.steps`?"),
        (vec!["--set", "model.encoder=dcgan28"], 1, "takes images of [1, 28, 28]"),
        (vec!["--data", "nowhere"], 1, "nowhere"),
        (vec!["--resume"], 1, "no unfinished grid of utility"),
        (vec!["--resume", "--task", "depth"], 2, "leave out"),
    ] {
        let output = place.run(&[&args[..], &["--out", "grids"]].concat());
        let said = text(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words) && said.trim().lines().count() == 1, "{args:?}: {said}");
    }
    let other = place.infomax("2", &["run", "gamma", "--task", "depth"]).output().unwrap();
    assert_eq!(other.status.code(), Some(2));
    let output = place.run(&["--dry-run", "--budget", "quick", "--out", "grids"]);
    succeeded(&output);
    assert!(text(&output).contains("126 cells; nothing was run"), "{}", text(&output));
    // All arms that ship can be built, those on request too.
    let all = ["--rows", "scratch,dim-l,vae,dim-g,autoencoder,bigan"];
    for budget in ["smoke", "quick", "paper"] {
        succeeded(&place.run(&[&["--dry-run", "--budget", budget, "--out", "grids"], &all[..]].concat()));
    }
    let listed = place.infomax("2", &["list"]).output().unwrap();
    assert!(text(&listed).contains("arms: scratch, dim-l, vae"), "{}", text(&listed));
    let shown = place.infomax("2", &["show", "utility", "--data", "cifar10"]).output().unwrap();
    let plan: infomax::experiment::UtilityPlan = toml::from_str(&String::from_utf8_lossy(&shown.stdout)).unwrap();
    assert_eq!((plan.settings.data.source.as_str(), plan.settings.model.encoder.image()), ("cifar10", [3, 32, 32]));
    assert!(!place.0.path().join("grids").exists());
}
