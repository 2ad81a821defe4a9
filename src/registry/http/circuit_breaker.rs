//! A registry that keeps failing is left alone for a while, so that a run ends in bounded time.

use std::time::{Duration, Instant};

use crate::registry::error::{Outage, RateLimit, ResolveError};

const PAUSE: Duration = Duration::from_secs(60);

/// How often a registry that is left alone is asked whether it is there again.
const PROBATIONS_MAX: u32 = 2;

/// The fewest failures in a row after which a registry is left alone.
const LIMIT_MIN: u32 = 8;

/// After how many failures in a row it looks as if nobody were answered.
const SILENT: u32 = 4;

/// Whether one host is asked at all.
#[derive(Debug)]
pub(super) struct Breaker {
    /// After how many failures in a row it is left alone: two rounds of all that may be under way, so that a host that
    /// answers some of them stays.
    limit: u32,
    failures: u32,
    open: Option<Open>,
    /// Since when the next answer decides.
    probation: Option<Instant>,
    /// How often it was on probation.
    probations: u32,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    until: Instant,
    /// Whether the last failure was that of too many requests.
    is_limit: bool,
    failures: u32,
}

impl Breaker {
    /// Returns the breaker of a host that gets so many requests at once.
    pub(super) fn new(at_once: usize) -> Self {
        let limit = u32::try_from(at_once.saturating_mul(2)).unwrap_or(u32::MAX).max(LIMIT_MIN);
        Self { limit, failures: 0, open: None, probation: None, probations: 0 }
    }

    /// Gives a host that is left alone another chance, one in each `pass` and a few times in a run: the next request decides.
    /// Returns which chance that is, from 1; `None` where it is not left alone, or had them all.
    pub(super) fn forgive(&mut self, now: Instant, pass: u32) -> Option<u32> {
        self.open.filter(|_| self.probations < pass.min(PROBATIONS_MAX))?;
        (self.open, self.probation) = (None, Some(now));
        self.probations += 1;
        Some(self.probations)
    }

    /// # Errors
    /// The host is left alone.
    pub(super) fn check(&self, host: &str, now: Instant) -> Result<(), ResolveError> {
        let Some(open) = self.open.filter(|open| open.until > now) else { return Ok(()) };
        let (registry, failures, pause) = (host.to_owned(), open.failures, PAUSE);
        Err(match open.is_limit {
            true => RateLimit::LeftAlone { registry, failures, pause }.into(),
            false => Outage::LeftAlone { registry, failures, pause }.into(),
        })
    }

    /// Takes note of a clear answer: even a refusal shows that the host is there.
    pub(super) fn answered(&mut self) {
        (self.failures, self.open, self.probation) = (0, None, None);
    }

    /// Returns whether an answer came not long ago.
    pub(super) fn is_answering(&self) -> bool {
        self.failures < SILENT
    }

    /// Takes note of a request that was `sent` and failed; `is_limit`: because there were too many. Returns whether the host is
    /// left alone from now on. On probation, what was sent before says nothing.
    pub(super) fn failed(&mut self, now: Instant, sent: Instant, is_limit: bool) -> bool {
        self.failures = self.failures.saturating_add(1);
        let opens = self.probation.map_or(self.failures >= self.limit, |since| sent >= since);
        if opens {
            self.open(now, is_limit);
        }
        opens
    }

    /// Leaves the host alone, whatever came before.
    pub(super) fn open(&mut self, now: Instant, is_limit: bool) {
        self.probation = None;
        self.open = Some(Open { until: now + PAUSE, is_limit, failures: self.failures });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_two_rounds_of_failures_and_an_answer_closes_it() {
        let now = Instant::now();
        let mut breaker = Breaker::new(8);
        assert!((0..15).all(|_| !breaker.failed(now, now, false)));
        breaker.answered();
        assert!((0..15).all(|_| !breaker.failed(now, now, false)));
        assert!(breaker.check("r.example", now).is_ok());
        assert!(breaker.failed(now, now, false));
        assert_eq!(breaker.check("r.example", now).unwrap_err().reason(), "unavailable");
        assert!(breaker.check("r.example", now + PAUSE).is_ok());

        let mut breaker = Breaker::new(1);
        assert_eq!((0..8).filter(|_| breaker.failed(now, now, true)).count(), 1);
        assert_eq!(breaker.check("r.example", now).unwrap_err().reason(), "rate-limited");
    }

    #[test]
    fn another_chance_is_one_request_and_there_is_one_in_each_pass() {
        let (before, now) = (Instant::now(), Instant::now() + PAUSE / 2);
        let mut breaker = Breaker::new(8);
        assert_eq!(breaker.forgive(now, 1), None, "it is not left alone");
        (0..16).for_each(|_| {
            breaker.failed(now, now, false);
        });
        for pass in [1, 2] {
            assert_eq!(breaker.forgive(now, pass), Some(pass));
            assert!(breaker.check("r.example", now).is_ok());
            assert!(!breaker.failed(now, before, false), "what was sent before does not decide");
            assert!(breaker.failed(now, now, false));
            assert_eq!(breaker.forgive(now, pass), None, "one chance in a pass");
        }
        assert_eq!(breaker.forgive(now, 3), None);
        assert!(breaker.check("r.example", now).is_err());
    }
}
