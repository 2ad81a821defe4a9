//! How fast a run may write: forges block who creates too much content in a short time.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The latest writes, over all repositories of a process.
#[derive(Debug, Default)]
pub struct WriteLimit {
    /// How many writes there may be within which time, the longest time last; as many as one likes where it is empty.
    limits: &'static [(usize, Duration)],
    writes: Mutex<VecDeque<Instant>>,
}

impl WriteLimit {
    /// Returns the limit of a forge that allows so many writes within each of these times, the longest last.
    pub fn new(limits: &'static [(usize, Duration)]) -> Self {
        Self { limits, writes: Mutex::default() }
    }

    /// Takes one write at `now`, or returns how long to wait before another try.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        let Some((_, longest)) = self.limits.last() else { return Ok(()) };
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        while writes.front().is_some_and(|first| now.duration_since(*first) >= *longest) {
            writes.pop_front();
        }
        for &(most, within) in self.limits {
            let at = writes.len().checked_sub(most).and_then(|at| writes.get(at));
            let wait = at.and_then(|oldest| within.checked_sub(now.duration_since(*oldest)));
            if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
                return Err(wait);
            }
        }
        writes.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: [(usize, Duration); 2] = [(80, Duration::from_secs(60)), (500, Duration::from_secs(3600))];

    #[test]
    fn every_limit_is_kept_and_without_one_nobody_waits() {
        let (pace, start) = (WriteLimit::new(&LIMITS), Instant::now());
        assert!((0..1000).all(|_| WriteLimit::default().take(start).is_ok()));
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for _ in 0..80 {
            assert_eq!(pace.take(at(0)), Ok(()));
        }
        assert_eq!(pace.take(at(10)), Err(Duration::from_secs(50)));
        assert_eq!(pace.take(at(60)), Ok(()), "what was refused does not count");
        for minute in 1..6 {
            for _ in 0..80 {
                let _refused = pace.take(at(60 * minute));
            }
        }
        // 80 in each of six minutes: twenty more, then the hour is full.
        for _ in 0..20 {
            assert_eq!(pace.take(at(360)), Ok(()));
        }
        assert_eq!(pace.take(at(430)), Err(Duration::from_secs(3600 - 430)));
        assert_eq!(pace.take(at(3600)), Ok(()));
    }
}
