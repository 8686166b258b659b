//! `infomax data list` and `infomax data preview`.

use super::CliError;
use super::cache::CacheArgs;
use crate::data::{Card, ImageSet, Split};
use crate::report::{Align, ContactSheet, Table, Tile};
use crate::seed::stream;
use clap::Args;
use rand::seq::SliceRandom;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax data preview fashion_mnist --out fashion
  infomax data preview cifar10 --split test --images 60 --columns 12 --seed 3 --out cifar")]
pub(super) struct PreviewArgs {
    /// A name, or a path to images
    source: String,
    /// Where to look for a named data set first
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Which split: train, valid, test or unlabeled
    #[arg(long, default_value = "train", value_parser = parse_split)]
    split: Split,
    /// Images on the sheet
    #[arg(long, default_value_t = 40)]
    images: usize,
    /// Images in a row
    #[arg(long, default_value_t = 10)]
    columns: usize,
    /// Seed of the choice
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where to write: a PNG and an SVG of this name
    #[arg(long, value_name = "STEM")]
    out: PathBuf,
    #[command(flatten)]
    cache: CacheArgs,
}

/// The split of that name, for clap.
pub(super) fn parse_split(text: &str) -> Result<Split, String> {
    Split::named(text).ok_or_else(|| format!("it is one of {}", Split::ALL.map(Split::name).join(", ")))
}

/// What is known by name, and what of it is on this machine.
pub(super) fn list(args: &ListArgs) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    let mut table = Table::new(&[
        ("name", Align::Left),
        ("images", Align::Right),
        ("size", Align::Left),
        ("classes", Align::Right),
        ("here", Align::Left),
        ("what it is", Align::Left),
    ]);
    let mut rows = Vec::new();
    for name in Card::names() {
        let Some(card) = Card::named(name)? else { continue };
        let here: Vec<&str> = card.splits().filter(|&s| ImageSet::is_here(name, s, None)).map(Split::name).collect();
        if args.json {
            rows.push(serde_json::json!({ "card": card, "here": here }));
            continue;
        }
        table.push([
            card.name.clone(),
            card.rows.values().sum::<u64>().to_string(),
            format!("{}x{}x{}", card.width, card.height, card.channels),
            card.classes.len().to_string(),
            if here.is_empty() { "-".to_owned() } else { here.join(", ") },
            card.description.clone(),
        ])?;
    }
    if args.json {
        writeln!(out, "{}", serde_json::Value::Array(rows))?;
    } else {
        writeln!(out, "{}", table.to_text())?;
    }
    Ok(())
}

/// The tallest side of a tile that is drawn enlarged.
const SMALL: usize = 48;

/// A contact sheet of images chosen at random, with their labels.
pub(super) fn preview(args: &PreviewArgs) -> Result<(), CliError> {
    let set = args.cache.load(&args.source, args.split, args.data_dir.as_deref())?;
    let mut chosen: Vec<usize> = (0..set.len()).collect();
    chosen.shuffle(&mut stream(args.seed, "preview", 0));
    chosen.truncate(args.images);
    let scale = if set.height.max(set.width) <= SMALL { 2 } else { 1 };
    let title = format!("{}, {}: {} of {} images", set.name, args.split.name(), chosen.len(), set.len());
    let mut sheet = ContactSheet::new(args.columns, scale)?.title(title);
    for i in chosen {
        let caption = set.classes.get(set.label(i) as usize).cloned().unwrap_or_default();
        sheet.push(Tile::new(set.channels, set.height, set.width, set.image(i).to_vec())?.caption(caption))?;
    }
    let mut out = std::io::stdout().lock();
    for path in sheet.write(&args.out)? {
        writeln!(out, "{}", path.display())?;
    }
    Ok(())
}
