//! `malformed-digest`: an `@` and no digest behind it.

use crate::check::context::CheckContext;
use crate::check::finding::{Finding, sites};
use crate::check::rule::{GateRule, Severity};
use crate::manifest::deploy::DigestForm;
use crate::manifest::site::{Skip, State};

pub(super) static RULE: GateRule = GateRule {
    id: "malformed-digest",
    title: "What follows the `@` is not a digest",
    explanation: "\
A digest is `sha256:` and 64 lower-case hex digits, or `sha512:` and 128 (OCI image-spec, descriptor). Anything else looks \
pinned to a search for `@`, and no runtime can pull it.",
    bad: "\
apiVersion: v1
kind: Pod
metadata: {name: api}
spec:
  containers:
    - name: api
      image: ghcr.io/acme/api:1.8@sha256:abc
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
    fixable: false,
    online: false,
    supersedes: &[],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let malformed = sites(context.inventory)
        .filter(|site| site.located.site.state == State::Skipped(Skip::MalformedDigest));
    let found = malformed.map(|site| {
        let image = &site.located.site.image;
        let chart = site.located.deployed.as_ref().and_then(|deployed| deployed.chart.as_ref()?.digest);
        let (message, advice) = match chart {
            Some(DigestForm::Bare) => (
                format!("the chart's templates write `sha256:` before the digest of `{image}` themselves"),
                "leave the 64 hex digits alone there",
            ),
            Some(DigestForm::Prefixed) => (
                format!("the chart's templates write the digest of `{image}` as it stands there"),
                "write `sha256:` before the digits",
            ),
            _ => (
                format!("`{image}` has an `@` and no well-formed digest behind it"),
                "take out what stands from the `@` on, then run `tagpin pin`",
            ),
        };
        Finding::at_site(&RULE, &site, message).advice(advice)
    });
    found.collect()
}
