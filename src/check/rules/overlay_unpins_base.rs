//! `overlay-unpins-base`: a kustomization that takes a digest away.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use crate::check::context::CheckContext;
use crate::check::finding::{Finding, SiteOf, sites};
use crate::check::rule::{GateRule, Severity};
use crate::manifest::inventory::FileScan;
use crate::manifest::site::State;
use crate::reference::Reference;

pub(super) static RULE: GateRule = GateRule {
    id: "overlay-unpins-base",
    title: "A kustomization replaces a pinned image by a tag",
    explanation: "\
`newTag` without `digest` takes the digest of the base away: the base looks pinned, and what is deployed is not. `tagpin pin` \
puts the digest beside the tag. Bases are followed through `resources`, `components` and `bases` in the same repository; of a \
kustomization without `images`, the directory that it stands in.",
    bad: "\
# file: base/compose.yaml
services: {api: {image: \"ghcr.io/acme/api:1.8@sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade\"}}
# file: overlay/kustomization.yaml
resources: [../base]
images:
  - name: ghcr.io/acme/api
    newTag: \"1.9\"
",
    good: "\
# file: base/compose.yaml
services: {api: {image: \"ghcr.io/acme/api:1.8@sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade\"}}
# file: overlay/kustomization.yaml
resources: [../base]
images:
  - name: ghcr.io/acme/api
    newTag: \"1.9\"
    digest: sha256:43d17ef757157a6d5042de198e2e6d0fa37823fd47fe6eaff40f36b0fab0f313
",
    level: Severity::Error,
    fixable: true,
    online: false,
    supersedes: &["floating-tag", "latest-tag"],
};

/// The pinned images by name and file.
type PinnedImages<'i> = BTreeMap<(&'i str, &'i str), SiteOf<'i>>;

/// The kustomizations by file and directory.
type Kustomizations<'i> = HashMap<&'i str, Vec<&'i FileScan>>;

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut pinned = PinnedImages::new();
    for site in sites(context.inventory).filter(|site| site.located.site.state == State::Pinned) {
        let name = site.located.site.reference.as_ref().map(Reference::name).unwrap_or_default();
        pinned.entry((name, &site.file.root_path)).or_insert(site);
    }
    let mut kustomizations = Kustomizations::new();
    for file in context.inventory.files.iter().filter(|file| !file.scan.kustomize.bases.is_empty()) {
        // A base is a file, or the directory that it stands in.
        let directory = file.root_path.rsplit_once('/').map_or("", |(directory, _)| directory);
        for base in [directory, &file.root_path] {
            kustomizations.entry(base).or_default().push(file);
        }
    }
    if kustomizations.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut bases_of: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for site in sites(context.inventory).filter(|site| site.located.site.state == State::Floating) {
        let start = site.located.site.span.start;
        let facts = &site.file.scan.kustomize;
        let Ok(at) = facts.retagged.binary_search_by_key(&start, |retagged| retagged.start) else { continue };
        let retagged = &facts.retagged[at];
        let bases = bases_of.entry(&site.file.path).or_insert_with(|| reached(site.file, &kustomizations));
        let Some(base) = bases.iter().find_map(|base| below(&pinned, &retagged.name, base)) else { continue };
        let (name, place) = (&retagged.name, format!("{}:{}", base.file.path, base.located.line));
        let message = format!("this tag takes away the digest that `{name}` has in {place}");
        findings.push(Finding::at_site(&RULE, &site, message));
    }
    findings
}

/// How many files and directories of one kustomization are looked into, whatever it builds on.
const BASES_MAX: usize = 1_000;

/// Returns the files and directories that `file` builds on.
fn reached<'i>(file: &'i FileScan, kustomizations: &Kustomizations<'i>) -> BTreeSet<&'i str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        for base in &file.scan.kustomize.bases {
            if reached.len() < BASES_MAX && reached.insert(base.as_str()) {
                open.extend(kustomizations.get(base.as_str()).into_iter().flatten());
            }
        }
    }
    reached
}

/// Returns where the image `name` is pinned in a file or directory.
fn below<'i>(pinned: &PinnedImages<'i>, name: &str, base: &str) -> Option<SiteOf<'i>> {
    if let Some(site) = pinned.get(&(name, base)) {
        return Some(*site);
    }
    let directory = if base.is_empty() { String::new() } else { format!("{base}/") };
    let from = (Bound::Included((name, directory.as_str())), Bound::Unbounded);
    let ((other, path), site) = pinned.range::<(&str, &str), _>(from).next()?;
    (*other == name && path.starts_with(&directory)).then_some(*site)
}
