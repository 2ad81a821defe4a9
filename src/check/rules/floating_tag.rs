//! `floating-tag`: a tag without a digest.

use crate::check::context::CheckContext;
use crate::check::finding::{Finding, SiteOf, deployments};
use crate::check::rule::{GateRule, Severity};
use crate::manifest::deploy::DigestForm;
use crate::manifest::formats::UnpinnedImage;
use crate::manifest::inventory::FileScan;
use crate::manifest::site::{Skip, State};

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
    let of_sites = deployments(context.inventory).filter_map(|site| floats(&site));
    of_sites.chain(context.inventory.files.iter().flat_map(of_partials)).collect()
}

/// Returns what parts of images make of an image, where it comes out without a digest.
fn of_partials(file: &FileScan) -> impl Iterator<Item = Finding> {
    file.scan.partials.iter().filter_map(move |partial| {
        let (image, said) = (partial.makes.as_ref()?, partial.parts.written());
        let message = format!("`{said}` makes `{image}`, which has no digest: what it names can change");
        Some(Finding::at_partial(&RULE, file, partial, message))
    })
}

fn floats(site: &SiteOf<'_>) -> Option<Finding> {
    match site.located.site.state {
        State::Floating => {
            let image = &site.located.site.image;
            let chart = site.located.deployed.as_ref().and_then(|deployed| deployed.chart.as_ref()?.digest);
            if chart != Some(DigestForm::Unread) || !is_written(site) {
                return Some(tagged(site));
            }
            let message = format!("`{image}` has a digest beside it that no template of the chart reads");
            Some(Finding::at_site(&RULE, site, message))
        }
        // The tag is that of the file that the kustomization builds on.
        State::Skipped(Skip::TagElsewhere) => {
            let out = site.file.scan.kustomize.lets_out.get(&site.located.site.span.start)?;
            let UnpinnedImage { image, file, line } = out;
            let message = format!("`{image}` comes out without a digest, with the tag of {file}:{line}");
            let finding = Finding::at_site(&RULE, site, message);
            Some(finding.advice("write `newTag` beside `newName`, then run `tagpin pin`"))
        }
        // What cannot be edited runs all the same.
        State::Skipped(_) => (site.located.runs().0 == State::Floating).then(|| tagged(site)),
        State::Pinned => None,
    }
}

fn tagged(site: &SiteOf<'_>) -> Finding {
    let image = &site.located.site.image;
    let filled = site.located.deployed.as_ref().and_then(|deployed| deployed.filled.as_ref());
    let message = match filled.filter(|_| site.located.site.runs().0 != State::Floating) {
        Some(filled) => {
            format!("`{image}` becomes `{filled}`, which has a tag and no digest: what it names can change")
        }
        None => format!("`{image}` has a tag and no digest: what it names can change"),
    };
    Finding::at_site(&RULE, site, message)
}

/// Returns whether something stands in the digest field of a chart's values.
fn is_written(site: &SiteOf<'_>) -> bool {
    site.located.site.digest_field.as_ref().is_some_and(|field| !field.text.is_empty())
}
