//! Findings for GitHub Actions: workflow commands that become annotations, and a page for the step summary. Pure.
//!
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>: ten errors, ten warnings and ten
//! notices of a step are shown, and a step's summary has at most 1 MiB.

use std::fmt::Write as _;

use super::Report;
use crate::check::{Finding, Fix, Severity};
use crate::markdown::cell;
use crate::text::{count, printable};

/// How many annotations of each level GitHub shows of a step.
pub const SHOWN_MAX: usize = 10;

/// The largest summary of a step that is written, in bytes: GitHub refuses one of more than 1 MiB as a whole.
pub const SUMMARY_MAX: usize = 1024 * 1024 - 16 * 1024;

const LEVELS: [(Severity, &str); 3] =
    [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "notice")];

/// Returns one workflow command for each finding that GitHub shows, the worst first.
pub fn annotations(report: &Report<'_>) -> String {
    let mut lines = String::new();
    for (level, command) in LEVELS {
        let findings = report.findings.iter().filter(|finding| finding.level == level);
        for finding in findings.take(SHOWN_MAX) {
            lines += &annotation(command, finding);
        }
    }
    lines
}

/// Returns how many findings are more than GitHub shows.
pub fn not_annotated(report: &Report<'_>) -> usize {
    report.levels().into_values().map(|number| number.saturating_sub(SHOWN_MAX)).sum()
}

fn annotation(command: &str, finding: &Finding) -> String {
    let (file, place) = finding.shown_at();
    let mut properties = vec![format!("file={}", property(file))];
    if let Some(place) = place {
        properties.push(format!("line={},endLine={}", place.line, place.end_line));
        // Columns over several lines mean nothing to GitHub.
        if place.line == place.end_line {
            properties.push(format!("col={},endColumn={}", place.column, place.end_column));
        }
    }
    properties.push(format!("title={}", property(&format!("tagpin: {}", finding.rule.id))));
    let hint = finding.fix.as_ref().map(|fix| format!("\nhint: {}", fix.hint())).unwrap_or_default();
    format!("::{command} {}::{}\n", properties.join(","), data(&format!("{}{hint}", finding.message)))
}

/// Escapes what a command says, as the toolkit of Actions does.
fn data(text: &str) -> String {
    printable(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Returns the page for the step summary, with every finding, the worst first, as far as `limit` bytes go.
pub fn summary(report: &Report<'_>, limit: usize) -> String {
    let levels: Vec<String> =
        report.levels().into_iter().map(|(level, number)| count(number, level.0.as_str())).collect();
    let said = if levels.is_empty() { "nothing is wrong".to_owned() } else { levels.join(", ") };
    let mut page = format!("### tagpin check: {said}\n\n");
    let _ = writeln!(page, "{}, {}.", count(report.rows.len(), "image"), states(report));
    if !report.complete {
        let unread = report.unread.iter().filter(|row| row.incomplete).count();
        let (unread, unchecked) = (count(unread, "file"), count(report.unchecked.len(), "image"));
        let _ = writeln!(
            page,
            "\n**Incomplete**: {unread} could not be read, and no registry answered for {unchecked}."
        );
    }
    if report.findings.is_empty() {
        return page;
    }
    page += "\n| level | rule | place | what is wrong | what to do |\n|---|---|---|---|---|\n";
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    for (shown, finding) in findings.iter().enumerate() {
        let row = row(finding);
        if page.len() + row.len() + 200 > limit {
            let left = findings.len() - shown;
            let _ = writeln!(page, "\n{} more: `tagpin check` has them all.", count(left, "finding"));
            break;
        }
        page += &row;
    }
    page
}

fn row(finding: &Finding) -> String {
    let place = match finding.shown_at() {
        (file, Some(place)) => format!("{file}:{}:{}", place.line, place.column),
        (file, None) => file.to_owned(),
    };
    let hint = finding.fix.as_ref().map(Fix::hint).map_or_else(String::new, |hint| quoted(&hint));
    let (level, rule) = (finding.level.as_str(), finding.rule.id);
    format!("| {level} | `{rule}` | {} | {} | {hint} |\n", cell(&place), quoted(&finding.message))
}

/// Returns `text` as a code span, where its own backticks would be told apart from it by nobody.
fn quoted(text: &str) -> String {
    cell(&text.replace('`', "'"))
}

fn states(report: &Report<'_>) -> String {
    let states = report.states().into_iter().map(|(state, number)| format!("{number} {state}"));
    states.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::rules;
    use crate::manifest::SourceRange;

    fn finding(level: Severity, file: &str, message: &str) -> Finding {
        let rule = rules::by_id("floating-tag").unwrap();
        let place = SourceRange { span: 0..1, line: 3, column: 5, end_line: 3, end_column: 9 };
        let finding = Finding::in_file(rule, file, file, message.to_owned());
        Finding { level, place: Some(place), ..finding }
    }

    #[test]
    fn what_a_file_says_makes_no_command_of_its_own() {
        let bad = "50%\r\n::set-output name=a::b\n::error::c\u{1b}[2J";
        let report =
            Report { findings: vec![finding(Severity::Error, "a,b:c\n.yaml", bad)], ..Report::default() };
        assert_eq!(
            annotations(&report),
            "::error file=a%2Cb%3Ac%0A.yaml,line=3,endLine=3,col=5,endColumn=9,title=tagpin%3A floating-tag::\
             50%25\\r%0A: :set-output name=a::b%0A: :error::c\\u{1b}[2J\n"
        );
    }

    #[test]
    fn ten_of_a_level_are_shown_the_worst_first() {
        let mut findings = Vec::new();
        for number in 0..12 {
            findings.push(finding(Severity::Note, "n.yaml", &number.to_string()));
            findings.push(finding(Severity::Error, "e.yaml", &number.to_string()));
        }
        let report = Report { findings, ..Report::default() };
        let lines = annotations(&report);
        let commands: Vec<&str> = lines.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(commands, [["::error"; 10], ["::notice"; 10]].concat());
        assert!(lines.lines().nth(9).unwrap().ends_with("::9"), "{lines}");
        assert_eq!(not_annotated(&report), 4);
        let summary = summary(&report, SUMMARY_MAX);
        assert!(summary.starts_with("### tagpin check: 12 errors, 12 notes\n"), "{summary}");
        assert_eq!(summary.lines().filter(|line| line.starts_with("| error | `floating-tag` |")).count(), 12);
    }

    #[test]
    fn the_summary_is_no_markup_of_others_and_ends_in_time() {
        let bad = "</td><script>alert(1)</script> | `x` [a](http://b) @team\n# head";
        let report =
            Report { findings: vec![finding(Severity::Error, "a|b`.yaml", bad)], ..Report::default() };
        let page = summary(&report, SUMMARY_MAX);
        let row = page.lines().find(|line| line.starts_with("| error")).unwrap();
        assert_eq!(row.replace("\\|", "").matches('|').count(), 6, "{row}");
        assert!(row.contains("| `</td><script>"), "all of it stands in a code span: {row}");
        assert!(!row.contains(" @team"), "{row}");

        let findings = (0..20_000).map(|_| finding(Severity::Error, "a.yaml", &"x".repeat(200))).collect();
        let report = Report { findings, ..Report::default() };
        let page = summary(&report, 100_000);
        assert!(page.len() <= 100_000, "{}", page.len());
        let last = page.lines().last().unwrap();
        assert!(last.ends_with("more: `tagpin check` has them all."), "{last}");
    }
}
