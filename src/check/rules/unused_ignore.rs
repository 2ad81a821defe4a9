//! `unused-ignore`: an ignore that ignores nothing, and a word that is none.

use crate::check::context::CheckContext;
use crate::check::finding::Finding;
use crate::check::rule::{GateRule, Severity};

pub(super) static RULE: GateRule = GateRule {
    id: "unused-ignore",
    title: "A `tagpin: ignore` comment matches no image",
    explanation: "\
The image that it was about has moved, the comment was never on its line or on the line above, or its word is misspelled. Either it hides nothing and \
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
    let found = ignores.filter_map(|(file, ignore)| {
        let (message, advice) = ignore.problem()?;
        let subject = ignore.unknown.clone().unwrap_or_default();
        Some(Finding::at(&RULE, file, ignore.place.clone(), message, subject).advice(advice))
    });
    found.collect()
}
