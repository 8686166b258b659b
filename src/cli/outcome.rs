//! What a run shows at its end: tables and pictures, in the terminal and in the run's folder.

use super::CliError;
use crate::data::ImageSet;
use crate::dim::Method;
use crate::files::write_atomic;
use crate::probe::{Distance, FewLabelPoint};
use crate::report::{Align, LineChart, NeighboursError, ReportError, Series, Table, neighbour_sheet};
use crate::train::{
    EncoderReport, Evaluation, LAYERS, OnlineReport, OnlineScore, RunConfig, RunDir, few_label_report, pixel_features,
};
use serde::Serialize;
use serde_json::Value;
use std::io::Write;
use std::path::Path;

/// The probed encoders of a run.
pub(super) struct Encoders {
    pub trained: Evaluation,
    pub untrained: Option<Evaluation>,
}

/// What was done before.
#[derive(Clone, Copy)]
pub(super) struct Work {
    /// Training images; probes may see fewer.
    pub images: usize,
    /// How long training took.
    pub seconds: f64,
}

/// One curve of the few-label picture.
#[derive(Serialize)]
struct FewLabels {
    features: &'static str,
    points: Vec<FewLabelPoint>,
}

#[derive(Serialize)]
struct Summary<'a> {
    run: &'a Path,
    training_seconds: f64,
    probes: Vec<&'a EncoderReport>,
    few_labels: &'a [FewLabels],
}

/// Writes the report of a run and prints its tables (or all of it as JSON).
pub(super) fn write_and_print(
    dir: &RunDir,
    config: &RunConfig,
    encoders: Encoders,
    sets: [&ImageSet; 2],
    Work { images, seconds }: Work,
    json: bool,
) -> Result<(), CliError> {
    let folder = dir.report();
    let probed = sets[0].len();
    let part = match (probed < images, config.data.unlabeled) {
        (false, _) => String::new(),
        (true, false) => format!(" (of {probed} of the training images, drawn at random)"),
        (true, true) => format!(" (of the {probed} training images with labels)"),
    };
    let Encoders { trained, untrained } = encoders;
    let probes: Vec<&EncoderReport> = std::iter::once(&trained).chain(&untrained).map(|e| &e.report).collect();
    let table = probe_table(&probes)?;
    curves(dir.path(), config)?;
    neighbours(&folder, &trained, sets[1])?;
    let mut few = vec![FewLabels {
        features: "trained Y",
        points: few_label_report(trained.train.clone(), trained.test.clone(), sets, config.seed)?,
    }];
    if let Some(e) = &untrained {
        let points = few_label_report(e.train.clone(), e.test.clone(), sets, config.seed)?;
        few.push(FewLabels { features: "untrained Y", points });
    }
    let pixels = [pixel_features(sets[0], trained.train.rows)?, pixel_features(sets[1], sets[1].len())?];
    let [train, test] = pixels;
    few.push(FewLabels { features: "raw pixels", points: few_label_report(train, test, sets, config.seed)? });
    let few_table = few_label_table(&few)?;
    few_label_picture(&folder, config, &few)?;
    let summary = Summary { run: dir.path(), training_seconds: seconds, probes, few_labels: &few };
    let text = serde_json::to_string_pretty(&summary).map_err(|e| CliError::Print(e.into()))?;
    write(&folder.join("probe.json"), &text)?;
    let probed = if online(dir, config)? { "![probes during training](probes.svg)\n\n" } else { "" };
    let page = format!(
        "# {}\n\n{} epochs of {} images, batch {}, {:.0} s of training.\n\nTest accuracy, %, of probes on frozen \
         features{part}:\n\n{}\nLinear probes on few labels a class (mean ± standard deviation over 3 seeds), %:\n\n{}\n\
         ![loss and bound](curves.svg)\n\n{probed}![few labels](few-labels.svg)\n\n![nearest neighbours in Y](neighbours.png)\n",
        config.name,
        config.epochs,
        images,
        config.batch,
        seconds,
        table.to_markdown(),
        few_table.to_markdown()
    );
    write(&folder.join("report.md"), &page)?;
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{text}")?;
    } else {
        writeln!(out, "\nTest accuracy, %, of probes on frozen features{part}:\n\n{}", table.to_text())?;
        writeln!(out, "Linear probes on few labels a class, %:\n\n{}", few_table.to_text())?;
        writeln!(out, "{seconds:.0} s of training; report: {}", folder.join("report.md").display())?;
    }
    Ok(())
}

/// The end of a run without probes.
pub(super) fn print_run(run: &Path, seconds: f64, json: bool) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::json!({ "run": run, "training_seconds": seconds }))?;
    } else {
        writeln!(out, "{seconds:.0} s of training; run: {}", run.display())?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    write_atomic(path, text.as_bytes()).map_err(|source| ReportError::Io { path: path.to_owned(), source }.into())
}

fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

/// One row for each encoder and layer; measures that were not asked for have no column.
pub(super) fn probe_table(reports: &[&EncoderReport]) -> Result<Table, CliError> {
    let mut columns = vec![
        ("encoder", Align::Left),
        ("layer", Align::Left),
        ("features", Align::Right),
        ("linear", Align::Right),
        ("MLP 200", Align::Right),
    ];
    let layers = || reports.iter().flat_map(|r| &r.layers);
    let asked = [
        ("SVM", layers().any(|l| l.svm.is_some())),
        ("kNN", layers().any(|l| l.knn.is_some())),
        ("RankMe", layers().any(|l| l.rank_me.is_some())),
    ];
    columns.extend(asked.iter().filter(|a| a.1).map(|a| (a.0, Align::Right)));
    let mut table = Table::new(&columns);
    for (report, layer) in reports.iter().flat_map(|r| r.layers.iter().map(move |l| (r, l))) {
        let mut row = vec![
            report.encoder.to_owned(),
            layer.layer.to_owned(),
            layer.size.to_string(),
            percent(layer.linear.test_accuracy),
            percent(layer.mlp.test_accuracy),
        ];
        let more = [
            layer.svm.as_ref().map(|s| percent(s.test_accuracy)),
            layer.knn.as_ref().map(|k| percent(k.test_accuracy)),
            layer.rank_me.map(|r| format!("{r:.1}")),
        ];
        row.extend(more.into_iter().zip(asked).filter(|(_, a)| a.1).map(|(v, _)| v.unwrap_or_else(|| "-".to_owned())));
        table.push(row)?;
    }
    Ok(table)
}

fn few_label_table(curves: &[FewLabels]) -> Result<Table, CliError> {
    let mut columns = vec![("labels a class", Align::Right)];
    columns.extend(curves.iter().map(|c| (c.features, Align::Right)));
    let mut table = Table::new(&columns);
    for i in 0..curves.first().map_or(0, |c| c.points.len()) {
        let mut row = vec![curves[0].points[i].per_class.to_string()];
        row.extend(curves.iter().map(|c| format!("{} ± {}", percent(c.points[i].mean), percent(c.points[i].std))));
        table.push(row)?;
    }
    Ok(table)
}

fn few_label_picture(folder: &Path, config: &RunConfig, curves: &[FewLabels]) -> Result<(), CliError> {
    if curves.iter().any(|c| c.points.is_empty()) {
        return Ok(());
    }
    let mut chart =
        LineChart::new(format!("Linear probe on few labels, {}", config.name), "labels a class", "test accuracy, %")
            .log_x();
    for curve in curves {
        let points = curve.points.iter().map(|p| (p.per_class as f64, 100.0 * p.mean, 100.0 * p.std));
        chart = chart.series(Series::with_errors(curve.features, points));
    }
    chart.write(folder.join("few-labels"))?;
    Ok(())
}

/// The loss, the bound and a baseline's own terms over the steps, from the run's loss history.
fn curves(run: &Path, config: &RunConfig) -> Result<(), CliError> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl"))?;
    let entries: Vec<Value> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    let fine: Vec<&Value> = entries.iter().filter(|e| e["kind"] == "steps").collect();
    let shown = if fine.is_empty() { entries.iter().collect() } else { fine };
    let series = |field: &str| -> Vec<(f64, f64)> {
        shown.iter().filter_map(|e| Some((e["step"].as_f64()?, e[field].as_f64()?))).collect()
    };
    let method = config.model.method;
    // A squared distance on the sphere is the one loss that is not in nats.
    let unit = if method == Method::Nat { "half the squared distance" } else { "nats" };
    let mut chart = LineChart::new(format!("Training, {}", config.name), "step", unit);
    if method.is_dim() {
        chart = chart.series(Series::new("mutual information bound (training batches)", series("nats")));
    }
    chart = chart.series(Series::new("loss", series("loss")));
    for (name, field) in [
        ("reconstruction", "reconstruction"),
        ("Kullback-Leibler divergence", "kl"),
        ("discriminator's loss", "discriminator"),
    ] {
        let points = series(field);
        // Where it is the only term, it is the loss.
        if !method.is_dim() && points.iter().any(|p| p.1 != 0.0) && points != series("loss") {
            chart = chart.series(Series::new(name, points));
        }
    }
    if let Some(ceiling) = config.ceiling() {
        chart = chart.reference(ceiling, format!("ceiling of the bound, log N = {ceiling:.2}"));
    }
    chart.include_y(0.0).write(run.join("report/curves"))?;
    Ok(())
}

/// The accuracies of probes during training over the epochs; whether there are any.
fn online(dir: &RunDir, config: &RunConfig) -> Result<bool, CliError> {
    let reports = dir.probes()?;
    let mut chart = LineChart::new(format!("Probes during training, {}", config.name), "epoch", "test accuracy, %");
    let kinds: [(&str, fn(&OnlineScore) -> Option<f64>); 3] =
        [("linear", |s| Some(s.linear)), ("MLP", |s| s.mlp), ("kNN", |s| s.knn)];
    for (kind, value) in kinds {
        for layer in LAYERS {
            let at = |r: &OnlineReport| {
                let score = r.layers.iter().find(|s| s.layer == layer)?;
                Some((r.epoch as f64, 100.0 * value(score)?))
            };
            let points: Vec<(f64, f64)> = reports.iter().filter_map(at).collect();
            if !points.is_empty() {
                chart = chart.series(Series::new(format!("{layer}, {kind}"), points));
            }
        }
    }
    if !reports.is_empty() {
        chart.write(dir.report().join("probes"))?;
    }
    Ok(!reports.is_empty())
}

/// Queries of the neighbour picture.
const QUERIES: usize = 10;
/// Neighbours shown for each.
const NEIGHBOURS: usize = 9;

fn neighbours_error(e: NeighboursError) -> CliError {
    match e {
        NeighboursError::Probe(e) => crate::train::TrainError::from(e).into(),
        NeighboursError::Report(e) => e.into(),
    }
}

/// The first test image of each class with its nearest test images in Y.
fn neighbours(folder: &Path, trained: &Evaluation, test: &ImageSet) -> Result<(), CliError> {
    if test.len() <= NEIGHBOURS + 1 {
        return Ok(());
    }
    let queries: Vec<usize> = (0..test.classes.len().min(QUERIES) as u32)
        .filter_map(|class| test.labels().iter().position(|&l| l == class))
        .collect();
    let sheet = neighbour_sheet(test, &trained.test, &queries, NEIGHBOURS, Distance::L1)
        .map_err(neighbours_error)?
        .title("Test images and their nearest neighbours in Y (L1)");
    sheet.write(folder.join("neighbours"))?;
    Ok(())
}
