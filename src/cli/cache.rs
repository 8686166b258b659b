//! Decoded copies of data sets: `--no-cache`, and `infomax data cache`.

use super::CliError;
use crate::data::{CacheEntry, DecodedCache, ImageSet, Split};
use crate::report::{Align, Table};
use clap::Args;
use std::io::Write;
use std::path::Path;

/// Whether decoded copies are used.
#[derive(Debug, Args)]
pub(super) struct CacheArgs {
    /// Neither use nor keep a decoded copy of the data set (see `infomax data cache`)
    #[arg(long)]
    no_cache: bool,
}

impl CacheArgs {
    /// Loads a split, from its decoded copy if there is one; says so when the copy cannot be used or kept.
    pub(super) fn load(&self, source: &str, split: Split, dir: Option<&Path>) -> Result<ImageSet, CliError> {
        let cache = if self.no_cache { None } else { DecodedCache::from_env() };
        let Some(cache) = cache else { return Ok(ImageSet::load(source, split, dir)?) };
        let (set, used) = ImageSet::load_cached(source, split, dir, &cache)?;
        if let Some(note) = used.note() {
            eprintln!("note: {note}");
        }
        Ok(set)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Sets of parquet files that decode to 16 MiB or more are decoded once and kept in the folder `decoded` of INFOMAX_HOME, or
else of infomax in the system's cache folder. A copy is of exactly the files that it was made from, and is checked on every
read; it may be removed at any time. --no-cache in other commands leaves it alone.

Examples:
  infomax data cache
  infomax data cache --clear cifar10
  infomax data cache --clear")]
pub(super) struct DataCacheArgs {
    /// Remove the copies of this set, or all
    #[arg(long, value_name = "NAME", num_args = 0..=1)]
    clear: Option<Option<String>>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Lists the copies, or removes them.
pub(super) fn run(args: &DataCacheArgs) -> Result<(), CliError> {
    let cache = DecodedCache::from_env().ok_or_else(|| {
        CliError::Failed("it is not known where copies are kept (no home folder); set INFOMAX_HOME to a folder".into())
    })?;
    let entries = match &args.clear {
        Some(name) => cache.clear(name.as_deref())?,
        None => cache.entries()?,
    };
    let mut out = std::io::stdout().lock();
    let bytes: u64 = entries.iter().map(|e| e.bytes).sum();
    if args.json {
        let what = if args.clear.is_some() { "removed" } else { "kept" };
        writeln!(out, "{}", serde_json::json!({ "folder": cache.folder(), what: entries, "bytes": bytes }))?;
        return Ok(());
    }
    let megabytes = format!("{:.1} MB", bytes as f64 / 1e6);
    match &args.clear {
        Some(Some(name)) if entries.is_empty() => writeln!(out, "No copy of {name} in {}", cache.folder().display())?,
        Some(_) => writeln!(out, "Removed {} files, {megabytes}, from {}", entries.len(), cache.folder().display())?,
        None => {
            if !entries.is_empty() {
                writeln!(out, "{}", table(&entries)?.to_text())?;
            }
            writeln!(out, "{} files, {megabytes}, in {}", entries.len(), cache.folder().display())?;
        }
    }
    Ok(())
}

fn table(entries: &[CacheEntry]) -> Result<Table, CliError> {
    let mut table = Table::new(&[
        ("name", Align::Left),
        ("split", Align::Left),
        ("images", Align::Right),
        ("size", Align::Left),
        ("MB", Align::Right),
        ("file", Align::Left),
    ]);
    for entry in entries {
        let [channels, height, width] = entry.shape;
        let file = entry.file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        table.push([
            entry.name.clone(),
            entry.split.clone(),
            entry.images.to_string(),
            format!("{width}x{height}x{channels}"),
            format!("{:.1}", entry.bytes as f64 / 1e6),
            entry.damage.as_ref().map_or(file.clone(), |damage| format!("{file}: of no use ({damage})")),
        ])?;
    }
    Ok(table)
}
