//! `unused-ignore`: an ignore that ignores nothing.

use crate::check::context::CheckContext;
use crate::check::finding::Finding;
use crate::check::rule::{GateRule, Severity};

pub(super) static RULE: GateRule = GateRule {
    id: "unused-ignore",
    title: "A `tagpin: ignore` comment matches no image",
    explanation: "\
The image that it was about has moved, or the comment was never on its line or on the line above. Either it hides nothing and \
can go, or something that should be left alone is not.",
    bad: "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: agent}
spec:
  # tagpin: ignore the vendor moves this tag on purpose
  replicas: 2
  template:
    spec:
      containers:
        - name: agent
          image: vendor.example/agent:stable
",
    good: "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: agent}
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: agent
          # tagpin: ignore the vendor moves this tag on purpose
          image: vendor.example/agent:stable
",
    level: Severity::Warning,
    fixable: false,
    online: false,
    supersedes: &[],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let ignores = context
        .inventory
        .files
        .iter()
        .flat_map(|file| file.scan.ignores.iter().map(move |ignore| (file, ignore)));
    let found = ignores.filter(|(_, ignore)| !ignore.used).map(|(file, ignore)| {
        let message = "this `tagpin: ignore` matches no image".to_owned();
        Finding::at(&RULE, file, ignore.place.clone(), message, String::new())
            .advice("remove it, or put it on the image's line or on the line above")
    });
    found.collect()
}
