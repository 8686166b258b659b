//! Threads that do not sleep between short parallel sections.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the pool's threads are kept awake already.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Takes back what it stands for when it goes, also while a panic unwinds.
struct Until<'a>(&'a AtomicBool, bool);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.store(self.1, Ordering::Release);
    }
}

/// Runs `work` on a thread of rayon's pool; until it ends, the other threads look for its tasks without sleeping.
///
/// For loops of many steps of less than a millisecond: a thread that slept takes longer to wake than it is needed. It costs
/// the processor time of all threads, and ends only when each of them has been free once. Within another such call, or beside
/// one, only `work` is run.
pub fn awake<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    if TAKEN.swap(true, Ordering::Acquire) {
        return rayon::scope(|_| work());
    }
    let _taken = Until(&TAKEN, false);
    let over = &AtomicBool::new(false);
    rayon::scope(|scope| {
        let own = rayon::current_thread_index();
        scope.spawn_broadcast(move |_, thread| {
            // Its own copy runs when `work` waits, and would wait for `work`.
            while Some(thread.index()) != own && !over.load(Ordering::Acquire) {
                if rayon::yield_now() != Some(rayon::Yield::Executed) {
                    std::hint::spin_loop();
                }
            }
        });
        let _over = Until(over, true);
        work()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    fn sum() -> usize {
        (0..1000).map(|_| (0..100usize).into_par_iter().with_max_len(1).sum::<usize>()).sum()
    }

    #[test]
    fn work_is_done_on_any_pool_within_another_and_after_a_panic() {
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| awake(sum)), 4_950_000);
            assert_eq!(pool.install(|| awake(|| awake(sum))), 4_950_000);
            let panics = std::panic::AssertUnwindSafe(|| pool.install(|| awake::<()>(|| panic!("within"))));
            assert!(std::panic::catch_unwind(panics).is_err());
            let both = pool.install(|| rayon::join(|| awake(sum), || awake(sum)));
            assert_eq!(both, (4_950_000, 4_950_000));
        }
        assert_eq!(awake(sum), 4_950_000);
    }
}
