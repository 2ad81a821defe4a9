//! `platform-missing`: the fleet runs on a platform that the image is not made for.

use crate::check::context::CheckContext;
use crate::check::finding::Finding;
use crate::check::rule::{GateRule, Severity};
use crate::plan::Reason;

pub(super) static RULE: GateRule = GateRule {
    id: "platform-missing",
    title: "The image is not made for a platform that the fleet needs",
    explanation: "\
`platforms` in the policy says what the fleet runs on, and what the tag names has no manifest for one of them: pods that are \
scheduled there fail with `no match for platform in manifest`. Nothing is pinned before the image is there, or a policy \
rule for this image says that it runs on fewer platforms.",
    bad: "\
# file: tagpin.toml
[policy]
platforms = [\"linux/amd64\", \"linux/s390x\"]
# file: compose.yaml
services:
  cache:
    image: redis:8.2@sha256:3b447e761c21193bbf7529364c2c8155ff5e590b7a05206e81d7704fcf79f6a6
",
    good: "\
# file: tagpin.toml
[policy]
platforms = [\"linux/amd64\", \"linux/arm64\"]
# file: compose.yaml
services:
  cache:
    image: redis:8.2@sha256:3b447e761c21193bbf7529364c2c8155ff5e590b7a05206e81d7704fcf79f6a6
",
    level: Severity::Error,
    fixable: false,
    online: true,
    supersedes: &[],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (site, facts) in context.facts() {
        let (image, verdict) = (&site.located.site.image, &facts.verdict);
        let message = if !facts.missing.is_empty() {
            let names: Vec<String> = facts.missing.iter().map(|platform| format!("`{platform}`")).collect();
            format!("`{image}` has no manifest for {}", names.join(", "))
        } else if verdict.reason == Some(Reason::NoSuchPlatform) {
            let detail = verdict.detail.as_deref().unwrap_or("a platform is missing");
            format!("`{image}` cannot run everywhere: {detail}")
        } else {
            continue;
        };
        let advice = "name another tag, or say in a policy rule which platforms it needs";
        findings.push(Finding::at_site(&RULE, &site, message).advice(advice));
    }
    findings
}
