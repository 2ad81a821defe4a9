//! `never-this-tag`: what is pinned was, as far as the ledger knows, never behind the tag beside it.

use crate::check::context::CheckContext;
use crate::check::finding::Finding;
use crate::check::rule::{GateRule, Severity};

pub(super) static RULE: GateRule = GateRule {
    id: "never-this-tag",
    title: "The pinned digest was never behind its tag",
    explanation: "\
The tag is what people read, the digest is what runs. The ledger of tags knows what the tag was when `tagpin run` looked, and this \
digest is not among it: a digest of another tag or of no tag at all was written here, by a slip or by somebody who wants the \
tag to be believed. It needs a ledger in the checkout (`git fetch origin \
+refs/heads/tagpin-ledger:refs/remotes/origin/tagpin-ledger`) and the whole git history (`fetch-depth: 0`), because it keeps silent wherever \
history cannot tell: where the tag has moved since the digest was written here, or was not known before; where any commit of this branch \
had the digest under this tag before the ledger knew what the tag is; where the digest is one platform's manifest, or \
tagpin's annotation says that it was taken from the tag. A digest from before the ledger that was never declared here looks the \
same: allow it, with a reason.",
    bad: "\
# file: tags/ghcr.io/acme+api.txt
# ghcr.io/acme/api
2026-01-05T05:17:02Z 1.8 sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade
# file: compose.yaml
services:
  api:
    image: ghcr.io/acme/api:1.8@sha256:f31db2ec984ff5e16939cb783e09d2d03d109e3a02c6f0848eb426184e7dff96
",
    good: "\
# file: tags/ghcr.io/acme+api.txt
# ghcr.io/acme/api
2026-01-05T05:17:02Z 1.8 sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade
# file: compose.yaml
services:
  api:
    image: ghcr.io/acme/api:1.8@sha256:85c6511e0542a00b82144fc79d2d38cf3078f7ca1d3dc053a75eb48484afaade
",
    level: Severity::Warning,
    fixable: false,
    online: true,
    supersedes: &["tag-moved", "inconsistent-digest"],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let found = context.facts().filter_map(|(site, facts)| {
        let stranger = facts.stranger.as_ref()?;
        let other =
            stranger.other.as_ref().map(|tag| format!("; the digest is known as `{tag}`")).unwrap_or_default();
        let message = format!(
            "the digest of `{}` was never behind its tag, as far as the ledger knows, and the tag has not moved since {}{other}",
            site.located.site.image, stranger.since
        );
        let advice =
            "find out who wrote it and why; write the tag that it belongs to, or allow it with a reason";
        Some(Finding::at_site(&RULE, &site, message).advice(advice))
    });
    found.collect()
}
