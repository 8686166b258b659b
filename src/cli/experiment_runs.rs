//! `infomax experiment runs`.

use super::CliError;
use super::experiment::OUT;
use crate::experiment::{Compare, Finished, all_results, write_parquet};
use crate::report::{Align, Table};
use clap::Args;
use std::cmp::Ordering;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax experiment runs
  infomax experiment runs --sort Y                             best first
  infomax experiment runs --experiment table1-cifar10 --json
  infomax experiment runs --parquet results.parquet

Accuracies are in %, of the MLP probe (conv, fc, Y), of the linear one (conv-linear …) and of support vector
machines (conv-svm …), on held-out images.")]
pub(super) struct RunsArgs {
    /// Column to sort by: words from a to z, numbers from the largest
    #[arg(long, value_name = "COLUMN")]
    sort: Option<String>,
    /// Grids of this experiment only
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,
    /// Folder of the grids
    #[arg(long, value_name = "DIR", default_value = OUT)]
    out: PathBuf,
    /// Also write them to a parquet file: a row for each cell and layer
    #[arg(long, value_name = "FILE")]
    parquet: Option<PathBuf>,
    /// Print one JSON object for each cell
    #[arg(long)]
    json: bool,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Word(String),
    Number(Option<f64>),
}

const COLUMNS: [&str; 17] = [
    "experiment",
    "budget",
    "row",
    "seed",
    "data",
    "epochs",
    "conv",
    "fc",
    "Y",
    "conv-linear",
    "fc-linear",
    "Y-linear",
    "conv-svm",
    "fc-svm",
    "Y-svm",
    "nats",
    "minutes",
];

fn value(cell: &Finished, column: &str) -> Value {
    let result = &cell.result;
    let word = |text: &str| Value::Word(text.to_owned());
    match column {
        "experiment" => word(&cell.experiment),
        "budget" => word(cell.budget.name()),
        "row" => word(&result.row),
        "data" => word(&cell.data),
        "seed" => Value::Number(Some(result.seed as f64)),
        "epochs" => Value::Number(Some(result.epochs as f64)),
        "nats" => Value::Number(result.nats),
        "minutes" => Value::Number(cell.seconds.map(|s| (s.train + s.probe) / 60.0)),
        _ => {
            let (layer, probe) = match column.split_once('-') {
                Some((layer, "linear")) => (layer, Compare::Linear),
                Some((layer, _)) => (layer, Compare::Svm),
                None => (column, Compare::Mlp),
            };
            Value::Number(result.layer(layer).and_then(|l| l.accuracy(probe)).map(|a| 100.0 * a))
        }
    }
}

fn print(value: &Value, column: &str) -> String {
    match value {
        Value::Word(text) => text.clone(),
        Value::Number(None) => "–".into(),
        Value::Number(Some(v)) if ["seed", "epochs"].contains(&column) => format!("{v:.0}"),
        Value::Number(Some(v)) if column == "nats" => format!("{v:.2}"),
        Value::Number(Some(v)) => format!("{v:.1}"),
    }
}

/// Words from a to z, numbers from the largest, nothing last.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Word(a), Value::Word(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => {
            let number = |v: &Option<f64>| v.unwrap_or(f64::NEG_INFINITY);
            number(b).total_cmp(&number(a))
        }
        (Value::Word(_), Value::Number(_)) => Ordering::Less,
        (Value::Number(_), Value::Word(_)) => Ordering::Greater,
    }
}

pub(super) fn run(args: &RunsArgs) -> Result<(), CliError> {
    let (mut cells, damaged) = all_results(&args.out)?;
    for error in damaged {
        eprintln!("warning: {error}");
    }
    if let Some(name) = &args.experiment {
        cells.retain(|c| c.experiment == *name);
    }
    if let Some(column) = &args.sort {
        let Some(column) = COLUMNS.iter().find(|c| c.eq_ignore_ascii_case(column)) else {
            let known = COLUMNS.join(", ");
            return Err(CliError::Usage(format!("there is no column {column:?}; columns are {known}")));
        };
        cells.sort_by(|a, b| compare(&value(a, column), &value(b, column)));
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        for cell in &cells {
            writeln!(out, "{}", serde_json::to_string(cell).map_err(std::io::Error::from)?)?;
        }
    } else if cells.is_empty() {
        writeln!(out, "No finished cells in {}", args.out.display())?;
    } else {
        let shown: Vec<&'static str> = COLUMNS.into_iter().filter(|c| !c.contains('-')).collect();
        let align = |c: &&'static str| {
            let word = ["experiment", "budget", "row", "data"].contains(c);
            (*c, if word { Align::Left } else { Align::Right })
        };
        let mut head: Vec<_> = shown.iter().map(align).collect();
        head.push(("grid", Align::Left));
        let mut table = Table::new(&head);
        for cell in &cells {
            let mut row: Vec<String> = shown.iter().map(|c| print(&value(cell, c), c)).collect();
            row.push(cell.grid.display().to_string());
            table.push(row)?;
        }
        write!(out, "{}", table.to_text())?;
    }
    if let Some(file) = &args.parquet {
        write_parquet(file, &cells)?;
        if !args.json {
            writeln!(out, "{}", file.display())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_from_the_largest_and_nothing_comes_last() {
        let mut values = [Value::Number(None), Value::Number(Some(1.0)), Value::Number(Some(3.0))];
        values.sort_by(compare);
        assert_eq!(values, [Value::Number(Some(3.0)), Value::Number(Some(1.0)), Value::Number(None)]);
        assert_eq!(compare(&Value::Word("a".into()), &Value::Word("b".into())), Ordering::Less);
    }
}
