//! How long one host takes to answer, and when an answer is late.

use std::time::Duration;

/// How many answers have to be seen before they say when one is late.
const ENOUGH: u32 = 8;

/// How often as long as usual an answer takes that is late.
const LATE: f64 = 8.0;

/// Nothing is late before, however fast a host is: about as long as a packet that got lost takes to be sent again.
const LATE_MIN: Duration = Duration::from_millis(300);

/// The shortest first pause after a failure.
const PAUSE_MIN: Duration = Duration::from_millis(20);

/// The moving average of how long answers take (RFC 6298 has the weights).
#[derive(Debug, Default)]
pub(super) struct Latency {
    seen: u32,
    mean: f64,
    deviation: f64,
}

impl Latency {
    /// Takes note of an answer.
    pub(super) fn answered(&mut self, after: Duration) {
        let after = after.as_secs_f64();
        if self.seen == 0 {
            (self.mean, self.deviation) = (after, after / 2.0);
        } else {
            self.deviation += ((after - self.mean).abs() - self.deviation) / 4.0;
            self.mean += (after - self.mean) / 8.0;
        }
        self.seen = self.seen.saturating_add(1);
    }

    /// Returns the first pause after a failure: `most`, or less of a host that answers faster, as TCP does (RFC 6298).
    pub(super) fn pause(&self, most: Duration) -> Duration {
        if self.seen < ENOUGH {
            return most;
        }
        Duration::try_from_secs_f64(LATE * self.mean)
            .map_or(most, |pause| pause.clamp(PAUSE_MIN.min(most), most))
    }

    /// Returns after how long an answer that is `late` by then is slow: others need not wait for it.
    pub(super) fn slow(&self, late: Duration) -> Duration {
        self.pause(late)
    }

    /// Returns after how long an answer is late; `unknown` where too few were seen to tell.
    pub(super) fn late(&self, unknown: Duration) -> Duration {
        if self.seen < ENOUGH {
            return unknown;
        }
        let late = LATE * self.mean + 4.0 * self.deviation;
        Duration::try_from_secs_f64(late).unwrap_or(Duration::MAX).max(LATE_MIN.min(unknown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_fast_is_asked_again_sooner() {
        let most = Duration::from_millis(200);
        let pause = |millis: u64| {
            let mut latency = Latency::default();
            assert_eq!(latency.pause(most), most);
            (0..50).for_each(|_| latency.answered(Duration::from_millis(millis)));
            latency.pause(most)
        };
        assert_eq!(pause(1), PAUSE_MIN);
        assert!((Duration::from_millis(75)..Duration::from_millis(85)).contains(&pause(10)));
        assert_eq!(pause(50), most);
    }

    #[test]
    fn late_is_many_times_as_long_as_usual() {
        let unknown = Duration::from_secs(2);
        let late = |millis: u64| {
            let mut latency = Latency::default();
            assert_eq!(latency.late(unknown), unknown);
            (0..50).for_each(|_| latency.answered(Duration::from_millis(millis)));
            latency.late(unknown)
        };
        assert_eq!(late(5), LATE_MIN);
        assert!((Duration::from_millis(790)..Duration::from_millis(850)).contains(&late(100)));
        assert!(late(3_000) > Duration::from_secs(20), "one that is slow is not asked twice for it");
    }
}
