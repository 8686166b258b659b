//! When to try again, and how long to wait before.

use super::{HubConfig, HubError};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Why an attempt failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// Another attempt may do better.
    Passing {
        /// The host that failed.
        host: String,
        /// How.
        cause: Cause,
        /// The wait that the server asks for.
        wait: Option<Duration>,
    },
    /// The bytes are not those of the file.
    Damaged(String),
    /// It will not get better.
    Lasting(HubError),
}

#[derive(Debug)]
pub(super) enum Cause {
    /// No connection, or a broken one.
    Network(String),
    /// A status that asks for patience.
    Status(u16),
}

impl Fault {
    pub(super) fn network(host: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Passing { host: host.into(), cause: Cause::Network(reason.into()), wait: None }
    }
}

impl From<HubError> for Fault {
    fn from(error: HubError) -> Self {
        Self::Lasting(error)
    }
}

/// Whether to stop: because the caller says so, or because a sibling has failed.
#[derive(Debug)]
pub(super) struct Stop<'a> {
    caller: &'a AtomicBool,
    sibling: AtomicBool,
}

impl<'a> Stop<'a> {
    pub(super) fn new(caller: &'a AtomicBool) -> Self {
        Self { caller, sibling: AtomicBool::new(false) }
    }

    /// Makes every check from now on fail.
    pub(super) fn all(&self) {
        self.sibling.store(true, Ordering::Relaxed);
    }

    pub(super) fn check(&self) -> Result<(), HubError> {
        if self.caller.load(Ordering::Relaxed) || self.sibling.load(Ordering::Relaxed) {
            return Err(HubError::Interrupted);
        }
        Ok(())
    }

    /// Waits, in slices short enough that a stop is prompt.
    pub(super) fn sleep(&self, time: Duration) -> Result<(), HubError> {
        let end = Instant::now() + time;
        loop {
            self.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
    }
}

/// Counts failures in a row.
pub(super) struct Attempts<'a> {
    config: &'a HubConfig,
    stop: &'a Stop<'a>,
    failed: u32,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(config: &'a HubConfig, stop: &'a Stop<'a>) -> Self {
        Self { config, stop, failed: 0 }
    }

    /// After a passing fault: waits, or gives up. `progressed` says that bytes arrived since the last fault; then the
    /// count begins anew. `say` is told why and how long it waits.
    pub(super) fn wait(
        &mut self,
        host: String,
        cause: Cause,
        asked: Option<Duration>,
        progressed: bool,
        say: &dyn Fn(&str),
    ) -> Result<(), HubError> {
        self.failed = if progressed { 1 } else { self.failed + 1 };
        if self.failed >= self.config.attempts {
            let tried = self.failed;
            return Err(match cause {
                Cause::Network(reason) => HubError::Unreachable { host, reason, tried },
                Cause::Status(status) => HubError::Busy { host, status, tried },
            });
        }
        let doubled = self.config.first_wait.saturating_mul(1 << (self.failed - 1).min(16));
        let own = doubled.mul_f64(1.0 - 0.5 * random());
        let wait = asked.map_or(own, |asked| asked.max(own)).min(self.config.longest_wait);
        let why = match cause {
            Cause::Network(reason) => reason,
            Cause::Status(status) => format!("{host} answered with status {status}"),
        };
        say(&format!("{why}; trying again in {:.1} s", wait.as_secs_f64()));
        self.stop.sleep(wait)
    }
}

/// A number in [0, 1) that differs between processes and calls, so that many clients do not come back at once. It moves
/// no result, and takes nothing from the root seed.
fn random() -> f64 {
    (RandomState::new().hash_one(std::process::id()) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_begins_the_count_anew_and_the_wait_is_bounded() {
        let config = HubConfig {
            attempts: 3,
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(5),
            ..HubConfig::new("x")
        };
        let flag = AtomicBool::new(false);
        let stop = Stop::new(&flag);
        let mut attempts = Attempts::new(&config, &stop);
        let mut fail = |progressed, asked: Option<u64>| {
            let asked = asked.map(Duration::from_secs);
            attempts.wait("hub".into(), Cause::Status(503), asked, progressed, &|_| ())
        };
        for _ in 0..5 {
            fail(true, None).unwrap();
        }
        let began = Instant::now();
        fail(false, Some(3600)).unwrap();
        assert!(began.elapsed() < Duration::from_secs(1), "the wait that a server asks for is capped");
        assert!(matches!(fail(false, None), Err(HubError::Busy { status: 503, tried: 3, .. })));
    }

    #[test]
    fn a_stop_ends_a_wait() {
        let flag = AtomicBool::new(true);
        assert!(matches!(Stop::new(&flag).sleep(Duration::from_secs(60)), Err(HubError::Interrupted)));
        let numbers: Vec<f64> = (0..100).map(|_| random()).collect();
        assert!(numbers.iter().all(|r| (0.0..1.0).contains(r)) && numbers.windows(2).any(|w| w[0] != w[1]));
    }
}
