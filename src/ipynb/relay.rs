//! Stands between evcxr and the process that runs the cells, and tells evcxr's user what evcxr keeps to itself: whether a
//! cell panicked or a `?` ended it early.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};

/// Set for the process that is the relay.
pub(super) const RELAY: &str = "INFOMAX_NOTEBOOK_RELAY";
/// The line before evcxr's own that says that the cell panicked.
pub(super) const PANICKED: &str = "INFOMAX_CELL_PANICKED";
/// The line before evcxr's own that says that a `?` ended the cell.
pub(super) const RETURNED: &str = "INFOMAX_CELL_RETURNED";

/// What the process that runs the cells prints for evcxr: see `PANIC_NOTIFICATION` and `USER_ERROR_OCCURRED` there.
const SAID: [(&[u8], &str); 2] = [(b"EVCXR_PANIC_NOTIFICATION\n", PANICKED), (b"EVCXR_ERROR_OCCURRED\n", RETURNED)];

/// Runs the cells in a process of its own, and hands on what it prints until it ends.
pub(super) fn run() -> ExitCode {
    match relayed() {
        Ok(code) => code,
        Err(e) => {
            eprintln!("the process that runs the cells cannot be reached: {e}");
            ExitCode::FAILURE
        }
    }
}

fn relayed() -> std::io::Result<ExitCode> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut process = command.env_remove(RELAY).stdout(Stdio::piped()).spawn()?;
    if let Some(output) = process.stdout.take() {
        pass(BufReader::new(output), std::io::stdout().lock())?;
    }
    let status = process.wait()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or_else(
        || {
            eprintln!("the process that ran the cells ended with {status}");
            ExitCode::FAILURE
        },
        ExitCode::from,
    ))
}

/// Copies lines, and adds one before those that evcxr keeps.
fn pass(mut from: impl BufRead, mut to: impl Write) -> std::io::Result<()> {
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        if let Some((_, told)) = SAID.iter().find(|(said, _)| line == *said) {
            writeln!(to, "{told}")?;
        }
        to.write_all(&line)?;
        to.flush()?;
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_pass_and_what_evcxr_keeps_is_told() {
        let mut out = Vec::new();
        super::pass(&b"a\nEVCXR_PANIC_NOTIFICATION\n\xff EVCXR_ERROR_OCCURRED\nEVCXR_ERROR_OCCURRED\nb"[..], &mut out)
            .unwrap();
        let expected: &[u8] = b"a\nINFOMAX_CELL_PANICKED\nEVCXR_PANIC_NOTIFICATION\n\xff EVCXR_ERROR_OCCURRED\n\
            INFOMAX_CELL_RETURNED\nEVCXR_ERROR_OCCURRED\nb";
        assert_eq!(out, expected);
    }
}
