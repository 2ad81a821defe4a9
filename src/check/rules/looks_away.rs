//! `looks-away`: something that a deployer reads and tagpin does not, or not as the deployer does.

use crate::check::context::CheckContext;
use crate::check::finding::Finding;
use crate::check::rule::{GateRule, Severity};
use crate::manifest::inventory::FileScan;
use crate::manifest::{LookAway, LookAwayReason, LookAwaySpot};

pub(super) static RULE: GateRule = GateRule {
    id: "looks-away",
    title: "A deployer may read what tagpin does not judge",
    explanation: "\
A marker of another tool, a symbolic link, a submodule, or something else that tagpin does not look behind: an image may come \
from there that nobody judged. It is a warning for what is there, and an error for what a change adds (`--changed-since`, \
`--diff`). Where it is meant to be so, allow it with a reason (`[[check.allow]]`), or judge what is deployed with \
`tagpin check --rendered`.",
    bad: "\
services:
  api:
    image: ghcr.io/acme/api:1.8 # {\"$imagepolicy\": \"flux-system:api\"}
",
    good: "\
services:
  api:
    image: ghcr.io/acme/api:1.8@sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade
",
    level: Severity::Warning,
    fixable: false,
    online: false,
    supersedes: &[],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let level = |found: &LookAway| match found.reason {
        _ if context.is_change => Severity::Error,
        // Most charts have such a helper, and what it is given is judged where that stands.
        LookAwayReason::ChartHelperParts => Severity::Note,
        _ => RULE.level,
    };
    let files = context.inventory.files.iter();
    // What is left out by the settings of before is meant to be, and so is what templates write: only what a change makes of it
    // is said.
    let is_meant = |reason| matches!(reason, LookAwayReason::Excluded | LookAwayReason::ChartAction);
    let is_said = |found: &&LookAway| context.is_change || !is_meant(found.reason);
    let all =
        files.flat_map(|file| file.scan.looks_away.iter().filter(is_said).map(move |found| (file, found)));
    all.map(|(file, found)| Finding { level: level(found), ..finding(file, found) }).collect()
}

fn finding(file: &FileScan, found: &LookAway) -> Finding {
    let subject = format!("{} {}", found.reason.as_str(), found.what);
    let finding = match &found.spot {
        Some(LookAwaySpot { document, path, place }) => Finding {
            document: Some(*document),
            path: Some(path.clone()),
            ..Finding::at(&RULE, file, place.clone(), found.message(), subject)
        },
        None => Finding { subject, ..Finding::in_file(&RULE, &file.path, &file.root_path, found.message()) },
    };
    Finding { inputs: found.inputs.clone(), ..finding.advice(found.reason.hint()) }
}
