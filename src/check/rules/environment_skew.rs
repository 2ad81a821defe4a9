//! `environment-skew`: copies of an environment that run different images.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::context::CheckContext;
use crate::check::finding::{Finding, SiteOf, deployments};
use crate::check::rule::{GateRule, Severity};
use crate::policy::environment::Environment;
use crate::reference::{Digest, Image, Reference};

pub(super) static RULE: GateRule = GateRule {
    id: "environment-skew",
    title: "An image differs between paths that are declared to be equal",
    explanation: "\
An `[[environment]]` with `equal = true` says that each of its `paths` is a copy of the first: two regions of production, for \
example. An image that both have should have the same digests in both. The first path that has the image is what the others \
are compared with.",
    bad: "\
# file: tagpin.toml
[[environment]]
name = \"production\"
paths = [\"clusters/eu/**\", \"clusters/us/**\"]
equal = true
# file: clusters/eu/compose.yaml
services: {api: {image: \"ghcr.io/acme/api:1.9@sha256:43d17ef757157a6d5042de198e2e6d0fa37823fd47fe6eaff40f36b0fab0f313\"}}
# file: clusters/us/compose.yaml
services: {api: {image: \"ghcr.io/acme/api:1.8@sha256:fbb6c123c1eba9bdf8f009ab08e7722b9ffb444a90cb6e2c7c82316c7ff9c068\"}}
",
    good: "\
# file: tagpin.toml
[[environment]]
name = \"production\"
paths = [\"clusters/eu/**\", \"clusters/us/**\"]
equal = true
# file: clusters/eu/compose.yaml
services: {api: {image: \"ghcr.io/acme/api:1.9@sha256:43d17ef757157a6d5042de198e2e6d0fa37823fd47fe6eaff40f36b0fab0f313\"}}
# file: clusters/us/compose.yaml
services: {api: {image: \"ghcr.io/acme/api:1.9@sha256:43d17ef757157a6d5042de198e2e6d0fa37823fd47fe6eaff40f36b0fab0f313\"}}
",
    level: Severity::Error,
    fixable: false,
    online: false,
    supersedes: &["inconsistent-digest"],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let equal = context.settings.environments.iter().filter(|environment| environment.equal);
    equal.flat_map(|environment| skew(context, environment)).collect()
}

/// The places of one image in one copy of an environment.
type SkewPlaces<'i> = Vec<(SiteOf<'i>, &'i Digest)>;

fn skew(context: &CheckContext<'_>, environment: &Environment) -> Vec<Finding> {
    let mut images: BTreeMap<String, BTreeMap<usize, SkewPlaces<'_>>> = BTreeMap::new();
    for site in deployments(context.inventory) {
        let Some(reference) = &site.located.site.reference else { continue };
        let Some(digest) = reference.digest() else { continue };
        let Some(copy) = environment.copy_of(&site.file.root_path) else { continue };
        let Image(name) = Image::of(reference);
        images.entry(name).or_default().entry(copy).or_default().push((site, digest));
    }
    let mut findings = Vec::new();
    for copies in images.values() {
        let mut copies = copies.values();
        let Some(first) = copies.next() else { continue };
        let Some((site, digest)) = first.first() else { continue };
        let model = format!("{}… in {}:{}", digest.short(), site.file.path, site.located.line);
        let right: BTreeSet<&Digest> = first.iter().map(|(_, digest)| *digest).collect();
        for (site, digest) in copies.flatten().filter(|(_, digest)| !right.contains(*digest)) {
            let name = site.located.site.reference.as_ref().map(Reference::name).unwrap_or_default();
            let (here, environment) = (digest.short(), &environment.name);
            let message = format!(
                "`{name}` is {here}… here and {model}, which are declared to be equal in `{environment}`"
            );
            findings.push(Finding::at_site(&RULE, site, message).advice("bring both to the same digest"));
        }
    }
    findings
}
