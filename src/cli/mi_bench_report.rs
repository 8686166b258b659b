//! What a bench of estimators shows: tables and pictures.

use super::CliError;
use super::mi_bench::BenchArgs;
use crate::files::write_atomic;
use crate::mi::benchmark::{Score, Trial, score};
use crate::mi::estimate::Estimator;
use crate::mi::known::Known;
use crate::report::{Align, ErrorMap, LineChart, Series, Table};

/// Errors of this many nats get the strongest colour.
const STRONG: f64 = 0.5;

/// The trials behind a report.
pub(super) struct Report<'a> {
    pub tasks: &'a [Box<dyn Known>],
    pub args: &'a BenchArgs,
    pub trials: &'a [Trial],
}

impl Report<'_> {
    /// Writes `table.md` and the pictures; the tables as text.
    pub fn write(&self) -> Result<String, CliError> {
        let BenchArgs { out, rows, seeds, seed, .. } = self.args;
        let mut page = format!(
            "# Estimates of known mutual information\n\nSeeds {seed} to {}; nats, mean over seeds.\n",
            seed + seeds - 1
        );
        let mut text = String::new();
        for &rows in rows {
            text += &format!("{rows} rows\n");
            page += &format!("\n## {rows} rows\n");
            for table in [self.estimates(rows)?, self.intervals(rows)?, self.scores(rows)?] {
                text += &format!("{}\n", table.to_text());
                page += &format!("\n{}", table.to_markdown());
            }
            self.errors(rows).write(out.join(format!("errors-{rows}")))?;
        }
        if rows.len() > 1 {
            self.by_rows().write(out.join("error-by-rows"))?;
        }
        let path = out.join("table.md");
        write_atomic(&path, page.as_bytes())
            .map_err(|e| CliError::Failed(format!("cannot write {}: {e}", path.display())))?;
        Ok(text)
    }

    /// Mean over seeds of one estimator on one distribution, nats.
    fn mean(&self, task: &str, estimator: Estimator, rows: usize) -> Option<f64> {
        let of_cell = self.trials.iter().filter(|t| t.task == task && t.is(estimator, rows));
        let values: Vec<f64> = of_cell.filter_map(|t| t.nats).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    fn score(&self, estimator: Estimator, rows: usize) -> Option<Score> {
        score(self.trials.iter().filter(|t| t.is(estimator, rows)))
    }

    /// Truths and means.
    fn estimates(&self, rows: usize) -> Result<Table, CliError> {
        let names: Vec<String> = self.args.estimators.iter().map(ToString::to_string).collect();
        let mut head = vec![("distribution", Align::Left), ("truth", Align::Right)];
        head.extend(names.iter().map(|n| (n.as_str(), Align::Right)));
        let mut table = Table::new(&head);
        for task in self.tasks {
            let name = task.name();
            let mut cells = vec![name.clone(), format!("{:.3}", task.truth().nats)];
            for &estimator in &self.args.estimators {
                let mean = self.mean(&name, estimator, rows);
                cells.push(mean.map_or_else(|| "none".into(), |m| format!("{m:.3}")));
            }
            table.push(cells)?;
        }
        Ok(table)
    }

    /// Intervals that hold the truth, and estimates that are significant at 5 %, of those that are given.
    fn intervals(&self, rows: usize) -> Result<Table, CliError> {
        let mut names = Vec::new();
        for estimator in &self.args.estimators {
            names.extend([format!("{estimator} holds"), format!("{estimator} p ≤ 0.05")]);
        }
        let mut head = vec![("interval", Align::Left)];
        head.extend(names.iter().map(|n| (n.as_str(), Align::Right)));
        let mut table = Table::new(&head);
        let share = |of: Vec<bool>| match of.len() {
            0 => "-".to_owned(),
            n => format!("{}/{n}", of.into_iter().filter(|&yes| yes).count()),
        };
        for task in self.tasks {
            let name = task.name();
            let mut cells = vec![name.clone()];
            for &estimator in &self.args.estimators {
                let own: Vec<&Trial> = self.trials.iter().filter(|t| t.task == name && t.is(estimator, rows)).collect();
                cells.push(share(own.iter().filter_map(|t| t.covers()).collect()));
                cells.push(share(own.iter().filter_map(|t| t.p_value.map(|p| p <= 0.05)).collect()));
            }
            table.push(cells)?;
        }
        Ok(table)
    }

    /// A row for each estimator.
    fn scores(&self, rows: usize) -> Result<Table, CliError> {
        let mut table = Table::new(&[
            ("estimator", Align::Left),
            ("MAE", Align::Right),
            ("worst", Align::Right),
            ("bias", Align::Right),
            ("sd", Align::Right),
            ("coverage", Align::Right),
            ("seconds", Align::Right),
            ("refused", Align::Right),
        ]);
        for &estimator in &self.args.estimators {
            let own = self.trials.iter().filter(|t| t.is(estimator, rows));
            let refused = own.filter(|t| t.nats.is_none()).count();
            if let Some(Score { bias, sd, mae, worst, coverage, seconds, .. }) = self.score(estimator, rows) {
                table.push([
                    estimator.to_string(),
                    format!("{mae:.4}"),
                    format!("{worst:.3}"),
                    format!("{bias:+.4}"),
                    format!("{sd:.4}"),
                    coverage.map_or("-".into(), |c| format!("{:.0} %", 100.0 * c)),
                    format!("{seconds:.1}"),
                    refused.to_string(),
                ])?;
            }
        }
        Ok(table)
    }

    /// Mean error of each estimator on each distribution, as colours.
    fn errors(&self, rows: usize) -> ErrorMap {
        let row = |task: &dyn Known| {
            let (name, truth) = (task.name(), task.truth().nats);
            let error = |&e: &Estimator| self.mean(&name, e, rows).map(|m| m - truth);
            let errors = self.args.estimators.iter().map(error).collect();
            (name, errors)
        };
        ErrorMap {
            title: format!("Estimate − truth, nats ({rows} rows)"),
            columns: self.args.estimators.iter().map(ToString::to_string).collect(),
            rows: self.tasks.iter().map(|t| row(&**t)).collect(),
            limit: STRONG,
        }
    }

    /// Mean absolute error against the number of rows.
    fn by_rows(&self) -> LineChart {
        let mut chart = LineChart::new("Error against the number of samples", "rows", "mean absolute error, nats")
            .log_x()
            .include_y(0.0);
        for &estimator in &self.args.estimators {
            let points: Vec<(f64, f64)> = self
                .args
                .rows
                .iter()
                .filter_map(|&rows| Some((rows as f64, self.score(estimator, rows)?.mae)))
                .collect();
            if !points.is_empty() {
                chart = chart.series(Series::new(estimator.to_string(), points));
            }
        }
        chart
    }
}
