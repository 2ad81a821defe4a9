//! How old what is declared is, as the page has it. Pure.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::history::{Age, Since};
use crate::text::count;

/// The bands, the youngest first; the first five are always shown.
const BANDS: [&str; 9] = [
    "up to a week",
    "up to a month",
    "up to a quarter",
    "up to a year",
    "more than a year",
    "not pinned, or skipped",
    "not committed",
    "unknown: the clone is shallow",
    "unknown: no git history tells",
];

/// The bands that have a length, and how many days they go up to.
const DAYS: [i64; 4] = [7, 30, 91, 365];

/// How many images are of an age.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct AgeRow {
    name: &'static str,
    images: usize,
    /// In percent of all images, rounded down.
    share: usize,
}

pub(super) fn rows(ages: &[Age], now: Timestamp) -> Vec<AgeRow> {
    let mut numbers = [0; BANDS.len()];
    for age in ages {
        numbers[band(*age, now)] += 1;
    }
    let rows = BANDS.into_iter().zip(numbers).enumerate();
    let shown = rows.filter(|(index, (_, images))| *index <= DAYS.len() || *images > 0);
    let share = |images: usize| (images * 100).checked_div(ages.len()).unwrap_or_default();
    shown.map(|(_, (name, images))| AgeRow { name, images, share: share(images) }).collect()
}

/// Returns the index of an age's band.
fn band(age: Age, now: Timestamp) -> usize {
    let of = |when: Timestamp| {
        let days = |days: &&i64| now.duration_since(when) > SignedDuration::from_hours(**days * 24);
        DAYS.iter().filter(days).count()
    };
    match age {
        Age::Declared(Since::Commit(when)) => of(when),
        // What is older than the oldest band either way is known well enough.
        Age::Declared(Since::AtLeast(when)) if of(when) == DAYS.len() => DAYS.len(),
        Age::NotPinned => 5,
        Age::NotCommitted => 6,
        Age::Declared(Since::AtLeast(_)) => 7,
        Age::Unknown => 8,
    }
}

/// Returns since when an image is declared, in words; nothing where it has no digest.
pub(super) fn since(age: Age, now: Timestamp) -> String {
    let day = |when: Timestamp| when.to_zoned(TimeZone::UTC).date();
    match age {
        Age::NotPinned => String::new(),
        Age::Declared(Since::Commit(when)) => {
            let days = (now.duration_since(when).as_hours() / 24).max(0);
            format!("{} ({})", day(when), count(usize::try_from(days).unwrap_or_default(), "day"))
        }
        Age::Declared(Since::AtLeast(when)) => format!("{} or earlier: the clone is shallow", day(when)),
        Age::NotCommitted => "not committed".to_owned(),
        Age::Unknown => "unknown".to_owned(),
    }
}

/// Returns a number by which ages are sorted: the oldest first, then what no commit has, and what has no digest last.
pub(super) fn seconds(age: Age) -> i64 {
    // No time that git knows is so late, and a browser can still tell them apart.
    const LATE: i64 = 1 << 50;
    match age {
        Age::Declared(since) => since.time().as_second(),
        Age::NotCommitted => LATE,
        Age::NotPinned => LATE + 1,
        Age::Unknown => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_in_one_band_and_what_is_not_known_is_said() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (age, name, words) in [
            (Age::Declared(Since::Commit(now)), BANDS[0], "2026-11-21 (0 days)"),
            // A clock that is ahead.
            (Age::Declared(Since::Commit(at("2027-01-01T00:00:00Z"))), BANDS[0], "2027-01-01 (0 days)"),
            (Age::Declared(Since::Commit(at("2026-11-14T12:00:00Z"))), BANDS[0], "2026-11-14 (7 days)"),
            (Age::Declared(Since::Commit(at("2026-11-14T11:59:59Z"))), BANDS[1], "2026-11-14 (7 days)"),
            (Age::Declared(Since::Commit(at("2026-10-22T12:00:00Z"))), BANDS[1], "2026-10-22 (30 days)"),
            (Age::Declared(Since::Commit(at("2026-10-21T12:00:00Z"))), BANDS[2], "2026-10-21 (31 days)"),
            (Age::Declared(Since::Commit(at("2026-08-21T12:00:00Z"))), BANDS[3], "2026-08-21 (92 days)"),
            (Age::Declared(Since::Commit(at("2025-11-20T12:00:00Z"))), BANDS[4], "2025-11-20 (366 days)"),
            (
                Age::Declared(Since::AtLeast(at("2026-11-20T12:00:00Z"))),
                BANDS[7],
                "2026-11-20 or earlier: the clone is shallow",
            ),
            (
                Age::Declared(Since::AtLeast(at("2025-01-20T12:00:00Z"))),
                BANDS[4],
                "2025-01-20 or earlier: the clone is shallow",
            ),
            (Age::NotPinned, BANDS[5], ""),
            (Age::NotCommitted, BANDS[6], "not committed"),
            (Age::Unknown, BANDS[8], "unknown"),
        ] {
            let rows = rows(&[age, age], now);
            let found: Vec<&AgeRow> = rows.iter().filter(|row| row.images > 0).collect();
            assert_eq!(found, [&AgeRow { name, images: 2, share: 100 }], "{age:?}");
            assert!(rows.len() <= 6 && rows[0].name == BANDS[0], "{rows:?}");
            assert_eq!(since(age, now), words);
        }
        let sorted = [
            Age::Unknown,
            Age::Declared(Since::Commit(at("2026-10-01T00:00:00Z"))),
            Age::NotCommitted,
            Age::NotPinned,
        ];
        assert!(sorted.is_sorted_by_key(|age| seconds(*age)));
        assert!(rows(&[], now).iter().all(|row| row.share == 0));
    }
}
