//! `expired-ignore`: an exception whose day has passed.

use crate::check::context::CheckContext;
use crate::check::finding::Finding;
use crate::check::rule::{GateRule, Severity};
use crate::manifest::IgnoreUntil;

pub(super) static RULE: GateRule = GateRule {
    id: "expired-ignore",
    title: "An ignore or an entry of the allow-list has ended",
    explanation: "\
`# tagpin: ignore until 2026-12-31 REASON` and `until = 2026-12-31` in `[[check.allow]]` hold to the end of that day. \
Afterwards somebody should look: either the reason is gone and the exception can go too, or it gets another day. An image \
with an ignore that has ended is still left alone by `tagpin pin`, because no bot should change an image only because a \
day has passed; an entry of the allow-list no longer allows anything.",
    bad: "\
services:
  agent:
    # tagpin: ignore until 2026-03-31 the vendor signs digests from April on
    image: vendor.example/agent:stable
",
    good: "\
services:
  agent:
    # tagpin: ignore until 2026-12-31 the vendor has moved this to the end of the year
    image: vendor.example/agent:stable
",
    level: Severity::Error,
    fixable: false,
    online: false,
    supersedes: &[],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &context.inventory.files {
        for ignore in &file.scan.ignores {
            let (message, subject) = match &ignore.until {
                Some(IgnoreUntil::Day(day)) if *day < context.today => {
                    (format!("this ignore has ended on {day}"), day.to_string())
                }
                Some(IgnoreUntil::NoDate(word)) => {
                    (format!("this ignore has no end that could be read: `{word}`"), word.clone())
                }
                _ => continue,
            };
            let finding = Finding::at(&RULE, file, ignore.place.clone(), message, subject);
            findings.push(finding.advice("remove it, or write another day as `until 2026-12-31`"));
        }
    }
    for allow in context.check.allows.iter() {
        let Some(until) = allow.until.filter(|until| *until < context.today) else { continue };
        let reason = &allow.reason;
        let message = format!("what was allowed because of `{reason}` has ended on {until}");
        let finding = Finding::in_config(&RULE, &allow.origin, message, format!("{until} {reason}"));
        findings.push(finding.advice("remove the entry, or give it another day"));
    }
    findings
}
