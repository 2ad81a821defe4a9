//! `ignore-without-reason`: an ignore that does not say why.

use crate::check::context::CheckContext;
use crate::check::finding::Finding;
use crate::check::rule::{GateRule, Severity};

pub(super) static RULE: GateRule = GateRule {
    id: "ignore-without-reason",
    title: "A `tagpin: ignore` comment does not say why",
    explanation: "\
Whoever reads the file next year has to guess whether the exception still holds. The reason follows the word, and the day until which \
it holds if there is one: `# tagpin: ignore until 2026-12-31 the vendor moves this tag`.",
    bad: "\
services:
  agent:
    # tagpin: ignore
    image: vendor.example/agent:stable
",
    good: "\
services:
  agent:
    # tagpin: ignore the vendor moves this tag on purpose
    image: vendor.example/agent:stable
",
    level: Severity::Note,
    fixable: false,
    online: false,
    supersedes: &[],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let files = context.inventory.files.iter();
    let ignores = files.flat_map(|file| file.scan.ignores.iter().map(move |ignore| (file, ignore)));
    let found = ignores.filter_map(|(file, ignore)| {
        let (message, advice) = ignore.lacks_reason()?;
        let place = ignore.place.clone();
        Some(Finding::at(&RULE, file, place, message.to_owned(), String::new()).advice(advice))
    });
    found.collect()
}
