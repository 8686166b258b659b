//! Keeping freed memory for the next step.

/// Tells the system's allocator to keep large blocks that are freed, rather than hand them back and fetch them again.
///
/// A step frees and takes the same activations and gradients as the one before. Mapped and unmapped each time, their
/// pages must be cleared again and forgotten on every core, which costs a third of the time of a step. The process holds
/// on to its highest use of memory instead, and threads that are yet to start take theirs from one place: a thread's own
/// has room for 64 MB at a time, and is handed back when it is empty. Only glibc needs it; elsewhere nothing is done.
pub(crate) fn keep() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            // SAFETY: `mallopt` takes two integers and changes thresholds under the allocator's own lock.
            unsafe {
                libc::mallopt(libc::M_MMAP_THRESHOLD, i32::MAX);
                libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
                libc::mallopt(libc::M_ARENA_MAX, 1);
            }
        });
    }
}
