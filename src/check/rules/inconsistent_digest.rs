//! `inconsistent-digest`: one tag at two digests.

use std::collections::BTreeMap;

use crate::check::context::CheckContext;
use crate::check::finding::{Finding, SiteOf, sites};
use crate::check::rule::{GateRule, Severity};
use crate::policy::environment;
use crate::reference::{Digest, Reference};

pub(super) static RULE: GateRule = GateRule {
    id: "inconsistent-digest",
    title: "The same tag is pinned to different digests",
    explanation: "\
A tag names one image at a time: one of the two was pinned earlier, and the tag has moved since. People who read the tag \
believe that the same runs in both places. Where `[[environment]]` entries name paths, only files of the same environment are \
compared, because staging is usually ahead of production; so are files whose policy asks for the same level and platforms. \
The less common digest is shown.",
    bad: "\
services:
  one:
    image: ghcr.io/acme/api:1.8@sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade
  two:
    image: ghcr.io/acme/api:1.8@sha256:fbb6c123c1eba9bdf8f009ab08e7722b9ffb444a90cb6e2c7c82316c7ff9c068
",
    good: "\
services:
  one:
    image: ghcr.io/acme/api:1.8@sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade
  two:
    image: ghcr.io/acme/api:1.8@sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade
",
    level: Severity::Warning,
    fixable: false,
    online: false,
    supersedes: &[],
};

/// Registry, repository, tag, environment, and what policy asks for.
type ComparedKey<'c> = (String, String, &'c str, Option<&'c str>, String);

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut places: BTreeMap<ComparedKey<'_>, Vec<(SiteOf<'_>, &Digest)>> = BTreeMap::new();
    for site in sites(context.inventory) {
        let Some(reference) = &site.located.site.reference else { continue };
        let (Some(tag), Some(digest)) = (reference.tag(), reference.digest()) else { continue };
        let path = &site.file.root_path;
        let environment = environment::of_path(&context.settings.environments, path);
        let level =
            context.settings.policy.decide(path, reference, site.located.site.platform.as_deref()).level;
        let (registry, repository) = (reference.registry(), reference.repository());
        let key = (
            registry.to_string(),
            repository.to_string(),
            tag,
            environment.map(|environment| environment.name.as_str()),
            format!("{level:?}"),
        );
        places.entry(key).or_default().push((site, digest));
    }
    places.values().flat_map(|places| differing(places)).collect()
}

/// Returns a finding for every place that has not the most common digest.
fn differing(places: &[(SiteOf<'_>, &Digest)]) -> Vec<Finding> {
    let mut counts: BTreeMap<&Digest, usize> = BTreeMap::new();
    for (_, digest) in places {
        *counts.entry(digest).or_default() += 1;
    }
    let most = counts.values().max().copied().unwrap_or_default();
    // Of equally common ones the first in the order of the files.
    let Some((first, common)) = places.iter().find(|(_, digest)| counts[*digest] == most) else {
        return Vec::new();
    };
    let other = format!("{}:{}", first.file.path, first.located.line);
    let differing = places.iter().filter(|(_, digest)| digest != common);
    let found = differing.map(|(site, digest)| {
        let name = site.located.site.reference.as_ref().map(Reference::name).unwrap_or_default();
        let tag = site.located.site.reference.as_ref().and_then(Reference::tag).unwrap_or_default();
        let (here, there) = (digest.short(), common.short());
        let message = format!("`{name}:{tag}` is pinned to {here}… here and to {there}… in {other}");
        Finding::at_site(&RULE, site, message).advice("`tagpin pin` brings both to what the tag is now")
    });
    found.collect()
}
