//! Reports for people: one line for each thing with its place, on a terminal those of a file together; a summary at the end.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::by_file::{self, FileRow};
use super::{Excerpt, Report, Row, UnreadRow, fold};
use crate::check::{Finding, Severity};
use crate::manifest::VendoredTree;
use crate::manifest::site::Skip;
use crate::plan::{Outcome, Reason};
use crate::reference::Reference;
use crate::report::terminal::{Stream, TextStyle};
use crate::text::{count, one_line, quoted};

/// How far what belongs to a line above is from the left.
const INDENT: usize = 2;

/// Returns the list of every image and where it stands: a line for each, and on a terminal those of a file together.
pub fn list(report: &Report<'_>, stream: &Stream) -> String {
    let rows = || report.rows.iter().map(|row| list_row(row, stream));
    if let Some(columns) = stream.width() {
        return by_file::render(&rows().collect::<Vec<_>>(), stream, columns);
    }
    let mut lines = String::new();
    for (row, told) in report.rows.iter().zip(rows()) {
        let state = stream.paint(told.style, &format!("{:8}", row.state));
        let asides: String = told.asides.iter().map(|aside| format!("  ({})", one_line(aside))).collect();
        let _ = writeln!(lines, "{state}  {}  {}{asides}", told.text, place(row, stream));
    }
    lines
}

fn list_row<'r>(row: &'r Row<'_>, stream: &Stream) -> FileRow<'r> {
    let style = match row.state {
        "floating" => TextStyle::Yellow,
        "pinned" => TextStyle::Green,
        _ => TextStyle::Dim,
    };
    let reason = row.reason.map(|reason| match &row.detail {
        Some(detail) => format!("{reason} {detail}"),
        None => reason.to_owned(),
    });
    let hold = row.hold.as_deref().map(|hold| format!("on hold: {hold}"));
    let uses = row.also_at.len();
    let also = (uses > 0).then(|| format!("and at {} through aliases", count(uses, "more place")));
    FileRow {
        asides: [reason, hold, also].into_iter().flatten().collect(),
        ..file_row(row, row.state, style, shown(row.image, stream))
    }
}

fn file_row<'r>(row: &'r Row<'_>, word: &str, style: TextStyle, text: String) -> FileRow<'r> {
    FileRow {
        file: row.file,
        place: Some((row.line, row.column)),
        word: word.to_owned(),
        style,
        text,
        asides: Vec::new(),
        below: Vec::new(),
        verbatim: String::new(),
        hint: None,
    }
}

/// Returns the lines for what `pin` did and what it could not do; what stayed as it was is counted in the summary only. With `each`,
/// every image has its own.
pub fn pin(report: &Report<'_>, stream: &Stream, each: bool) -> String {
    outcome_lines(report, stream, each, |row| row.outcome.is_some_and(is_change) || is_not_done(row))
}

/// Returns the lines for what `pin` could not do, and for images whose tag moved where digests come by promotion. With `each`, every
/// image has its own.
pub fn not_done(report: &Report<'_>, stream: &Stream, each: bool) -> String {
    outcome_lines(report, stream, each, is_not_done)
}

/// Returns the lines for what could not be done.
pub fn left_out(report: &Report<'_>, stream: &Stream) -> String {
    outcome_lines(report, stream, false, is_left_out)
}

fn is_change(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Pinned | Outcome::Updated)
}

/// Who names such a place wants to know why its digest stays; a run has nothing to say of it each time.
fn is_not_done(row: &Row<'_>) -> bool {
    is_left_out(row) || row.reason == Some(Reason::ByPromotion.as_str())
}

fn is_left_out(row: &Row<'_>) -> bool {
    // Of what is skipped, this alone is likely a mistake.
    let mistakes = [Skip::NotAReference, Skip::MalformedDigest].map(Skip::reason);
    match row.outcome {
        Some(Outcome::Held | Outcome::Failed) => true,
        Some(Outcome::Skipped) => row.reason.is_some_and(|reason| mistakes.contains(&reason)),
        _ => false,
    }
}

/// What is the same but for its place is said once, at the first of its places.
type Told<'r> = (Option<Outcome>, &'r str, Option<&'r str>, Option<&'r str>);

/// How many images are left out for one reason before one line says it for all.
const ALIKE: usize = 10;

fn outcome_lines(
    report: &Report<'_>,
    stream: &Stream,
    each: bool,
    is_wanted: impl Fn(&Row<'_>) -> bool,
) -> String {
    // What became of a whole branch is the same for all images there.
    let of_branch = Reason::OF_BRANCH.map(Reason::as_str);
    let wanted: Vec<&Row<'_>> = report.rows.iter().filter(|row| is_wanted(row)).collect();
    let mut images: HashMap<Told<'_>, HashSet<&str>> = HashMap::new();
    for row in wanted.iter().filter(|row| row.new.is_none()) {
        images.entry((row.outcome, "", row.reason, shared_detail(row))).or_default().insert(row.image);
    }
    let told = |row: &'_ Row<'_>| -> bool {
        let alike = images.get(&(row.outcome, "", row.reason, shared_detail(row)));
        !each
            && row.new.is_none()
            && (row.reason.is_some_and(|reason| of_branch.contains(&reason))
                || alike.is_some_and(|images| images.len() > ALIKE))
    };
    let mut places: HashMap<Told<'_>, usize> = HashMap::new();
    let mut first = Vec::new();
    for row in wanted.iter().copied() {
        let is_together = told(row);
        // What is said once is true of all of them.
        let (image, detail) =
            if is_together { ("", shared_detail(row)) } else { (row.image, row.detail.as_deref()) };
        let key = (row.outcome, image, row.reason, detail);
        let more = places.entry(key).and_modify(|more| *more += 1).or_default();
        // What was written is named wherever it was.
        if *more == 0 || row.new.is_some() {
            first.push((row, key, is_together));
        }
    }
    let rows: Vec<FileRow<'_>> = first
        .into_iter()
        .map(|(row, key, is_together)| {
            let more = places.get(&key).copied().filter(|more| *more > 0 && row.new.is_none());
            let more = more.map(|more| match is_together {
                true => format!("and {}", count(more, "more reference")),
                false => format!("and at {}", count(more, "more place")),
            });
            outcome_row(row, more, is_together, stream)
        })
        .collect();
    if let Some(columns) = stream.width() {
        return by_file::render(&rows, stream, columns);
    }
    rows.iter().map(|row| outcome_line(row, stream)).collect()
}

/// Returns the detail that tells a row from others of its reason. Each declined one names the pull request that was closed: the first
/// stands for all of them. Each that is promoted says first what its tag is, then where its digests come from.
fn shared_detail<'r>(row: &'r Row<'_>) -> Option<&'r str> {
    let detail = row.detail.as_deref()?;
    match row.reason {
        Some(reason) if reason == Reason::Declined.as_str() => None,
        Some(reason) if reason == Reason::ByPromotion.as_str() => {
            detail.split_once("; ").map(|(_, comes_from)| comes_from)
        }
        _ => Some(detail),
    }
}

/// Returns why a row is as it is; `is_together` where it stands for several images, whose tags are different digests.
fn why(row: &Row<'_>, is_together: bool) -> Option<String> {
    let reason = row.reason?;
    let is_promoted = reason == Reason::ByPromotion.as_str();
    Some(match shared_detail(row).filter(|_| is_together && is_promoted) {
        Some(comes_from) => format!("{reason}: their tags have moved; {comes_from}"),
        None => row.detail.as_ref().map_or_else(|| reason.to_owned(), |detail| format!("{reason}: {detail}")),
    })
}

fn outcome_row<'r>(
    row: &'r Row<'_>,
    more: Option<String>,
    is_together: bool,
    stream: &Stream,
) -> FileRow<'r> {
    let outcome = row.outcome.unwrap_or(Outcome::Failed);
    let style = match outcome {
        Outcome::Pinned | Outcome::Updated => TextStyle::Green,
        Outcome::Failed => TextStyle::Red,
        _ => TextStyle::Yellow,
    };
    let old = row.reference().and_then(Reference::digest).filter(|_| outcome == Outcome::Updated);
    let old = old.map(|old| shown(&format!("was {old}"), stream));
    let is_together = is_together && more.is_some();
    let reason = why(row, is_together).map(|why| shown(&why, stream));
    let proofs = row.proofs.iter().map(|proof| one_line(&proof.to_string()));
    FileRow {
        asides: old.into_iter().chain(more).collect(),
        below: reason.into_iter().chain(proofs).collect(),
        ..file_row(row, outcome.as_str(), style, shown(row.new.as_deref().unwrap_or(row.image), stream))
    }
}

/// Returns a row as one line, with what is below it.
fn outcome_line(row: &FileRow<'_>, stream: &Stream) -> String {
    let word = stream.paint(row.style, &format!("{:8}", row.word));
    let (line, column) = row.place.unwrap_or_default();
    let place = stream.paint(TextStyle::Cyan, &format!("{}:{line}:{column}", one_line(row.file)));
    let (mut before, mut behind) = (String::new(), String::new());
    for aside in &row.asides {
        if aside.starts_with("was ") {
            before += &format!("  ({aside})");
        } else {
            behind += &format!("  {aside}");
        }
    }
    let below: String = row.below.iter().map(|more| format!("\n          {more}")).collect();
    format!("{word}  {}{before}  {place}{behind}{below}\n", row.text)
}

/// How many characters of a digest tell it from others.
const SHORT: usize = 12;

/// Returns a text fit for one line. On a terminal digests are short: whole ones wrap every line, and are in pipes and JSON.
pub fn shown(text: &str, stream: &Stream) -> String {
    const START: &str = "sha256:";
    let mut rest = text;
    let mut short = String::new();
    while let Some(at) = rest.find(START).filter(|_| stream.is_terminal()) {
        let end = at + START.len();
        let digits = rest[end..].bytes().take_while(u8::is_ascii_hexdigit).count();
        let kept = if digits > SHORT { end + SHORT } else { end + digits };
        short += &rest[..kept];
        short += if digits > SHORT { "…" } else { "" };
        rest = &rest[end + digits..];
    }
    one_line(&(short + rest))
}

/// Returns the findings of `check`, each with its line where that is known; on a terminal those of a file together.
pub fn check(report: &Report<'_>, stream: &Stream) -> String {
    let excerpts = report.excerpts.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    let told = report.findings.iter().zip(new_hints(&report.findings)).zip(excerpts);
    if let Some(columns) = stream.width() {
        let rows: Vec<FileRow<'_>> =
            told.map(|((finding, hint), excerpt)| finding_row(finding, hint, excerpt, stream)).collect();
        return by_file::render(&rows, stream, columns);
    }
    told.map(|((finding, hint), excerpt)| finding_line(finding, hint, excerpt, stream)).collect()
}

/// Returns the hint of each finding where its rule has not said it yet: that another file has to be pinned is the same hint.
fn new_hints(findings: &[Finding]) -> impl Iterator<Item = Option<String>> + '_ {
    let mut said = HashSet::new();
    findings.iter().map(move |finding| {
        let fix = finding.fix.as_ref()?;
        let hint = fix.hint();
        let what = if fix.command().is_some() { String::new() } else { hint.clone() };
        said.insert((finding.rule.id, what)).then_some(hint)
    })
}

fn style_of(level: Severity) -> TextStyle {
    match level {
        Severity::Error => TextStyle::Red,
        Severity::Warning => TextStyle::Yellow,
        Severity::Note | Severity::Off => TextStyle::Dim,
    }
}

/// Returns the rule of a finding, and its level where it does not shut the gate.
fn rule_of(finding: &Finding) -> String {
    match finding.level {
        Severity::Error => finding.rule.id.to_owned(),
        level => format!("{} ({})", finding.rule.id, level.as_str()),
    }
}

fn finding_row<'r>(
    finding: &'r Finding,
    hint: Option<String>,
    excerpt: Option<&Excerpt>,
    stream: &Stream,
) -> FileRow<'r> {
    let style = style_of(finding.level);
    FileRow {
        file: &finding.file,
        place: finding.place.as_ref().map(|place| (place.line, place.column)),
        word: rule_of(finding),
        style,
        text: String::new(),
        asides: Vec::new(),
        below: vec![shown(&finding.message, stream)],
        verbatim: excerpt.map(|excerpt| excerpt.render(stream, style)).unwrap_or_default(),
        hint,
    }
}

fn finding_line(
    finding: &Finding,
    hint: Option<String>,
    excerpt: Option<&Excerpt>,
    stream: &Stream,
) -> String {
    let style = style_of(finding.level);
    let file = one_line(&finding.file);
    let place = match &finding.place {
        Some(place) => format!("{file}:{}:{}", place.line, place.column),
        None => file,
    };
    let place = stream.paint(TextStyle::Cyan, &place);
    let rule = stream.paint(style, &rule_of(finding));
    let hint = hint.map(|hint| format!("  hint: {}\n", one_line(&hint))).unwrap_or_default();
    let excerpt = excerpt.map(|excerpt| excerpt.render(stream, style)).unwrap_or_default();
    format!("{place}: {rule}: {}\n{excerpt}{hint}", one_line(&finding.message))
}

/// Returns what could not be read or checked, and remarks unless it is to be `quiet`.
pub fn remarks(report: &Report<'_>, stream: &Stream, quiet: bool) -> String {
    let say = |style, word: &str, text: &str| fold::headed(style, word, text, INDENT, stream);
    let unread = report.unread.iter().filter(|row| row.incomplete);
    let unread = unread.map(|row| say(TextStyle::Red, "unread", &format!(": {}", why_unread(row))));
    let unchecked = report.unchecked.iter().filter_map(|unchecked| {
        let row = report.rows.get(unchecked.reference)?;
        let (place, image, detail) = (place_of(row), one_line(row.image), one_line(&unchecked.detail));
        let text = format!(": {place}: `{image}`: {}: {detail}", unchecked.reason);
        Some(say(TextStyle::Red, "not checked", &text))
    });
    // The gate has a finding for each.
    let is_told = report.findings.iter().any(|finding| finding.rule.id == "looks-away");
    let vendored = vendored(report.vendored).filter(|_| !is_told);
    let notes = vendored.into_iter().chain(summed(&report.notes));
    let notes: Vec<String> = if quiet { Vec::new() } else { notes.collect() };
    let notes = notes.iter().map(|note| say(TextStyle::Dim, "note", &format!(": {note}")));
    unread.chain(unchecked).chain(notes).collect()
}

/// Returns the documents that were not read and that nothing is incomplete without: templates, links.
pub fn known_unread(report: &Report<'_>, stream: &Stream) -> String {
    let known = report.unread.iter().filter(|row| !row.incomplete);
    let say =
        |row| fold::headed(TextStyle::Dim, "not read", &format!(": {}", why_unread(row)), INDENT, stream);
    known.map(say).collect()
}

fn why_unread(row: &UnreadRow<'_>) -> String {
    let detail = row.unread.detail.as_ref().map(|detail| format!(": {}", one_line(detail)));
    format!("{}: {}{}", one_line(row.file), row.unread.reason.as_str(), detail.unwrap_or_default())
}

/// Returns what was left out of directories that a tool fetched.
fn vendored(left_out: &[VendoredTree]) -> Option<String> {
    let images: usize = left_out.iter().map(|tree| tree.images).sum();
    let files: usize = left_out.iter().map(|tree| tree.files).sum();
    let named = quoted(left_out.iter().take(SAME).map(|tree| &tree.path), ", ");
    let more = match left_out.len().saturating_sub(SAME) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (files > 0).then(|| {
        format!(
            "{} in {} left out, in directories that a tool fetched ({named}{more}): `--vendored`, or `vendored = true` in [policy], \
             lets them in",
            count(images, "image"),
            count(files, "file")
        )
    })
}

/// How many files say the same before one line says it for all.
const SAME: usize = 3;

/// Returns the notes, those of many files that say the same as one.
fn summed(notes: &[String]) -> Vec<String> {
    let remark =
        |note: &str| note.split_once(": ").map(|(file, remark)| (file.to_owned(), remark.to_owned()));
    let mut files: HashMap<String, Vec<String>> = HashMap::new();
    for (file, remark) in notes.iter().map(String::as_str).filter_map(remark) {
        files.entry(remark).or_default().push(file);
    }
    let mut summed = Vec::new();
    for note in notes {
        let Some((file, remark)) = remark(note) else {
            summed.push(note.clone());
            continue;
        };
        match files.get(&remark) {
            Some(all) if all.len() <= SAME => summed.push(note.clone()),
            Some(all) if all.first() == Some(&file) => {
                let named = all[..SAME].join(", ");
                summed.push(format!("{remark} ({named} and {} more)", all.len() - SAME));
                files.remove(&remark);
            }
            // Said already.
            _ => {}
        }
    }
    summed
}

fn place(row: &Row<'_>, stream: &Stream) -> String {
    stream.paint(TextStyle::Cyan, &place_of(row))
}

fn place_of(row: &Row<'_>) -> String {
    format!("{}:{}:{}", one_line(row.file), row.line, row.column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_files_say_is_said_once() {
        let note = |file: usize, remark: &str| format!("{file}.yaml: {remark}");
        let mut notes: Vec<String> = (0..3).map(|file| note(file, "few")).collect();
        notes.push("no file of its own".to_owned());
        notes.extend((0..25).map(|file| note(file, "Pod/a is not annotated: no room")));
        let told = summed(&notes);
        assert_eq!(told[..4], notes[..4]);
        assert_eq!(told[4..], ["Pod/a is not annotated: no room (0.yaml, 1.yaml, 2.yaml and 22 more)"]);
    }

    #[test]
    fn digests_are_short_on_a_terminal_alone() {
        let text = format!("redis:8@sha256:{}  (was sha256:{})", "a".repeat(64), "b".repeat(64));
        let plain = Stream::plain(Vec::new());
        assert_eq!(shown(&text, &plain), text);
        let mut terminal = Stream::plain(Vec::new());
        terminal.assume_terminal();
        let short = format!("redis:8@sha256:{}…  (was sha256:{}…)", "a".repeat(12), "b".repeat(12));
        assert_eq!(shown(&text, &terminal), short);
        assert_eq!(shown("x@sha256:abc", &terminal), "x@sha256:abc");
    }
}
