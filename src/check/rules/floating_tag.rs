//! `floating-tag`: a tag without a digest.

use crate::check::context::CheckContext;
use crate::check::finding::{Finding, sites};
use crate::check::rule::{GateRule, Severity};
use crate::manifest::site::State;

pub(super) static RULE: GateRule = GateRule {
    id: "floating-tag",
    title: "An image has a tag and no digest",
    explanation: "\
A tag is a name that its owner can move: what was reviewed and tested is not what runs next week, and two nodes that pull \
on different days run different images. A digest beside the tag names the content. The tag stays, for people.",
    bad: "\
apiVersion: v1
kind: Pod
metadata: {name: api}
spec:
  containers:
    - name: api
      image: ghcr.io/acme/api:1.8
",
    good: "\
apiVersion: v1
kind: Pod
metadata: {name: api}
spec:
  containers:
    - name: api
      image: ghcr.io/acme/api:1.8@sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade
",
    level: Severity::Error,
    fixable: true,
    online: false,
    supersedes: &[],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let floating = sites(context.inventory).filter(|site| site.located.site.state == State::Floating);
    let found = floating.map(|site| {
        let image = &site.located.site.image;
        let message = format!("`{image}` has a tag and no digest: what it names can change");
        Finding::at_site(&RULE, &site, message)
    });
    found.collect()
}
