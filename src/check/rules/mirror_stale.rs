//! `mirror-stale`: a mirror has another digest for a tag than the registry.

use crate::check::context::CheckContext;
use crate::check::finding::Finding;
use crate::check::rule::{GateRule, Severity};

pub(super) static RULE: GateRule = GateRule {
    id: "mirror-stale",
    title: "A mirror has another digest for the tag than the registry",
    explanation: "\
A `[[registry.mirror]]` of the configuration answers for this tag, and its answer is not that of the registry itself: most \
likely a cache that keeps what it saw first. Whoever pulls the tag over this mirror gets other bits than whoever pulls it \
from the registry, and a mirror that is asked for tags gives tagpin a digest of yesterday. Refresh the mirror, or \
give it `pull-from-mirror = \"digest-only\"`; a mirror that does not have the tag at all is fine.",
    bad: "\
# file: tagpin.toml
[[registry]]
prefix = \"docker.io\"
[[registry.mirror]]
location = \"stale-cache.example\"
# file: compose.yaml
services:
  cache:
    image: redis:8.2@sha256:3b447e761c21193bbf7529364c2c8155ff5e590b7a05206e81d7704fcf79f6a6
",
    good: "\
# file: tagpin.toml
[[registry]]
prefix = \"docker.io\"
[[registry.mirror]]
location = \"cache.example\"
# file: compose.yaml
services:
  cache:
    image: redis:8.2@sha256:3b447e761c21193bbf7529364c2c8155ff5e590b7a05206e81d7704fcf79f6a6
",
    level: Severity::Warning,
    fixable: false,
    online: true,
    supersedes: &[],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (site, facts) in context.facts() {
        for stale in &facts.stale {
            let (image, mirror) = (&site.located.site.image, &stale.mirror);
            let (there, now) = (stale.there.short(), stale.now.short());
            let message = format!(
                "the tag of `{image}` is {there}… at the mirror `{mirror}`, and {now}… at the registry"
            );
            let advice =
                "refresh the mirror, or let it serve digests only with `pull-from-mirror = \"digest-only\"`";
            findings.push(Finding::at_site(&RULE, &site, message).advice(advice));
        }
    }
    findings
}
