//! `floating-base-image`: a build takes an image without a digest.

use crate::check::context::CheckContext;
use crate::check::finding::{Finding, build_inputs};
use crate::check::rule::{GateRule, Severity};
use crate::manifest::site::State;

pub(super) static RULE: GateRule = GateRule {
    id: "floating-base-image",
    title: "A build takes an image that has no digest",
    explanation: "\
What `FROM`, `COPY --from=`, `RUN --mount=from=` and `# syntax=` name goes into every image that is built here, as it is on \
the day of the build. With a digest beside the tag the same file builds on the same base, and what changes it is a commit. \
It is a warning, because what is deployed is the image that was built, which has a digest of its own; raise it with \
`[[check.rule]]` where builds are to be reproducible.",
    bad: "\
# file: Dockerfile
FROM alpine:3.20
",
    good: "\
# file: Dockerfile
FROM alpine:3.20@sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade
",
    level: Severity::Warning,
    fixable: true,
    online: false,
    supersedes: &[],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let floating = build_inputs(context.inventory).filter_map(|site| {
        let (State::Floating, Some(reference)) = site.located.site.runs() else { return None };
        let image = &site.located.site.image;
        let what = if reference.tag().is_some() { "a tag and no digest" } else { "neither tag nor digest" };
        let message = format!("`{image}` has {what}: what is built from it can change");
        Some(Finding::at_site(&RULE, &site, message))
    });
    floating.collect()
}
