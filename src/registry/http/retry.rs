//! Bounded retries with jitter.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};

use super::attempt::{AttemptError, Retry};
use crate::registry::trace::step;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeats {
    pub(crate) times: usize,
    /// About how long the first pause is; each further one is three times as long.
    pub(crate) first: Duration,
    /// About how much longer than it asked for a registry is left in peace, for the first time.
    pub(crate) spread: Duration,
    /// The longest pause, and the longest that a registry may ask for and get.
    pub(crate) longest: Duration,
}

impl Repeats {
    /// Returns how much is added to a pause that was asked for, where a pause of our own choice is `own`.
    fn beside(&self, own: Duration) -> Duration {
        let part = self.spread.as_secs_f64() / self.first.as_secs_f64();
        if part < 1.0 { own.mul_f64(part) } else { own }
    }
}

/// The requests that one registry may get beside those that are needed: what works earns them, so that one that is sick is
/// not stormed.
#[derive(Debug)]
pub(crate) struct SpareRequests {
    /// In tenths.
    left: AtomicU32,
    /// What an answer earns, in tenths.
    share: u32,
}

/// A whole request, in tenths.
const WHOLE: u32 = 10;

/// How many requests may be saved up.
const SPARE_MAX: u32 = 1000;

impl SpareRequests {
    /// Returns those that repeat what failed: ten from the start, and one for each answer.
    pub(crate) fn repeats() -> Self {
        Self { left: AtomicU32::new(10 * WHOLE), share: WHOLE }
    }

    /// Returns those beside one that is late: five from the start, and one for each ten answers.
    pub(crate) fn doubles() -> Self {
        Self { left: AtomicU32::new(5 * WHOLE), share: 1 }
    }

    /// Takes one; false where there is none left.
    pub(crate) fn take(&self) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(WHOLE)).is_ok()
    }

    /// Adds what an answer earns.
    pub(crate) fn earn(&self) {
        let more = |left: u32| (left < SPARE_MAX * WHOLE).then_some(left + self.share);
        let _full = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }
}

/// Runs `attempt` until it succeeds, fails for good, was repeated often enough, or `may_repeat` says no. Pauses are up to twice as long by
/// chance, so that those who failed together do not come back together.
pub(crate) async fn retry<T, F, A>(
    repeats: Repeats,
    may_repeat: impl Fn() -> bool,
    attempt: F,
) -> Result<T, AttemptError>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, AttemptError>>,
{
    let pauses = ExponentialBuilder::new()
        .with_min_delay(repeats.first)
        .with_max_delay(repeats.longest)
        .with_factor(3.0)
        .with_jitter()
        .with_max_times(repeats.times);
    let mut at_once = true;
    attempt
        .retry(pauses)
        .when(|failure: &AttemptError| failure.retry != Retry::Never && may_repeat())
        // `None` means that the attempts are used up.
        .adjust(move |failure, own| match (own?, failure.retry) {
            (_, Retry::Never) => None,
            (_, Retry::AtOnce) if std::mem::take(&mut at_once) => Some(Duration::ZERO),
            (own, Retry::AtOnce | Retry::Soon) => Some(own),
            (own, Retry::After(pause)) => (pause <= repeats.longest).then(|| pause + repeats.beside(own)),
        })
        .notify(|failure, pause| {
            step(|| format!("{}; asked again in {:.1} s", failure.error, pause.as_secs_f64()));
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Instant;

    use super::*;
    use crate::registry::error::Outage;

    const LONG: Repeats = Repeats {
        times: 2,
        first: Duration::from_millis(100),
        spread: Duration::from_millis(100),
        longest: Duration::from_secs(10),
    };
    const REPEATS: Repeats = Repeats { first: Duration::from_millis(1), ..LONG };

    async fn attempts(kind: Retry) -> usize {
        let made = Cell::new(0);
        let attempt = || async {
            made.set(made.get() + 1);
            Err::<(), _>(AttemptError { error: Outage::NotAskedYet.into(), retry: kind })
        };
        assert!(retry(REPEATS, || true, attempt).await.is_err());
        made.get()
    }

    #[test]
    fn a_tenth_of_the_answers_may_be_asked_for_twice() {
        let doubles = SpareRequests::doubles();
        assert_eq!((0..100).filter(|_| doubles.take()).count(), 5);
        (0..100).for_each(|_| doubles.earn());
        assert_eq!((0..100).filter(|_| doubles.take()).count(), 10);
    }

    #[tokio::test]
    async fn an_attempt_is_repeated_twice_where_that_may_help() {
        assert_eq!(attempts(Retry::Soon).await, 3);
        assert_eq!(attempts(Retry::Never).await, 1);
        assert_eq!(attempts(Retry::After(Duration::from_secs(11))).await, 1, "too long to wait for");
    }

    #[tokio::test]
    async fn over_a_connection_that_broke_it_is_asked_again_at_once_and_then_not() {
        let (start, times) = (Instant::now(), std::sync::Mutex::new(Vec::new()));
        let attempt = || async {
            times.lock().unwrap().push(start.elapsed());
            Err::<(), _>(AttemptError { error: Outage::NotAskedYet.into(), retry: Retry::AtOnce })
        };
        assert!(retry(LONG, || true, attempt).await.is_err());
        let [_, second, third] = times.into_inner().unwrap()[..] else { panic!() };
        assert!(second < Duration::from_millis(100) && third - second >= Duration::from_millis(300));
    }

    #[test]
    fn a_pause_that_was_asked_for_is_not_much_longer_where_the_host_is_fast() {
        let (millis, fast) = (Duration::from_millis, Repeats { spread: Duration::from_millis(20), ..LONG });
        assert_eq!((LONG.beside(millis(300)), fast.beside(millis(300))), (millis(300), millis(60)));
        let none = Repeats { first: Duration::ZERO, spread: Duration::ZERO, ..LONG };
        assert_eq!(none.beside(Duration::ZERO), Duration::ZERO);
    }

    #[tokio::test]
    async fn the_pause_that_was_asked_for_is_kept() {
        let start = Instant::now();
        assert_eq!(attempts(Retry::After(Duration::from_millis(60))).await, 3);
        assert!(start.elapsed() >= Duration::from_millis(120));
    }
}
