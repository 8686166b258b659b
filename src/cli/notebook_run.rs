//! `infomax notebook run`.

use super::CliError;
use super::notebook::{Which, executes, place};
use crate::files::write_atomic;
use crate::ipynb::NotebookError;
use crate::ipynb::document::Document;
use crate::ipynb::execute::{Failure, Ran, Told, execute};
use crate::ipynb::parameters;
use clap::Args;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct RunArgs {
    #[command(flatten)]
    which: Which,
    /// Change the line `let NAME = …;`
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Write the notebook with its outputs here instead of over the file; a folder for several notebooks
    #[arg(long, value_name = "FILE|DIR")]
    out: Option<PathBuf>,
    /// Print what cells print
    #[arg(long, short)]
    verbose: bool,
    /// Print as JSON
    #[arg(long, conflicts_with = "verbose")]
    json: bool,
}

const AFTER: &str = "\
Cells run in the notebook's folder, by evcxr, as in Jupyter: :dep, :opt and such work, and what was compiled for the kernel \
`infomax (Rust)` is not compiled again. The first cell that fails ends the notebook, with the compiler's message and exit \
code 1; cells with the tag `raises-exception` must fail. The file is replaced only when all went well; --out gets the outputs \
up to the failure as well. When each cell ran is in its metadata.

--set changes the first line `let NAME = …;` that is not indented, in cells with the tag `parameters` or else in any. The \
value is Rust, and without --out it stays in the file.";

pub(super) fn run(args: &RunArgs) -> Result<ExitCode, CliError> {
    let paths = args.which.paths()?;
    let folder = args.out.as_ref().is_some_and(|out| out.is_dir() || out.to_string_lossy().ends_with('/'));
    if let Some(out) = args.out.as_ref().filter(|_| paths.len() > 1 && !folder) {
        return Err(CliError::Usage(format!("--out {}: with several notebooks it is a folder", out.display())));
    }
    let mut told = Printer::new(args.verbose, args.json);
    let mut failed = false;
    let mut runs = Vec::new();
    for path in &paths {
        let mut document = Document::read(path)?;
        let mut changes = Vec::new();
        for setting in &args.set {
            let change = parameters::set(&mut document, setting)?;
            let why = if change.tagged { "tagged `parameters`" } else { "the first that has it" };
            told.say(&format!("{}, cell {} ({why}): {}", path.display(), change.cell, change.line))?;
            changes.push(json!({ "cell": change.cell, "line": change.line, "tagged": change.tagged }));
        }
        executes()?;
        let out = match &args.out {
            Some(out) if folder => Some(out.join(path.file_name().unwrap_or_default())),
            out => out.clone(),
        };
        let (ran, took) = told.run(&mut document, path, args.which.limit())?;
        let went_well = ran.iter().all(|r| r.failure.is_none());
        failed |= !went_well;
        let to = out.as_deref().or(Some(path.as_path()).filter(|_| went_well));
        if let Some(to) = to {
            let wrong = |reason| NotebookError::Write { path: to.to_owned(), reason };
            write_atomic(to, &document.to_bytes()).map_err(wrong)?;
            told.say(&format!("{:.1} s; {}", took.as_secs_f64(), to.display()))?;
        } else {
            told.say(&format!("{:.1} s; {} is as it was", took.as_secs_f64(), path.display()))?;
        }
        runs.push(json!({
            "file": path, "parameters": changes, "seconds": took.as_secs_f64(), "written": to,
            "cells": ran.iter().map(told_of).collect::<Vec<_>>(),
        }));
    }
    if args.json {
        writeln!(std::io::stdout(), "{}", json!({ "notebooks": runs }))?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn told_of(ran: &Ran) -> Value {
    let error = ran.failure.as_ref().map(|f| json!({ "words": f.words, "details": f.details }));
    json!({ "number": ran.number, "seconds": ran.took.as_secs_f64(), "line": ran.line, "error": error })
}

/// Tells of notebooks while they run.
#[derive(Debug)]
pub(super) struct Printer {
    verbose: bool,
    silent: bool,
}

impl Printer {
    pub(super) fn new(verbose: bool, silent: bool) -> Self {
        Self { verbose, silent }
    }

    pub(super) fn say(&self, line: &str) -> Result<(), CliError> {
        if !self.silent {
            writeln!(std::io::stdout(), "{line}")?;
        }
        Ok(())
    }

    /// Executes a notebook's cells, and prints what each took and why one failed. The cells that ran, and the time of all.
    pub(super) fn run(
        &mut self,
        document: &mut Document,
        path: &Path,
        limit: Duration,
    ) -> Result<(Vec<Ran>, Duration), CliError> {
        let began = Instant::now();
        let mut progress = Progress::begin();
        let mut printed = Ok(());
        let ran = execute(document, &place(path), limit, |told| {
            let said = match told {
                Told::Ready(after) => {
                    Some(format!("{}: evcxr is ready after {:.1} s", path.display(), after.as_secs_f64()))
                }
                Told::Line { text, live: true } => progress.due().then(|| format!("        {text}")),
                Told::Line { text, live: false } => self.verbose.then(|| format!("        {text}")),
                Told::Cell(ran) => {
                    progress = Progress::begin();
                    if let Some(failure) = &ran.failure {
                        tell_failure(path, ran.number, failure);
                    }
                    let took = ran.took.as_secs_f64();
                    Some(format!("[{}/{}] {took:6.1} s  {}", ran.number, ran.of, ran.line))
                }
            };
            if let (Some(said), Ok(())) = (said, &printed) {
                printed = self.say(&said);
            }
        });
        // Cells go on when nobody reads what is printed: their outputs are what counts.
        let ran = ran?;
        printed?;
        Ok((ran, began.elapsed()))
    }
}

fn tell_failure(path: &Path, number: usize, failure: &Failure) {
    let Failure { words, details, source } = failure;
    for line in source.lines() {
        eprintln!("    {line}");
    }
    eprintln!("{details}");
    eprintln!("error: {}, cell {number}: {words}", path.display());
}

/// When a line about a cell that goes on is due: after two seconds, then ever less often.
#[derive(Debug)]
struct Progress {
    began: Instant,
    last: Instant,
}

impl Progress {
    fn begin() -> Self {
        Self { began: Instant::now(), last: Instant::now() }
    }

    fn due(&mut self) -> bool {
        let due = self.last.elapsed() >= Duration::from_secs(2).max(self.began.elapsed() / 5);
        if due {
            self.last = Instant::now();
        }
        due
    }
}
