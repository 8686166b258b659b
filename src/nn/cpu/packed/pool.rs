//! Memory of packed sides, kept from one product for the next.

use super::Line;
use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

/// Buffers that wait to be used again; a step of training needs about ten at a time, and one for each thread.
static POOL: Mutex<Vec<Vec<Line>>> = Mutex::new(Vec::new());

/// Buffers that are kept.
const MOST: usize = 64;

/// A buffer of at least `lines` lines with anything in them.
pub(super) fn take(lines: usize) -> Vec<Line> {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    // The smallest that is large enough, else the largest, which grows.
    let best = (0..pool.len()).min_by_key(|&i| match pool[i].len() {
        len if len >= lines => (false, len),
        len => (true, usize::MAX - len),
    });
    let mut buffer = best.map(|i| pool.swap_remove(i)).unwrap_or_default();
    drop(pool);
    if buffer.len() < lines {
        buffer.resize(lines, Line([0; 16]));
    }
    buffer
}

/// Puts a buffer back.
pub(super) fn give(buffer: Vec<Line>) {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if pool.len() < MOST {
        pool.push(buffer);
    }
}

thread_local! {
    static SCRATCH: Cell<Vec<Line>> = const { Cell::new(Vec::new()) };
}

/// This thread's own buffer, which [`keep`] puts back.
pub(super) fn scratch() -> Vec<Line> {
    SCRATCH.take()
}

/// Keeps this thread's buffer for the next [`scratch`].
pub(super) fn keep(buffer: Vec<Line>) {
    SCRATCH.set(buffer);
}
