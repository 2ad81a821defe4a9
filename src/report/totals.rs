//! The last lines of a command: how many images are how, and why. Pure.

use std::collections::BTreeMap;

use super::{Report, Row, Suppressed, fold};
use crate::check::GateRule;
use crate::plan::{Outcome, Reason};
use crate::report::terminal::Stream;
use crate::text::{count, one_line};

/// How many documents that were not read are named before their number has to do.
const NAMED: usize = 3;

/// Returns the numbers: a line for the images, and for what `check` found one with the levels and one for each rule.
pub fn totals(report: &Report<'_>, stream: &Stream) -> String {
    let mut parts =
        if report.rows.iter().all(|row| row.outcome.is_none()) { states(report) } else { outcomes(report) };
    parts.extend(known_unread(report));
    let unread: Vec<_> = report.unread.iter().filter(|row| row.incomplete).collect();
    if !unread.is_empty() {
        let reasons = numbered(unread.iter().map(|row| row.unread.reason.as_str()), unread.len());
        parts.push(format!("{} unreadable{reasons}", count(unread.len(), "document")));
    }
    let images = format!("{}: {}", count(report.rows.len(), "image"), parts.join(", "));
    let mut text = fold::line(&images, 2, stream);
    if !report.not_read.is_empty() {
        let kinds: Vec<String> =
            report.not_read.iter().map(|(kind, files)| format!("{} {kind}", files.len())).collect();
        let kinds = format!("files that may name images and are not read: {}", kinds.join(", "));
        text += &fold::line(&kinds, 2, stream);
    }
    text + &findings(report, stream)
}

fn states(report: &Report<'_>) -> Vec<String> {
    let of = |(state, number): (&'static str, usize)| {
        let held = report.rows.iter().filter(|row| row.state == state && row.hold.is_some()).count();
        let held = if held > 0 { format!(" ({held} on hold)") } else { String::new() };
        format!("{number} {state}{held}")
    };
    report.states().into_iter().map(of).collect()
}

fn outcomes(report: &Report<'_>) -> Vec<String> {
    let is_asked_for = |row: &&Row<'_>| row.reason != Some(Reason::NotSelected.as_str());
    let (asked, others): (Vec<&Row<'_>>, Vec<&Row<'_>>) = report.rows.iter().partition(is_asked_for);
    let mut rows: BTreeMap<Outcome, Vec<&Row<'_>>> = BTreeMap::new();
    for row in asked {
        rows.entry(row.outcome.unwrap_or(Outcome::Unchanged)).or_default().push(row);
    }
    let mut parts: Vec<String> = rows
        .into_iter()
        .map(|(outcome, rows)| {
            let is_to_come = report.is_dry_run && matches!(outcome, Outcome::Pinned | Outcome::Updated);
            let would = if is_to_come { "would be " } else { "" };
            let reasons = numbered(rows.iter().filter_map(|row| row.reason), rows.len());
            format!("{} {would}{}{reasons}", rows.len(), outcome.as_str())
        })
        .collect();
    if !others.is_empty() {
        parts.push(format!("{} not asked for", others.len()));
    }
    parts
}

/// Returns how often each word is there, in brackets; nothing where there are none. One that is there for `all` needs no number.
pub(super) fn numbered<'w>(words: impl Iterator<Item = &'w str>, all: usize) -> String {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for word in words {
        *numbers.entry(word).or_default() += 1;
    }
    let told = |(word, number): (&str, usize)| match number == all {
        true => word.to_owned(),
        false => format!("{number} {word}"),
    };
    let numbers: Vec<String> = numbers.into_iter().map(told).collect();
    if numbers.is_empty() { String::new() } else { format!(" ({})", numbers.join(", ")) }
}

/// Returns what was not read and need not be: few by name.
fn known_unread(report: &Report<'_>) -> Option<String> {
    let known: Vec<_> = report.unread.iter().filter(|row| !row.incomplete).collect();
    let number = count(known.len(), "document");
    match known.len() {
        0 => None,
        1..=NAMED => {
            let named =
                known.iter().map(|row| format!("{}: {}", row.unread.reason.as_str(), one_line(row.file)));
            Some(format!("{number} not read ({})", named.collect::<Vec<_>>().join(", ")))
        }
        _ => {
            let reasons = numbered(known.iter().map(|row| row.unread.reason.as_str()), known.len());
            Some(format!("{number} not read{reasons}: `-v` names them"))
        }
    }
}

fn findings(report: &Report<'_>, stream: &Stream) -> String {
    let mut parts: Vec<String> =
        report.levels().into_iter().map(|(level, number)| count(number, level.0.as_str())).collect();
    let Suppressed { allowed, known, before } = report.left_out;
    for (number, what) in
        [(allowed, "allowed"), (known, "known from the baseline"), (before, "older than the change")]
    {
        parts.extend((number > 0).then(|| format!("{number} {what}")));
    }
    if parts.is_empty() {
        return String::new();
    }
    fold::line(&format!("findings: {}", parts.join(", ")), 2, stream) + &rules(report, stream)
}

/// Returns a line for each rule that found something, those that found most first: how often, and what it says.
fn rules(report: &Report<'_>, stream: &Stream) -> String {
    let mut found: BTreeMap<&str, (usize, &GateRule)> = BTreeMap::new();
    for finding in &report.findings {
        found.entry(finding.rule.id).or_insert((0, finding.rule)).0 += 1;
    }
    let mut rules: Vec<(usize, &GateRule)> = found.into_values().collect();
    rules.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    let digits = rules.first().map_or(0, |(number, _)| number.to_string().len());
    let width = rules.iter().map(|(_, rule)| rule.id.len()).max().unwrap_or_default();
    let lines = rules.into_iter().map(|(number, rule)| {
        let line = format!("  {number:>digits$}  {:width$}  {}", rule.id, rule.title);
        fold::line(&line, digits + width + 6, stream)
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Finding, rules};

    #[test]
    fn what_was_found_is_counted_by_rule() {
        let finding =
            |rule: &str| Finding::in_file(rules::by_id(rule).unwrap(), "a.yaml", "a.yaml", String::new());
        let findings = [vec![finding("looks-away")], vec![finding("floating-tag"); 12]].concat();
        let report = Report { findings, ..Report::default() };
        let told = totals(&report, &Stream::plain(std::io::sink()));
        let (_, rules) = told.split_once("findings: 12 errors, 1 warning\n").unwrap();
        assert_eq!(
            rules,
            "  12  floating-tag  An image has a tag and no digest\n   1  looks-away    A deployer may read what tagpin does not judge\n"
        );
        let told = totals(&report, &Stream::terminal(50));
        assert!(told.contains("  A deployer may read what\n                    tagpin"), "{told}");
    }
}
