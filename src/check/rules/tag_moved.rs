//! `tag-moved`: the pin is no longer what the tag says.

use crate::check::context::CheckContext;
use crate::check::finding::Finding;
use crate::check::rule::{GateRule, Severity};
use crate::plan::Outcome;

pub(super) static RULE: GateRule = GateRule {
    id: "tag-moved",
    title: "The tag names another digest by now",
    explanation: "\
The image is pinned, and its tag has moved since: a newer build under the same name, often with security fixes in it. What is \
deployed is still what was reviewed, so this is a warning; `tagpin pin`, or the next pull request of `tagpin run`, brings \
the digest up to date. So it does where policy asks for another digest of the same tag: that of a platform. Where a policy demands platforms and their manifests have stayed the same, nothing is said.",
    bad: "\
services:
  cache:
    image: redis:8.2@sha256:b0db513d88e96587405b447d9bc4dc3f8ab13ef4280150bcb2c746f157c3e519
",
    good: "\
services:
  cache:
    image: redis:8.2@sha256:3b447e761c21193bbf7529364c2c8155ff5e590b7a05206e81d7704fcf79f6a6
",
    level: Severity::Warning,
    fixable: true,
    online: true,
    supersedes: &["inconsistent-digest"],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let moved = context.facts().filter(|(_, facts)| facts.verdict.outcome == Outcome::Updated);
    let found = moved.map(|(site, facts)| {
        let now = facts.verdict.change.as_ref().map(|change| change.digest.short()).unwrap_or_default();
        let image = &site.located.site.image;
        let message = match facts.is_as_tag {
            true => format!("`{image}` is what its tag is, and policy asks for {now}… of it"),
            false => format!("`{image}` is pinned, and its tag is {now}… by now"),
        };
        Finding::at_site(&RULE, &site, message)
    });
    found.collect()
}
