//! How long a question waited for its turn: that does not count as time in which it was not answered.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The shortest time after which it is looked again whether a question's time is over.
const STEP: Duration = Duration::from_millis(10);

/// The waiting of one question, which waits for one thing at a time.
#[derive(Debug, Default)]
pub(crate) struct WaitingTime(Mutex<Waited>);

#[derive(Debug, Default)]
struct Waited {
    before: Duration,
    since: Option<Instant>,
}

impl WaitingTime {
    /// Runs `wait`, which does not count.
    pub(crate) async fn while_waiting<T>(&self, wait: impl Future<Output = T>) -> T {
        self.change(|waited| waited.since = Some(Instant::now()));
        let output = wait.await;
        self.change(|waited| {
            waited.before += waited.since.take().map(|since| since.elapsed()).unwrap_or_default();
        });
        output
    }

    /// Returns what `work` comes to, or `None` where it takes longer than `limit` without the waiting.
    pub(crate) async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let start = Instant::now();
        let mut work = std::pin::pin!(work);
        let mut left = limit;
        loop {
            if let Ok(output) = tokio::time::timeout(left.max(STEP), &mut work).await {
                return Some(output);
            }
            let counted = start.elapsed().saturating_sub(self.so_far());
            left = limit.checked_sub(counted).filter(|left| !left.is_zero())?;
        }
    }

    fn so_far(&self) -> Duration {
        self.change(|waited| waited.before + waited.since.map(|since| since.elapsed()).unwrap_or_default())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Waited) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test]
    async fn waiting_does_not_count() {
        let millis = Duration::from_millis;
        let waiting = WaitingTime::default();
        let slow = async {
            waiting.while_waiting(sleep(millis(300))).await;
            sleep(millis(20)).await;
        };
        assert_eq!(waiting.within(millis(200), slow).await, Some(()));
        let waiting = WaitingTime::default();
        let too_slow = async {
            waiting.while_waiting(sleep(millis(100))).await;
            sleep(millis(10_000)).await;
        };
        assert_eq!(waiting.within(millis(200), too_slow).await, None);
    }
}
