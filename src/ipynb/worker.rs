//! The process that [`super::session`] starts: evcxr as a library.

use super::session::{CellEnd, CellError, Event, Stream};
use super::{folder, relay, report};
use evcxr::{CommandContext, Error, EvalContext, EvalOutputs};
use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How long no line must come after a cell's end for all of its lines to be here: those on stderr take another way.
const QUIET: Duration = Duration::from_millis(20);
/// rust-analyzer goes deep into nested types.
const STACK: usize = 256 << 20;

/// What happens in this process.
enum Happened {
    Printed(Stream, String),
    Ended(CellEnd),
}

/// Must be called first of all: evcxr starts this program again to run the cells, and does not return here then.
pub(crate) fn hook() -> Option<ExitCode> {
    if std::env::var_os(relay::RELAY).is_some() {
        return Some(relay::run());
    }
    evcxr::runtime_hook();
    None
}

/// Executes the cells that come in, until there are no more.
pub(crate) fn serve() -> ExitCode {
    let Some(folder) = std::env::var_os(folder::FOLDER).map(PathBuf::from) else {
        tell(&Event::Unable("this is started by `infomax notebook run`".into()));
        return ExitCode::FAILURE;
    };
    let lock = match folder::claim(&folder) {
        Ok(Some(lock)) => lock,
        Ok(None) => {
            tell(&Event::Busy);
            return ExitCode::FAILURE;
        }
        Err(e) => {
            tell(&Event::Unable(format!("{} cannot be used: {e}", folder.display())));
            return ExitCode::FAILURE;
        }
    };
    let (happened, happens) = channel();
    let (cells, waiting) = channel();
    std::thread::spawn(move || read_cells(&cells));
    let (began, begins) = channel();
    let started = std::thread::Builder::new().stack_size(STACK).spawn(move || evaluate(&waiting, &happened, &began));
    if let Err(e) = started {
        tell(&Event::Unable(format!("no thread can be started: {e}")));
        return ExitCode::FAILURE;
    }
    match begins.recv() {
        Ok(Ok(())) => tell(&Event::Ready),
        Ok(Err(reason)) => {
            tell(&Event::Unable(reason));
            return ExitCode::FAILURE;
        }
        // It panicked, and has said why.
        Err(_) => return ExitCode::FAILURE,
    }
    pass_on(&happens);
    drop(lock);
    end()
}

/// Hands on the cells. When there are no more, or nobody is there to send them, ends this process and all that it started.
fn read_cells(cells: &Sender<String>) {
    for line in std::io::stdin().lock().lines() {
        let Some(cell) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) else { break };
        if cells.send(cell).is_err() {
            break;
        }
    }
    let _ = end();
}

/// Ends this process, the compiler that may be running, and the process that runs the cells.
fn end() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it sends a signal to the group of processes that `session` made for this one, and touches no memory.
    unsafe {
        libc::kill(0, libc::SIGKILL);
    }
    std::process::exit(0)
}

/// Owns evcxr: begins, then executes cell after cell.
fn evaluate(cells: &Receiver<String>, happened: &Sender<Happened>, began: &Sender<Result<(), String>>) {
    let mut context = match context(happened) {
        Ok(context) => context,
        Err(reason) => {
            let _ = began.send(Err(reason));
            return;
        }
    };
    let _ = began.send(Ok(()));
    for (index, cell) in cells.iter().enumerate() {
        let ended = catch_unwind(AssertUnwindSafe(|| context.execute(&cell)));
        let (end, lost) = match ended {
            Ok(ended) => (cell_end(ended, &cell, index + 1), false),
            Err(_) => {
                let message = "evcxr panicked on this cell; what it said is above".to_owned();
                let error = CellError { traceback: vec![message.clone()], message };
                (CellEnd { errors: vec![error], died: true, ..CellEnd::default() }, true)
            }
        };
        if happened.send(Happened::Ended(end)).is_err() || lost {
            return;
        }
    }
}

fn cell_end(ended: Result<EvalOutputs, Error>, source: &str, number: usize) -> CellEnd {
    match ended {
        Ok(outputs) => {
            let data = outputs.content_by_mime_type.into_iter().map(|(mime, body)| (mime, body.into())).collect();
            CellEnd { data, ..CellEnd::default() }
        }
        Err(error) => CellEnd {
            errors: report::errors(&error, source, number),
            died: matches!(error, Error::SubprocessTerminated(_)),
            ..CellEnd::default()
        },
    }
}

/// Tells of lines as they come, and of a cell's end after all of its lines.
fn pass_on(happens: &Receiver<Happened>) {
    let mut end = CellEnd::default();
    for next in happens {
        match next {
            Happened::Printed(stream, line) => printed(stream, line, &mut end),
            Happened::Ended(ended) => {
                while let Ok(Happened::Printed(stream, line)) = happens.recv_timeout(QUIET) {
                    printed(stream, line, &mut end);
                }
                let CellEnd { panicked, returned, .. } = std::mem::take(&mut end);
                tell(&Event::Done(CellEnd { panicked, returned, ..ended }));
            }
        }
    }
}

/// Tells of a line, or notes in `end` what the relay says.
fn printed(stream: Stream, line: String, end: &mut CellEnd) {
    match line.as_str() {
        relay::PANICKED => end.panicked = true,
        relay::RETURNED => end.returned = true,
        _ => tell(&Event::Line(stream, line)),
    }
}

fn tell(event: &Event) {
    // Who does not listen any more has closed the other end too, and that ends this process.
    if let Ok(text) = serde_json::to_string(event) {
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }
}

fn context(happened: &Sender<Happened>) -> Result<CommandContext, String> {
    let mut command = Command::new(std::env::current_exe().map_err(|e| e.to_string())?);
    command.env(relay::RELAY, "1");
    let (context, outputs) = EvalContext::with_subprocess_command(command).map_err(|e| e.to_string())?;
    let forward = |stream, lines: Box<dyn Iterator<Item = String> + Send>| {
        let happened = happened.clone();
        std::thread::spawn(move || {
            for line in lines {
                if happened.send(Happened::Printed(stream, line)).is_err() {
                    return;
                }
            }
        });
    };
    forward(Stream::Stdout, Box::new(outputs.stdout.into_iter()));
    forward(Stream::Stderr, Box::new(outputs.stderr.into_iter()));
    if let Some(folder) = std::env::var_os(folder::FOLDER) {
        folder::keep_versions(folder.as_ref());
    }
    let mut context = CommandContext::with_eval_context(context);
    context.execute(":load_config --quiet").map_err(|e| e.to_string())?;
    Ok(context)
}
