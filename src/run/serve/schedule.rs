//! When the next run begins: a cron expression in a time zone, and some chance. Pure.

use std::str::FromStr as _;
use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::config::Config;

/// When runs begin.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
    jitter: Duration,
}

impl Schedule {
    /// Returns the schedule of `config`; `None` where it has none. An expression that is wrong was refused when the file
    /// was read.
    pub fn new(config: &Config) -> Option<Self> {
        let cron = Cron::from_str(config.schedule.as_deref()?).ok()?;
        Some(Self { cron, zone: config.serve.time_zone.clone(), jitter: config.serve.jitter })
    }

    /// Returns the first time after `after` that the expression means, and as much later as `chance`, from 0 to 1, says.
    /// `None` where it never comes true, as on 31 February.
    pub fn next(&self, after: Timestamp, chance: f64) -> Option<Timestamp> {
        let after = after.to_zoned(self.zone.clone());
        let at = self.cron.find_next_occurrence(&after, false).ok()?.timestamp();
        let later = SignedDuration::try_from(self.jitter.mul_f64(chance.clamp(0.0, 1.0))).ok()?;
        at.checked_add(later).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn schedule(text: &str) -> Schedule {
        let config = Config::parse("tagpin.toml", Path::new("/"), text.as_bytes()).unwrap();
        Schedule::new(&config).unwrap()
    }

    fn next(schedule: &Schedule, after: &str, chance: f64) -> String {
        schedule.next(after.parse().unwrap(), chance).unwrap().to_string()
    }

    #[test]
    fn hours_are_those_of_the_time_zone() {
        let daily = "schedule = '17 5 * * *'\n";
        let utc = schedule(daily);
        assert_eq!(next(&utc, "2026-11-21T05:16:59Z", 0.0), "2026-11-21T05:17:00Z");
        assert_eq!(next(&utc, "2026-11-21T05:17:00Z", 0.0), "2026-11-22T05:17:00Z");
        let berlin = schedule(&format!("{daily}[serve]\ntime-zone = 'Europe/Berlin'\n"));
        assert_eq!(next(&berlin, "2026-07-01T00:00:00Z", 0.0), "2026-07-01T03:17:00Z");
        assert_eq!(next(&berlin, "2026-12-01T00:00:00Z", 0.0), "2026-12-01T04:17:00Z");
    }

    #[test]
    fn an_hour_that_is_left_out_or_comes_twice_is_one_run() {
        let night = schedule("schedule = '30 2 * * *'\n[serve]\ntime-zone = 'Europe/Berlin'\n");
        // 02:30 does not exist on 29 March 2026, and comes twice on 25 October.
        let spring = next(&night, "2026-03-28T12:00:00Z", 0.0);
        assert!(spring.starts_with("2026-03-29T01:"), "{spring}");
        assert_eq!(next(&night, &spring, 0.0), "2026-03-30T00:30:00Z");
        let autumn = next(&night, "2026-10-24T12:00:00Z", 0.0);
        assert_eq!(autumn, "2026-10-25T00:30:00Z");
        assert_eq!(next(&night, &autumn, 0.0), "2026-10-26T01:30:00Z");
    }

    #[test]
    fn jitter_is_between_none_and_all_of_it() {
        let schedule = schedule("schedule = '0 0 * * *'\n[serve]\njitter = '10m'\n");
        let after = "2026-11-21T12:00:00Z";
        assert_eq!(next(&schedule, after, 0.0), "2026-11-22T00:00:00Z");
        assert_eq!(next(&schedule, after, 0.5), "2026-11-22T00:05:00Z");
        assert_eq!(next(&schedule, after, 7.0), "2026-11-22T00:10:00Z");
    }
}
