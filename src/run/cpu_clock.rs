//! The clock that a repository's computing is measured with.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Returns how long this thread has computed so far; waiting does not count.
pub(crate) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computing_is_counted_and_waiting_is_not() {
        let start = thread_time();
        std::hint::black_box((0..2_000_000_u64).fold(0_u64, |sum, i| sum.wrapping_mul(31) ^ i));
        let computed = thread_time();
        assert!(computed > start);
        std::thread::sleep(Duration::from_millis(300));
        assert!(thread_time() - computed < Duration::from_millis(200));
    }
}
