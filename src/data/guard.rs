//! Panics of libraries on damaged files, as errors.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; when it panics, here or on a thread whose panics are handed on to here, returns what it said.
///
/// The parquet reader of polars panics on some damaged files, and so does the JPEG decoder zune-jpeg. What they were
/// building is thrown away, so that nothing half made is seen afterwards.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    GUARDED.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(false);
    done.map_err(|said| {
        let text = said.downcast_ref::<&str>().copied().map(str::to_owned);
        let text = text.or_else(|| said.downcast_ref::<String>().cloned()).unwrap_or_default();
        text.lines().next().unwrap_or_default().to_owned()
    })
}

/// Whether a panic on this thread becomes an error, so that the program need not report it as a fault of its own.
#[cfg(feature = "cli")]
pub(crate) fn is_guarded() -> bool {
    GUARDED.get() || std::thread::current().name().is_some_and(|n| n.starts_with("polars-"))
}
