//! `infomax data stats`.

use super::{CliError, bar};
use crate::data::stats::{SetStats, stats};
use crate::report::{Align, Table};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax data stats fashion_mnist_sample
  infomax data stats photographs/ --json

Exit code 0 whatever is found; `--strict` makes bad rows and images that splits share a failure.")]
pub(super) struct StatsArgs {
    /// A name, a card, or a path to images
    source: String,
    /// Where to look for a named data set first
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Fail when a row is bad or splits share images
    #[arg(long)]
    strict: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &StatsArgs) -> Result<(), CliError> {
    let mut progress = bar::progress(args.quiet);
    progress.task_begins("images read", 0);
    let found = stats(&args.source, args.data_dir.as_deref(), |rows| progress.task_advances(rows as u64))?;
    progress.task_ends();
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&found).map_err(|e| CliError::Print(e.into()))?)?;
    } else {
        write!(out, "{}", text(&found)?)?;
    }
    let bad: u64 = found.splits.iter().map(|s| s.undecodable + s.mislabelled).sum();
    let shared: u64 = found.shared.iter().map(|s| s.images).sum();
    if args.strict && bad + shared > 0 {
        let what = format!("{} has {bad} bad rows and {shared} images that splits share", found.name);
        return Err(crate::data::DataError::Setting(what).into());
    }
    Ok(())
}

fn text(found: &SetStats) -> Result<String, CliError> {
    let [channels, height, width] = found.shape;
    let mut out =
        format!("{}: {width} x {height} pixels, {channels} channels, {} classes\n\n", found.name, found.classes.len());
    let numbers = |v: &[f64]| v.iter().map(|x| format!("{x:.4}")).collect::<Vec<_>>().join(" ");
    let mut table = Table::new(&[
        ("split", Align::Left),
        ("images", Align::Right),
        ("mean", Align::Left),
        ("std", Align::Left),
        ("repeated", Align::Right),
        ("undecodable", Align::Right),
        ("mislabelled", Align::Right),
    ]);
    for s in &found.splits {
        table.push([
            s.split.to_owned(),
            s.rows.to_string(),
            numbers(&s.mean),
            numbers(&s.std),
            s.repeated.to_string(),
            s.undecodable.to_string(),
            s.mislabelled.to_string(),
        ])?;
    }
    out += &table.to_text();
    let mut columns = vec![("class", Align::Left)];
    columns.extend(found.splits.iter().map(|s| (s.split, Align::Right)));
    let mut classes = Table::new(&columns);
    for (i, name) in found.classes.iter().enumerate() {
        let counts = found.splits.iter().map(|s| s.per_class.get(i).map_or("-".to_owned(), u64::to_string));
        classes.push(std::iter::once(name.clone()).chain(counts))?;
    }
    out += &format!("\n{}", classes.to_text());
    for s in &found.shared {
        let rows = s.rows.iter().map(|[a, b]| format!("{a}={b}")).collect::<Vec<_>>().join(", ");
        out += &format!(
            "\n{} images of {} are also in {} (rows {}={}: {rows})\n",
            s.images, s.splits[1], s.splits[0], s.splits[0], s.splits[1]
        );
    }
    for s in found.splits.iter().filter(|s| !s.messages.is_empty()) {
        out += &format!("\n{}:\n", s.split);
        s.messages.iter().for_each(|m| out += &format!("  {m}\n"));
    }
    Ok(out)
}
