//! `annotation-stale`: a recorded digest that is not the image's.

use std::collections::BTreeMap;

use crate::check::context::CheckContext;
use crate::check::finding::Finding;
use crate::check::rule::{GateRule, Severity};
use crate::manifest::Located;
use crate::manifest::site::State;
use crate::manifest::syntax::tree::NodeId;

pub(super) static RULE: GateRule = GateRule {
    id: "annotation-stale",
    title: "An annotation records another digest than the image has",
    explanation: "\
`deployed-image-digest` says which digest an object was deployed with; with several containers the container's name is put \
behind it. Here the image was changed and the annotation was not, or its container is gone: whoever reads the annotation \
is misled. tagpin writes both together when it changes the image.",
    bad: "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  annotations:
    deployed-image-digest: sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade
spec:
  template:
    spec:
      containers:
        - name: api
          image: ghcr.io/acme/api:1.9@sha256:43d17ef757157a6d5042de198e2e6d0fa37823fd47fe6eaff40f36b0fab0f313
",
    good: "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  annotations:
    deployed-image-digest: sha256:43d17ef757157a6d5042de198e2e6d0fa37823fd47fe6eaff40f36b0fab0f313
spec:
  template:
    spec:
      containers:
        - name: api
          image: ghcr.io/acme/api:1.9@sha256:43d17ef757157a6d5042de198e2e6d0fa37823fd47fe6eaff40f36b0fab0f313
",
    level: Severity::Warning,
    fixable: false,
    online: false,
    supersedes: &[],
};

/// The containers of an object.
#[derive(Default)]
struct Containers<'i> {
    count: usize,
    by_name: BTreeMap<&'i str, &'i Located>,
}

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let key = context.settings.annotations.key.as_str();
    let patches = context.inventory.patches();
    let mut findings = Vec::new();
    for file in &context.inventory.files {
        // A patch has only some of the containers.
        if file.scan.recorded.is_empty() || patches.contains(file.root_path.as_str()) {
            continue;
        }
        let mut objects: BTreeMap<NodeId, Containers<'_>> = BTreeMap::new();
        for located in &file.scan.sites {
            let site = &located.site;
            if let Some((owner, name)) =
                site.owner.as_ref().and_then(|owner| Some((owner.node, owner.container.as_deref()?)))
            {
                let object = objects.entry(owner).or_default();
                object.count += 1;
                object.by_name.entry(name).or_insert(located);
            }
        }
        for recorded in &file.scan.recorded {
            let Some(containers) = objects.get(&recorded.object) else { continue };
            let Some(rest) = recorded.key.strip_prefix(key) else { continue };
            let site = match rest.strip_prefix('.') {
                Some(name) => containers.by_name.get(name),
                None if !rest.is_empty() => continue,
                None if containers.count == 1 => containers.by_name.values().next(),
                // It does not say which.
                None => None,
            };
            let digest = recorded.digest.short();
            let message = match site {
                None => format!("`{}` records {digest}… for a container that is not here", recorded.key),
                // What is not pinned has its own finding, and what is overridden is not what runs.
                Some(located) if located.site.state != State::Pinned || located.is_overridden() => continue,
                Some(located) if located.site.digest() == Some(&recorded.digest) => continue,
                Some(located) => {
                    format!("`{}` records {digest}…, and the image is `{}`", recorded.key, located.site.image)
                }
            };
            let finding = Finding::at(&RULE, file, recorded.place.clone(), message, recorded.key.clone());
            findings.push(
                Finding { document: Some(recorded.document), path: Some(recorded.path.clone()), ..finding }
                    .advice("write the digest of the image there, or remove the annotation"),
            );
        }
    }
    findings
}
