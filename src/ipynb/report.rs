//! What evcxr says of a cell that does not compile, as its kernel shows it.

use super::session::CellError;
use ariadne::sources;
use evcxr::{CompilationError, Error, Theme};

const RED: &str = "\x1b[91m";
const BLUE: &str = "\x1b[94m";
const PLAIN: &str = "\x1b[0m";

/// The errors of a cell, as the kernel would show those of its `number`-th.
pub(super) fn errors(error: &Error, source: &str, number: usize) -> Vec<CellError> {
    match error {
        Error::CompilationErrors(errors) => errors.iter().map(|e| compilation(e, source, number)).collect(),
        other => {
            let message = other.to_string();
            vec![CellError { traceback: vec![message.clone()], message }]
        }
    }
}

fn compilation(error: &CompilationError, source: &str, number: usize) -> CellError {
    let message = error.message();
    let traceback = if !error.is_from_user_code() {
        vec![format!("{RED}{message}{PLAIN}")]
    } else {
        // The kernel counts from 2.
        let file = format!("command_{}", number + 1);
        let drawn = error.build_report(file.clone(), source.to_owned(), Theme::Light).and_then(|report| {
            let mut text = Vec::new();
            report.write(sources([(file, source)]), &mut text).ok()?;
            Some(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
        });
        drawn.unwrap_or_else(|| underlined(error))
    };
    CellError { message, traceback }
}

/// The lines with what is wrong in them underlined: for sources that are not ASCII, of which evcxr draws no report.
fn underlined(error: &CompilationError) -> Vec<String> {
    let mut traceback = Vec::new();
    for message in error.spanned_messages() {
        traceback.extend(message.lines.iter().cloned());
        traceback.push(match &message.span {
            Some(span) => {
                let before = " ".repeat(span.start_column.saturating_sub(1));
                let marks = "^".repeat(span.end_column.saturating_sub(span.start_column));
                format!("{before}{RED}{marks}{PLAIN} {BLUE}{}{PLAIN}", message.label)
            }
            None => message.label.clone(),
        });
    }
    traceback.push(error.message());
    traceback.extend(error.help().into_iter().map(|help| format!("\x1b[1mhelp{PLAIN}: {help}")));
    traceback
}
