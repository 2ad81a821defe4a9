//! `no-tag`: neither tag nor digest.

use crate::check::context::CheckContext;
use crate::check::finding::{Finding, floating};
use crate::check::rule::{GateRule, Severity};

pub(super) static RULE: GateRule = GateRule {
    id: "no-tag",
    title: "An image has neither tag nor digest",
    explanation: "\
A name alone means the tag `latest`, which nobody wrote and everybody overlooks. `tagpin pin` writes it out, with the \
digest that it names today; a tag with a version says more to people.",
    bad: "\
apiVersion: v1
kind: Pod
metadata: {name: api}
spec:
  initContainers:
    - name: wait
      image: busybox
",
    good: "\
apiVersion: v1
kind: Pod
metadata: {name: api}
spec:
  initContainers:
    - name: wait
      image: busybox:1.37@sha256:b606ab8238fb2ffb1f1bfea94c26a87238623870cb315cf440156192c92ccd19
",
    level: Severity::Error,
    fixable: true,
    online: false,
    supersedes: &["floating-tag"],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let untagged = floating(context.inventory).filter(|(_, reference)| reference.tag().is_none());
    let found = untagged.map(|(site, _)| {
        let image = &site.located.site.image;
        let message = format!("`{image}` has no tag and no digest: it means `latest`, which can change");
        Finding::at_site(&RULE, &site, message)
    });
    found.collect()
}
