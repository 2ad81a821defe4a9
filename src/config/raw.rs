//! The configuration file as it is written: every key, nothing checked yet.
//!
//! The same types are printed by `config show`, so that what is shown can be loaded again. Values that are checked
//! later keep their span, for the line and column of the message.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::manifest::formats::KnownChart;
use crate::manifest::formats::catalogue::Location;

/// A text with its place in the file.
pub(super) type SpannedText = Spanned<String>;

/// One word, or a list of words.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged, expecting = "expected a word or a list of words")]
pub(super) enum Words {
    One(String),
    Several(Vec<String>),
}

impl Words {
    /// Returns the words, one or more.
    pub(super) fn all(&self) -> &[String] {
        match self {
            Self::One(word) => std::slice::from_ref(word),
            Self::Several(words) => words,
        }
    }
}

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Raw {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schedule: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_dir: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) registries_conf: Option<SpannedText>,
    #[serde(default)]
    pub(super) policy: RawPolicy,
    #[serde(default)]
    pub(super) check: RawCheck,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) environment: Vec<Spanned<RawEnvironment>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) hold: Vec<Spanned<RawHold>>,
    #[serde(default)]
    pub(super) ledger: RawLedger,
    #[serde(default)]
    pub(super) annotations: RawAnnotations,
    #[serde(default)]
    pub(super) forge: RawForge,
    #[serde(default)]
    pub(super) run: RawRun,
    #[serde(default)]
    pub(super) limits: RawLimits,
    #[serde(default)]
    pub(super) serve: RawServe,
    #[serde(default)]
    pub(super) pull_request: RawPullRequest,
    #[serde(default)]
    pub(super) network: RawNetwork,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) repository: Vec<RawRepository>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) discover: Vec<Spanned<RawDiscover>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) registry: Vec<RawRegistry>,
    #[serde(default)]
    pub(super) formats: RawFormats,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) location: Vec<Spanned<Location>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) chart: Vec<Spanned<KnownChart>>,
}

/// `[formats]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawFormats {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) off: Option<Vec<SpannedText>>,
}

/// `[run]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawRun {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) concurrency: Option<Spanned<i64>>,
}

/// `[limits]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawLimits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entries: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path_bytes: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) document_bytes: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nodes: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) images: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpu_time: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time: Option<SpannedText>,
}

/// `[serve]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawServe {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time_zone: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jitter: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) listen: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) grace: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run_at_start: Option<bool>,
}

/// `[[discover]]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawDiscover {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organization: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) installation: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) include: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exclude: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) topics: Option<Vec<SpannedText>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) archived: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) forks: Option<bool>,
}

/// `[network]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawNetwork {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) concurrency: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retries: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_wait: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connect_timeout: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) read_timeout: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_timeout: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image_timeout: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) credential_helper_timeout: Option<SpannedText>,
}

/// `[policy]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) level: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) platforms: Option<Spanned<Vec<SpannedText>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) style: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) split_fields: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min_age: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) settle: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unknown_age: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) include: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exclude: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vendored: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) immutable: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) require: Option<Spanned<Words>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) keys: Option<Spanned<Vec<SpannedText>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) predicate_types: Option<Spanned<Vec<String>>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rule: Vec<Spanned<RawRule>>,
}

/// `[[policy.rule]]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawRule {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paths: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) images: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) level: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) platforms: Option<Spanned<Vec<SpannedText>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) style: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) split_fields: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min_age: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) settle: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unknown_age: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) require: Option<Spanned<Words>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) keys: Option<Spanned<Vec<SpannedText>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) predicate_types: Option<Spanned<Vec<String>>>,
}

/// `[ledger]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawLedger {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) enabled: Option<Spanned<bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) branch: Option<SpannedText>,
}

/// `[check]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawCheck {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strict: Option<bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rule: Vec<Spanned<RawCheckRule>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) allow: Vec<Spanned<RawAllow>>,
}

/// `[[check.rule]]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawCheckRule {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rules: Option<Spanned<Vec<SpannedText>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paths: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) images: Option<Spanned<Vec<String>>>,
    pub(super) level: SpannedText,
}

/// `[[check.allow]]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawAllow {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rules: Option<Spanned<Vec<SpannedText>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paths: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) images: Option<Spanned<Vec<String>>>,
    pub(super) reason: SpannedText,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<Spanned<toml::value::Datetime>>,
}

/// `[[environment]]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawEnvironment {
    pub(super) name: SpannedText,
    pub(super) paths: Spanned<Vec<String>>,
    #[serde(default)]
    pub(super) equal: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) platforms: Option<Spanned<Vec<SpannedText>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) registries: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) promote: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) soak: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) partial: Option<Spanned<bool>>,
}

/// `[[hold]]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawHold {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) images: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paths: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tag: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<SpannedText>,
    pub(super) reason: SpannedText,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<Spanned<toml::value::Datetime>>,
}

/// `[annotations]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawAnnotations {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remove: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) index_key: Option<SpannedText>,
}

/// `[forge]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawForge {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base_url: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) author_name: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) author_email: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sign_off: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commits: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app_id: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app_key_file: Option<SpannedText>,
}

/// `[pull-request]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawPullRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) details: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) details_requests: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body_template: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group_by: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_open: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_new: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit_message: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) labels: Option<Spanned<Vec<SpannedText>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reviewers: Option<Spanned<Vec<SpannedText>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) team_reviewers: Option<Spanned<Vec<SpannedText>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) assignees: Option<Spanned<Vec<SpannedText>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) draft: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) milestone: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auto_merge: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rebuild_label: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_label: Option<SpannedText>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) group: Vec<Spanned<RawGroup>>,
}

/// `[[pull-request.group]]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawGroup {
    pub(super) name: SpannedText,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paths: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) images: Option<Spanned<Vec<String>>>,
}

/// `[[repository]]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawRepository {
    pub(super) url: SpannedText,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) branch: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_env: Option<SpannedText>,
}

/// `[[registry]]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawRegistry {
    pub(super) prefix: SpannedText,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<SpannedText>,
    #[serde(default)]
    pub(super) insecure: bool,
    #[serde(default)]
    pub(super) blocked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) concurrency: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ca_file: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_certificate: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_key: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_hosts: Option<Spanned<Vec<SpannedText>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_env: Option<SpannedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) username: Option<SpannedText>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) mirror: Vec<RawMirror>,
}

/// `[[registry.mirror]]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawMirror {
    pub(super) location: SpannedText,
    #[serde(default)]
    pub(super) insecure: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pull_from_mirror: Option<SpannedText>,
}
