//! `annotation-stale`: a recorded digest that is not the image's.

use crate::check::context::CheckContext;
use crate::check::finding::{Finding, Fix};
use crate::check::rule::{GateRule, Severity};
use crate::manifest::stale_annotations;

pub(super) static RULE: GateRule = GateRule {
    id: "annotation-stale",
    title: "An annotation records another digest than the image has",
    explanation: "\
`deployed-image-digest` says which digest an object was deployed with; with several containers the container's name is put \
behind it. Here the image was changed and the annotation was not, or its container is gone: whoever reads the annotation \
is misled. `tagpin pin` and `check --fix` write there what the image is.",
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
    fixable: true,
    online: false,
    supersedes: &[],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let key = context.settings.annotations.key.as_str();
    let patches = context.inventory.patches();
    let mut findings = Vec::new();
    // A patch has only some of the containers.
    let files = context.inventory.files.iter().filter(|file| !patches.contains(file.root_path.as_str()));
    for file in files {
        for (recorded, located) in stale_annotations(&file.scan, key) {
            let digest = recorded.digest.short();
            let message = match located {
                None => format!("`{}` records {digest}… for a container that is not here", recorded.key),
                Some(located) => {
                    format!("`{}` records {digest}…, and the image is `{}`", recorded.key, located.site.image)
                }
            };
            findings.push(Finding {
                document: Some(recorded.document),
                path: Some(recorded.path.clone()),
                fix: Some(Fix::Pin { file: file.path.clone() }),
                ..Finding::at(&RULE, file, recorded.place.clone(), message, recorded.key.clone())
            });
        }
    }
    findings
}
