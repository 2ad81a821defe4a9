//! `platform-digest`: one platform's manifest where the tag is an index.

use crate::check::context::CheckContext;
use crate::check::finding::Finding;
use crate::check::rule::{GateRule, Severity};
use crate::plan::Reason;

pub(super) static RULE: GateRule = GateRule {
    id: "platform-digest",
    title: "The digest is that of a single platform, and the tag is an index",
    explanation: "\
A digest copied from `docker inspect` or from a running pod is often that of one platform's manifest. It runs there and \
nowhere else: on a node of another architecture the container fails with `exec format error`. Where it is meant, \
`level = \"platform\"` in a policy rule says so. Otherwise pin the index: remove the digest and run `tagpin pin`.",
    bad: "\
services:
  cache:
    image: redis:8.2@sha256:2e9bc03460a042b03765e26393464de405499ae8f066053fe44fcd7feddb0d17
",
    good: "\
services:
  cache:
    image: redis:8.2@sha256:3b447e761c21193bbf7529364c2c8155ff5e590b7a05206e81d7704fcf79f6a6
",
    level: Severity::Warning,
    fixable: false,
    online: true,
    supersedes: &["tag-moved", "inconsistent-digest"],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let single = context
        .facts()
        .filter(|(_, facts)| facts.is_single || facts.verdict.reason == Some(Reason::PlatformDigest));
    let found = single.map(|(site, _)| {
        let image = &site.located.site.image;
        let message = format!("the digest of `{image}` is one platform's, and the tag is an index");
        let advice = "remove the digest and run `tagpin pin`, or set `level = \"platform\"` for this path";
        Finding::at_site(&RULE, &site, message).advice(advice)
    });
    found.collect()
}
