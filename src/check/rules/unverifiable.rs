//! `unverifiable`: an image that the file alone does not name.

use crate::check::context::CheckContext;
use crate::check::finding::{Finding, SiteOf, deployments};
use crate::check::rule::{GateRule, Severity};
use crate::manifest::site::{Skip, State};
use crate::reference::Reference;

pub(super) static RULE: GateRule = GateRule {
    id: "unverifiable",
    title: "The file does not say which image this is",
    explanation: "\
A variable, a template or a placeholder stands where the image or its tag should, or the tag is another file's. Whether it is \
pinned is known only where it is filled in: check the rendered manifests there, or pin the value that fills it. Or values have a part of an image, whose rest \
stands in a chart or in other values. Or what \
stands there is not an image reference, and somebody makes one of it. It is a note for what is there, because most \
templates are right, and an error for what a change adds (`--changed-since`, `--diff`).",
    bad: "\
services:
  api:
    image: ghcr.io/acme/api:${API_TAG}
",
    good: "\
services:
  api:
    image: ghcr.io/acme/api:1.8@sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade
",
    level: Severity::Note,
    fixable: false,
    online: false,
    supersedes: &[],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let level = if context.is_change { Severity::Error } else { RULE.level };
    let of_sites = deployments(context.inventory).filter_map(|site| {
        if let Some(message) = shared(&site) {
            let advice = "give each image of the chart its own tag and digest";
            return Some(Finding { level, ..Finding::at_site(&RULE, &site, message).advice(advice) });
        }
        let message = unknown(&site)?;
        Some(Finding { level, ..Finding::at_site(&RULE, &site, message) })
    });
    let mut findings: Vec<Finding> = of_sites.collect();
    for file in &context.inventory.files {
        for partial in file.scan.partials.iter().filter(|partial| partial.makes.is_none()) {
            let said = partial.parts.written();
            let message = format!(
                "`{said}` is a part of an image, whose rest is not here: whether it is pinned is not known"
            );
            findings.push(Finding { level, ..Finding::at_partial(&RULE, file, partial, message) });
        }
    }
    findings
}

/// Returns what is wrong where a chart puts the digest of an image into another one, too.
fn shared(site: &SiteOf<'_>) -> Option<String> {
    let found = &site.located.site;
    let chart = site.located.deployed.as_ref().and_then(|deployed| deployed.chart.as_ref());
    let is_shared = found.state == State::Pinned && chart.is_some_and(|chart| chart.is_shared);
    is_shared.then(|| format!("the digest of `{}` is put into an image of another name, too", found.image))
}

/// Returns why it is not known whether an image is pinned, as a sentence; `None` where it is.
pub(super) fn unknown(site: &SiteOf<'_>) -> Option<String> {
    let found = &site.located.site;
    // What runs where nothing else is said is judged as that.
    let (State::Skipped(skip), _) = site.located.runs() else { return None };
    let why = match skip {
        Skip::Variable => "has a variable in it",
        Skip::Template => "has a template in it",
        Skip::Placeholder => "has a placeholder in it",
        Skip::NotAReference => {
            let problem = Reference::parse(&found.image).err();
            let problem = problem.map(|error| format!(" ({error})")).unwrap_or_default();
            return Some(format!(
                "`{}` is not an image reference{problem}: whether it is pinned is not known",
                found.image
            ));
        }
        _ if found.state == State::Skipped(Skip::EmbeddedText) => {
            "stands in a text that cannot be read byte by byte"
        }
        // A kustomization's entry without a tag leaves the tag of the file that it is for.
        Skip::TagElsewhere if &*found.format != "kustomize" => "has its tag elsewhere",
        _ => return None,
    };
    Some(format!("`{}` {why}: whether it is pinned is not known", found.image))
}
