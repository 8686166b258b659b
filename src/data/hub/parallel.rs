//! Several files at once.

use super::HubError;
use super::retry::Stop;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Does `work` for every item on at most `jobs` threads; the results in the items' order. The first failure stops the
/// rest and is returned.
pub(super) fn each<'a, T: Sync, R: Send>(
    jobs: usize,
    items: &'a [T],
    stop: &Stop<'_>,
    work: impl Fn(usize, &'a T) -> Result<R, HubError> + Sync,
) -> Result<Vec<R>, HubError> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(i) else { return Ok(done) };
            match stop.check().and_then(|()| work(i, item)) {
                Ok(result) => done.push((i, result)),
                Err(e) => {
                    stop.all();
                    return Err(e);
                }
            }
        }
    };
    let outcomes: Vec<Result<Vec<(usize, R)>, HubError>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.clamp(1, items.len().max(1))).map(|_| scope.spawn(worker)).collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let (mut done, mut failed) = (Vec::with_capacity(items.len()), None);
    for outcome in outcomes {
        match outcome {
            Ok(results) => done.extend(results),
            // Those that were stopped by a sibling's failure say only that.
            Err(e) if failed.is_none() || matches!(failed, Some(HubError::Interrupted)) => failed = Some(e),
            Err(_) => {}
        }
    }
    if let Some(e) = failed {
        return Err(e);
    }
    done.sort_by_key(|(i, _)| *i);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn results_are_in_order_and_the_failure_is_told() {
        let flag = AtomicBool::new(false);
        let items: Vec<u64> = (0..20).collect();
        let doubled = each(4, &items, &Stop::new(&flag), |_, &x| Ok(2 * x)).unwrap();
        assert!(doubled.iter().copied().eq((0..20).map(|x| 2 * x)));
        let error = each(4, &items, &Stop::new(&flag), |i, _| if i == 7 { Err(HubError::NoHome) } else { Ok(()) });
        assert!(matches!(error, Err(HubError::NoHome)));
        flag.store(true, Ordering::Relaxed);
        assert!(matches!(each(2, &items, &Stop::new(&flag), |_, _| Ok(())), Err(HubError::Interrupted)));
        assert!(each(0, &[] as &[u64], &Stop::new(&AtomicBool::new(false)), |_, _| Ok(())).unwrap().is_empty());
    }
}
