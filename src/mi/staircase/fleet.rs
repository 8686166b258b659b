//! Many climbs side by side.

use super::climb::climb_among_others;
use super::{Climb, Run, Staircase};
use crate::mi::MiError;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Who looks on while [`climb_all`] works; called from several threads.
pub trait Watch: Sync {
    /// What [`finished`](Watch::finished) can fail with.
    type Error: From<MiError> + Send;

    /// Some run has done so many steps more.
    fn advanced(&self, steps: usize) {
        let _ = steps;
    }

    /// Whether to stop as soon as possible.
    fn stopped(&self) -> bool {
        false
    }

    /// A run is at the top.
    ///
    /// # Errors
    /// Its own; they end all runs.
    fn finished(&self, climb: Climb) -> Result<(), Self::Error>;
}

/// Steps between two calls of the watch.
const NEWS: usize = 20;

/// Climbs `runs` on as many threads as rayon has, each run on one of them, and shows `watch` the finished ones. They begin
/// in the order given; the results do not depend on the number of threads.
///
/// # Errors
/// The first that occurs, of a run or of the watch.
pub fn climb_all<W: Watch>(stairs: &Staircase, runs: &[Run], watch: &W) -> Result<(), W::Error> {
    let objectives: Vec<_> = runs.iter().map(|r| r.objective).collect();
    stairs.check(&objectives)?;
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let error: Mutex<Option<W::Error>> = Mutex::new(None);
    let one = |run: Run| -> Result<(), W::Error> {
        let done = climb_among_others(stairs, run, |step| {
            if step.is_multiple_of(NEWS) {
                watch.advanced(NEWS);
            }
            !watch.stopped() && !failed.load(Ordering::Relaxed)
        })?;
        match done {
            Some(done) => {
                // The rest of a run that diverged, and what is left over.
                watch.advanced(stairs.steps() - done.nats.len() / NEWS * NEWS);
                watch.finished(done)
            }
            None => Ok(()),
        }
    };
    let work = || {
        while let Some(&run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if watch.stopped() || failed.load(Ordering::Relaxed) {
                return;
            }
            if let Err(e) = one(run) {
                failed.store(true, Ordering::Relaxed);
                if let Ok(mut first) = error.lock() {
                    first.get_or_insert(e);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..rayon::current_num_threads().min(runs.len()) {
            scope.spawn(|| alone(work));
        }
    });
    match error.into_inner() {
        Ok(Some(e)) => Err(e),
        _ => Ok(()),
    }
}

/// Runs `work` on this thread with a pool of this thread alone: its products are small, and sharing them out would cost
/// more than it saves while other threads have runs of their own.
fn alone(work: impl FnOnce() + Send) {
    match rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build() {
        // The thread stays in its pool until it ends.
        Ok(pool) => pool.install(work),
        // Slower, the same results.
        Err(_) => work(),
    }
}
