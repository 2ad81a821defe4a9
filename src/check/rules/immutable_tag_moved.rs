//! `immutable-tag-moved`: a tag that should stay where it is has moved.

use crate::check::context::CheckContext;
use crate::check::finding::Finding;
use crate::check::rule::{GateRule, Severity};
use crate::plan::{Outcome, Reason};
use crate::policy::looks_immutable;
use crate::reference::Reference;

pub(super) static RULE: GateRule = GateRule {
    id: "immutable-tag-moved",
    title: "A tag that should never move has moved",
    explanation: "\
`policy.immutable` names tags that nobody should push twice. One of them names another digest now: somebody released over a \
release, or somebody who should not can push. It is an error, and `tagpin pin` and `tagpin run` hold the image where it is: \
find out what happened first. A tag that only looks like a release, such as `1.27.3`, is a warning, and the update is \
offered as for any other tag: registries rebuild such images when their base changes.",
    bad: "\
# file: tagpin.toml
[policy]
immutable = [\"ghcr.io/acme/*:*\"]
# file: compose.yaml
services:
  api:
    image: ghcr.io/acme/api:1.8@sha256:f31db2ec984ff5e16939cb783e09d2d03d109e3a02c6f0848eb426184e7dff96
",
    good: "\
# file: tagpin.toml
[policy]
immutable = [\"ghcr.io/acme/*:*\"]
# file: compose.yaml
services:
  api:
    image: ghcr.io/acme/api:1.8@sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade
",
    level: Severity::Error,
    fixable: false,
    online: true,
    supersedes: &["tag-moved", "inconsistent-digest"],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (site, facts) in context.facts() {
        let (image, verdict) = (&site.located.site.image, &facts.verdict);
        let tag = site.located.site.reference.as_ref().and_then(Reference::tag).unwrap_or_default();
        if verdict.reason == Some(Reason::ImmutableTagMoved) {
            let message = format!("the tag of `{image}` has moved, and policy says that it never does");
            let advice = "find out who pushed it and why; then change the digest by hand";
            findings.push(Finding::at_site(&RULE, &site, message).advice(advice));
        } else if verdict.outcome == Outcome::Updated && looks_immutable(tag) {
            let message = format!("the tag of `{image}` looks like a release, and has moved");
            let advice = "look at what changed; `tagpin pin` takes the new digest";
            let finding = Finding::at_site(&RULE, &site, message).advice(advice);
            findings.push(Finding { level: Severity::Warning, ..finding });
        }
    }
    findings
}
