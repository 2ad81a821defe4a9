//! `overlay-unpins-base`: a kustomization that takes a digest away.

use crate::check::context::CheckContext;
use crate::check::finding::{Finding, sites};
use crate::check::rule::{GateRule, Severity};
use crate::manifest::site::{Skip, State};

pub(super) static RULE: GateRule = GateRule {
    id: "overlay-unpins-base",
    title: "A kustomization replaces a pinned image by a tag",
    explanation: "\
`newTag` without `digest`, or `tagSuffix`, takes the digest of the base away: the base looks pinned, and what is deployed is \
not. `tagpin pin` puts the digest beside the tag; beside a suffix there is no place for one. Bases are followed through \
`resources`, `components` and `bases` in the same repository.",
    bad: "\
# file: base/kustomization.yaml
resources: [api.yaml]
# file: base/api.yaml
apiVersion: v1
kind: Pod
metadata: {name: api}
spec:
  containers:
    - name: api
      image: ghcr.io/acme/api:1.8@sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade
# file: overlay/kustomization.yaml
resources: [../base]
images:
  - name: ghcr.io/acme/api
    newTag: \"1.9\"
",
    good: "\
# file: base/kustomization.yaml
resources: [api.yaml]
# file: base/api.yaml
apiVersion: v1
kind: Pod
metadata: {name: api}
spec:
  containers:
    - name: api
      image: ghcr.io/acme/api:1.8@sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade
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

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let found = sites(context.inventory).filter_map(|site| {
        let taken = site.file.scan.kustomize.takes_away.get(&site.located.site.span.start)?;
        // What gives a digest of its own takes none away.
        let open = matches!(site.located.site.state, State::Floating | State::Skipped(Skip::TagElsewhere));
        let (name, place) = (&taken.image, format!("{}:{}", taken.file, taken.line));
        let is_suffix = site.located.site.state != State::Floating;
        let what = if is_suffix { "tag suffix" } else { "tag" };
        let message = format!("this {what} takes away the digest that `{name}` has in {place}");
        let finding = Finding::at_site(&RULE, &site, message);
        let advice = "write the whole tag as `newTag`, then run `tagpin pin`";
        open.then(|| if is_suffix { finding.advice(advice) } else { finding })
    });
    found.collect()
}
