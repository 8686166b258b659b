//! The pictures of a report.

use super::cell::cell_epochs;
use super::measures::measured;
use super::{Compare, ExperimentError, Grid, Spread, spread};
use crate::report::{Dot, DotChart, DotRow, LineChart, Series};
use crate::train::LAYERS;

/// A picture: stem of its files, what it shows, and its SVG and PNG.
pub(super) struct Picture {
    pub stem: &'static str,
    pub alt: String,
    pub svg: String,
    pub png: Vec<u8>,
}

/// All pictures of a grid that has results.
pub(super) fn pictures(grid: &Grid) -> Result<Vec<Picture>, ExperimentError> {
    let mut found = Vec::new();
    if let Some(chart) = accuracies(grid)? {
        let alt = "test accuracy of each row".to_owned();
        found.push(Picture { stem: "accuracy", alt, svg: chart.svg()?, png: chart.png()? });
    }
    if let Some(chart) = against_setting(grid)? {
        let alt = "test accuracy on Y against the setting".to_owned();
        found.push(Picture { stem: "setting", alt, svg: chart.svg()?, png: chart.png()? });
    }
    if let Some(chart) = noise_against_setting(grid)? {
        let alt = "how well the noise is read off Y, against the setting".to_owned();
        found.push(Picture { stem: "noise", alt, svg: chart.svg()?, png: chart.png()? });
    }
    if let Some(chart) = bounds(grid)? {
        let alt = "the bound over the epochs".to_owned();
        found.push(Picture { stem: "bound", alt, svg: chart.svg()?, png: chart.png()? });
    }
    Ok(found)
}

fn probe_name(probe: Compare) -> &'static str {
    match probe {
        Compare::Mlp => "MLP probe",
        Compare::Linear => "linear probe",
        Compare::Svm => "support vector machine",
    }
}

/// A dot for each layer of each row, and rings for the paper's figures where they are of the same data.
fn accuracies(grid: &Grid) -> Result<Option<DotChart>, ExperimentError> {
    let (results, definition) = (grid.results()?, &grid.definition);
    let comparable = definition.budget(grid.plan.budget)?.comparable;
    let mut rows = Vec::new();
    for row in &definition.rows {
        let dots = LAYERS.map(|layer| {
            let spread = spread(&results, &row.id, layer, definition.probe)?;
            Some(Dot { value: spread.mean, error: spread.sd.unwrap_or(0.0) })
        });
        let rings = LAYERS.map(|layer| row.paper.get(layer).copied().filter(|_| comparable));
        if dots.iter().any(Option::is_some) {
            rows.push(DotRow { name: row.name.clone(), dots: dots.to_vec(), rings: rings.to_vec() });
        }
    }
    Ok((!rows.is_empty()).then(|| DotChart {
        title: format!("{}, {} budget", definition.name, grid.plan.budget),
        x_label: format!("test accuracy, %, {}", probe_name(definition.probe)),
        legend: LAYERS.map(str::to_owned).to_vec(),
        ring: "the paper".to_owned(),
        rows,
    }))
}

/// Accuracy on Y against what the rows differ in.
fn against_setting(grid: &Grid) -> Result<Option<LineChart>, ExperimentError> {
    let results = grid.results()?;
    let probe = grid.definition.probe;
    let y = format!("test accuracy on Y, %, {}", probe_name(probe));
    Ok(lines(grid, y, |row| spread(&results, row, "Y", probe)))
}

/// How well the noise in the images is read off Y, against what the rows differ in.
fn noise_against_setting(grid: &Grid) -> Result<Option<LineChart>, ExperimentError> {
    let results = grid.results()?;
    let chart = lines(grid, "squares of the noise read off Y, %", |row| {
        measured(&results, row, |m| m.noise.map(|v| 100.0 * v))
    });
    Ok(chart.map(|chart| chart.reference(50.0, "a guess")))
}

/// A line for each series of rows against their places on the x axis.
fn lines(grid: &Grid, y: impl Into<String>, value: impl Fn(&str) -> Option<Spread>) -> Option<LineChart> {
    let definition = &grid.definition;
    let plot = definition.plot.as_ref()?;
    let mut lines: Vec<(String, Vec<(f64, f64, f64)>)> = Vec::new();
    for row in &definition.rows {
        let found = value(&row.id);
        let (Some(x), Some(spread)) = (row.x, found) else { continue };
        let point = (x, spread.mean, spread.sd.unwrap_or(0.0));
        let name = row.series.clone().unwrap_or_default();
        match lines.iter_mut().find(|(n, _)| *n == name) {
            Some((_, points)) => points.push(point),
            None => lines.push((name, vec![point])),
        }
    }
    if lines.is_empty() {
        return None;
    }
    let mut chart = LineChart::new(definition.title.clone(), plot.x.clone(), y);
    if plot.log {
        chart = chart.log_x();
    }
    Some(lines.into_iter().fold(chart, |chart, (name, points)| chart.series(Series::with_errors(name, points))))
}

/// The bound over the epochs: each row's first seed that has any.
fn bounds(grid: &Grid) -> Result<Option<LineChart>, ExperimentError> {
    let title = format!("{}: the bound that is trained, first seed", grid.definition.name);
    let mut chart = LineChart::new(title, "epoch", "nats, training batches");
    let mut any = false;
    for row in &grid.plan.rows {
        for &seed in &grid.plan.seeds {
            let epochs = cell_epochs(&grid.cell_path(&row.id, seed))?;
            let points: Vec<_> = epochs.iter().map(|e| (e.epoch as f64, e.nats)).filter(|p| p.1.is_finite()).collect();
            if !points.is_empty() {
                chart = chart.series(Series::new(row.name.clone(), points));
                any = true;
                break;
            }
        }
    }
    Ok(any.then_some(chart))
}
