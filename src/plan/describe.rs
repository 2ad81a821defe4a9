//! The sentences beside the reasons of verdicts, for people.

use crate::history::ledger::TagEvent;
use crate::manifest::deploy::Renamed;
use crate::platform::Platform;
use crate::policy::hold::Hold;
use crate::reference::Digest;
use crate::registry::{DigestLevel, TagAnswer};

/// Beside [`Reason::OthersRefused`](super::Reason::OthersRefused).
pub(crate) const OTHERS_REFUSED: &str = "another image is refused, and nothing is done by halves";

/// Where somebody names a digest for an image that has one and no tag: not to write it is a refusal.
pub(super) const DIGEST_ONLY: &str = "it has a digest and no tag: write its tag beside the digest first";

pub(super) const CHART_UNKNOWN: &str = "the chart may use the tag in a label, where `@` is not allowed; set \
    `split-fields = \"tag\"` in [policy] or in a rule for this path, in the file of --config, to pin it";

/// Beside [`Reason::ChartUnknown`](super::Reason::ChartUnknown).
pub(super) const DIGEST_FORM_UNKNOWN: &str = "the chart's templates do not tell whether they want the digest with `sha256:` \
    or without: write one by hand, and tagpin keeps it up to date, or set `split-fields = \"tag\"` in [policy] or in a rule for \
    this path, in the file of --config";

pub(super) const SHARED: &str = "the chart's templates put its tag or digest into an image of another name, too: give each image its own \
    or set `split-fields = \"tag\"` in [policy] or in a rule for this path, in the file of --config";

pub(super) fn digest_unread() -> String {
    format!("no template of the chart reads the digest field, and {CHART_UNKNOWN}")
}

/// Beside [`Reason::ReplacedIn`](super::Reason::ReplacedIn).
pub(super) fn replaced_in(renamed: &[Renamed]) -> String {
    let ways: Vec<String> =
        renamed.iter().take(3).map(|renamed| format!("`{}` in `{}`", renamed.image, renamed.by)).collect();
    let more = if renamed.len() > ways.len() { ", and more" } else { "" };
    format!(
        "it comes out as {}{more}, and a digest belongs to a registry and a repository: write `newTag` beside `newName` \
         there, so that each has a digest of its own",
        ways.join(", ")
    )
}

pub(super) fn platforms_equal(now: &Digest, needed: &[Platform]) -> String {
    let names: Vec<String> = needed.iter().map(|platform| format!("`{platform}`")).collect();
    format!("the tag is now `{now}`, with the same manifests for {}", names.join(", "))
}

/// Says what can be done about a digest that tagpin will not turn into an index by itself.
pub(super) fn platform_digest(platform: Option<&Platform>) -> String {
    let (whose, example) = match platform {
        Some(platform) => (format!("of `{platform}`"), platform.to_string()),
        None => ("of one platform".to_owned(), "linux/amd64".to_owned()),
    };
    format!(
        "the digest is the manifest {whose}, and the tag is an index: to keep it so, set `level = \"platform\"` and \
         `platforms = [\"{example}\"]` in a rule for this path; to have the index, remove the digest"
    )
}

pub(super) fn immutable_tag_moved(now: &Digest) -> String {
    format!(
        "policy says that this tag never moves, and it is `{now}` now: find out why, then change the digest by hand"
    )
}

pub(super) fn immutable_tag_was(now: &Digest, before: &TagEvent) -> String {
    format!(
        "policy says that this tag never moves, and it is `{now}` now and was `{}` at {}: find out why, then write the \
         digest by hand (`tagpin pin --set`)",
        before.digest, before.when
    )
}

pub(super) fn by_promotion(now: &Digest, after: &str) -> String {
    format!("the tag is `{now}` now; here digests come from `{after}`, with `tagpin promote`")
}

pub(super) fn tag_on_hold(now: &Digest, hold: &Hold) -> String {
    format!("the tag is `{now}` now, which is on hold: {hold}")
}

pub(super) fn digest_on_hold(digest: &Digest, hold: &Hold) -> String {
    format!("`{digest}` is on hold: {hold}")
}

/// Returns what a digest of this level covers.
pub(super) fn covers(level: &DigestLevel, answer: &TagAnswer) -> String {
    match level {
        DigestLevel::Platform(platform) => platform.to_string(),
        DigestLevel::Index if answer.resolution.is_index() => "index".to_owned(),
        DigestLevel::Index => "single manifest".to_owned(),
    }
}
