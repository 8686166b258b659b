//! Experiments: what ships resolves, bad settings are named, and a grid that was killed, between cells and within one,
//! ends with the bytes of one that was not.
#![cfg(feature = "cli")]

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use infomax::data::{Card, ImageShape, write_parquet};
use infomax::dim::EncoderKind;
use infomax::experiment::{Budget, CellResult, Choice, Compare, Definition, ExperimentError, Grid, resolve, spread};
use infomax::mi::bound::BoundKind;
use infomax::seed::stream;
use polars::prelude::*;
use rand::Rng;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn choice(overrides: &[&str]) -> Choice {
    Choice { overrides: overrides.iter().map(|&o| o.to_owned()).collect(), ..Choice::default() }
}

fn smoke(name: &str, overrides: &[&str]) -> Result<infomax::experiment::Plan, ExperimentError> {
    resolve(&Definition::named(name)?, Budget::Smoke, &choice(overrides))
}

#[test]
fn all_that_ships_resolves_at_each_budget() {
    let all = Definition::all().unwrap();
    assert!(all.len() >= 5);
    for definition in &all {
        assert!(definition.budgets.contains_key("smoke"), "{}", definition.name);
        for budget in Budget::ALL.into_iter().filter(|b| definition.budgets.contains_key(b.name())) {
            let plan = resolve(definition, budget, &Choice::default()).unwrap();
            let settings = definition.budget(budget).unwrap();
            assert_eq!(plan.seeds.len() as u64, settings.seeds);
            assert!(plan.rows.len() >= 3 && settings.cost.len() > 10 && settings.cost.contains(' '));
            // Images come out in the shape that the encoder takes.
            for row in &plan.rows {
                let card = Card::named(&row.run.data.source).unwrap().expect("a named set");
                let own =
                    ImageShape { channels: card.channels, height: card.height as usize, width: card.width as usize };
                let fitted =
                    row.run.data.fit.map(|f| ImageShape { channels: f.channels, height: f.side, width: f.side });
                let out = row.run.augment.check(fitted.unwrap_or(own)).unwrap();
                let found = [out.channels, out.height, out.width];
                assert_eq!(found, row.run.model.encoder.image(), "{} {}", definition.name, row.id);
            }
            // No two rows are the same run.
            for (i, row) in plan.rows.iter().enumerate() {
                let same = |other: &infomax::experiment::PlannedRow| {
                    let named = infomax::train::RunConfig { name: row.run.name.clone(), ..other.run.clone() };
                    other.untrained == row.untrained && named == row.run
                };
                assert!(!plan.rows[..i].iter().any(same), "{} {}", definition.name, row.id);
            }
            // The plan is read back as it is written.
            let text = toml::to_string_pretty(&plan).unwrap();
            assert_eq!(toml::from_str::<infomax::experiment::Plan>(&text).unwrap(), plan);
        }
        assert!(definition.rows.iter().all(|r| r.runs() || !r.paper.is_empty()));
    }
}

#[test]
fn table_1_has_the_papers_figures_and_settings() {
    let definition = Definition::named("table1-cifar10").unwrap();
    let row = definition.rows.iter().find(|r| r.id == "dim-l-infonce").unwrap();
    assert_eq!(["conv", "fc", "Y"].map(|l| row.paper[l]), [75.21, 75.57, 69.13]);
    let plan = resolve(&definition, Budget::Paper, &Choice::default()).unwrap();
    let run = |id: &str| &plan.rows.iter().find(|r| r.id == id).unwrap().run;
    let nce = run("dim-l-infonce");
    assert_eq!((nce.epochs, nce.batch, nce.model.units, nce.model.bound), (1000, 64, 2048, BoundKind::InfoNce));
    assert_eq!((nce.model.adam.lr, nce.model.adam.betas), (1e-4, [0.5, 0.999]));
    assert_eq!((nce.model.weights.alpha, nce.model.weights.beta, nce.model.weights.gamma), (0.0, 1.0, 0.1));
    let global = run("dim-g-jsd").model;
    assert_eq!((global.weights.alpha, global.weights.beta, global.weights.gamma), (1.0, 0.0, 1.0));
    assert_eq!(global.bound, BoundKind::Jsd);
}

#[test]
fn table_2_has_the_papers_figures_and_settings() {
    for (name, paper) in [("table2-tiny-imagenet", [33.54, 36.88, 31.66]), ("table2-stl10", [72.86, 70.85, 65.93])] {
        let definition = Definition::named(name).unwrap();
        let row = definition.rows.iter().find(|r| r.id == "dim-l-jsd").unwrap();
        assert_eq!(["conv", "fc", "Y"].map(|l| row.paper[l]), paper);
        let plan = resolve(&definition, Budget::Paper, &Choice::default()).unwrap();
        let run = &plan.rows.iter().find(|r| r.id == "dim-l-jsd").unwrap().run;
        assert_eq!((run.model.encoder, run.model.units), (EncoderKind::Alexnet64, 2048));
        // The supervised row of STL-10 has labels of all that it trains on.
        let supervised = &plan.rows.iter().find(|r| r.id == "supervised").unwrap().run;
        assert!(!supervised.data.unlabeled && run.data.unlabeled == (name == "table2-stl10"));
    }
}

#[test]
fn rows_have_settings_by_budget() {
    let definition = Definition::named("table1-cifar10").unwrap();
    let crop = |budget| {
        let plan = resolve(&definition, budget, &Choice::default()).unwrap();
        plan.rows.iter().find(|r| r.id == "simclr").unwrap().run.augment.crop.unwrap().size()
    };
    assert_eq!([Budget::Smoke, Budget::Quick, Budget::Paper].map(crop), [28, 32, 32]);
    let text = toml::to_string(&definition).unwrap().replace("rows.budgets.smoke", "rows.budgets.large");
    let refused = Definition::parse("table1-cifar10", &text).unwrap_err().to_string();
    assert!(refused.contains("row simclr has settings for a budget `large`"), "{refused}");
}

#[test]
fn overrides_come_before_rows_and_are_said_where_they_do_not_hold() {
    let plan = smoke("table1-cifar10", &["model.weights.gamma=0.3", "epochs=7", "model.critic=concat"]).unwrap();
    let run = |id: &str| &plan.rows.iter().find(|r| r.id == id).unwrap().run;
    assert_eq!(run("dim-l-dv").model.weights.gamma, 0.3);
    assert_eq!(run("dim-g-dv").model.weights.gamma, 1.0);
    assert!(plan.rows.iter().all(|r| r.run.epochs == 7));
    assert!(plan.kept.iter().any(|k| k == "dim-g-dv keeps its own `model.weights.gamma`"), "{:?}", plan.kept);
    assert_eq!(plan.kept.len(), 3);
    // One kind of value takes the place of another.
    let plan = smoke("fashion-mnist", &["model.pairing={ rolled = 2 }", "model.pairing.rolled=3"]).unwrap();
    assert_eq!(plan.rows[0].run.model.pairing, infomax::mi::Pairing::Rolled(3));
    let plan = smoke("fashion-mnist", &["model.bound={ smile = { tau = 5.0 } }", "data.dir=some/where"]).unwrap();
    assert_eq!(plan.rows[0].run.model.bound, BoundKind::Smile { tau: 5.0 });
    assert_eq!(plan.rows[0].run.data.dir, Some(PathBuf::from("some/where")));
}

#[test]
fn what_is_misspelt_is_named_with_what_was_meant() {
    let fails = |overrides: &[&str]| smoke("table1-cifar10", overrides).unwrap_err();
    for (given, wanted, suggestion) in [
        ("epoch=3", "epoch", Some("epochs")),
        ("model.weight.gamma=1", "model.weight", None),
        ("model.weights.gama=1", "model.weights.gama", Some("model.weights.gamma")),
        ("critic=dot", "critic", Some("model.critic")),
        ("probes.mlp_epoch=[1,1,1]", "probes.mlp_epoch", Some("probes.mlp_epochs")),
        ("probes.mlp_averag=0.5", "probes.mlp_averag", Some("probes.mlp_average")),
        ("colour=3", "colour", None),
    ] {
        match fails(&[given]) {
            ExperimentError::Key { key, near } => {
                assert_eq!(key, wanted);
                assert!(suggestion.is_none() || near.as_deref() == suggestion, "{given}: {near:?}");
            }
            other => panic!("{given}: {other}"),
        }
    }
    for impossible in ["probes.mlp_average=1.0", "probes.mlp_epochs=[6, 0, 20]"] {
        assert!(fails(&[impossible]).to_string().contains("passes are 1 or more"), "{impossible}");
    }
    assert!(fails(&["probes.measures.fine_tune_epochs=0"]).to_string().contains("1 pass or more"));
    let without = smoke("ndm", &["probes.svm=false"]).unwrap_err().to_string();
    assert!(without.contains("probes.svm is false"), "{without}");
    assert_eq!(smoke("table1-cifar10", &[]).unwrap().rows[0].probes.mlp_average, 0.0);
    match fails(&["model.bound=infonce"]) {
        ExperimentError::Value { key, near, .. } => {
            assert_eq!((key.as_str(), near.as_deref()), ("model.bound", Some("info-nce")))
        }
        other => panic!("{other}"),
    }
    assert!(matches!(fails(&["epochs=many"]), ExperimentError::Value { key, .. } if key == "epochs"));
    assert!(matches!(fails(&["epochs=3", "seed=1"]), ExperimentError::Reserved { key, .. } if key == "seed"));
    for bad in ["epochs", "=3", "epochs=", "model..bound=dv"] {
        assert!(matches!(fails(&[bad]), ExperimentError::Override { .. }), "{bad}");
    }
    // A value of the right kind that cannot work is the run's own error.
    assert!(fails(&["batch=1"]).to_string().contains("batch is 1"));
    let rows = Choice { rows: vec!["dim-l-nce".into()], ..Choice::default() };
    match resolve(&Definition::named("table1-cifar10").unwrap(), Budget::Smoke, &rows).unwrap_err() {
        ExperimentError::NoRow { near, known, .. } => {
            assert!(near.is_some() && known.contains("dim-l-infonce") && known.contains("bigan"));
        }
        other => panic!("{other}"),
    }
    match Definition::named("table1-cifar").unwrap_err() {
        ExperimentError::Unknown { near, .. } => assert!(near.unwrap().starts_with("table1-cifar10")),
        other => panic!("{other}"),
    }
    let none = resolve(&Definition::named("fashion-mnist").unwrap(), Budget::Paper, &Choice::default()).unwrap_err();
    assert!(none.is_usage() && none.to_string().contains("it has smoke, quick"), "{none}");
}

#[test]
fn a_malformed_experiment_is_refused() {
    let text = fs::read_to_string("src/experiment/registry/gamma.toml").unwrap();
    let parse = |text: &str| Definition::parse("gamma", text);
    assert!(parse(&text).is_ok());
    for (from, to, word) in [
        ("name = \"gamma\"", "name = \"delta\"", "delta"),
        ("probe = \"mlp\"", "probe = \"mlq\"", "mlq"),
        ("shows =", "show =", "show"),
        ("id = \"gamma-0-1\"", "id = \"gamma-0-0\"", "two rows"),
        ("id = \"gamma-0-1\"", "id = \"../up\"", "../up"),
        ("budgets.quick", "budgets.huge", "huge"),
    ] {
        let error = parse(&text.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    let wrong = Definition::parse("gamma", &text.replace("log_every = 50", "log_evry = 50")).unwrap();
    let error = resolve(&wrong, Budget::Smoke, &Choice::default()).unwrap_err().to_string();
    assert!(error.contains("log_evry"), "{error}");
}

#[test]
fn only_one_process_works_in_a_grid() {
    let folder = TempDir::new().unwrap();
    let plan = smoke("gamma", &[]).unwrap();
    let grid = Grid::create(folder.path(), plan.clone(), Definition::named("gamma").unwrap(), "first").unwrap();
    let mut other = Grid::open(grid.path()).unwrap();
    assert_eq!(other.plan, plan);
    assert!(matches!(other.work("second"), Err(ExperimentError::Busy { .. })));
    assert!(matches!(infomax::experiment::report(&other), Err(ExperimentError::Grid { .. })));
    let path = grid.path().to_owned();
    drop(grid);
    // A program that another test is starting holds copies of this one's open files, and so the lock, until it runs.
    let patience = Instant::now() + Duration::from_secs(20);
    while let Err(error) = other.work("second") {
        assert!(matches!(error, ExperimentError::Busy { .. }) && Instant::now() < patience, "{error}");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(other.commands().unwrap(), ["first", "second"]);
    // A second grid of the same second has a folder of its own.
    let again = Grid::create(folder.path(), plan, Definition::named("gamma").unwrap(), "third").unwrap();
    assert_ne!(again.path(), path);
    assert_eq!(Grid::find(folder.path(), "gamma", None).unwrap().len(), 2);
    assert!(Grid::find(folder.path(), "gamma", Some(Budget::Paper)).unwrap().is_empty());
}

fn png(seed: u64) -> Vec<u8> {
    let mut rng = stream(seed, "test image", 0);
    let pixels: Vec<u8> = (0..28 * 28).map(|_| rng.r#gen()).collect();
    let mut out = Vec::new();
    PngEncoder::new(&mut out).write_image(&pixels, 28, 28, ExtendedColorType::L8).unwrap();
    out
}

/// 48 training and 20 test images of noise, of two classes, and a folder of grids.
struct Tiny(TempDir);

impl Tiny {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let images: Vec<Vec<u8>> = (0..48).map(png).collect();
        let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
        let labels: Vec<i64> = (0..48).map(|i| i % 2).collect();
        for (split, n) in [("train", 48), ("test", 20)] {
            let file = folder.path().join(format!("set/{split}-00000-of-00001.parquet"));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            write_parquet(&file, "image", "label", &images[..n], &labels[..n]).unwrap();
        }
        Self(folder)
    }

    /// The program in the folder, so that the settings of two of them are the same.
    fn infomax(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infomax"));
        command.args(["experiment"]).args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    fn begin(&self) -> Command {
        let mut command = self.infomax(&["run", "fashion-mnist", "--out", "grids", "--seeds", "0..2"]);
        command.args(["--rows", "random,dim-l-jsd,dim-l-infonce", "--set", "data.source=set", "--set", "epochs=4"]);
        command.args(["--set", "batch=8", "--set", "checkpoint_every=3", "--set", "log_every=1"]);
        command.args(["--set", "probes.mlp_epochs=[1, 1, 40]", "--set", "probes.measures.fine_tune_epochs=1"]);
        command
    }

    fn resume(&self) -> Command {
        self.infomax(&["run", "fashion-mnist", "--out", "grids", "--resume"])
    }

    fn grid(&self) -> PathBuf {
        let found = Grid::find(&self.0.path().join("grids"), "fashion-mnist", None).unwrap();
        assert_eq!(found.len(), 1);
        found[0].clone()
    }
}

fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until the child has made something, then kills it; whether it was still at work.
fn kill_when(mut child: Child, signal: &str, made: impl Fn() -> bool) -> Option<i32> {
    let began = Instant::now();
    while !made() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be stopped");
        assert!(began.elapsed() < Duration::from_secs(60), "nothing was made in a minute");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap().code()
}

/// The names of the checkpoints of each of a cell's runs.
fn checkpoints(cell: &Path) -> Vec<Vec<String>> {
    let files = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let names =
        |run: PathBuf| files(&run.join("checkpoints")).map(|f| f.file_name().to_string_lossy().into_owned()).collect();
    files(cell).map(|run| names(run.path())).collect()
}

/// The runs of a cell that got as far as a checkpoint.
fn with_checkpoints(cell: &Path) -> usize {
    checkpoints(cell).iter().filter(|names| names.iter().any(|n| n.starts_with("step-"))).count()
}

/// Whether a run of a cell has got as far as this checkpoint.
fn has_checkpoint(cell: &Path, name: &str) -> bool {
    checkpoints(cell).iter().flatten().any(|n| n == &format!("{name}.safetensors"))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

#[cfg(unix)]
#[test]
fn a_grid_killed_between_and_within_cells_ends_with_the_same_bytes() {
    let whole = Tiny::new();
    let output = whole.begin().output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let expected = fs::read(whole.grid().join("results.json")).unwrap();

    let tiny = Tiny::new();
    let grids = tiny.0.path().join("grids");
    let cell = |name: &str| -> Option<PathBuf> {
        Some(Grid::find(&grids, "fashion-mnist", None).ok()?.pop()?.join("cells").join(name))
    };
    let done = |name: &str| cell(name).is_some_and(|c| c.join("result.json").is_file());
    let under_way = |name: &str| cell(name).is_some_and(|c| with_checkpoints(&c) > 0);
    // Of 24 steps: what follows is probes.
    let probed = |name: &str| cell(name).is_some_and(|c| has_checkpoint(&c, "step-000000024"));
    // Between two cells, within one, in its probes, on Ctrl-C within another, and within one of the second seed.
    kill_when(spawn(tiny.begin()), "-KILL", || done("random/seed-0"));
    kill_when(spawn(tiny.resume()), "-KILL", || under_way("dim-l-jsd/seed-0"));
    assert!(!done("dim-l-jsd/seed-0"), "the cell ended before it was killed");
    let commands = || fs::read_to_string(tiny.grid().join("commands.txt")).unwrap_or_default().lines().count();
    kill_when(spawn(tiny.resume()), "-KILL", || commands() == 3 && probed("dim-l-jsd/seed-0"));
    assert!(!done("dim-l-jsd/seed-0"), "the probes ended before they were killed");
    let code = kill_when(spawn(tiny.resume()), "-INT", || under_way("dim-l-infonce/seed-0"));
    assert_eq!(code, Some(130));
    kill_when(spawn(tiny.resume()), "-KILL", || under_way("dim-l-jsd/seed-1"));
    let first = cell("dim-l-jsd/seed-0").unwrap().join("result.json");
    let written = first.metadata().unwrap().modified().unwrap();
    let output = tiny.resume().output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("cell 2 of 6: DIM(L) JSD, seed 0: finished before"), "{}", text(&output));
    // A finished cell was left alone, and none was begun twice.
    assert_eq!(first.metadata().unwrap().modified().unwrap(), written);
    for name in ["dim-l-jsd/seed-0", "dim-l-infonce/seed-0", "dim-l-jsd/seed-1", "dim-l-infonce/seed-1"] {
        assert_eq!(with_checkpoints(&cell(name).unwrap()), 1, "{name}");
    }
    assert_eq!(fs::read(tiny.grid().join("results.json")).unwrap(), expected);
    assert_eq!(commands(), 6);
    // There is nothing left to do.
    let output = tiny.resume().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("no unfinished grid of fashion-mnist"), "{}", text(&output));
    reports_say_what_the_results_say(&tiny);
}

/// The report, the parquet file and the list of runs against the file of results.
fn reports_say_what_the_results_say(tiny: &Tiny) {
    let grid = tiny.grid();
    let results: Vec<CellResult> = serde_json::from_slice(&fs::read(grid.join("results.json")).unwrap()).unwrap();
    assert_eq!(results.len(), 6);
    let output = tiny.infomax(&["report", "fashion-mnist", "--out", "grids"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let page = fs::read_to_string(grid.join("report/report.md")).unwrap();
    let html = fs::read_to_string(grid.join("report/report.html")).unwrap();
    for (row, name) in [("random", "Random encoder"), ("dim-l-jsd", "DIM(L) JSD"), ("dim-l-infonce", "DIM(L) InfoNCE")]
    {
        let line = page.lines().find(|l| l.starts_with(&format!("| {name} "))).unwrap();
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        for (at, layer) in ["conv", "fc", "Y"].into_iter().enumerate() {
            let values: Vec<f64> = results
                .iter()
                .filter(|r| r.row == row)
                .map(|r| 100.0 * r.layers.iter().find(|l| l.layer == layer).unwrap().mlp)
                .collect();
            assert_eq!(values.len(), 2);
            let mean = (values[0] + values[1]) / 2.0;
            let sd = (values[0] - values[1]).abs() / 2f64.sqrt();
            assert_eq!(cells[2 + at], format!("{mean:.1} ± {sd:.1}"), "{line}");
            assert!(html.contains(&format!("<td style=\"text-align:right\">{mean:.1} ± {sd:.1}</td>")));
            let found = spread(&results, row, layer, Compare::Mlp).unwrap();
            assert!((found.mean - mean).abs() < 1e-9 && (found.sd.unwrap() - sd).abs() < 1e-9);
        }
    }
    assert!(page.contains("DIM(G) JSD") && page.contains("not run"));
    assert!(page.contains("infomax experiment run fashion-mnist --out grids --seeds 0..2"));
    assert!(html.contains("<svg") && !html.contains("src=") && !html.contains("href="));
    for file in ["accuracy.svg", "accuracy.png", "bound.svg", "bound.png"] {
        assert!(grid.join("report").join(file).metadata().unwrap().len() > 500, "{file}");
    }

    let table = ParquetReader::new(fs::File::open(grid.join("results.parquet")).unwrap()).finish().unwrap();
    let column = table.column("mlp").unwrap().f64().unwrap();
    let written: Vec<f64> = column.iter().flatten().collect();
    let expected: Vec<f64> = results.iter().flat_map(|r| r.layers.iter().map(|l| l.mlp)).collect();
    assert_eq!(written, expected);

    let output = tiny.infomax(&["runs", "--out", "grids", "--sort", "y", "--json"]).output().unwrap();
    let lines: Vec<serde_json::Value> =
        String::from_utf8_lossy(&output.stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let y: Vec<f64> = lines.iter().map(|l| l["layers"][2]["mlp"].as_f64().unwrap()).collect();
    assert!(y.len() == 6 && y.windows(2).all(|w| w[0] >= w[1]), "{y:?}");
    let output = tiny.infomax(&["runs", "--out", "grids", "--sort", "size"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("conv-linear"), "{}", text(&output));
}

#[test]
fn the_program_lists_shows_and_refuses_without_writing() {
    let tiny = Tiny::new();
    let run = |args: &[&str]| tiny.infomax(args).output().unwrap();
    let output = run(&["list"]);
    assert!(output.status.success() && text(&output).contains("rows: supervised, vae"), "{}", text(&output));
    let listed: serde_json::Value = serde_json::from_slice(&run(&["list", "--json"]).stdout).unwrap();
    assert!(listed.as_array().unwrap().iter().any(|e| e["name"] == "negatives"));
    let output = run(&["show", "gamma", "--budget", "paper", "--set", "epochs=9"]);
    let plan: infomax::experiment::Plan = toml::from_str(&String::from_utf8_lossy(&output.stdout)).unwrap();
    assert!(plan.rows.iter().all(|r| r.run.epochs == 9));
    let output = run(&["run", "table1-cifar10", "--dry-run", "--out", "grids", "--seeds", "0..3"]);
    assert!(output.status.success() && text(&output).contains("45 cells"), "{}", text(&output));
    for (args, words) in [
        (vec!["run", "table2"], "there is no experiment \"table2\""),
        (vec!["run", "gamma", "--set", "epoch=1"], "did you mean `epochs`?"),
        (vec!["run", "gamma", "--resume", "--set", "epochs=1"], "leave out --set"),
        (vec!["run", "gamma", "--seeds", "3..1"], "0..3"),
    ] {
        let output = run(&[&args[..], &["--out", "grids"]].concat());
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains(words), "{}", text(&output));
    }
    for (args, words) in [
        (vec!["run", "gamma", "--set", "model.units=300"], "units is 300"),
        (vec!["run", "gamma", "--set", "data.source=set", "--set", "batch=49"], "48 images"),
        (vec!["run", "gamma", "--set", "data.source=nowhere"], "nowhere"),
        (vec!["run", "gamma", "--resume"], "no unfinished grid of gamma"),
        (vec!["report", "gamma"], "no grid of gamma"),
    ] {
        let output = run(&[&args[..], &["--out", "grids"]].concat());
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert!(text(&output).contains(words), "{}", text(&output));
    }
    assert!(!tiny.0.path().join("grids").exists());
}
