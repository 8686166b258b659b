//! A whole notebook, cell by cell.

use super::document::Document;
use super::outputs::Outputs;
use super::session::{CellEnd, Lost, Session, Stream};
use super::{NotebookError, compare::without_colours};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// The tag of cells that must fail, as Jupyter has it.
pub(crate) const MUST_FAIL: &str = "raises-exception";

/// What is told while a notebook runs.
#[derive(Debug)]
pub(crate) enum Told<'a> {
    /// evcxr is ready after so long.
    Ready(Duration),
    /// A line that a cell printed, or what its live picture says.
    Line { text: &'a str, live: bool },
    /// A cell has ended.
    Cell(&'a Ran),
}

/// A cell that has run.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    /// Its number, from 1.
    pub number: usize,
    /// Cells of the notebook.
    pub of: usize,
    /// How long it took.
    pub took: Duration,
    /// Its first line.
    pub line: String,
    /// What is wrong, if anything.
    pub failure: Option<Failure>,
}

/// Why a notebook ended early.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What is wrong, in one line.
    pub words: String,
    /// What the compiler or the cell said.
    pub details: String,
    /// The cell's text.
    pub source: String,
}

/// Executes the cells of a notebook in `place` and fills in what they give, up to the first that fails. `limit` is for each
/// cell. Returns the cells that ran.
///
/// # Errors
/// When nothing can be executed at all.
pub(crate) fn execute(
    document: &mut Document,
    place: &Path,
    limit: Duration,
    mut tell: impl FnMut(Told<'_>),
) -> Result<Vec<Ran>, NotebookError> {
    let cells: Vec<(String, bool)> = document.code().map(|c| (c.source(), c.has_tag(MUST_FAIL))).collect();
    document.code_mut().for_each(|mut cell| cell.clear());
    let began = Instant::now();
    let mut session = Session::start(place)?;
    tell(Told::Ready(began.elapsed()));
    let mut ran = Vec::new();
    for (index, (source, must_fail)) in cells.iter().enumerate() {
        let (number, start, began) = (index + 1, Instant::now(), SystemTime::now());
        let mut outputs = Outputs::default();
        let ended = session.execute(source, limit, |stream, line| {
            let live = outputs.line(stream, line);
            tell(Told::Line { text: live.as_deref().unwrap_or(line), live: live.is_some() });
        });
        let words = wrong(&ended, *must_fail, limit);
        if let Ok(end) = ended {
            end.errors.iter().for_each(|error| outputs.error(error));
            if !end.data.is_empty() {
                outputs.result(end.data, number);
            }
        }
        let failure = words.map(|words| Failure { words, details: details(&outputs), source: source.clone() });
        if let Some(mut cell) = document.code_mut().nth(index) {
            cell.set_outputs(outputs.into_values(), Some(number));
            cell.set_time(began, SystemTime::now());
        }
        let line = source.lines().find(|l| !l.trim().is_empty()).unwrap_or_default().chars().take(70).collect();
        let done = Ran { number, of: cells.len(), took: start.elapsed(), line, failure };
        tell(Told::Cell(&done));
        let failed = done.failure.is_some();
        ran.push(done);
        if failed {
            break;
        }
    }
    Ok(ran)
}

/// What is wrong with a cell, in one line.
fn wrong(ended: &Result<CellEnd, Lost>, must_fail: bool, limit: Duration) -> Option<String> {
    let end = match ended {
        Err(Lost::Late) => return Some(format!("it took longer than --timeout {} s", limit.as_secs())),
        Err(Lost::Ended) => return Some("evcxr ended while it ran".into()),
        Ok(end) => end,
    };
    let first = end.errors.first().map(|e| e.message.lines().next().unwrap_or_default());
    match first {
        Some(message) if end.died => Some(format!("the process that ran it ended: {message}")),
        _ if end.panicked && !must_fail => Some("it panicked".into()),
        _ if end.returned && !must_fail => Some("a `?` ended it early".into()),
        Some(message) if !must_fail => Some(format!("it does not compile: {message}")),
        None if must_fail && !end.panicked && !end.returned => {
            Some(format!("it has the tag `{MUST_FAIL}` but did not fail"))
        }
        _ => None,
    }
}

/// What was said about a failure: the compiler's words, or else what the cell printed to stderr.
fn details(outputs: &Outputs) -> String {
    let errors = outputs.tracebacks();
    let said = if errors.is_empty() { outputs.printed(Stream::Stderr) } else { errors };
    without_colours(said.trim_end())
}
