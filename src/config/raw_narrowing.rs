//! A repository's own file as it is written: only what narrows, nothing checked yet.

use serde::Deserialize;
use toml::Spanned;

use super::raw::{RawCheck, RawEnvironment, RawHold, SpannedText, Words};

/// The whole file where a scanned repository carries it: only what narrows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawNarrowing {
    #[serde(default)]
    pub(super) policy: RawNarrowingPolicy,
    #[serde(default)]
    pub(super) check: RawCheck,
    #[serde(default)]
    pub(super) environment: Vec<Spanned<RawEnvironment>>,
    #[serde(default)]
    pub(super) hold: Vec<Spanned<RawHold>>,
    #[serde(default)]
    pub(super) annotations: RawNarrowingAnnotations,
}

/// `[policy]` of a repository's file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawNarrowingPolicy {
    pub(super) exclude: Option<Spanned<Vec<String>>>,
    pub(super) require: Option<Spanned<Words>>,
    pub(super) keys: Option<Spanned<Vec<SpannedText>>>,
    pub(super) predicate_types: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    pub(super) rule: Vec<Spanned<RawNarrowingRule>>,
}

/// `[[policy.rule]]` of a repository's file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawNarrowingRule {
    pub(super) paths: Option<Spanned<Vec<String>>>,
    pub(super) images: Option<Spanned<Vec<String>>>,
    pub(super) require: Option<Spanned<Words>>,
    pub(super) keys: Option<Spanned<Vec<SpannedText>>>,
    pub(super) predicate_types: Option<Spanned<Vec<String>>>,
}

/// `[annotations]` of a repository's file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawNarrowingAnnotations {
    pub(super) enabled: Option<Spanned<bool>>,
}
