//! What a run has beside the repository that it is at.

use std::path::Path;

use jiff::Timestamp;
use secrecy::SecretString;

use super::RunSession;
use crate::config::Config;

/// What a run needs beside its configuration.
pub struct RunContext<'c, R> {
    /// The configuration.
    pub config: &'c Config,
    /// The registries.
    pub registry: &'c R,
    /// Where clones are kept.
    pub cache_dir: &'c Path,
    /// The forge's token.
    pub token: Option<SecretString>,
    /// Looks a variable of the environment up, for `token-env`.
    pub lookup: &'c (dyn Fn(&str) -> Option<SecretString> + Sync),
    /// The time on commits.
    pub now: Timestamp,
    /// Whether nothing is pushed and nothing opened.
    pub dry_run: bool,
    /// What the repositories of this run share.
    pub session: &'c RunSession,
}
