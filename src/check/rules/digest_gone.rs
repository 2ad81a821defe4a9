//! `digest-gone`: the registry no longer has what is pinned.

use crate::check::context::CheckContext;
use crate::check::finding::Finding;
use crate::check::rule::{GateRule, Severity};

pub(super) static RULE: GateRule = GateRule {
    id: "digest-gone",
    title: "The registry no longer has the pinned digest",
    explanation: "\
The registry answers for the repository and has nothing under this digest: it was deleted, or a clean-up took what no tag \
names any more. Nodes that have the image run on; a new node cannot pull it. `tagpin pin` takes what the tag is now; \
a registry for production should keep what is deployed.",
    bad: "\
services:
  cache:
    image: redis@sha256:59f386abd369db6adab326c788b56a828c97704fc3b6cd101571b81c07e1ac01
",
    good: "\
services:
  cache:
    image: redis:8.2@sha256:3b447e761c21193bbf7529364c2c8155ff5e590b7a05206e81d7704fcf79f6a6
",
    level: Severity::Error,
    fixable: true,
    online: true,
    supersedes: &["tag-moved", "inconsistent-digest"],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let gone = context.facts().filter(|(_, facts)| facts.is_gone);
    let found = gone.map(|(site, facts)| {
        let message = format!("the registry no longer has the digest of `{}`", site.located.site.image);
        let finding = Finding::at_site(&RULE, &site, message);
        if facts.verdict.change.is_some() { finding } else { finding.advice("name an image that is there") }
    });
    found.collect()
}
