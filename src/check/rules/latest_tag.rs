//! `latest-tag`: the tag that promises to move.

use crate::check::context::CheckContext;
use crate::check::finding::{Finding, floating};
use crate::check::rule::{GateRule, Severity};
use crate::reference::LATEST;

pub(super) static RULE: GateRule = GateRule {
    id: "latest-tag",
    title: "An image has the tag `latest` and no digest",
    explanation: "\
`latest` says nothing about what it names and moves with every release; Kubernetes pulls it anew for every pod \
(`imagePullPolicy: Always`). A digest beside it stops the moving; a tag with a version says more to people.",
    bad: "\
services:
  cache:
    image: redis:latest
",
    good: "\
services:
  cache:
    image: redis:8.2@sha256:3b447e761c21193bbf7529364c2c8155ff5e590b7a05206e81d7704fcf79f6a6
",
    level: Severity::Error,
    fixable: true,
    online: false,
    supersedes: &["floating-tag"],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let latest =
        floating(context.inventory).filter(|(_, reference)| reference.tag().is_some_and(|tag| tag == LATEST));
    let found = latest.map(|(site, _)| {
        let image = &site.located.site.image;
        let message = format!("`{image}` has the tag `latest` and no digest: it changes with every release");
        Finding::at_site(&RULE, &site, message)
    });
    found.collect()
}
