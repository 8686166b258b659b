//! Bad data: each kind gives its typed error, in one line that names the file, the place and the value; none a panic.

#[path = "../made/mod.rs"]
mod made;

mod binary;
mod cards;
mod corpus;
mod folder;
mod list;
mod parquet;
mod parsers;
mod pictures;
mod program;

use infomax::data::{DataError, ImageSet, Split};
use std::path::Path;

fn load(path: &Path, split: Split) -> Result<ImageSet, DataError> {
    ImageSet::load(path.to_str().unwrap(), split, None)
}

/// Checks an error's variant, that its message is one line, and that every word is in it.
macro_rules! fails {
    ($result:expr, $pattern:pat, $words:expr) => {{
        let error = $result.expect_err("bad data were taken");
        assert!(matches!(error, $pattern), "{error:?}");
        let message = error.to_string();
        assert!(!message.contains('\n'), "{message:?}");
        for word in $words {
            assert!(message.contains(word), "no {word:?} in {message:?}");
        }
    }};
}
pub(crate) use fails;

/// The most memory this process has held so far, MB.
#[cfg(target_os = "linux")]
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1000
}
