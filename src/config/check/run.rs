//! `schedule`, `[run]`, `[serve]` and `[[discover]]`: which repositories, how many at once, and when.

use std::ops::RangeInclusive;
use std::str::FromStr as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use toml::Spanned;

use super::Checker;
use crate::config::raw::{RawDiscover, RawLimits, RawRun, RawServe, SpannedText};
use crate::config::{Concurrency, DiscoverSettings, ServeSettings};
use crate::forge::Owner;
use crate::policy::Globs;
use crate::repository_budget::RepositoryLimits;

/// How many repositories may be under way at once.
const CONCURRENCY: RangeInclusive<usize> = 1..=64;

/// What a limit may be.
const LIMIT: RangeInclusive<usize> = 1..=1_000_000_000_000;

impl Checker<'_> {
    /// Returns a cron expression that comes true at some time.
    pub(super) fn schedule(&mut self, text: &SpannedText) -> Option<String> {
        let value = self.filled("schedule", text)?;
        let problem = match croner::Cron::from_str(&value) {
            Ok(cron)
                if cron
                    .find_next_occurrence(&Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC), true)
                    .is_ok() =>
            {
                return Some(value);
            }
            Ok(_) => "it never comes true".to_owned(),
            Err(error) => error.to_string(),
        };
        self.fail_hint(
            text.span(),
            format!("`schedule` cannot be `{value}`: {problem}"),
            "write minute, hour, day of month, month and day of week, for example `17 5 * * *`",
        );
        None
    }

    pub(super) fn run_concurrency(&mut self, raw: &RawRun) -> Concurrency {
        let number = raw.concurrency.as_ref();
        let number = number.and_then(|number| self.number("concurrency", number, CONCURRENCY));
        number.map_or_else(Concurrency::default, Concurrency)
    }

    pub(super) fn limits(&mut self, raw: &RawLimits) -> RepositoryLimits {
        let mut limits = RepositoryLimits::default();
        let numbers = [
            ("entries", &raw.entries, &mut limits.entries),
            ("path-bytes", &raw.path_bytes, &mut limits.path_bytes),
            ("document-bytes", &raw.document_bytes, &mut limits.document_bytes),
            ("nodes", &raw.nodes, &mut limits.nodes),
            ("images", &raw.images, &mut limits.images),
        ];
        for (key, number, limit) in numbers {
            let number = number.as_ref().and_then(|number| self.number(key, number, LIMIT));
            *limit = number.map_or(*limit, |number| number as u64);
        }
        let times = [("cpu-time", &raw.cpu_time, &mut limits.cpu), ("time", &raw.time, &mut limits.time)];
        for (key, text, limit) in times {
            let Some(text) = text else { continue };
            match self.wait(key, text) {
                Some(time) if time.is_zero() => self.fail_hint(
                    text.span(),
                    format!("`{key}` cannot be `{}`: nothing can be read in no time", text.get_ref()),
                    "write a time, for example `30s`, or leave the key out",
                ),
                time => *limit = time.map_or(*limit, |time| time.unsigned_abs()),
            }
        }
        limits
    }

    pub(super) fn serve(&mut self, raw: &RawServe) -> ServeSettings {
        let mut serve = ServeSettings::default();
        if let Some(zone) = &raw.time_zone {
            match TimeZone::get(zone.get_ref()) {
                Ok(found) => serve.time_zone = found,
                Err(_unknown) => self.fail_hint(
                    zone.span(),
                    format!(
                        "`time-zone` cannot be `{}`: this machine knows no such time zone",
                        zone.get_ref()
                    ),
                    "write a name of the IANA database such as `Europe/Berlin`, or `UTC`",
                ),
            }
        }
        for (key, text, value) in
            [("jitter", &raw.jitter, &mut serve.jitter), ("grace", &raw.grace, &mut serve.grace)]
        {
            *value = text.as_ref().and_then(|text| self.time_or_none(key, text)).unwrap_or(*value);
        }
        if let Some(listen) = &raw.listen {
            match listen.get_ref().as_str() {
                "" => serve.listen = None,
                text => match text.parse() {
                    Ok(address) => serve.listen = Some(address),
                    Err(_malformed) => self.fail_hint(
                        listen.span(),
                        format!("`listen` cannot be `{text}`"),
                        "write an address and a port, for example `127.0.0.1:8080` or `[::]:8080`, or `\"\"` for none",
                    ),
                },
            }
        }
        serve.run_at_start = raw.run_at_start.unwrap_or(serve.run_at_start);
        serve
    }

    pub(super) fn discover(&mut self, raw: &[Spanned<RawDiscover>]) -> Vec<DiscoverSettings> {
        raw.iter().filter_map(|entry| self.discover_one(entry)).collect()
    }

    fn discover_one(&mut self, entry: &Spanned<RawDiscover>) -> Option<DiscoverSettings> {
        let raw = entry.get_ref();
        let owner = match (&raw.organization, &raw.user, raw.installation) {
            (Some(name), None, None | Some(false)) => Owner::Organization(self.login("organization", name)?),
            (None, Some(name), None | Some(false)) => Owner::User(self.login("user", name)?),
            (None, None, Some(true)) => Owner::Installation,
            _ => {
                self.fail(
                    entry.span(),
                    "`[[discover]]` needs one of `organization`, `user` and `installation = true`",
                );
                return None;
            }
        };
        let list = |checker: &mut Self, key, patterns: &Option<Spanned<Vec<String>>>, may_be_empty| {
            patterns.as_ref().and_then(|patterns| checker.globs(key, patterns, may_be_empty))
        };
        let include = list(self, "include", &raw.include, false);
        let exclude = list(self, "exclude", &raw.exclude, true);
        let topics = raw.topics.iter().flatten();
        Some(DiscoverSettings {
            owner,
            include: include.or_else(|| Globs::new(["**"]).ok())?,
            exclude: exclude.unwrap_or_default(),
            topics: topics.filter_map(|topic| self.filled("topics", topic)).collect(),
            archived: raw.archived.unwrap_or_default(),
            forks: raw.forks.unwrap_or_default(),
        })
    }

    /// A login becomes a part of a request's path.
    fn login(&mut self, key: &str, text: &SpannedText) -> Option<String> {
        let name = text.get_ref();
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if plain && (1..=100).contains(&name.len()) {
            return Some(name.clone());
        }
        self.fail_hint(
            text.span(),
            format!("`{key}` cannot be `{name}`"),
            "write the name as it stands in the forge's URLs, without a slash",
        );
        None
    }
}
