//! `infomax notebook check`.

use super::CliError;
use super::notebook::{Which, executes};
use super::notebook_run::Printer;
use crate::ipynb::compare::{NEARLY, VARIES, differences};
use crate::ipynb::document::Document;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Differences of a cell that are told.
const TOLD: usize = 5;

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    which: Which,
    /// Do not execute anything: compare with the outputs in this notebook, or in the one of the same name in this folder
    #[arg(long, value_name = "FILE|DIR")]
    fresh: Option<PathBuf>,
}

const AFTER: &str = "\
Text is the same when all its words are and its numbers nearly (3 % and 0.02). Pictures are the same when they are of one \
size and nearly the same pixels (4 of 255 in the mean), of a cell with the tag `picture-varies` when they are of one size. Lines that begin with a time do not count, nor does stderr. No file \
is changed. --fresh compares what another program executed, such as `jupyter execute --output`.";

pub(super) fn run(args: &CheckArgs) -> Result<ExitCode, CliError> {
    let mut told = Printer::new(false, false);
    let mut same = true;
    for path in &args.which.paths()? {
        let committed = Document::read(path)?;
        let mut fresh = committed.clone();
        match &args.fresh {
            Some(other) if other.is_dir() => fresh = Document::read(&other.join(path.file_name().unwrap_or_default()))?,
            Some(other) => fresh = Document::read(other)?,
            None => {
                executes()?;
                let (ran, took) = told.run(&mut fresh, path, args.which.limit())?;
                told.say(&format!("{:.1} s", took.as_secs_f64()))?;
                if ran.iter().any(|r| r.failure.is_some()) {
                    same = false;
                    continue;
                }
            }
        }
        same &= compare(path, &committed, &fresh);
    }
    if same {
        told.say("the outputs are those in the files")?;
    }
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what differs; whether nothing does.
fn compare(path: &Path, committed: &Document, fresh: &Document) -> bool {
    let mut same = true;
    let mut differ = |cell: String, words: String| {
        same = false;
        eprintln!("error: {}, {cell}: {}", path.display(), words.replace('\n', " "));
    };
    let (old, new) = (committed.code().count(), fresh.code().count());
    if old != new {
        differ("all cells".into(), format!("{old} have code, now {new}"));
    }
    for (index, (old, new)) in committed.code().zip(fresh.code()).enumerate() {
        let source = old.source();
        let first = source.lines().find(|l| !l.trim().is_empty()).unwrap_or_default();
        let cell = format!("cell {} ({})", index + 1, first.chars().take(70).collect::<String>());
        if source != new.source() {
            differ(cell, "its code is another".into());
            continue;
        }
        let pixels = if old.has_tag(VARIES) { 255.0 } else { NEARLY };
        let found = differences(old.outputs(), new.outputs(), pixels);
        let more = found.len().saturating_sub(TOLD);
        found.into_iter().take(TOLD).for_each(|words| differ(cell.clone(), words));
        if more > 0 {
            differ(cell, format!("and {more} more differences"));
        }
    }
    same
}
