//! What a staircase shows: table, curves and picture.

use super::CliError;
use crate::files::write_atomic;
use crate::mi::staircase::{
    Climb, CriticKind, LevelSummary, Objective, Row, Staircase, moving_average, reference, summarise,
};
use crate::report::{Align, Curve, Panel, PanelChart, ReportError, Table};
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The published curves' smoothing.
const SPAN: usize = 200;
/// Columns of the picture's curves.
const BINS: usize = 250;

/// The runs of one critic and objective.
struct Entry<'a> {
    critic: CriticKind,
    objective: Objective,
    climbs: Vec<&'a Climb>,
    levels: Vec<LevelSummary>,
    reference: Option<&'static Row>,
}

/// Critic by critic, in the order of `climbs`.
fn entries<'a>(stairs: &Staircase, climbs: &'a [Climb]) -> Vec<Entry<'a>> {
    let mut found: Vec<Entry<'a>> = Vec::new();
    for climb in climbs {
        let (critic, objective) = (climb.run.critic, climb.run.objective);
        match found.iter_mut().find(|e| e.critic == critic && e.objective == objective) {
            Some(entry) => entry.climbs.push(climb),
            None => found.push(Entry {
                critic,
                objective,
                climbs: vec![climb],
                levels: Vec::new(),
                reference: reference().row(stairs, critic, objective),
            }),
        }
    }
    found.iter_mut().for_each(|e| e.levels = summarise(stairs, &e.climbs));
    found
}

/// Three digits or so, and an exponent where that is shorter.
fn number(v: f64) -> String {
    match v.abs() {
        _ if v.is_nan() => "–".to_owned(),
        a if a < 9.995 => format!("{v:.2}"),
        a if a < 99.95 => format!("{v:.1}"),
        a if a < 99_999.5 => format!("{v:.0}"),
        _ => format!("{v:.0e}"),
    }
}

fn cell(bias: f64, variance: f64, mse: f64) -> String {
    let sign = if bias.is_nan() || bias < 0.0 { "" } else { "+" };
    format!("{sign}{} / {} / {}", number(bias), number(variance), number(mse))
}

/// Bias / variance / mean squared error, with the reference under each row of ours where there is one.
fn table(stairs: &Staircase, entries: &[Entry<'_>]) -> Result<Table, CliError> {
    let mut columns = vec![("critic".to_owned(), Align::Left), ("objective".to_owned(), Align::Left)];
    columns.extend(stairs.levels.iter().map(|l| (format!("{l} nats"), Align::Right)));
    let mut table = Table::new(&columns.iter().map(|(name, align)| (name.as_str(), *align)).collect::<Vec<_>>());
    for entry in entries {
        let mut row = vec![entry.critic.name().to_owned(), entry.objective.title()];
        row.extend(entry.levels.iter().map(|l| cell(l.bias, l.variance, l.mse)));
        table.push(row)?;
        if let Some(reference) = entry.reference {
            let star = if reference.differs.is_some() { " *" } else { "" };
            let mut row = vec![String::new(), format!("  reference{star}")];
            row.extend(reference.figures.iter().map(|&[bias, variance, mse]| cell(bias, variance, mse)));
            table.push(row)?;
        }
    }
    Ok(table)
}

/// What the table is of, and where its reference rows come from.
fn notes(stairs: &Staircase, entries: &[Entry<'_>]) -> Vec<String> {
    let seeds = entries.first().map_or(0, |e| e.climbs.len());
    let mut notes = vec![format!(
        "Bias / variance / mean squared error in nats of single batches, second half of each level's {} steps; {} \
         dimensions{}, batch {}, learning rate {}, {} seed{}.",
        stairs.steps_per_level,
        stairs.dim,
        if stairs.cubic { ", y cubed" } else { "" },
        stairs.batch,
        stairs.adam.lr,
        seeds,
        if seeds == 1 { "" } else { "s" }
    )];
    if entries.iter().any(|e| e.reference.is_some()) {
        notes.push(format!("Reference: {}.", reference().source));
    }
    let differs = entries.iter().filter_map(|e| Some((e.objective, e.reference?.differs.as_ref()?)));
    for (objective, how) in differs {
        let note = format!("* {}: {how}.", objective.title());
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    for (entry, climb) in entries.iter().flat_map(|e| e.climbs.iter().map(move |c| (e, c))) {
        if let Some(step) = climb.diverged(stairs) {
            let (critic, title, seed) = (entry.critic.name(), entry.objective.title(), climb.run.seed);
            notes.push(format!("{title}, {critic}, seed {seed}: the scores stopped being numbers at step {step}."));
        }
    }
    notes
}

/// Writes `table.md`, `curves.csv`, `staircase.svg` and `staircase.png`.
pub(super) fn write(out: &Path, stairs: &Staircase, climbs: &[Climb]) -> Result<Vec<PathBuf>, CliError> {
    let entries = entries(stairs, climbs);
    let text = |name: &str, text: String| -> Result<PathBuf, CliError> {
        let path = out.join(name);
        write_atomic(&path, text.as_bytes()).map_err(|source| ReportError::Io { path: path.clone(), source })?;
        Ok(path)
    };
    let notes = notes(stairs, &entries).join("\n\n");
    let mut files = vec![
        text("table.md", format!("{}\n{notes}\n", table(stairs, &entries)?.to_markdown()))?,
        text("curves.csv", curves(stairs, climbs))?,
    ];
    files.extend(picture(stairs, &entries).write(out.join("staircase"))?);
    Ok(files)
}

/// A row for each step: the truth, and what each run read.
fn curves(stairs: &Staircase, climbs: &[Climb]) -> String {
    let mut csv = "step,truth".to_owned();
    for Climb { run, .. } in climbs {
        // Writing to a string cannot fail.
        let _ = write!(csv, ",{}/{}/{}", run.critic.name(), run.objective, run.seed);
    }
    csv.push('\n');
    for step in 0..stairs.steps() {
        let _ = write!(csv, "{step},{}", stairs.truth(step).unwrap_or(f64::NAN));
        for climb in climbs {
            match climb.nats.get(step) {
                Some(nats) => _ = write!(csv, ",{nats}"),
                None => csv.push(','),
            }
        }
        csv.push('\n');
    }
    csv
}

/// The curve of a run: smoothed, in a band that holds nine in ten batches.
fn curve(stairs: &Staircase, climb: &Climb) -> Curve {
    let smooth = moving_average(&climb.nats, SPAN);
    let bin = stairs.steps().div_ceil(BINS).max(1);
    let middle = |number: usize, length: usize| (number * bin) as f64 + 0.5 * length as f64;
    let line = smooth.chunks(bin).enumerate().filter_map(|(n, part)| Some((middle(n, part.len()), *part.last()?)));
    let band = climb.nats.chunks(bin).enumerate().map(|(n, part)| {
        let mut sorted = part.to_vec();
        sorted.sort_by(f32::total_cmp);
        let at = |share: f64| f64::from(sorted[(share * (sorted.len() - 1) as f64).round() as usize]);
        (middle(n, part.len()), at(0.05), at(0.95))
    });
    Curve { line: line.collect(), band: band.collect() }
}

/// A panel for each objective; the first seed of each critic.
fn picture(stairs: &Staircase, entries: &[Entry<'_>]) -> PanelChart {
    let (mut critics, mut objectives) = (Vec::new(), Vec::new());
    for critic in [CriticKind::Separable, CriticKind::Concat] {
        if entries.iter().any(|e| e.critic == critic) {
            critics.push(critic);
        }
    }
    for entry in entries {
        if !objectives.contains(&entry.objective) {
            objectives.push(entry.objective);
        }
    }
    objectives.sort_by_key(|o| Objective::ALL.iter().position(|a| a == o).unwrap_or(usize::MAX));
    let of = |critic, objective| entries.iter().find(|e| e.critic == critic && e.objective == objective);
    let panels = objectives.iter().map(|&objective| Panel {
        title: objective.title(),
        curves: critics
            .iter()
            .map(|&critic| of(critic, objective).map(|e| curve(stairs, e.climbs[0])).unwrap_or_default())
            .collect(),
    });
    let length = stairs.steps_per_level as f64;
    let ends = |(n, &l): (usize, &f64)| [(n as f64 * length, l), ((n + 1) as f64 * length, l)];
    let top = stairs.levels.iter().copied().fold(0.0, f64::max);
    PanelChart {
        title: format!(
            "Estimates on the staircase: {} dimensions, batch {}{}, nats",
            stairs.dim,
            stairs.batch,
            if stairs.cubic { ", y cubed" } else { "" }
        ),
        x_label: "step".to_owned(),
        legend: critics
            .iter()
            .map(|c| format!("{} critic: average (span {SPAN}); band: 5–95 % of batches", c.name()))
            .collect(),
        truth: ("true value".to_owned(), stairs.levels.iter().enumerate().flat_map(ends).collect()),
        y: (0.0, 1.2 * top.max(0.5)),
        panels: panels.collect(),
    }
}

/// The table, or an object for each critic and objective.
pub(super) fn print(stairs: &Staircase, climbs: &[Climb], files: &[PathBuf], json: bool) -> Result<(), CliError> {
    let entries = entries(stairs, climbs);
    let mut out = std::io::stdout().lock();
    if json {
        for entry in &entries {
            let reference = entry.reference.map(|r| json!({ "figures": r.figures, "differs": r.differs }));
            let line = json!({
                "critic": entry.critic, "objective": entry.objective, "cubic": stairs.cubic,
                "seeds": entry.climbs.iter().map(|c| c.run.seed).collect::<Vec<_>>(),
                "levels": entry.levels, "reference": reference,
            });
            writeln!(out, "{line}")?;
        }
        return Ok(());
    }
    writeln!(out, "{}", table(stairs, &entries)?.to_text())?;
    for note in notes(stairs, &entries) {
        writeln!(out, "{note}")?;
    }
    writeln!(out)?;
    for file in files {
        writeln!(out, "{}", file.display())?;
    }
    Ok(())
}
