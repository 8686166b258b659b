//! Loops that an interrupt ends and that lose nothing.

/// The items of `work` until the notebook's interrupt button is pressed: the loop ends between two of them, as if there
/// were no more, and the cell goes on. All variables stay, so a loop that begins where they stand can go on in the next
/// cell.
///
/// The button works this way under the kernel `infomax (Rust)` on Linux, which sends SIGINT; plain evcxr ends the process
/// and with it all variables. Outside of such a loop SIGINT does what it did before.
///
/// ```
/// let mut sum = 0;
/// for i in infomax::notebook::until_interrupted(0..10) {
///     sum += i;
/// }
/// assert_eq!(sum, 45);
/// ```
pub fn until_interrupted<I: IntoIterator>(work: I) -> UntilInterrupted<I::IntoIter> {
    UntilInterrupted { work: work.into_iter(), caught: caught::Sigint::begin() }
}

/// See [`until_interrupted`].
#[derive(Debug)]
pub struct UntilInterrupted<I> {
    work: I,
    caught: caught::Sigint,
}

impl<I: Iterator> Iterator for UntilInterrupted<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        if self.caught.came() { None } else { self.work.next() }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod caught {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// How many came since the program began.
    static CAME: AtomicU64 = AtomicU64::new(0);
    /// How many loops wait for one, and what to put back when none does.
    static WAITING: Mutex<(usize, Option<libc::sigaction>)> = Mutex::new((0, None));

    extern "C" fn count(_: libc::c_int) {
        CAME.fetch_add(1, Ordering::Relaxed);
    }

    /// While one of these lives, SIGINT is counted and does nothing else.
    #[derive(Debug)]
    pub struct Sigint {
        before: u64,
    }

    impl Sigint {
        pub fn begin() -> Self {
            let mut waiting = WAITING.lock().unwrap_or_else(|e| e.into_inner());
            waiting.0 += 1;
            if waiting.0 == 1 {
                // SAFETY: all zeros are a valid sigaction; the handler touches one atomic, which a handler may.
                waiting.1 = unsafe {
                    let mut action: libc::sigaction = std::mem::zeroed();
                    action.sa_sigaction = count as *const () as usize;
                    action.sa_flags = libc::SA_RESTART;
                    let mut old: libc::sigaction = std::mem::zeroed();
                    (libc::sigaction(libc::SIGINT, &action, &mut old) == 0).then_some(old)
                };
            }
            Self { before: CAME.load(Ordering::Relaxed) }
        }

        pub fn came(&self) -> bool {
            CAME.load(Ordering::Relaxed) != self.before
        }
    }

    impl Drop for Sigint {
        fn drop(&mut self) {
            if self.came() {
                // The kernel may be looking just now whether the signal is waited for.
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
            let mut waiting = WAITING.lock().unwrap_or_else(|e| e.into_inner());
            waiting.0 -= 1;
            if waiting.0 == 0
                && let Some(old) = waiting.1.take()
            {
                // SAFETY: `old` is what the system gave.
                unsafe { libc::sigaction(libc::SIGINT, &old, std::ptr::null_mut()) };
            }
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod caught {
    #[derive(Debug)]
    pub struct Sigint;

    impl Sigint {
        pub fn begin() -> Self {
            Self
        }

        pub fn came(&self) -> bool {
            false
        }
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn a_signal_ends_the_loop_and_only_that_one() {
        let mut seen = Vec::new();
        for i in until_interrupted(0..10) {
            seen.push(i);
            if i == 3 {
                // SAFETY: the loop's handler is installed, so the signal is counted.
                unsafe { libc::raise(libc::SIGINT) };
            }
        }
        assert_eq!(seen, [0, 1, 2, 3]);
        assert_eq!(until_interrupted(0..10).count(), 10);
    }
}
