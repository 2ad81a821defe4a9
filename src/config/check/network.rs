//! `[network]`: how much and how long registries are asked.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;

use super::Checker;
use crate::config::Network;
use crate::config::raw::{RawNetwork, SpannedText};

/// How many questions one registry may get at once.
pub(super) const CONCURRENCY: RangeInclusive<usize> = 1..=256;

/// How often a request may be repeated.
const RETRIES: RangeInclusive<usize> = 0..=10;

/// No setting waits longer.
const LONGEST: Duration = Duration::from_secs(3600);

impl Checker<'_> {
    pub(super) fn network(&mut self, raw: &RawNetwork) -> Network {
        let mut network = Network::default();
        let limits = &mut network.limits;
        let numbers = [
            ("concurrency", &raw.concurrency, CONCURRENCY, &mut limits.at_once),
            ("retries", &raw.retries, RETRIES, &mut limits.retries),
        ];
        for (key, number, range, value) in numbers {
            let number = number.as_ref().and_then(|number| self.number(key, number, range));
            *value = number.unwrap_or(*value);
        }
        let times = [
            ("max-wait", &raw.max_wait, &mut limits.longest_pause),
            ("connect-timeout", &raw.connect_timeout, &mut limits.connect),
            ("read-timeout", &raw.read_timeout, &mut limits.read),
            ("request-timeout", &raw.request_timeout, &mut limits.request),
            ("image-timeout", &raw.image_timeout, &mut limits.question),
            ("credential-helper-timeout", &raw.credential_helper_timeout, &mut network.helper_timeout),
        ];
        for (key, text, value) in times {
            *value = text.as_ref().and_then(|text| self.time(key, text)).unwrap_or(*value);
        }
        network
    }

    /// Returns a number in `range`.
    pub(super) fn number(
        &mut self,
        key: &str,
        number: &Spanned<i64>,
        range: RangeInclusive<usize>,
    ) -> Option<usize> {
        let found = usize::try_from(*number.get_ref()).ok().filter(|found| range.contains(found));
        if found.is_none() {
            let (least, most) = range.into_inner();
            self.fail(number.span(), format!("`{key}` takes a number from {least} to {most}"));
        }
        found
    }

    /// Returns a time that is not longer than an hour; none is fine.
    pub(super) fn time_or_none(&mut self, key: &str, text: &SpannedText) -> Option<Duration> {
        match text.get_ref().as_str() {
            "0" | "0s" => Some(Duration::ZERO),
            _ => self.time(key, text),
        }
    }

    /// Returns a time that is longer than none and not longer than an hour.
    fn time(&mut self, key: &str, text: &SpannedText) -> Option<Duration> {
        let parsed = text.get_ref().parse::<jiff::SignedDuration>().ok();
        let time = parsed.and_then(|time| Duration::try_from(time).ok());
        let time = time.filter(|time| *time >= Duration::from_millis(1) && *time <= LONGEST);
        if time.is_none() {
            self.fail_hint(
                text.span(),
                format!("`{key}` cannot be `{}`", text.get_ref()),
                "write a time up to an hour, for example `10s`, `500ms` or `2m`",
            );
        }
        time
    }
}
