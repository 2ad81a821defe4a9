//! How fast a run may write: GitHub blocks who creates too much content in a short time.
//!
//! Source: GitHub's "Rate limits for the REST API": 80 content-generating requests a minute and 500 an hour.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many writes there may be within which time.
const LIMITS: [(usize, Duration); 2] = [(80, Duration::from_secs(60)), (500, Duration::from_secs(60 * 60))];

/// The writes of the last hour, over all repositories of a process.
#[derive(Debug, Default)]
pub struct Pace(Mutex<VecDeque<Instant>>);

impl Pace {
    /// Takes one write at `now`, or returns how long to wait before another try.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut writes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while writes.front().is_some_and(|first| now.duration_since(*first) >= LIMITS[1].1) {
            writes.pop_front();
        }
        for (most, within) in LIMITS {
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

    #[test]
    fn there_are_80_writes_a_minute_and_500_an_hour() {
        let (pace, start) = (Pace::default(), Instant::now());
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
