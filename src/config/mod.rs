//! The configuration: the file that `--config` names, and what a scanned repository may add to it.
//!
//! The order is flags, environment, the file, defaults. A repository's own file is merged by [`Config::narrowed`]
//! and can only take away.

mod check;
mod diagnostic;
mod discover;
pub(crate) mod edit_holds;
mod env;
mod forge;
mod public_keys;
mod pull_request;
mod raw;
mod repository_file;
mod schema;
mod serve;
mod show;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use diagnostic::Diagnostic;
pub use discover::{DiscoveredFile, NAMES, discover};
pub use env::Variables;
pub use forge::{Commits, DiscoverSettings, ForgeSettings, RepositoryConfig};
pub use schema::SCHEMA;
pub use serve::{Concurrency, ServeSettings};

use crate::check::CheckSettings;
pub use crate::history::ledger::settings::{LEDGER_BRANCH, LedgerSettings};
use crate::policy::Settings;
use crate::pull_request::{Proposals, PullRequestSettings};
use crate::registry::{HELPER_TIMEOUT, Limits, RegistryRule};

/// The largest file that is read as a configuration, in bytes.
pub const SIZE_MAX: u64 = 256 * 1024;

/// What tagpin is told to do, checked.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// When `tagpin serve` runs: a cron expression.
    pub schedule: Option<String>,
    /// How `tagpin serve` runs.
    pub serve: ServeSettings,
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
    pub repositories: Vec<RepositoryConfig>,
    /// Where more repositories are looked for.
    pub discover: Vec<DiscoverSettings>,
    /// Where registries are really asked.
    pub registries: Vec<RegistryRule>,
    /// A containers registries.conf with more of them; not read yet.
    pub registries_conf: Option<PathBuf>,
    /// How much and how long registries are asked.
    pub network: Network,
    /// Where clones are kept; `None` where neither configuration nor environment names a place.
    pub cache_dir: Option<PathBuf>,
    /// The text of the file that this was loaded from: a repository that carries the same file adds nothing by it.
    own: Option<String>,
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

/// Everything that is wrong with a configuration file, or why it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Diagnostic>,
}

impl ConfigError {
    /// Returns what is wrong, in the order of the file; at least one thing.
    pub fn problems(&self) -> &[Diagnostic] {
        &self.problems
    }

    /// Returns the error with these problems in the file's order, or `value` where there are none.
    fn unless_none<T>(mut problems: Vec<Diagnostic>, value: T) -> Result<T, Self> {
        if problems.is_empty() {
            return Ok(value);
        }
        problems.sort_by_key(|problem| problem.position);
        Err(Self { problems })
    }

    fn one(problem: Diagnostic) -> Self {
        Self { problems: vec![problem] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
            if let Some(hint) = &problem.hint {
                write!(f, "\nhint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Returns the configuration of the file at `path`, or at [`Variables::config`], or the defaults.
    ///
    /// Without a file, in a GitHub Action, the one repository is the one that the Action runs in.
    ///
    /// # Errors
    /// The file cannot be read, or is wrong.
    pub fn load(path: Option<&Path>, environment: &Variables) -> Result<Self, ConfigError> {
        let Some(path) = path.or(environment.config.as_deref()) else { return environment.without_file() };
        let shown = path.display().to_string();
        let bytes = read(path)?;
        let base = std::path::absolute(path).map_err(|error| unreadable(path, error.to_string()))?;
        let mut config = Self::parse(&shown, base.parent().unwrap_or(Path::new("/")), &bytes)?;
        if let Some(path) = &config.pull_request.body_template {
            config.pull_request.template = Some(pull_request::template(path)?);
        }
        config.settings.policy.read_keys(|key| read(key.path()))?;
        Ok(config.with(environment))
    }

    /// Returns this configuration narrowed by a repository's file on disk: see [`Config::narrowed`].
    ///
    /// # Errors
    /// The file cannot be read, or is refused.
    pub fn narrowed_by_file(&self, path: &str) -> Result<Self, ConfigError> {
        let is_file = |path: &str| std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
        let files = |path: &str| is_file(path).then(|| read(Path::new(path)).ok()).flatten();
        self.narrowed(path, &read(Path::new(path))?, files)
    }

    /// Returns the configuration that `bytes` spell. `file` is how messages name them; relative paths start at `base`.
    ///
    /// # Errors
    /// Names everything that is wrong, with its place.
    pub fn parse(file: &str, base: &Path, bytes: &[u8]) -> Result<Self, ConfigError> {
        let text = utf8(file, bytes)?;
        let raw: raw::Raw = toml::from_str(text)
            .map_err(|error| ConfigError::one(Diagnostic::from_toml(file, text, &error)))?;
        let (mut config, problems) = check::check(file, base, text, &raw);
        config.own = Some(text.to_owned());
        ConfigError::unless_none(problems, config)
    }

    /// Returns this configuration with what the environment says above it and below it.
    fn with(mut self, environment: &Variables) -> Self {
        self.cache_dir = environment.cache_dir(self.cache_dir.take());
        self
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let mut bytes = Vec::new();
    // Not fs_err: the problem names the file already.
    std::fs::File::open(path)
        .and_then(|file| file.take(SIZE_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(path, format!("cannot be read: {error}")))?;
    within_limit(&path.display().to_string(), &bytes)?;
    Ok(bytes)
}

fn within_limit(file: &str, bytes: &[u8]) -> Result<(), ConfigError> {
    if bytes.len() as u64 <= SIZE_MAX {
        return Ok(());
    }
    let message = format!("the file is larger than the {SIZE_MAX} bytes that tagpin reads");
    Err(ConfigError::one(Diagnostic::whole(file, message)))
}

fn unreadable(path: &Path, message: String) -> ConfigError {
    ConfigError::one(Diagnostic::whole(&path.display().to_string(), message))
}

/// Returns `bytes` as text, a byte order mark left out.
fn utf8<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, ConfigError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        ConfigError::one(Diagnostic::whole(file, format!("not UTF-8 at byte {}", error.valid_up_to())))
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}
