//! The checked configuration: what all of tagpin is told.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Concurrency, DiscoverSettings, ForgeSettings, LedgerSettings, RepositoryConfig, ServeSettings};
use crate::check::CheckSettings;
use crate::policy::Settings;
use crate::pull_request::{Proposals, PullRequestSettings};
use crate::registry::{HELPER_TIMEOUT, Limits, RegistryRule};
use crate::repository_budget::RepositoryLimits;

/// What tagpin is told to do, checked.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// When `tagpin serve` runs: a cron expression.
    pub schedule: Option<String>,
    /// How `tagpin serve` runs.
    pub serve: ServeSettings,
    /// How much of one repository is read.
    pub limits: RepositoryLimits,
    /// How many repositories are under way at the same time, at least one.
    pub concurrency: Concurrency,
    /// What is read, what is pinned, how it is written, and what must not move.
    pub settings: Settings,
    /// How much the findings of `tagpin check` count, and what is allowed.
    pub check: CheckSettings,
    /// What runs remember of tags.
    pub ledger: LedgerSettings,
    /// Where pull requests are opened, and who commits.
    pub forge: ForgeSettings,
    /// How changes are proposed.
    pub proposals: Proposals,
    /// What pull requests tell.
    pub pull_request: PullRequestSettings,
    /// The repositories of `tagpin run`.
    pub repositories: Arc<[RepositoryConfig]>,
    /// Where more repositories are looked for.
    pub discover: Arc<[DiscoverSettings]>,
    /// Where registries are really asked.
    pub registries: Vec<RegistryRule>,
    /// A containers registries.conf with more of them; not read yet.
    pub registries_conf: Option<PathBuf>,
    /// How much and how long registries are asked.
    pub network: Network,
    /// Where clones are kept; `None` where neither configuration nor environment names a place.
    pub cache_dir: Option<PathBuf>,
    /// The text of the file that this was loaded from: a repository that carries the same file adds nothing by it.
    pub(super) own: Option<Arc<str>>,
}

/// How much and how long registries, and what gives their credentials, are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// For requests.
    pub limits: Limits,
    /// For credential helpers.
    pub helper_timeout: Duration,
}

impl Default for Network {
    fn default() -> Self {
        Self { limits: Limits::default(), helper_timeout: HELPER_TIMEOUT }
    }
}
