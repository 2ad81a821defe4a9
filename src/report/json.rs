//! The versioned JSON document that `list`, `pin` and `check` share (DESIGN.md, the command line).

use std::collections::BTreeMap;

use serde::Serialize;

use super::Report;
use crate::registry::Budget;

/// The version of the document. It grows when a field changes its meaning, not when one is added.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'r> {
    version: u32,
    references: Vec<Reference<'r>>,
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

/// Returns the document, indented, with a final line end; `checked` where findings belong to it.
///
/// # Errors
/// Never in practice: every part of it can be written as JSON.
pub fn render(report: &Report, checked: bool) -> Result<String, serde_json::Error> {
    let references = report.rows.iter().map(|row| Reference {
        file: &row.file,
        line: row.line,
        column: row.column,
        byte_start: row.span.start,
        byte_end: row.span.end,
        document: row.document,
        path: &row.path,
        also_at: &row.also_at,
        format: &row.format,
        kind: row.kind.as_deref(),
        image: &row.image,
        state: row.state,
        reason: row.reason,
        detail: row.detail.as_deref(),
        fields: row
            .fields
            .iter()
            .map(|(name, span)| (*name, Span { byte_start: span.start, byte_end: span.end }))
            .collect(),
        outcome: row.outcome.map(|outcome| outcome.as_str()),
        old: row.outcome.map(|_| row.image.as_str()),
        new: row.outcome.map(|_| row.new.as_deref().unwrap_or(&row.image)),
    });
    let unread = report.unread.iter().map(|row| Unread {
        file: &row.file,
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
    let document = Document {
        version: VERSION,
        references: references.collect(),
        unread: unread.collect(),
        findings: checked.then(|| findings.collect()),
        summary,
        outcomes,
        notes: report.notes.iter().map(String::as_str).collect(),
        registries: &report.registries,
        complete: report.complete,
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}
