//! Reports for people: one line for each thing, the place last, a summary at the end.

use std::collections::{BTreeMap, HashMap};

use super::{Excerpt, Report, Row, Suppressed};
use crate::check::{Finding, Severity};
use crate::plan::{Outcome, Reason};
use crate::reference::Reference;
use crate::report::terminal::{Stream, TextStyle};
use crate::text::{count, one_line};

/// Returns the list of every image and where it stands.
pub fn list(report: &Report<'_>, stream: &Stream) -> String {
    let images: Vec<String> = report.rows.iter().map(|row| shown(row.image, stream)).collect();
    let width = images.iter().map(|image| image.chars().count()).max().unwrap_or_default().min(72);
    let rows = report.rows.iter().zip(&images).map(|(row, image)| {
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
    // What is the same but for its place is said once, at the first of its places.
    type Told<'r> = (Option<Outcome>, &'r str, Option<&'r str>, Option<&'r str>);
    let mut places: HashMap<Told<'_>, usize> = HashMap::new();
    // What became of a whole branch is the same for all images there.
    let of_branch = Reason::OF_BRANCH.map(Reason::as_str);
    let is_of_branch = |reason: Option<&str>| reason.is_some_and(|reason| of_branch.contains(&reason));
    let mut first = Vec::new();
    for row in &report.rows {
        if row.outcome.is_some_and(|outcome| outcomes.contains(&outcome)) {
            let image = if is_of_branch(row.reason) { "" } else { row.image };
            // Each declined one names the pull request that was closed: the first stands for all of them.
            let is_declined = row.reason == Some(Reason::Declined.as_str());
            let detail = row.detail.as_deref().filter(|_| !is_declined);
            let told = (row.outcome, image, row.reason, detail);
            let more = places.entry(told).and_modify(|more| *more += 1).or_default();
            // What was written is named wherever it was.
            if *more == 0 || row.new.is_some() {
                first.push((row, told));
            }
        }
    }
    let rows = first.into_iter().map(|(row, told)| {
        let outcome = row.outcome.unwrap_or(Outcome::Failed);
        let style = match outcome {
            Outcome::Pinned | Outcome::Updated => TextStyle::Green,
            Outcome::Failed => TextStyle::Red,
            _ => TextStyle::Yellow,
        };
        let word = stream.paint(style, &format!("{:8}", outcome.as_str()));
        let text = row.new.as_deref().unwrap_or(row.image);
        let old = row.reference().and_then(Reference::digest).filter(|_| outcome == Outcome::Updated);
        let old = old.map(|old| shown(&format!("  (was {old})"), stream)).unwrap_or_default();
        let more = match places.get(&told).copied().unwrap_or_default() {
            more if more > 0 && is_of_branch(row.reason) => {
                format!("  and {}", count(more, "more reference"))
            }
            more if more > 0 && row.new.is_none() => format!("  and at {}", count(more, "more place")),
            _ => String::new(),
        };
        let reason = match (row.reason, &row.detail) {
            (Some(reason), Some(detail)) => format!("\n          {reason}: {}", one_line(detail)),
            (Some(reason), None) => format!("\n          {reason}"),
            _ => String::new(),
        };
        let proofs = row.proofs.iter().map(|proof| format!("\n          {}", one_line(&proof.to_string())));
        let proofs: String = proofs.collect();
        format!("{word}  {}{old}  {}{more}{reason}{proofs}\n", shown(text, stream), place(row, stream))
    });
    rows.collect()
}

/// How many characters of a digest tell it from others.
const SHORT: usize = 12;

/// Returns a text fit for one line. On a terminal digests are short: whole ones wrap every line, and are in pipes and JSON.
fn shown(text: &str, stream: &Stream) -> String {
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
    let notes = summed(&report.notes);
    let notes =
        notes.iter().map(|note| format!("{}: {}\n", stream.paint(TextStyle::Dim, "note"), one_line(note)));
    unread.chain(unchecked).chain(notes).collect()
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
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for row in report.unread.iter().filter(|row| !row.incomplete) {
            *reasons.entry(row.unread.reason.as_str()).or_default() += 1;
        }
        let reasons: Vec<String> =
            reasons.into_iter().map(|(reason, number)| format!("{number} {reason}")).collect();
        parts.push(format!("{} not read ({})", count(known, "document"), reasons.join(", ")));
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
    let kinds: Vec<String> = report.not_read.iter().map(|(kind, files)| format!("{files} {kind}")).collect();
    let not_read = match kinds.as_slice() {
        [] => String::new(),
        kinds => format!("files that may name images and are not read: {}\n", kinds.join(", ")),
    };
    format!("{}: {}\n{not_read}{findings}", count(report.rows.len(), "image"), parts.join(", "))
}

fn place(row: &Row<'_>, stream: &Stream) -> String {
    stream.paint(TextStyle::Cyan, &format!("{}:{}:{}", one_line(row.file), row.line, row.column))
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
