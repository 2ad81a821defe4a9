//! The timeline page of `tagpin history`: for each image a lane with what was declared from when to when, by which commit
//! and pull request. Pure.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::page::{self, PageHead};
use crate::history::{History, Lane, Since, Span};
use crate::reference::{Digest, LATEST, Reference};
use crate::text::{count, one_line};

pub(super) const BODY: &str = include_str!("body.html");

/// The width of a lane's drawing.
const WIDTH: f64 = 1000.0;

/// The least that a span is drawn with, so that it can be seen.
const LEAST: f64 = 3.0;

/// How many colours there are for digests.
const COLOURS: usize = 6;

/// More lanes than this are closed at first.
const OPEN_MAX: usize = 5;

#[derive(Serialize)]
struct TimelinePage {
    lanes: Vec<Drawn>,
    changes: usize,
    commits: usize,
    own: usize,
    /// When the first lane begins, and now.
    first: String,
    last: String,
    cut_at: Option<String>,
    open: bool,
}

/// A lane as it is shown.
#[derive(Serialize)]
struct Drawn {
    id: usize,
    subject: String,
    image: String,
    state: &'static str,
    file: String,
    bars: Vec<Bar>,
    rows: Vec<TimelineRow>,
    /// What somebody hears who does not see the drawing.
    label: String,
}

#[derive(Serialize)]
struct Bar {
    x: f64,
    width: f64,
    class: String,
    title: String,
}

#[derive(Serialize)]
struct TimelineRow {
    class: String,
    state: &'static str,
    from: String,
    from_seconds: i64,
    until: String,
    until_seconds: i64,
    image: String,
    digest: String,
    commit: String,
    pull_request: Option<u64>,
    title: String,
    own: bool,
    place: String,
}

/// Returns the page about the target `name`.
///
/// # Errors
/// Never in practice: the template is part of tagpin.
pub fn page(history: &History, name: &str, now: Timestamp) -> Result<String, minijinja::Error> {
    let lanes = history.lanes();
    let starts = lanes.iter().flat_map(|lane| &lane.spans).map(|span| span.from.time());
    let first = starts.min().unwrap_or(now);
    let axis = Axis { first, now: now.max(first) };
    // Within one day the time tells the ends apart.
    let end = if day(axis.first) == day(axis.now) { minute } else { day };
    let mut commits: Vec<(&str, bool)> =
        history.events.iter().map(|event| (event.commit.as_str(), event.is_own)).collect();
    // The events of a commit stand together.
    commits.dedup();
    let page = TimelinePage {
        changes: history.events.len(),
        commits: commits.len(),
        own: commits.iter().filter(|(_, is_own)| *is_own).count(),
        first: end(first),
        last: end(axis.now),
        cut_at: history.cut_at.map(minute),
        open: lanes.len() <= OPEN_MAX,
        lanes: lanes.iter().enumerate().map(|(id, lane)| axis.draw(id + 1, lane)).collect(),
    };
    let (version, name) = (env!("CARGO_PKG_VERSION"), one_line(name));
    let head = PageHead {
        title: format!("History of {name}"),
        heading: format!("What was declared in {name}"),
        lead: format!(
            "Which digest and tag stood where, from when to when, as git has it on {}. Written by tagpin {version}; no \
             registry and no cluster was asked. Times are in UTC, and those of the committers.",
            day(now)
        ),
    };
    page::render(BODY, &page, &head)
}

struct Axis {
    first: Timestamp,
    now: Timestamp,
}

impl Axis {
    /// Returns where a time is, from 0 to [`WIDTH`].
    fn x(&self, when: Timestamp) -> f64 {
        let all = self.now.duration_since(self.first).as_secs_f64();
        let share = if all > 0.0 { when.duration_since(self.first).as_secs_f64() / all } else { 0.0 };
        (WIDTH * share.clamp(0.0, 1.0)).round()
    }

    fn draw(&self, id: usize, lane: &Lane<'_>) -> Drawn {
        let mut colours: Vec<&Digest> = Vec::new();
        // A digest keeps its colour, so that one sees where it came back.
        for digest in lane.spans.iter().rev().filter_map(|span| span.reference?.digest()) {
            if !colours.contains(&digest) {
                colours.push(digest);
            }
        }
        let class = |span: &Span<'_>| match span.reference.map(Reference::digest) {
            Some(Some(digest)) => {
                let index = colours.iter().position(|other| *other == digest).unwrap_or_default();
                format!("c{}", index % COLOURS)
            }
            Some(None) => "tag".to_owned(),
            None => "none".to_owned(),
        };
        let present = lane.spans.iter().filter(|span| span.reference.is_some());
        let bars = present.map(|span| {
            let x = self.x(span.from.time()).min(WIDTH - LEAST);
            let width = (self.x(span.until.unwrap_or(self.now)) - x).max(LEAST);
            let title = format!("{} to {}: {}", from(span), until(span), declared(span));
            Bar { x, width, class: class(span), title }
        });
        let newest = lane.spans.iter().find_map(|span| span.reference);
        let changes = lane.spans.iter().filter(|span| span.event.is_some()).count();
        Drawn {
            id,
            subject: one_line(&match &lane.key.object {
                Some((kind, name)) => format!("{kind}/{name}"),
                None => lane.key.place.clone(),
            }),
            image: newest.map(|reference| one_line(reference.name())).unwrap_or_default(),
            state: lane.spans.first().map(state).unwrap_or_default(),
            file: one_line(lane.file),
            bars: bars.collect(),
            rows: lane.spans.iter().map(|span| row(span, class(span))).collect(),
            label: format!("{}; the table has them", count(changes, "change")),
        }
    }
}

/// Returns what an image is in this time: `pinned`, `floating` or `gone`.
fn state(span: &Span<'_>) -> &'static str {
    match span.reference.map(Reference::digest) {
        Some(Some(_)) => "pinned",
        Some(None) => "floating",
        None => "gone",
    }
}

fn row(span: &Span<'_>, class: String) -> TimelineRow {
    let event = span.event;
    TimelineRow {
        class,
        state: state(span),
        from: from(span),
        from_seconds: span.from.time().as_second(),
        until: until(span),
        until_seconds: span.until.unwrap_or(Timestamp::MAX).as_second(),
        image: span.reference.map_or_else(
            || "nothing".to_owned(),
            |reference| one_line(&reference.without_digest().to_string()),
        ),
        digest: span.reference.and_then(Reference::digest).map(Digest::to_string).unwrap_or_default(),
        commit: event.map(|event| event.commit.chars().take(12).collect()).unwrap_or_default(),
        pull_request: event.and_then(|event| event.pull_request),
        title: event.map(|event| one_line(&event.title)).unwrap_or_default(),
        own: event.is_some_and(|event| event.is_own),
        place: event.map(|event| one_line(&format!("{}:{}", event.file, event.line))).unwrap_or_default(),
    }
}

/// Returns what was declared, short.
fn declared(span: &Span<'_>) -> String {
    let Some(reference) = span.reference else { return "nothing".to_owned() };
    let tag = reference.tag().unwrap_or(if reference.digest().is_none() { LATEST } else { "no tag" });
    match reference.digest() {
        Some(digest) => format!("{tag}, {}…", digest.short()),
        None => format!("{tag}, no digest"),
    }
}

fn from(span: &Span<'_>) -> String {
    match span.from {
        Since::Commit(when) => minute(when),
        Since::AtLeast(when) => format!("{} or earlier", minute(when)),
    }
}

fn until(span: &Span<'_>) -> String {
    span.until.map_or_else(|| "now".to_owned(), minute)
}

fn minute(when: Timestamp) -> String {
    when.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string()
}

fn day(when: Timestamp) -> String {
    when.to_zoned(TimeZone::UTC).date().to_string()
}
