//! How many requests one host gets at once: fewer where it asks for fewer, and none while it wants a pause.
//!
//! A refusal now and then is meant for the request that got it: that one waits as long as it was told, and the others go
//! on, half as many at once. Several in a row are meant for all.

use std::time::{Duration, Instant};

/// After how many refusals without an answer in between everybody waits. A host that refuses a tenth and fails in other ways
/// too comes to four by chance in every other run of some thousand requests, and to six in none.
const IN_A_ROW: u32 = 6;

/// Additive increase, multiplicative decrease: one more for each round of answers, half as many after a refusal.
#[derive(Debug)]
pub(super) struct Pace {
    most: f64,
    width: f64,
    /// When it became narrower: what was sent before says nothing about the new width.
    narrowed: Option<Instant>,
    refusals: u32,
    /// Until when everybody waits.
    resume: Option<Instant>,
}

impl Pace {
    /// Returns the pace of a host that gets so many requests at once and no more.
    pub(super) fn new(most: usize) -> Self {
        let most = u16::try_from(most.max(1)).map_or(f64::from(u16::MAX), f64::from);
        Self { most, width: most, narrowed: None, refusals: 0, resume: None }
    }

    /// Returns how many requests the host gets at once.
    pub(super) fn width(&self) -> usize {
        // Whole, positive, and at most what a `u16` holds.
        self.width as usize
    }

    /// Returns how long everybody waits from `now` on.
    pub(super) fn pause(&self, now: Instant) -> Option<Duration> {
        self.resume?.checked_duration_since(now).filter(|pause| !pause.is_zero())
    }

    /// Takes note of an answer.
    pub(super) fn answered(&mut self) {
        self.refusals = 0;
        self.width = (self.width + 1.0 / self.width).min(self.most);
    }

    /// Takes note of a refusal of what was `sent`, for so long. Returns whether it is one of several in a row, and so meant
    /// for all.
    pub(super) fn refused(&mut self, now: Instant, sent: Instant) -> bool {
        self.refusals = self.refusals.saturating_add(1);
        if self.narrowed.is_none_or(|narrowed| sent >= narrowed) {
            self.width = (self.width / 2.0).floor().max(1.0);
            self.narrowed = Some(now);
        }
        self.refusals >= IN_A_ROW
    }

    /// Makes everybody wait until `resume`.
    pub(super) fn wait_until(&mut self, resume: Instant) {
        self.resume = self.resume.max(Some(resume));
    }

    /// Lets one request through at a time, until answers come.
    pub(super) fn narrow(&mut self, now: Instant) {
        (self.width, self.narrowed) = (1.0, Some(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_halves_once_for_all_that_was_under_way_and_answers_widen_again() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut pace = Pace::new(8);
        pace.answered();
        assert_eq!(pace.width(), 8, "it never gets more than it may");
        assert!(!pace.refused(at(10), at(0)));
        assert!(!pace.refused(at(11), at(5)));
        assert_eq!(pace.width(), 4, "both were sent when it was wide");
        assert!(!pace.refused(at(20), at(12)));
        assert_eq!(pace.width(), 2);
        (0..3).for_each(|_| pace.answered());
        assert_eq!(pace.width(), 3, "a round of answers is one more");
        assert_eq!(pace.pause(at(20)), None, "nobody else waits");
    }

    #[test]
    fn refusals_in_a_row_are_meant_for_all() {
        let start = Instant::now();
        let mut pace = Pace::new(8);
        let row: Vec<bool> = (0..7).map(|_| pace.refused(start, start)).collect();
        assert_eq!(row, [false, false, false, false, false, true, true]);
        pace.wait_until(start + Duration::from_secs(2));
        pace.wait_until(start + Duration::from_secs(1));
        assert_eq!(pace.pause(start), Some(Duration::from_secs(2)));
        assert_eq!(pace.pause(start + Duration::from_secs(2)), None);
        pace.answered();
        assert!(!pace.refused(start, start));
    }

    #[test]
    fn one_that_refuses_a_tenth_still_gets_several_at_once() {
        let start = Instant::now();
        let mut pace = Pace::new(8);
        let mut widths = 0;
        for i in 0..1000 {
            let now = start + Duration::from_millis(i * 10);
            if i % 10 == 0 {
                pace.refused(now, now);
            } else {
                pace.answered();
            }
            widths += pace.width();
        }
        assert!((3000..6000).contains(&widths), "{widths}");
    }
}
