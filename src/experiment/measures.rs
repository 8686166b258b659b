//! What is measured beside the probes' accuracy.

use super::results::moments;
use super::{CellResult, ExperimentError, Grid, Spread};
use crate::report::{Align, Table};
use crate::train::EncoderReport;
use serde::{Deserialize, Serialize};

/// Measures of a cell's Y, and its semi-supervised accuracy; those that were not asked for are absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Measures {
    /// The neural dependency measure of `σ(Y)`, nats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ndm: Option<f64>,
    /// The same of Y itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ndm_linear: Option<f64>,
    /// MS-SSIM of test images and of what a decoder makes of their Y.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms_ssim: Option<f64>,
    /// MINE of test images and Y, held out, nats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mine: Option<f64>,
    /// The same on the images that its critics learned from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mine_training: Option<f64>,
    /// Test accuracy of the whole encoder after fine-tuning with labels, in [0, 1].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semi_supervised: Option<f64>,
    /// Accuracy of reading the noise in the images off Y, in [0, 1].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<f64>,
}

/// Name in settings, heading, and value as it is printed.
type Measure = (&'static str, &'static str, fn(&Measures) -> Option<f64>);

/// All measures, in the table's order.
pub(super) const MEASURES: [Measure; 7] = [
    ("ndm", "NDM of σ(Y), nats", |m| m.ndm),
    ("ndm_linear", "NDM of Y, nats", |m| m.ndm_linear),
    ("ms_ssim", "MS-SSIM", |m| m.ms_ssim),
    ("mine", "MINE held out, nats", |m| m.mine),
    ("mine_training", "MINE on its own images, nats", |m| m.mine_training),
    ("semi_supervised", "semi-supervised, %", |m| m.semi_supervised.map(|v| 100.0 * v)),
    ("noise", "noise read off Y, %", |m| m.noise.map(|v| 100.0 * v)),
];

impl Measures {
    /// Those of a report of frozen features; `None` when there are none.
    pub(super) fn of(report: &EncoderReport) -> Option<Self> {
        let found = Self {
            ndm: report.ndm.map(|n| n.sigmoid),
            ndm_linear: report.ndm.map(|n| n.linear),
            ms_ssim: report.reconstructions.as_ref().map(|r| r.ms_ssim),
            mine: report.information.map(|i| i.held_out),
            mine_training: report.information.map(|i| i.training),
            noise: report.noise,
            semi_supervised: None,
        };
        (found != Self::default()).then_some(found)
    }
}

/// A measure of a row's cells: mean and spread over seeds. `None` when none has it.
pub(super) fn measured(results: &[CellResult], row: &str, value: fn(&Measures) -> Option<f64>) -> Option<Spread> {
    let of_row = results.iter().filter(|r| r.row == row);
    moments(of_row.filter_map(|r| value(r.measures.as_ref()?)).collect())
}

/// The table of the measures that the results have, beside the paper's. `None` when they have none.
pub(super) fn table(grid: &Grid, results: &[CellResult]) -> Result<Option<Table>, ExperimentError> {
    let rows = &grid.definition.rows;
    let asked: Vec<&Measure> = MEASURES
        .iter()
        .filter(|(_, _, value)| rows.iter().any(|r| measured(results, &r.id, *value).is_some()))
        .collect();
    if asked.is_empty() {
        return Ok(None);
    }
    let quoted = |name: &str| rows.iter().any(|r| r.measures.contains_key(name));
    let mut columns = vec![("row", Align::Left)];
    for (name, heading, _) in &asked {
        columns.push((heading, Align::Right));
        if quoted(name) {
            columns.push(("paper", Align::Right));
        }
    }
    let mut table = Table::new(&columns);
    for row in rows {
        let mut cells = vec![row.name.clone()];
        for (name, _, value) in &asked {
            let found = measured(results, &row.id, *value);
            cells.push(found.map_or_else(String::new, |s| match s.sd {
                Some(sd) => format!("{:.2} ± {sd:.2}", s.mean),
                None => format!("{:.2}", s.mean),
            }));
            if quoted(name) {
                let mark = if row.unverified { " †" } else { "" };
                cells.push(row.measures.get(*name).map_or_else(String::new, |v| format!("{v:.2}{mark}")));
            }
        }
        table.push(cells)?;
    }
    Ok(Some(table))
}
