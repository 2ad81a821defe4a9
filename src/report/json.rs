//! The versioned JSON document that `list`, `pin` and `check` share (DESIGN.md, the command line).

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;

use serde::{Serialize, Serializer};

use super::{Report, Row};
use crate::registry::Budget;

/// The version of the document. It grows when a field changes its meaning, not when one is added.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'r> {
    version: u32,
    /// Written one by one: there may be many.
    references: References<'r>,
    unread: Vec<Unread<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Vec<Finding<'r>>>,
    summary: BTreeMap<&'static str, usize>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    outcomes: BTreeMap<&'static str, usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<&'r str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    registries: &'r BTreeMap<String, Budget>,
    complete: bool,
}

struct References<'r>(&'r [Row<'r>]);

impl Serialize for References<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Reference::of))
    }
}

#[derive(Serialize)]
struct Reference<'r> {
    file: &'r str,
    line: usize,
    column: usize,
    byte_start: usize,
    byte_end: usize,
    document: usize,
    path: &'r str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    also_at: &'r [String],
    format: &'r str,
    kind: Option<&'r str>,
    image: &'r str,
    state: &'static str,
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'r str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<&'static str, Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'r str>,
}

#[derive(Serialize)]
struct Span {
    byte_start: usize,
    byte_end: usize,
}

#[derive(Serialize)]
struct Unread<'r> {
    file: &'r str,
    document: Option<usize>,
    reason: &'static str,
    detail: Option<&'r str>,
}

#[derive(Serialize)]
struct Finding<'r> {
    rule: &'static str,
    level: &'static str,
    message: &'r str,
    reference: usize,
    fix: Option<&'r str>,
}

impl<'r> Reference<'r> {
    fn of(row: &'r Row<'r>) -> Self {
        let span = |span: &Range<usize>| Span { byte_start: span.start, byte_end: span.end };
        Self {
            file: row.file,
            line: row.line,
            column: row.column,
            byte_start: row.span.start,
            byte_end: row.span.end,
            document: row.document,
            path: row.path,
            also_at: row.also_at,
            format: row.format,
            kind: row.kind,
            image: row.image,
            state: row.state,
            reason: row.reason,
            detail: row.detail.as_deref(),
            fields: row.fields().map(|(name, field)| (name, span(&field))).collect(),
            outcome: row.outcome.map(|outcome| outcome.as_str()),
            old: row.outcome.map(|_| row.image),
            new: row.outcome.map(|_| row.new.as_deref().unwrap_or(row.image)),
            platform: row.behind.map(|behind| behind.platform.to_string()),
            index: row.behind.map(|behind| behind.index.as_str()),
        }
    }
}

/// Writes the document, indented, with a final line end; `checked` where findings belong to it.
///
/// # Errors
/// `out` cannot be written.
pub fn write(report: &Report<'_>, checked: bool, out: &mut impl Write) -> std::io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(report, checked))?;
    out.write_all(b"\n")
}

/// Returns the document as a value, for a larger one.
///
/// # Errors
/// Never in practice: every part of it can be written as JSON.
pub fn value(report: &Report<'_>) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::to_value(document(report, false))
}

fn document<'r>(report: &'r Report<'r>, checked: bool) -> Document<'r> {
    let unread = report.unread.iter().map(|row| Unread {
        file: row.file,
        document: row.unread.document,
        reason: row.unread.reason.as_str(),
        detail: row.unread.detail.as_deref(),
    });
    let findings = report.findings.iter().map(|finding| Finding {
        rule: finding.rule,
        level: "error",
        message: &finding.message,
        reference: finding.reference,
        fix: finding.fix.as_deref(),
    });
    let summary = report.states();
    let outcomes =
        report.outcomes().into_iter().map(|(outcome, number)| (outcome.as_str(), number)).collect();
    Document {
        version: VERSION,
        references: References(&report.rows),
        unread: unread.collect(),
        findings: checked.then(|| findings.collect()),
        summary,
        outcomes,
        notes: report.notes.iter().map(String::as_str).collect(),
        registries: &report.registries,
        complete: report.complete,
    }
}
