//! The most memory that a process has had, of one process for each work.

use std::fmt::{Display, Formatter, Result};
use std::process::Command;

/// Option by which this program asks itself to do one work alone.
const ALONE: &str = "--memory-of";

/// MiB.
#[derive(Clone, Copy)]
pub struct Peak {
    /// Before the model was made: the program and its libraries.
    pub before: u64,
    /// At the end.
    pub most: u64,
}

impl Display for Peak {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} MiB ({} without the program itself)", self.most, self.most - self.before)
    }
}

/// The most memory that this process has had so far, MiB; only Linux tells.
fn so_far() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? / 1024)
}

/// The work that this process is to do alone.
pub fn asked_for() -> Option<String> {
    let mut args = std::env::args().skip_while(|a| a != ALONE);
    args.next().and_then(|_| args.next())
}

/// Does the work and prints what [`of_a_process_that_runs`] reads.
pub fn tell(work: impl FnOnce()) {
    let before = so_far();
    work();
    if let (Some(before), Some(most)) = (before, so_far()) {
        println!("{before} {most}");
    }
}

/// Runs this program again for one work.
pub fn of_a_process_that_runs(name: &str) -> Option<Peak> {
    let output = Command::new(std::env::current_exe().ok()?).args([ALONE, name]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (before, most) = text.trim().split_once(' ')?;
    Some(Peak { before: before.parse().ok()?, most: most.parse().ok()? })
}
