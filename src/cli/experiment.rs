//! `infomax experiment`: the paper's tables, and what came of runs of them.

use super::CliError;
use super::experiment_run::{self, RunArgs};
use super::experiment_runs::{self, RunsArgs};
use super::experiment_utility::{self, UtilityArgs};
use super::experiment_utility_run::{self, UtilityRunArgs};
use crate::experiment::{
    Budget, Choice, Definition, ExperimentError, Grid, Row, UTILITY, UtilityGrid, comparison, resolve, write_report,
};
use crate::report::{Align, Table};
use clap::{Args, Subcommand};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Folder of the grids.
pub(super) const OUT: &str = "runs/experiments";

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax experiment list
  infomax experiment run table1-cifar10 --budget smoke         all rows, small, on the sample that ships
  infomax experiment run table1-cifar10 --budget quick --data-dir DIR --seeds 0..3
  infomax experiment run negatives --resume                    go on with the latest that was stopped
  infomax experiment run utility --budget quick                how many labels pretraining saves
  infomax experiment report table1-cifar10
  infomax experiment runs --sort Y")]
pub(super) struct ExperimentArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// What there is: each experiment, what it shows, its rows, its cost at each budget
    List(ListArgs),
    /// Print an experiment's settings as they resolve
    Show(ShowArgs),
    /// Run an experiment's rows, or go on with one that was stopped
    Run(Box<RunArgs>),
    /// Write the report of a grid: our table beside the paper's, pictures, how it was made
    Report(ReportArgs),
    /// The results of all grids
    Runs(RunsArgs),
    /// How many labels pretraining saves, from scores at several numbers of labels
    Utility(UtilityArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax experiment list
  infomax experiment list --json")]
struct ListArgs {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax experiment show table1-cifar10
  infomax experiment show gamma --budget paper --set epochs=200 --json")]
struct ShowArgs {
    /// The experiment
    name: String,
    /// How much is spent
    #[arg(long, value_enum, default_value_t = Budget::Smoke)]
    budget: Budget,
    #[command(flatten)]
    choice: ChoiceArgs,
    #[command(flatten)]
    utility: UtilityRunArgs,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax experiment report table1-cifar10                     the latest grid of this name
  infomax experiment report runs/experiments/NAME --json")]
struct ReportArgs {
    /// An experiment's name (its latest grid), or a grid's folder
    grid: String,
    /// Folder of the grids
    #[arg(long, value_name = "DIR", default_value = OUT)]
    out: PathBuf,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

/// What of an experiment is run.
#[derive(Debug, Args)]
pub(super) struct ChoiceArgs {
    /// Change a setting for all rows: a dotted key and a value (`infomax experiment show` prints them); again for more
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Seeds: 0..3 (0, 1, 2), or a list with commas [default: the budget's]
    #[arg(long, value_parser = parse_seeds)]
    seeds: Option<Seeds>,
    /// Rows by their short names, with commas [default: all]
    #[arg(long, value_delimiter = ',', value_name = "ROW")]
    rows: Vec<String>,
    /// Where to look for a named data set first
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl ChoiceArgs {
    pub(super) fn choice(&self) -> Choice {
        Choice {
            seeds: self.seeds.as_ref().map(|s| s.0.clone()),
            overrides: self.set.clone(),
            rows: self.rows.clone(),
            data_dir: self.data_dir.clone(),
        }
    }

    /// Whether nothing is said.
    pub(super) fn is_empty(&self) -> bool {
        self.choice() == Choice::default()
    }
}

/// Seeds of a grid.
#[derive(Clone, Debug)]
pub(super) struct Seeds(Vec<u64>);

/// The most seeds of a grid.
const MAX_SEEDS: u64 = 1000;

fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let number = |t: &str| t.trim().parse::<u64>().ok();
    let seeds = match text.split_once("..") {
        Some((from, to)) => match (number(from), number(to)) {
            (Some(from), Some(to)) if from < to && to - from <= MAX_SEEDS => Some((from..to).collect::<Vec<_>>()),
            _ => None,
        },
        None => text.split(',').map(number).collect(),
    };
    match seeds {
        Some(seeds) if seeds.iter().enumerate().all(|(i, s)| !seeds[..i].contains(s)) => Ok(Seeds(seeds)),
        _ => Err(format!("it is a range such as 0..3 of up to {MAX_SEEDS} seeds, or different numbers with commas")),
    }
}

impl From<ExperimentError> for CliError {
    fn from(error: ExperimentError) -> Self {
        if error.is_usage() { Self::Usage(error.to_string()) } else { Self::Experiment(error) }
    }
}

pub(super) fn run(args: ExperimentArgs) -> Result<ExitCode, CliError> {
    match args.verb {
        Verb::List(args) => list(&args)?,
        Verb::Show(args) => show(&args)?,
        Verb::Run(args) => return experiment_run::run(&args),
        Verb::Report(args) => report(&args)?,
        Verb::Runs(args) => experiment_runs::run(&args)?,
        Verb::Utility(args) => experiment_utility::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(args: &ListArgs) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    let all = Definition::all()?;
    let ids = |d: &Definition, runs: bool| -> Vec<String> {
        let name = |r: &Row| if runs { r.id.clone() } else { r.name.clone() };
        d.rows.iter().filter(|r| r.runs() == runs).map(name).collect()
    };
    let utility = experiment_utility_run::entry()?;
    if args.json {
        let mut entries: Vec<_> = all
            .iter()
            .map(|d| {
                json!({
                    "name": d.name, "title": d.title, "shows": d.shows, "source": d.source, "budgets": d.budgets,
                    "rows": ids(d, true), "paper_only": ids(d, false),
                })
            })
            .collect();
        entries.push(utility.json());
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&entries).map_err(std::io::Error::from)?)?);
    }
    for (number, definition) in all.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}\n  {}", definition.name, definition.shows)?;
        writeln!(out, "  rows: {}", ids(definition, true).join(", "))?;
        let quoted = ids(definition, false);
        if !quoted.is_empty() {
            writeln!(out, "  paper only, not run here: {}", quoted.join(", "))?;
        }
        for budget in Budget::ALL {
            if let Some(settings) = definition.budgets.get(budget.name()) {
                let seeds = if settings.seeds == 1 { "1 seed".into() } else { format!("{} seeds", settings.seeds) };
                writeln!(out, "  {:<6} {seeds}; {}", budget.name(), settings.cost)?;
            }
        }
    }
    write!(out, "\n{}", utility.text())?;
    Ok(())
}

fn show(args: &ShowArgs) -> Result<(), CliError> {
    if args.name == UTILITY {
        return experiment_utility_run::show(args.budget, &args.choice, &args.utility, args.json);
    }
    args.utility.refuse(&args.name)?;
    let plan = resolve(&Definition::named(&args.name)?, args.budget, &args.choice.choice())?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&plan).map_err(std::io::Error::from)?)?;
    } else {
        let text = toml::to_string_pretty(&plan).map_err(|e| CliError::Failed(format!("cannot print: {e}")))?;
        write!(out, "{text}")?;
    }
    Ok(())
}

/// The grid that is meant: a folder, or the latest of an experiment.
fn meant(name: &str, out: &Path) -> Result<Grid, CliError> {
    let path = Path::new(name);
    if path.is_dir() && !Definition::names().any(|known| known == name) {
        return Ok(Grid::open(path)?);
    }
    Definition::named(name)?;
    let latest = Grid::find(out, name, None)?.pop();
    let none = || ExperimentError::NoGrid { what: "grid", name: name.to_owned(), root: out.to_owned() };
    Ok(Grid::open(&latest.ok_or_else(none)?)?)
}

fn report(args: &ReportArgs) -> Result<(), CliError> {
    if args.grid == UTILITY || UtilityGrid::is_one(Path::new(&args.grid)) {
        return experiment_utility_run::report(&args.grid, &args.out, args.json);
    }
    write_and_print(&meant(&args.grid, &args.out)?, args.json)
}

/// Writes the report of a grid and prints its table (or all results as JSON).
pub(super) fn write_and_print(grid: &Grid, json: bool) -> Result<(), CliError> {
    let pages = write_report(grid)?;
    let mut out = std::io::stdout().lock();
    if json {
        let value = json!({
            "grid": grid.path(), "experiment": grid.plan.experiment, "budget": grid.plan.budget,
            "finished": grid.is_finished()?, "results": grid.results()?, "report": pages,
        });
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&value).map_err(std::io::Error::from)?)?);
    }
    writeln!(out, "{}\n\n{}", grid.definition.title, comparison(grid)?.to_text())?;
    for page in pages {
        writeln!(out, "{}", page.display())?;
    }
    Ok(())
}

/// The cells of a plan, for a dry run.
pub(super) fn plan_table(plan: &crate::experiment::Plan) -> Result<Table, CliError> {
    let mut table = Table::new(&[
        ("row", Align::Left),
        ("name", Align::Left),
        ("data", Align::Left),
        ("epochs", Align::Right),
        ("seeds", Align::Left),
    ]);
    let seeds = plan.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    for row in &plan.rows {
        let epochs = if row.untrained { "0".to_owned() } else { row.run.epochs.to_string() };
        table.push([&row.id, &row.name, &row.run.data.source, &epochs, &seeds])?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_ranges_or_lists() {
        let parse = |t: &str| parse_seeds(t).map(|s| s.0).ok();
        assert_eq!(parse("0..3"), Some(vec![0, 1, 2]));
        assert_eq!(parse("4"), Some(vec![4]));
        assert_eq!(parse("2,0"), Some(vec![2, 0]));
        for bad in ["3..3", "a", "1,1", "", "0..5000", "1..", "-1"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
