//! Reports for people: one line for each thing, the place last, a summary at the end.

use super::{Excerpt, Report, Row, Suppressed};
use crate::check::{Finding, Severity};
use crate::plan::Outcome;
use crate::report::terminal::{Stream, TextStyle};
use crate::text::{count, one_line};

/// Returns the list of every image and where it stands.
pub fn list(report: &Report<'_>, stream: &Stream) -> String {
    let width = report.rows.iter().map(|row| row.image.chars().count()).max().unwrap_or_default().min(72);
    let rows = report.rows.iter().map(|row| {
        let style = match row.state {
            "floating" => TextStyle::Yellow,
            "pinned" => TextStyle::Green,
            _ => TextStyle::Dim,
        };
        let state = stream.paint(style, &format!("{:8}", row.state));
        let reason = row.reason.map(|reason| format!("  ({reason})")).unwrap_or_default();
        let hold =
            row.hold.as_deref().map(|hold| format!("  (on hold: {})", one_line(hold))).unwrap_or_default();
        let also = match row.also_at.len() {
            0 => String::new(),
            uses => format!("  (and at {} through aliases)", count(uses, "more place")),
        };
        let image = one_line(row.image);
        format!("{state}  {image:width$}  {}{reason}{hold}{also}\n", place(row, stream))
    });
    rows.collect()
}

/// Returns the lines for what `pin` did; what stayed as it was is counted in the summary only.
pub fn pin(report: &Report<'_>, stream: &Stream) -> String {
    outcome_lines(report, stream, &[Outcome::Pinned, Outcome::Updated, Outcome::Held, Outcome::Failed])
}

/// Returns the lines for what could not be done.
pub fn left_out(report: &Report<'_>, stream: &Stream) -> String {
    outcome_lines(report, stream, &[Outcome::Held, Outcome::Failed])
}

fn outcome_lines(report: &Report<'_>, stream: &Stream, outcomes: &[Outcome]) -> String {
    let told =
        report.rows.iter().filter(|row| row.outcome.is_some_and(|outcome| outcomes.contains(&outcome)));
    let rows = told.map(|row| {
        let outcome = row.outcome.unwrap_or(Outcome::Failed);
        let style = match outcome {
            Outcome::Pinned | Outcome::Updated => TextStyle::Green,
            Outcome::Failed => TextStyle::Red,
            _ => TextStyle::Yellow,
        };
        let word = stream.paint(style, &format!("{:8}", outcome.as_str()));
        let text = row.new.as_deref().unwrap_or(row.image);
        let reason = match (row.reason, &row.detail) {
            (Some(reason), Some(detail)) => format!("\n          {reason}: {}", one_line(detail)),
            (Some(reason), None) => format!("\n          {reason}"),
            _ => String::new(),
        };
        let proofs = row.proofs.iter().map(|proof| format!("\n          {}", one_line(&proof.to_string())));
        let proofs: String = proofs.collect();
        format!("{word}  {}  {}{reason}{proofs}\n", one_line(text), place(row, stream))
    });
    rows.collect()
}

/// Returns the findings of `check`, each with its line where that is known.
pub fn check(report: &Report<'_>, stream: &Stream) -> String {
    let excerpts = report.excerpts.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    let told = report.findings.iter().zip(excerpts);
    told.map(|(finding, excerpt)| finding_line(finding, excerpt, stream)).collect()
}

fn finding_line(finding: &Finding, excerpt: Option<&Excerpt>, stream: &Stream) -> String {
    let style = match finding.level {
        Severity::Error => TextStyle::Red,
        Severity::Warning => TextStyle::Yellow,
        Severity::Note | Severity::Off => TextStyle::Dim,
    };
    let file = one_line(&finding.file);
    let place = match &finding.place {
        Some(place) => format!("{file}:{}:{}", place.line, place.column),
        None => file,
    };
    let place = stream.paint(TextStyle::Cyan, &place);
    let level = match finding.level {
        Severity::Error => String::new(),
        level => format!(" ({})", level.as_str()),
    };
    let rule = stream.paint(style, &format!("{}{level}", finding.rule.id));
    let hint =
        finding.fix.as_ref().map(|fix| format!("  hint: {}\n", one_line(&fix.hint()))).unwrap_or_default();
    let excerpt = excerpt.map(|excerpt| excerpt.render(stream, style)).unwrap_or_default();
    format!("{place}: {rule}: {}\n{excerpt}{hint}", one_line(&finding.message))
}

/// Returns what could not be read, and remarks.
pub fn remarks(report: &Report<'_>, stream: &Stream) -> String {
    let unread = report.unread.iter().filter(|row| row.incomplete).map(|row| {
        let detail =
            row.unread.detail.as_ref().map(|detail| format!(": {}", one_line(detail))).unwrap_or_default();
        let word = stream.paint(TextStyle::Red, "unread");
        format!("{word}: {}: {}{detail}\n", one_line(row.file), row.unread.reason.as_str())
    });
    let unchecked = report.unchecked.iter().filter_map(|unchecked| {
        let row = report.rows.get(unchecked.reference)?;
        let word = stream.paint(TextStyle::Red, "not checked");
        let (place, image, detail) = (place(row, stream), one_line(row.image), one_line(&unchecked.detail));
        Some(format!("{word}: {place}: `{image}`: {}: {detail}\n", unchecked.reason))
    });
    let notes = report
        .notes
        .iter()
        .map(|note| format!("{}: {}\n", stream.paint(TextStyle::Dim, "note"), one_line(note)));
    unread.chain(unchecked).chain(notes).collect()
}

/// Returns one line with the numbers.
pub fn summary(report: &Report<'_>) -> String {
    let known = report.unread.iter().filter(|row| !row.incomplete).count();
    let unread = report.unread.len() - known;
    let outcomes = report.outcomes();
    let mut parts: Vec<String> = if outcomes.is_empty() {
        report.states().into_iter().map(|(state, number)| format!("{number} {state}")).collect()
    } else {
        outcomes.into_iter().map(|(outcome, number)| format!("{number} {}", outcome.as_str())).collect()
    };
    if known > 0 {
        parts.push(format!("{} not read (templates and links)", count(known, "document")));
    }
    if unread > 0 {
        parts.push(format!("{} unreadable", count(unread, "document")));
    }
    let mut findings: Vec<String> =
        report.levels().into_iter().map(|(level, number)| count(number, level.0.as_str())).collect();
    let Suppressed { allowed, known, before } = report.left_out;
    if allowed > 0 {
        findings.push(format!("{allowed} allowed"));
    }
    if known > 0 {
        findings.push(format!("{known} known from the baseline"));
    }
    if before > 0 {
        findings.push(format!("{before} older than the change"));
    }
    let findings =
        if findings.is_empty() { String::new() } else { format!("findings: {}\n", findings.join(", ")) };
    format!("{}: {}\n{findings}", count(report.rows.len(), "image"), parts.join(", "))
}

fn place(row: &Row<'_>, stream: &Stream) -> String {
    stream.paint(TextStyle::Cyan, &format!("{}:{}:{}", one_line(row.file), row.line, row.column))
}
