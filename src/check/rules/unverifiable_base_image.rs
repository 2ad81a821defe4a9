//! `unverifiable-base-image`: a build takes an image that the file alone does not name.

use super::unverifiable::unknown;
use crate::check::context::CheckContext;
use crate::check::finding::{Finding, build_inputs};
use crate::check::rule::{GateRule, Severity};

pub(super) static RULE: GateRule = GateRule {
    id: "unverifiable-base-image",
    title: "The file does not say which image a build takes",
    explanation: "\
An argument without a default, or one that several places use, stands where an image or its tag should: whether it is pinned \
is known only where the build is called. Give the argument a default that is the whole image with its digest, and use it in \
`FROM` alone; then tagpin keeps it. It is a note for what is there, and a warning for what a change adds \
(`--changed-since`, `--diff`).",
    bad: "\
# file: Dockerfile
ARG BASE
FROM ${BASE}
",
    good: "\
# file: Dockerfile
ARG BASE=alpine:3.20@sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade
FROM ${BASE}
",
    level: Severity::Note,
    fixable: false,
    online: false,
    supersedes: &[],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let level = if context.is_change { Severity::Warning } else { RULE.level };
    let findings = build_inputs(context.inventory).filter_map(|site| {
        let message = unknown(&site)?;
        Some(Finding { level, ..Finding::at_site(&RULE, &site, message) })
    });
    findings.collect()
}
