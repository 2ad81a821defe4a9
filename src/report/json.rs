//! The versioned JSON document that `list`, `pin` and `check` share.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;

use serde::{Serialize, Serializer};

use super::{Report, Row, json_text};
use crate::check::rendered::RenderedOrigin;
use crate::check::{self, Severity};
use crate::manifest::VendoredTree;
use crate::reference::Digest;
use crate::registry::Budget;
use crate::registry::verify::Proof;

/// The version of the document. It grows when a field changes its meaning, not when one is added.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct ReportJson<'r> {
    version: u32,
    /// Written one by one: there may be many.
    references: References<'r>,
    unread: Vec<UnreadJson<'r>>,
    /// How many files there are of each kind that may name images and that tagpin does not read.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    not_read: BTreeMap<&'r str, usize>,
    /// Which ones they are.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    not_read_files: &'r BTreeMap<&'r str, &'r [String]>,
    /// The directories that a tool fetched, with what was left out there.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    vendored: &'r [VendoredTree],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unchecked: Vec<UncheckedJson<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Vec<FindingJson<'r>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finding_summary: Option<FindingSummary>,
    /// How many are how before the command.
    summary: BTreeMap<&'static str, usize>,
    /// How many are how after it: of `pin` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<BTreeMap<&'static str, usize>>,
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
        serializer.collect_seq(self.0.iter().map(ReferenceJson::of))
    }
}

#[derive(Serialize)]
struct ReferenceJson<'r> {
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
    /// The parts of the reference, where it is one.
    #[serde(flatten)]
    parts: Option<PartsJson<'r>>,
    state: &'static str,
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<&'r str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<&'static str, SpanJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_digest: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'r str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    provenance: Vec<Provenance<'r>>,
}

/// The parts of a reference, as a registry is asked: a script need not take it apart.
#[derive(Serialize)]
struct PartsJson<'r> {
    registry: Cow<'r, str>,
    repository: String,
    tag: Option<&'r str>,
    digest: Option<&'r str>,
}

/// What is attached to the new digest, because policy demands it.
#[derive(Serialize)]
struct Provenance<'r> {
    kind: &'static str,
    /// Whether a key of the policy has made it.
    verified: bool,
    key: Option<&'r str>,
    predicate_type: Option<&'r str>,
}

impl<'r> Provenance<'r> {
    fn of(proof: &'r Proof) -> Self {
        let key = proof.key.as_deref();
        let predicate_type = proof.predicate_type.as_deref();
        Self { kind: proof.kind.as_str(), verified: key.is_some(), key, predicate_type }
    }
}

#[derive(Serialize)]
struct SpanJson {
    byte_start: usize,
    byte_end: usize,
}

#[derive(Serialize)]
struct UnreadJson<'r> {
    file: &'r str,
    document: Option<usize>,
    reason: &'static str,
    detail: Option<&'r str>,
}

/// A reference that no registry gave an answer about: neither wrong nor fine.
#[derive(Serialize)]
struct UncheckedJson<'r> {
    /// The index in `references`.
    reference: usize,
    reason: &'static str,
    detail: &'r str,
}

/// One finding. What is not known of one that is about a file is null.
#[derive(Serialize)]
struct FindingJson<'r> {
    rule: &'static str,
    level: &'static str,
    message: &'r str,
    /// The index in `references`.
    reference: Option<usize>,
    /// The command that mends it.
    fix: Option<String>,
    /// The same command, or what a person has to do.
    hint: Option<String>,
    file: &'r str,
    line: Option<usize>,
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
    byte_start: Option<usize>,
    byte_end: Option<usize>,
    document: Option<usize>,
    path: Option<&'r str>,
    image: Option<&'r str>,
    fingerprint: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rendered: Option<RenderedJson<'r>>,
}

/// Of what was rendered: what runs an image, and where that comes from.
#[derive(Serialize)]
struct RenderedJson<'r> {
    runs_in: &'r str,
    /// The likeliest places in the sources; none where nobody looked for them.
    sources: Vec<SourcePlaceJson<'r>>,
    source_count: usize,
    /// What the object says of where it comes from.
    outside: Option<&'r str>,
}

#[derive(Serialize)]
struct SourcePlaceJson<'r> {
    file: &'r str,
    line: usize,
    column: usize,
}

impl<'r> RenderedJson<'r> {
    fn of(origin: &'r RenderedOrigin) -> Self {
        let sources = origin.sources.iter().map(|source| {
            let (line, column) = (source.place.line, source.place.column);
            SourcePlaceJson { file: &source.file, line, column }
        });
        Self {
            runs_in: &origin.runs_in,
            sources: sources.collect(),
            source_count: origin.count,
            outside: Some(origin.outside.as_str()).filter(|outside| !outside.is_empty()),
        }
    }
}

impl<'r> FindingJson<'r> {
    fn of(finding: &'r check::Finding) -> Self {
        let place = finding.place.as_ref();
        Self {
            rule: finding.rule.id,
            level: finding.level.as_str(),
            message: &finding.message,
            reference: finding.reference,
            fix: finding.fix.as_ref().and_then(check::Fix::command),
            hint: finding.fix.as_ref().map(check::Fix::hint),
            file: &finding.file,
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            end_line: place.map(|place| place.end_line),
            end_column: place.map(|place| place.end_column),
            byte_start: place.map(|place| place.span.start),
            byte_end: place.map(|place| place.span.end),
            document: finding.document,
            path: finding.path.as_deref(),
            image: finding.image.as_deref(),
            fingerprint: &finding.fingerprint,
            rendered: finding.rendered.as_deref().map(RenderedJson::of),
        }
    }
}

/// What `check` says beside its findings.
#[derive(Serialize)]
struct FindingSummary {
    error: usize,
    warning: usize,
    note: usize,
    /// Left out because the allow-list has them.
    allowed: usize,
    /// Left out because the baseline has them.
    known: usize,
    /// Left out because they were there before the change that is judged.
    before: usize,
}

impl FindingSummary {
    fn of(report: &Report<'_>) -> Self {
        let levels = report.levels();
        let count = |level| levels.get(&Reverse(level)).copied().unwrap_or_default();
        Self {
            error: count(Severity::Error),
            warning: count(Severity::Warning),
            note: count(Severity::Note),
            allowed: report.left_out.allowed,
            known: report.left_out.known,
            before: report.left_out.before,
        }
    }
}

impl<'r> ReferenceJson<'r> {
    fn of(row: &'r Row<'r>) -> Self {
        let span = |span: &Range<usize>| SpanJson { byte_start: span.start, byte_end: span.end };
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
            parts: row.reference().map(|reference| PartsJson {
                registry: reference.registry(),
                repository: reference.repository(),
                tag: reference.tag(),
                digest: reference.digest().map(Digest::as_str),
            }),
            state: row.state,
            reason: row.reason,
            detail: row.detail.as_deref(),
            hold: row.hold.as_deref(),
            fields: row.fields().map(|(name, field)| (name, span(&field))).collect(),
            outcome: row.outcome.map(|outcome| outcome.as_str()),
            old: row.outcome.map(|_| row.image),
            new: row.outcome.map(|_| row.new.as_deref().unwrap_or(row.image)),
            new_digest: row.new_digest.map(Digest::as_str),
            platform: row.behind.map(|behind| behind.platform.to_string()),
            index: row.behind.map(|behind| behind.index.as_str()),
            provenance: row.proofs.iter().map(|proof| Provenance::of(proof)).collect(),
        }
    }
}

/// Writes the document, indented, with a final line end; `checked` where findings belong to it.
///
/// # Errors
/// `out` cannot be written.
pub fn write(report: &Report<'_>, checked: bool, out: &mut impl Write) -> std::io::Result<()> {
    json_text::write(&document(report, checked), out)
}

/// Returns the document as a value, for a larger one.
///
/// # Errors
/// Never in practice: every part of it can be written as JSON.
pub fn value(report: &Report<'_>) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::to_value(document(report, false))
}

fn document<'r>(report: &'r Report<'r>, checked: bool) -> ReportJson<'r> {
    let unread = report.unread.iter().map(|row| UnreadJson {
        file: row.file,
        document: row.unread.document,
        reason: row.unread.reason.as_str(),
        detail: row.unread.detail.as_deref(),
    });
    let unchecked = report.unchecked.iter().map(|unchecked| UncheckedJson {
        reference: unchecked.reference,
        reason: unchecked.reason.as_str(),
        detail: &unchecked.detail,
    });
    let findings = report.findings.iter().map(FindingJson::of);
    let summary = report.states();
    let outcomes =
        report.outcomes().into_iter().map(|(outcome, number)| (outcome.as_str(), number)).collect();
    ReportJson {
        version: VERSION,
        references: References(&report.rows),
        unread: unread.collect(),
        not_read: report.not_read.iter().map(|(kind, files)| (*kind, files.len())).collect(),
        not_read_files: &report.not_read,
        vendored: report.vendored,
        unchecked: unchecked.collect(),
        findings: checked.then(|| findings.collect()),
        finding_summary: checked.then(|| FindingSummary::of(report)),
        summary,
        after: report.states_after(),
        outcomes,
        notes: report.notes.iter().map(String::as_str).collect(),
        registries: &report.registries,
        complete: report.complete,
    }
}
