//! A registry that keeps failing is left alone for a while, so that a run ends in bounded time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::registry::error::{Outage, RateLimit, ResolveError};

const LIMIT: u32 = 5;

const PAUSE: Duration = Duration::from_secs(60);

/// How often a registry that is left alone is asked whether it is there again.
const PROBATIONS_MAX: u32 = 2;

#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<BreakerState>);

#[derive(Debug, Default)]
struct BreakerState {
    failures: u32,
    /// Until when, and whether the last failure was that of too many requests.
    open: Option<(Instant, bool)>,
    /// Whether the next answer decides: it is asked one question at a time until then.
    on_probation: bool,
    /// How often it was on probation.
    probations: u32,
}

impl Breaker {
    /// Gives a registry that is left alone another chance, a few times in a run.
    pub(crate) fn forgive(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.open.is_some() && state.probations < PROBATIONS_MAX {
            (state.open, state.on_probation) = (None, true);
            state.probations += 1;
        }
    }

    pub(crate) fn is_on_probation(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).on_probation
    }

    pub(crate) fn check(&self, registry: &str) -> Result<(), ResolveError> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (registry, failures, pause) = (registry.to_owned(), LIMIT, PAUSE);
        match state.open {
            Some((until, true)) if until > Instant::now() => {
                Err(RateLimit::LeftAlone { registry, failures, pause }.into())
            }
            Some((until, false)) if until > Instant::now() => {
                Err(Outage::LeftAlone { registry, failures, pause }.into())
            }
            _ => Ok(()),
        }
    }

    /// Takes note of how a question ended. A clear answer, even a refusal, shows that the registry is there.
    pub(crate) fn note<T>(&self, result: &Result<T, ResolveError>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_limit = match result {
            Err(ResolveError::Unavailable(_)) => false,
            Err(ResolveError::RateLimited(_)) => true,
            _ => {
                *state = BreakerState { probations: state.probations, ..BreakerState::default() };
                return;
            }
        };
        state.failures = state.failures.saturating_add(1);
        if state.failures >= LIMIT || state.on_probation {
            state.on_probation = false;
            state.open = Some((Instant::now() + PAUSE, is_limit));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::error::Asked;

    #[test]
    fn it_opens_after_five_failures_in_a_row_and_an_answer_closes_it() {
        let breaker = Breaker::default();
        let down = || Err::<(), _>(Outage::NotAskedYet.into());
        for _ in 0..4 {
            breaker.note(&down());
        }
        assert!(breaker.check("r.example").is_ok());
        breaker.note(&Err::<(), _>(ResolveError::NotFound(Box::new(Asked::content("r.example", "a:1")))));
        for _ in 0..5 {
            assert!(breaker.check("r.example").is_ok());
            breaker.note(&down());
        }
        assert_eq!(breaker.check("r.example").unwrap_err().reason(), "unavailable");

        let breaker = Breaker::default();
        for _ in 0..5 {
            breaker.note(&Err::<(), _>(RateLimit::Refused { host: "r.example".to_owned() }.into()));
        }
        assert_eq!(breaker.check("r.example").unwrap_err().reason(), "rate-limited");
    }
}
