//! Bounded retries with jitter.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};

use super::failure::{Failure, Retry};

/// How often a request is repeated at most.
const REPEATS: usize = 2;

/// The longest pause that a registry may ask for and get.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Runs `attempt` until it succeeds, fails for good, or was repeated [`REPEATS`] times. The first pause is about `delay`.
pub(super) async fn retry<T, F, A>(delay: Duration, attempt: F) -> Result<T, Failure>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, Failure>>,
{
    let pauses = ExponentialBuilder::new()
        .with_min_delay(delay)
        .with_max_delay(LONGEST_PAUSE)
        .with_factor(3.0)
        .with_jitter()
        .with_max_times(REPEATS);
    attempt
        .retry(pauses)
        .when(|failure: &Failure| failure.retry != Retry::Never)
        // `None` means that the attempts are used up.
        .adjust(|failure, own| match (own?, failure.retry) {
            (_, Retry::Never) => None,
            (own, Retry::Soon) => Some(own),
            (own, Retry::After(pause)) => (pause <= LONGEST_PAUSE).then(|| pause + own),
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Instant;

    use super::super::ResolveError;
    use super::*;

    async fn attempts(kind: Retry) -> usize {
        let made = Cell::new(0);
        let attempt = || async {
            made.set(made.get() + 1);
            Err::<(), _>(Failure { error: ResolveError::Unavailable("down".to_owned()), retry: kind })
        };
        assert!(retry(Duration::from_millis(1), attempt).await.is_err());
        made.get()
    }

    #[tokio::test]
    async fn an_attempt_is_repeated_twice_where_that_may_help() {
        assert_eq!(attempts(Retry::Soon).await, 3);
        assert_eq!(attempts(Retry::Never).await, 1);
        assert_eq!(attempts(Retry::After(Duration::from_secs(11))).await, 1, "too long to wait for");
    }

    #[tokio::test]
    async fn the_pause_that_was_asked_for_is_kept() {
        let start = Instant::now();
        assert_eq!(attempts(Retry::After(Duration::from_millis(60))).await, 3);
        assert!(start.elapsed() >= Duration::from_millis(120));
    }
}
