//! Findings as SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>), with what GitHub's code
//! scanning asks for beyond the standard
//! (<https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>).
//! Pure.

use std::cmp::Reverse;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Report, json_text};
use crate::check::{Finding, GateRule, Severity, rules};
use crate::text::one_line;

/// How many results GitHub takes of a run; it refuses a file with more.
pub const RESULTS_MAX: usize = 25_000;

/// How many results GitHub shows of a run: those with the highest severity.
pub const RESULTS_SHOWN: usize = 5_000;

/// The base of all relative paths: the root of the git work tree.
const ROOT: &str = "%SRCROOT%";

/// What stands in the path of a URI as it is (RFC 3986, section 3.3). A colon does not: the first segment would pass for
/// a scheme.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns the log, indented, with a final line end.
///
/// # Errors
/// Never in practice: it is written into memory.
pub fn document(report: &Report<'_>) -> serde_json::Result<Vec<u8>> {
    let log = log(report, RESULTS_MAX, env!("CARGO_PKG_REPOSITORY"));
    let mut bytes = Vec::new();
    json_text::write(&log, &mut bytes).map_err(serde_json::Error::io)?;
    Ok(bytes)
}

/// Returns the log with at most `limit` results. `repository` is where the rules' page is kept, if that is known.
fn log(report: &Report<'_>, limit: usize, repository: &str) -> Value {
    let (kept, cut) = kept(&report.findings, limit);
    let mut notifications = Vec::new();
    if cut > 0 {
        notifications.push(notification(
            "warning",
            &format!("{cut} of {} findings are left out, those of the lowest level", cut + kept.len()),
        ));
    }
    for row in report.unread.iter().filter(|row| row.incomplete) {
        let detail = row.unread.detail.as_deref().unwrap_or_default();
        let text = format!("{} could not be read: {}: {detail}", row.file, row.unread.reason.as_str());
        notifications.push(notification("error", &text));
    }
    for unchecked in &report.unchecked {
        let Some(row) = report.rows.get(unchecked.reference) else { continue };
        let place = format!("{}:{}:{}", row.file, row.line, row.column);
        let text = format!(
            "{place}: {} could not be checked: {}: {}",
            row.image, unchecked.reason, unchecked.detail
        );
        notifications.push(notification("error", &text));
    }
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "tagpin",
                "semanticVersion": version,
                "version": version,
                "rules": rules::ALL.iter().map(|rule| descriptor(rule, repository)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {
                ROOT: {"description": {"text": "the root of the git work tree, or the working directory"}},
            },
            "invocations": [{
                "executionSuccessful": report.complete,
                "toolExecutionNotifications": notifications,
            }],
            "results": kept.into_iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

/// Returns the findings that are written, in their order, and how many are not: those of the lowest level are left out.
fn kept(findings: &[Finding], limit: usize) -> (Vec<&Finding>, usize) {
    let mut ranked: Vec<usize> = (0..findings.len()).collect();
    ranked.sort_by_key(|index| Reverse(findings.get(*index).map(|finding| finding.level)));
    ranked.truncate(limit);
    ranked.sort_unstable();
    let kept: Vec<&Finding> = ranked.into_iter().filter_map(|index| findings.get(index)).collect();
    let cut = findings.len() - kept.len();
    (kept, cut)
}

fn notification(level: &str, text: &str) -> Value {
    json!({"level": level, "message": {"text": message(text)}})
}

fn descriptor(rule: &GateRule, repository: &str) -> Value {
    let GateRule { id, title, explanation, bad, good, .. } = rule;
    let explained = explanation.split_whitespace().collect::<Vec<_>>().join(" ");
    let (severity, level) = match rule.level {
        Severity::Error => ("error", "error"),
        Severity::Warning => ("warning", "warning"),
        Severity::Note | Severity::Off => ("recommendation", "note"),
    };
    let mut descriptor = json!({
        "id": id,
        "name": name(id),
        "shortDescription": {"text": title},
        "fullDescription": {"text": explained},
        "help": {
            "text": format!("{explained}\n\nBad:\n\n{bad}\nGood:\n\n{good}"),
            "markdown": format!("{explanation}\n\nBad:\n\n```yaml\n{bad}```\n\nGood:\n\n```yaml\n{good}```"),
        },
        "defaultConfiguration": {"level": level},
        "properties": {
            "tags": ["supply-chain", "containers"],
            "precision": "very-high",
            "problem.severity": severity,
        },
    });
    if !repository.is_empty() {
        let version = env!("CARGO_PKG_VERSION");
        let page = format!("{}/blob/v{version}/docs/rules.md#{id}", repository.trim_end_matches('/'));
        descriptor["helpUri"] = json!(page);
    }
    descriptor
}

/// Returns the id as SARIF likes names: `FloatingTag`.
fn name(id: &str) -> String {
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    id.split('-').filter(|word| !word.is_empty()).map(capital).collect()
}

fn result(finding: &Finding) -> Value {
    let hint = finding.fix.as_ref().map(|fix| format!("\nHint: {}", message(&fix.hint())));
    let (file, place) = finding.shown_at();
    let (line, column, end_line, end_column) = match place {
        Some(place) => (place.line, place.column, place.end_line, place.end_column),
        // The file as a whole: GitHub wants all four.
        None => (1, 1, 1, 1),
    };
    let index = rules::ALL.iter().position(|rule| *rule == finding.rule);
    json!({
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": finding.level.as_str(),
        "message": {"text": message(&finding.message) + &hint.unwrap_or_default()},
        "locations": [{"physicalLocation": {
            "artifactLocation": location(file),
            "region": {
                "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column,
            },
        }}],
        "partialFingerprints": {"primaryLocationLineHash": finding.fingerprint},
    })
}

/// Returns the place of a file: below the root, unless it is elsewhere on this machine.
fn location(path: &str) -> Value {
    let uri = utf8_percent_encode(path, PATH).to_string();
    if Path::new(path).is_absolute() {
        json!({"uri": format!("file://{uri}")})
    } else {
        json!({"uri": uri, "uriBaseId": ROOT})
    }
}

/// Returns one line in which nothing is a link (SARIF 2.1.0, section 3.11.6).
fn message(text: &str) -> String {
    one_line(text).replace("](", "]\u{200b}(")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(level: Severity, path: &str) -> Finding {
        let rule = rules::by_id("floating-tag").unwrap();
        Finding { level, ..Finding::in_file(rule, path, path, "[a](http://b)\u{1b}[2J".to_owned()) }
    }

    #[test]
    fn what_is_too_much_is_said_and_is_what_counts_least() {
        let findings: Vec<Finding> = (0..6)
            .map(|i| finding(if i % 2 == 0 { Severity::Note } else { Severity::Error }, &format!("{i}.yaml")))
            .collect();
        let report = Report { findings, complete: true, ..Report::default() };
        let log = log(&report, 4, "");
        let results = log["runs"][0]["results"].as_array().unwrap();
        let kept: Vec<&str> = results
            .iter()
            .map(|result| {
                result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap()
            })
            .collect();
        assert_eq!(kept, ["0.yaml", "1.yaml", "3.yaml", "5.yaml"]);
        let said = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
        assert_eq!(said, "2 of 6 findings are left out, those of the lowest level");
    }

    #[test]
    fn paths_are_uris_below_the_root() {
        assert_eq!(location("a b/ü:%.yaml"), json!({"uri": "a%20b/%C3%BC%3A%25.yaml", "uriBaseId": ROOT}));
        assert_eq!(location("/etc/x.toml"), json!({"uri": "file:///etc/x.toml"}));
    }

    #[test]
    fn messages_have_no_links_and_no_control_characters() {
        let text = result(&finding(Severity::Error, "a"))["message"]["text"].as_str().unwrap().to_owned();
        assert_eq!(text, "[a]\u{200b}(http://b)\\u{1b}[2J");
    }

    #[test]
    fn the_page_of_a_rule_is_named_where_it_is_known() {
        let rule = rules::by_id("floating-tag").unwrap();
        assert_eq!(descriptor(rule, "").get("helpUri"), None);
        let page = descriptor(rule, "https://git.example/a/tagpin/")["helpUri"].as_str().unwrap().to_owned();
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(page, format!("https://git.example/a/tagpin/blob/v{version}/docs/rules.md#floating-tag"));
        assert_eq!(name("overlay-unpins-base"), "OverlayUnpinsBase");
    }
}
