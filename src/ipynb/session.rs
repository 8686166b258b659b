//! A process that executes cells.
//!
//! It is this program again (`infomax notebook worker`), in the notebook's folder, as Jupyter starts kernels: so cells find
//! `path = "lib"` and files beside the notebook, and what never ends can be ended with all that it started. Cells go in as
//! one JSON text a line, and [`Event`]s come out.

use super::{NotebookError, folder};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long a process that was told to end may take.
const GRACE: Duration = Duration::from_secs(5);

/// How long evcxr may take to begin, on a machine that has other things to do.
const BEGINNING: Duration = Duration::from_secs(300);

/// Where a line was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    /// Its name in a notebook.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// What the process says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    /// The build folder is another's.
    Busy,
    /// It cannot begin.
    Unable(String),
    /// It waits for a cell.
    Ready,
    /// A cell printed a line.
    Line(Stream, String),
    /// A cell has ended.
    Done(CellEnd),
}

/// How a cell ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct CellEnd {
    /// The forms of the value that it ended in, by mime type.
    pub data: Map<String, Value>,
    /// What is wrong with it.
    pub errors: Vec<CellError>,
    /// Whether it panicked.
    pub panicked: bool,
    /// Whether a `?` ended it early.
    pub returned: bool,
    /// Whether the process that ran it has ended, and with it all variables.
    pub died: bool,
}

/// What is wrong with a cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CellError {
    /// In one line.
    pub message: String,
    /// As it is shown, with the cell's lines.
    pub traceback: Vec<String>,
}

/// Why there is no [`CellEnd`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It took too long.
    Late,
    /// The process ended.
    Ended,
}

/// A process that executes cells, one after the other. Dropped, it ends.
#[derive(Debug)]
pub(crate) struct Session {
    process: Child,
    cells: Option<ChildStdin>,
    events: Receiver<Event>,
}

impl Session {
    /// Starts one that works in `place`, with the first build folder that no other has.
    ///
    /// # Errors
    /// When it cannot be started, is not ready in time, or all build folders are in use.
    pub fn start(place: &Path) -> Result<Self, NotebookError> {
        let unable = |what: &str, e: std::io::Error| NotebookError::Session(format!("{what}: {e}"));
        let program = std::env::current_exe().map_err(|e| unable("where this program is, is not known", e))?;
        let until = Instant::now() + BEGINNING;
        for folder in folder::all()? {
            let mut command = Command::new(&program);
            command.args(["notebook", "worker"]).current_dir(place).envs(folder::environment(&folder));
            for (name, _) in std::env::vars_os().filter(|(name, _)| folder::is_cargos(name)) {
                command.env_remove(name);
            }
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            // So that all that it starts can be ended at once, and is not by Ctrl-C before this process.
            #[cfg(unix)]
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
            let process = command.spawn().map_err(|e| unable(&format!("in {}", place.display()), e))?;
            let mut session = Self::of(process);
            match session.next(until) {
                Ok(Event::Ready) => return Ok(session),
                Ok(Event::Busy) => (),
                Ok(Event::Unable(reason)) => return Err(NotebookError::Session(reason)),
                Err(Lost::Late) => {
                    return Err(NotebookError::Session(format!("evcxr was not ready after {} s", BEGINNING.as_secs())));
                }
                Ok(_) | Err(Lost::Ended) => return Err(NotebookError::Session("evcxr ended while it began".into())),
            }
        }
        Err(NotebookError::Session(format!("{} kernels run already; shut one down", folder::SLOTS)))
    }

    fn of(mut process: Child) -> Self {
        let (send, events) = channel();
        if let Some(output) = process.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines() {
                    let Ok(line) = line else { return };
                    // What is no event was printed by a library in the process, for people who look at it.
                    let Ok(event) = serde_json::from_str(&line) else { continue };
                    if send.send(event).is_err() {
                        return;
                    }
                }
            });
        }
        Self { cells: process.stdin.take(), process, events }
    }

    fn next(&mut self, until: Instant) -> Result<Event, Lost> {
        self.events.recv_timeout(until.saturating_duration_since(Instant::now())).map_err(|e| match e {
            RecvTimeoutError::Timeout => Lost::Late,
            RecvTimeoutError::Disconnected => Lost::Ended,
        })
    }

    /// Executes a cell; hands on the lines that it prints.
    ///
    /// # Errors
    /// When it takes longer than `limit`, or the process ends. Nothing can be executed afterwards.
    pub fn execute(
        &mut self,
        code: &str,
        limit: Duration,
        mut line: impl FnMut(Stream, &str),
    ) -> Result<CellEnd, Lost> {
        let until = Instant::now() + limit;
        let cell = Value::from(code).to_string();
        self.cells.as_mut().and_then(|c| writeln!(c, "{cell}").and_then(|()| c.flush()).ok()).ok_or(Lost::Ended)?;
        loop {
            match self.next(until)? {
                Event::Line(stream, text) => line(stream, &text),
                Event::Done(end) => return Ok(end),
                Event::Busy | Event::Ready | Event::Unable(_) => (),
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It ends itself and all that it started when there are no more cells.
        self.cells.take();
        let until = Instant::now() + GRACE;
        while let Ok(None) = self.process.try_wait() {
            if Instant::now() > until {
                let _ = self.process.kill();
                let _ = self.process.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
