//! `infomax data show`.

use super::CliError;
use crate::data::source::SourceError;
use crate::data::{Card, DataError, Split, StreamSet};
use crate::report::{Align, Table};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax data show cifar10
  infomax data show my_card.toml
  infomax data show photographs/ --json")]
pub(super) struct ShowArgs {
    /// A name, a card, or a path to images (parquet, CSV, image folder, CIFAR, STL-10, MNIST)
    source: String,
    /// Where to look for a named data set first
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// The splits that are on this machine, images not decoded. A named set may have none of them here, a path has one.
fn here(args: &ShowArgs, named: bool) -> Result<Vec<(Split, StreamSet)>, CliError> {
    let mut found = Vec::new();
    let mut missing = None;
    for split in Split::ALL {
        match StreamSet::open(&args.source, split, args.data_dir.as_deref()) {
            Ok(set) => found.push((split, set)),
            Err(DataError::NotFound { .. } | DataError::Card { .. }) if named => {}
            Err(e @ DataError::MissingShard { .. }) if named => eprintln!("note: {e}"),
            Err(e @ DataError::Source(SourceError::NoSplit { .. })) => _ = missing.get_or_insert(e),
            Err(e) => return Err(e.into()),
        }
    }
    match missing {
        Some(e) if found.is_empty() => Err(e.into()),
        _ => Ok(found),
    }
}

pub(super) fn run(args: &ShowArgs) -> Result<(), CliError> {
    let card = match Card::named(&args.source)? {
        None if args.source.to_lowercase().ends_with(".toml") => Some(Card::read(args.source.as_ref())?),
        card => card,
    };
    let splits = here(args, card.is_some())?;
    let mut out = std::io::stdout().lock();
    if args.json {
        let sets: serde_json::Map<_, _> = splits
            .iter()
            .map(|(split, set)| {
                let shape = set.shape();
                let value = serde_json::json!({
                    "images": set.len(), "channels": shape.channels, "height": shape.height, "width": shape.width,
                    "classes": set.classes, "per_class": set.per_class(), "bytes": set.bytes(), "files": set.files(),
                });
                (split.name().to_owned(), value)
            })
            .collect();
        writeln!(out, "{}", serde_json::json!({ "card": card, "here": sets }))?;
        return Ok(());
    }
    if let Some(card) = &card {
        writeln!(out, "{}: {}\n", card.name, card.description)?;
        writeln!(out, "images   {} x {} pixels, {} channels", card.width, card.height, card.channels)?;
        writeln!(out, "hub      {} at {}", card.repo, card.revision)?;
        writeln!(out, "licence  {}\ncite     {}\n", card.licence, card.citation)?;
    } else if let Some((_, set)) = splits.first() {
        let shape = set.shape();
        writeln!(out, "{}: {} x {} pixels, {} channels\n", set.name, shape.width, shape.height, shape.channels)?;
    }
    let mut table = Table::new(&[
        ("split", Align::Left),
        ("images", Align::Right),
        ("here", Align::Right),
        ("MB", Align::Right),
        ("where", Align::Left),
    ]);
    for split in Split::ALL {
        let set = splits.iter().find(|(s, _)| *s == split).map(|(_, set)| set);
        let all = card.as_ref().and_then(|c| c.rows.get(split.name()).copied());
        if set.is_none() && all.is_none() {
            continue;
        }
        table.push([
            split.name().to_owned(),
            all.map_or("-".to_owned(), |n| n.to_string()),
            set.map_or("-".to_owned(), |s| s.len().to_string()),
            set.map_or("-".to_owned(), |s| format!("{:.1}", s.bytes() as f64 / 1e6)),
            set.and_then(|s| Some(s.files().first()?.parent()?.display().to_string())).unwrap_or_default(),
        ])?;
    }
    writeln!(out, "{}", table.to_text())?;
    let Some((_, first)) = splits.first() else {
        writeln!(out, "None of it is on this machine: infomax data download {}", args.source)?;
        return Ok(());
    };
    let mut columns = vec![("class", Align::Left)];
    columns.extend(splits.iter().map(|(s, _)| (s.name(), Align::Right)));
    let mut table = Table::new(&columns);
    for (i, name) in first.classes.iter().enumerate() {
        let counts = splits.iter().map(|(_, s)| s.per_class().get(i).map_or("-".to_owned(), usize::to_string));
        table.push(std::iter::once(name.clone()).chain(counts))?;
    }
    writeln!(out, "{}", table.to_text())?;
    Ok(())
}
