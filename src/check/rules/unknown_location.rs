//! `unknown-location`: an image where tagpin knows of none.

use crate::check::context::CheckContext;
use crate::check::finding::{Finding, sites};
use crate::check::rule::{GateRule, Severity};
use crate::manifest::site::{Skip, State};
use crate::reference::Reference;

pub(super) static RULE: GateRule = GateRule {
    id: "unknown-location",
    title: "What looks like an image stands where tagpin knows of none",
    explanation: "\
A field that ends in `image` and holds a reference with a tag, in a ConfigMap, outside the `spec` of a custom resource or \
in a file of another tool. tagpin does not know whether anything pulls it, so it is never edited. A `[[location]]` in the \
configuration makes it known, or says that it is not an image: `tagpin list --unknown` prints it. With a digest beside the \
tag nothing is left to complain about. It is a warning for what is there, and an error for what a change adds \
(`--changed-since`, `--diff`).",
    bad: "\
apiVersion: v1
kind: ConfigMap
metadata: {name: marvin}
data:
  BRAIN_IMAGE: ghcr.io/acme/brain:42
",
    good: "\
apiVersion: v1
kind: ConfigMap
metadata: {name: marvin}
data:
  BRAIN_IMAGE: ghcr.io/acme/brain:42@sha256:5236acd307025716fd845fa0d557b4d285c6a6e0f0d352e57d65d63a62368f23
",
    level: Severity::Warning,
    fixable: false,
    online: false,
    supersedes: &[],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let level = if context.is_change { Severity::Error } else { RULE.level };
    let unknown = sites(context.inventory)
        .filter(|site| site.located.site.state == State::Skipped(Skip::UnknownLocation));
    let is_pinned = |image: &str| Reference::parse(image).is_ok_and(|reference| reference.digest().is_some());
    let floating = unknown.filter(|site| !is_pinned(&site.located.site.image));
    let found = floating.map(|site| {
        let (image, path) = (&site.located.site.image, &site.located.site.path);
        let message = format!("`{image}` looks like an image at `{path}`, where tagpin knows of none");
        let advice =
            "`tagpin list --unknown` prints the [[location]] for the configuration; or pin it by hand";
        Finding { level, ..Finding::at_site(&RULE, &site, message).advice(advice) }
    });
    found.collect()
}
