//! The audit page: every image, by environment, registry and age, with findings, trends and what runs, for people who
//! would rather look than read. Pure.

mod age;
mod count;
mod live;
mod previous;

use std::collections::BTreeMap;

use count::Count;
use jiff::Timestamp;
use jiff::civil::Date;
pub use previous::{Earlier, EarlierError};
use serde::Serialize;

use super::Report;
use super::page::{self, PageHead};
use crate::check::{Finding, Fix, Severity};
use crate::history::Age;
use crate::live::Comparison;
use crate::manifest::inventory::Inventory;
use crate::policy::environment::Environment;
use crate::policy::{ScopedList, environment};
use crate::reference::Reference;
use crate::text::one_line;

pub(super) const BODY: &str = include_str!("body.html");

/// The width and height of the trend's drawing.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 160.0;

/// What is left free at its sides.
const MARGIN: f64 = 10.0;

/// What the page is made of, beside the report.
#[derive(Clone, Copy, Debug)]
pub struct AuditSources<'s> {
    /// The files, in whose order the report's rows are.
    pub inventory: &'s Inventory,
    /// The environments that files belong to.
    pub environments: &'s ScopedList<Environment>,
    /// Earlier reports, the oldest first.
    pub earlier: &'s [Earlier],
    /// How long each site of the inventory has been as it is.
    pub ages: &'s [Age],
    /// What runs, where somebody says so.
    pub live: Option<&'s Comparison>,
    /// What today is.
    pub today: Date,
    /// What the time is.
    pub now: Timestamp,
}

#[derive(Serialize)]
struct AuditPage {
    /// Whether every file could be read.
    read: bool,
    total: Count,
    /// How the share has changed since the last report.
    change: Option<String>,
    errors: usize,
    warnings: usize,
    groups: Vec<RuleGroup>,
    ages: Vec<age::AgeRow>,
    live: Option<live::Live>,
    trend: Vec<Point>,
    findings: Vec<ImageRow>,
    images: Vec<ImageCell>,
    unread: Vec<UnreadRow>,
}

#[derive(Serialize)]
struct RuleGroup {
    id: &'static str,
    title: &'static str,
    column: &'static str,
    rows: Vec<NamedCount>,
}

#[derive(Serialize)]
struct NamedCount {
    name: String,
    #[serde(flatten)]
    count: Count,
}

#[derive(Serialize)]
struct Point {
    name: String,
    count: Count,
    x: f64,
    y: f64,
}

#[derive(Serialize)]
struct ImageRow {
    level: &'static str,
    /// The worst first.
    rank: usize,
    rule: &'static str,
    place: String,
    message: String,
    hint: String,
}

#[derive(Serialize)]
struct ImageCell {
    state: &'static str,
    image: String,
    place: String,
    order: usize,
    environment: String,
    registry: String,
    since: String,
    /// For sorting.
    since_seconds: i64,
    format: String,
    reason: String,
}

#[derive(Serialize)]
struct UnreadRow {
    file: String,
    reason: &'static str,
    detail: String,
}

/// Returns the page.
///
/// # Errors
/// Never in practice: the template is part of tagpin.
pub fn page(report: &Report<'_>, sources: AuditSources<'_>) -> Result<String, minijinja::Error> {
    let images = images(report, sources);
    let total = Count::of_states(images.iter().map(|image| image.state));
    let level = |level| report.findings.iter().filter(|finding| finding.level == level).count();
    let mut groups = Vec::new();
    if !sources.environments.is_empty() {
        let rows = grouped(&images, |image| &image.environment);
        groups.push(RuleGroup { id: "environments", title: "By environment", column: "Environment", rows });
    }
    let rows = grouped(&images, |image| &image.registry);
    groups.push(RuleGroup { id: "registries", title: "By registry", column: "Registry", rows });
    let page = AuditPage {
        read: report.complete,
        total,
        change: change(sources.earlier, total),
        errors: level(Severity::Error),
        warnings: level(Severity::Warning),
        groups,
        ages: age::rows(sources.ages, sources.now),
        live: sources.live.map(live::Live::of),
        trend: trend(sources.earlier, sources.today, total),
        findings: report.findings.iter().map(ImageRow::of).collect(),
        images,
        unread: unread(report),
    };
    let (version, today) = (env!("CARGO_PKG_VERSION"), sources.today);
    let head = PageHead {
        title: match total.pinned + total.floating {
            0 => format!("Images on {today}"),
            _ => format!("Images on {today}: {} % pinned", total.share),
        },
        heading: "Container images".to_owned(),
        lead: format!("What the files name on {today}. Written by tagpin {version}; no registry was asked."),
    };
    page::render(BODY, &page, &head)
}

fn images(report: &Report<'_>, sources: AuditSources<'_>) -> Vec<ImageCell> {
    let rows = report.rows.iter().zip(sources.inventory.sites()).zip(sources.ages).enumerate();
    let images = rows.map(|(order, ((row, (file, located)), age))| {
        let environment = environment::of_path(sources.environments, &file.root_path);
        let parsed = located.site.reference.clone().or_else(|| Reference::parse(row.image).ok());
        let kind = row.kind.map(|kind| format!(" {kind}")).unwrap_or_default();
        ImageCell {
            state: row.state,
            image: one_line(row.image),
            place: one_line(&format!("{}:{}:{}", row.file, row.line, row.column)),
            order,
            environment: environment.map_or_else(|| "none".to_owned(), |one| one_line(&one.name)),
            registry: parsed.map_or_else(|| "unknown".to_owned(), |parsed| parsed.registry().into_owned()),
            since: age::since(*age, sources.now),
            since_seconds: age::seconds(*age),
            format: one_line(&format!("{}{kind}", row.format)),
            reason: row
                .reason
                .iter()
                .copied()
                .chain(row.detail.as_deref())
                .map(one_line)
                .collect::<Vec<_>>()
                .join(" "),
        }
    });
    images.collect()
}

fn grouped(images: &[ImageCell], by: impl Fn(&ImageCell) -> &String) -> Vec<NamedCount> {
    let mut groups: BTreeMap<&str, Vec<&ImageCell>> = BTreeMap::new();
    for image in images {
        groups.entry(by(image)).or_default().push(image);
    }
    let rows = groups.into_iter().map(|(name, images)| NamedCount {
        name: name.to_owned(),
        count: Count::of_states(images.into_iter().map(|image| image.state)),
    });
    rows.collect()
}

impl ImageRow {
    fn of(finding: &Finding) -> Self {
        let place = finding.place.as_ref();
        let place = place.map(|place| format!(":{}:{}", place.line, place.column)).unwrap_or_default();
        Self {
            level: finding.level.as_str(),
            rank: match finding.level {
                Severity::Error => 0,
                Severity::Warning => 1,
                Severity::Note | Severity::Off => 2,
            },
            rule: finding.rule.id,
            place: one_line(&format!("{}{place}", finding.file)),
            message: one_line(&finding.message),
            hint: finding.fix.as_ref().map(Fix::hint).map(|hint| one_line(&hint)).unwrap_or_default(),
        }
    }
}

fn unread(report: &Report<'_>) -> Vec<UnreadRow> {
    let unread = report.unread.iter().map(|row| UnreadRow {
        file: one_line(row.file),
        reason: row.unread.reason.as_str(),
        detail: one_line(row.unread.detail.as_deref().unwrap_or_default()),
    });
    unread.collect()
}

fn change(earlier: &[Earlier], now: Count) -> Option<String> {
    let before = earlier.last()?.count().share;
    Some(match now.share.cmp(&before) {
        std::cmp::Ordering::Equal => "as before".to_owned(),
        std::cmp::Ordering::Greater => format!("{} points more than before", now.share - before),
        std::cmp::Ordering::Less => format!("{} points less than before", before - now.share),
    })
}

/// Returns the points of the trend, from left to right; none without earlier reports.
fn trend(earlier: &[Earlier], today: Date, now: Count) -> Vec<Point> {
    if earlier.is_empty() {
        return Vec::new();
    }
    let counts = earlier.iter().map(|earlier| (one_line(&earlier.name), earlier.count()));
    let counts: Vec<(String, Count)> = counts.chain([(today.to_string(), now)]).collect();
    let step = (WIDTH - 2.0 * MARGIN) / (counts.len() - 1) as f64;
    let points = counts.into_iter().enumerate().map(|(index, (name, count))| {
        let up = (HEIGHT - 2.0 * MARGIN) * count.share as f64 / 100.0;
        Point { name, count, x: (MARGIN + step * index as f64).round(), y: (HEIGHT - MARGIN - up).round() }
    });
    points.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_leaves_out_what_cannot_be_known() {
        for (pinned, floating, skipped, share) in
            [(0, 0, 0, 100), (0, 0, 3, 100), (2, 1, 9, 66), (0, 5, 0, 0), (199, 1, 0, 99)]
        {
            assert_eq!(Count::new(pinned, floating, skipped).share, share);
        }
    }
}
