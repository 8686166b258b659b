//! The report of a grid: our table beside the paper's, differences, order, pictures, and how it was made.

use super::chart::pictures;
use super::error::io;
use super::measures;
use super::{Block, CellResult, Compare, ExperimentError, Grid, Page, Row, Spread, spread};
use crate::report::{Align, Table};
use crate::train::LAYERS;
use std::fs;
use std::path::PathBuf;

/// `62.5 ± 0.4`, or `62.5` for one seed.
fn percent(spread: Spread) -> String {
    match spread.sd {
        Some(sd) => format!("{:.1} ± {sd:.1}", spread.mean),
        None => format!("{:.1}", spread.mean),
    }
}

/// The grid's table: each row's accuracy in %, mean ± standard deviation over seeds, beside the paper's figures, with
/// differences where both are of the same data.
///
/// # Errors
/// When a result is damaged.
pub fn comparison(grid: &Grid) -> Result<Table, ExperimentError> {
    let (results, definition) = (grid.results()?, &grid.definition);
    let comparable = definition.budget(grid.plan.budget)?.comparable;
    let quoted = definition.rows.iter().any(|r| !r.paper.is_empty());
    let mut columns = vec![("row".to_owned(), Align::Left)];
    for layer in LAYERS {
        columns.push((layer.to_owned(), Align::Right));
        if quoted {
            columns.push(("paper".to_owned(), Align::Right));
        }
        if quoted && comparable {
            columns.push(("difference".to_owned(), Align::Right));
        }
    }
    columns.push(("seeds".to_owned(), Align::Right));
    let mut table = Table::new(&columns.iter().map(|(n, a)| (n.as_str(), *a)).collect::<Vec<_>>());
    for row in &definition.rows {
        let mut cells = vec![row.name.clone()];
        for layer in LAYERS {
            let ours = spread(&results, &row.id, layer, definition.probe);
            let paper = row.paper.get(layer).copied();
            cells.push(ours.map_or_else(|| absent(grid, row, &results).to_owned(), percent));
            if quoted {
                let mark = if row.unverified { " †" } else { "" };
                cells.push(paper.map_or_else(String::new, |p| format!("{p:.2}{mark}")));
            }
            if quoted && comparable {
                let difference = ours.zip(paper).map(|(ours, paper)| format!("{:+.1}", ours.mean - paper));
                cells.push(difference.unwrap_or_default());
            }
        }
        cells.push(results.iter().filter(|r| r.row == row.id && !r.layers.is_empty()).count().to_string());
        table.push(cells)?;
    }
    Ok(table)
}

/// Why a row has no accuracy.
fn absent(grid: &Grid, row: &Row, results: &[CellResult]) -> &'static str {
    if results.iter().any(|r| r.row == row.id && r.diverged.is_some()) {
        "diverged"
    } else if grid.plan.rows.iter().any(|r| r.id == row.id) {
        "to do"
    } else {
        "not run"
    }
}

/// Accuracies of all probes, and the bound, of the rows that ran.
fn details(grid: &Grid, results: &[CellResult]) -> Result<Table, ExperimentError> {
    let asked = |probe: &Compare| results.iter().flat_map(|r| &r.layers).any(|l| l.accuracy(*probe).is_some());
    let probes: Vec<Compare> = Compare::ALL.into_iter().filter(asked).collect();
    let mut columns = vec![("row".to_owned(), Align::Left)];
    for layer in LAYERS {
        columns.extend(probes.iter().map(|probe| (format!("{layer} {}", probe.name()), Align::Right)));
    }
    columns.extend(["bound, nats", "epochs", "minutes"].map(|name| (name.to_owned(), Align::Right)));
    let mut table = Table::new(&columns.iter().map(|(n, a)| (n.as_str(), *a)).collect::<Vec<_>>());
    for row in &grid.plan.rows {
        let own: Vec<&CellResult> = results.iter().filter(|r| r.row == row.id).collect();
        let Some(first) = own.first() else { continue };
        let mut cells = vec![row.name.clone()];
        for layer in LAYERS {
            for &probe in &probes {
                let absent = if own.iter().any(|r| r.layers.is_empty()) { "diverged" } else { "" };
                cells.push(spread(results, &row.id, layer, probe).map_or_else(|| absent.to_owned(), percent));
            }
        }
        let nats: Vec<f64> = own.iter().filter_map(|r| r.nats).collect();
        let mean = nats.iter().sum::<f64>() / nats.len() as f64;
        cells.push(if nats.is_empty() { String::new() } else { format!("{mean:.2}") });
        cells.push(first.epochs.to_string());
        let (mut seconds, mut resumed) = (0.0, false);
        for cell in grid.cells().into_iter().filter(|c| c.row.id == row.id) {
            if let Some(time) = grid.time(cell)? {
                seconds += time.train + time.probe;
                resumed |= time.resumed;
            }
        }
        let least = if resumed { "> " } else { "" };
        cells.push(format!("{least}{:.1}", seconds / 60.0));
        table.push(cells)?;
    }
    Ok(table)
}

/// For each layer, how many pairs of rows stand in the paper's order, and which do not.
fn order(grid: &Grid, results: &[CellResult]) -> Vec<String> {
    let definition = &grid.definition;
    let mut said = Vec::new();
    for layer in LAYERS {
        let both: Vec<(&str, f64, f64)> = definition
            .rows
            .iter()
            .filter_map(|row| {
                let ours = spread(results, &row.id, layer, definition.probe)?;
                Some((row.name.as_str(), ours.mean, *row.paper.get(layer)?))
            })
            .collect();
        let (mut pairs, mut other) = (0, Vec::new());
        for (i, a) in both.iter().enumerate() {
            for b in &both[..i] {
                pairs += 1;
                let (better, worse) = if a.2 > b.2 { (a, b) } else { (b, a) };
                if better.1 <= worse.1 {
                    other.push(format!("{} ({:.1}) is not above {} ({:.1})", better.0, better.1, worse.0, worse.1));
                }
            }
        }
        if pairs > 0 {
            let kept = pairs - other.len();
            let rest = if other.is_empty() { String::new() } else { format!(": {}", other.join("; ")) };
            said.push(format!("{layer}: {kept} of {pairs} pairs of rows stand in the paper's order{rest}"));
        }
    }
    said
}

/// The whole report, with the pictures' files by name.
///
/// # Errors
/// When there is no result yet, or a result is damaged.
pub fn report(grid: &Grid) -> Result<(Page, Vec<(String, Vec<u8>)>), ExperimentError> {
    let results = grid.results()?;
    let (plan, definition) = (&grid.plan, &grid.definition);
    if results.is_empty() {
        let reason = "no cell is finished yet; go on with --resume".to_owned();
        return Err(ExperimentError::Grid { path: grid.path().to_owned(), reason });
    }
    let settings = definition.budget(plan.budget)?;
    let of = grid.cells().len();
    let mut blocks = vec![
        Block::Text(format!("{}.", definition.shows)),
        Block::Text(format!(
            "Budget {}, {} of {of} cells finished, data {}, seeds {}. Test accuracy in %, mean ± sample standard deviation \
             over seeds; {}.",
            plan.budget,
            results.len(),
            sources(grid),
            plan.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
            match definition.probe {
                Compare::Mlp => "probe of 200 hidden units on frozen features",
                Compare::Linear => "logistic regression on frozen features",
                Compare::Svm => "support vector machine on frozen features",
            }
        )),
        Block::Table(comparison(grid)?),
        Block::Text(format!("Paper: {}.", definition.source)),
    ];
    if definition.rows.iter().any(|r| r.unverified) {
        let text = "† These figures are remembered from the camera-ready paper and could not be looked up in its text.";
        blocks.push(Block::Text(text.into()));
    }
    if !settings.comparable && definition.rows.iter().any(|r| !r.paper.is_empty()) {
        let text =
            "The paper's figures are of other images than this budget's: compare the order of rows, not numbers.";
        blocks.push(Block::Text(text.into()));
    }
    let only: Vec<&str> = definition.rows.iter().filter(|r| !r.runs()).map(|r| r.name.as_str()).collect();
    if !only.is_empty() {
        blocks.push(Block::Text(format!("Paper only, not run here: {}.", only.join(", "))));
    }
    let (mut files, mut figures) = (Vec::new(), Vec::new());
    for picture in pictures(grid)? {
        let file = format!("{}.svg", picture.stem);
        files.push((format!("{}.png", picture.stem), picture.png));
        files.push((file.clone(), picture.svg.clone().into_bytes()));
        figures.push(Block::Picture { file, alt: picture.alt, svg: picture.svg });
    }
    blocks.append(&mut figures);
    if let Some(table) = measures::table(grid, &results)? {
        blocks.extend([Block::Heading("Other measures".into()), Block::Table(table)]);
    }
    let order = order(grid, &results);
    if !order.is_empty() {
        blocks.extend([Block::Heading("Order of the rows".into()), Block::Bullets(order)]);
    }
    blocks.extend([Block::Heading("All probes".into()), Block::Table(details(grid, &results)?)]);
    blocks.extend([Block::Heading("How it was made".into()), Block::Bullets(notes(grid, &results))]);
    blocks.push(Block::Code(grid.commands()?.join("\n")));
    let environment = grid.path().join("environment.json");
    blocks.push(Block::Code(fs::read_to_string(&environment).map_err(io("read", environment))?));
    let plan_file = grid.path().join("plan.toml");
    blocks.push(Block::Heading("Settings".into()));
    blocks.push(Block::Code(fs::read_to_string(&plan_file).map_err(io("read", plan_file))?));
    Ok((Page { title: definition.title.clone(), blocks }, files))
}

/// The data sets of the rows.
fn sources(grid: &Grid) -> String {
    let mut found: Vec<&str> = Vec::new();
    for row in &grid.plan.rows {
        if !found.contains(&row.run.data.source.as_str()) {
            found.push(&row.run.data.source);
        }
    }
    found.join(", ")
}

/// What must be known to read the numbers.
fn notes(grid: &Grid, results: &[CellResult]) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(r) = results.iter().max_by_key(|r| r.images).filter(|r| r.images > 0) {
        let mut fewer: Vec<_> = results.iter().filter(|o| (1..r.images).contains(&o.images)).collect();
        fewer.dedup_by_key(|o| &o.row);
        let fewer: String = fewer.iter().map(|o| format!(", {} of {}", o.images, o.row)).collect();
        notes.push(format!(
            "{} training images without labels{fewer}; probes learn from the labels of {} and are tested on {}. Nothing is \
             selected on test images: the last epoch counts.",
            r.images, r.labels, r.test_images
        ));
    }
    notes.extend(grid.definition.notes.iter().cloned());
    let rows = grid.definition.rows.iter();
    notes.extend(rows.filter_map(|r| Some(format!("{}: {}.", r.name, r.note.as_ref()?))));
    if !grid.plan.overrides.is_empty() {
        notes.push(format!("Overridden: {}.", grid.plan.overrides.join(", ")));
    }
    notes.extend(grid.plan.kept.iter().map(|k| format!("{k}.")));
    let diverged = results.iter().filter_map(|r| Some((r, r.diverged.as_ref()?)));
    notes.extend(diverged.map(|(r, why)| format!("{}, seed {}: {why}", r.row, r.seed)));
    notes
}

/// Writes `report/report.md`, `report/report.html` and the pictures into the grid's folder; returns the two pages' paths.
///
/// # Errors
/// As [`report`], and when a file cannot be written.
pub fn write_report(grid: &Grid) -> Result<[PathBuf; 2], ExperimentError> {
    let (page, files) = report(grid)?;
    page.write(&grid.path().join("report"), files)
}
