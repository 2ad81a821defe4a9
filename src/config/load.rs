//! Loading the configuration: from a file, or from what an Action says of itself.

use std::path::{Path, PathBuf};

use super::file::{SIZE_MAX, read, read_within, unreadable, utf8};
use super::raw::Raw;
use super::show::action;
use super::{Config, ConfigError, Diagnostic, Variables, check, mistakes, pull_request};
use crate::forge::CiRepository;

impl Config {
    /// Returns the configuration of the file at `path`, or at [`Variables::config`], or the defaults.
    ///
    /// Without a file, in a GitHub Action, the one repository is the one that the Action runs in.
    ///
    /// # Errors
    /// The file cannot be read, or is wrong.
    pub fn load(path: Option<&Path>, environment: &Variables) -> Result<Self, ConfigError> {
        Self::load_with(path, environment, read)
    }

    /// Does what [`Config::load`] does with what `read` returns for the file and for those that it names.
    ///
    /// # Errors
    /// Those of `read`, or the file is wrong.
    pub(crate) fn load_with(
        path: Option<&Path>,
        environment: &Variables,
        read: impl Fn(&Path) -> Result<Vec<u8>, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let Some(path) = path.or(environment.config.as_deref()) else { return environment.without_file() };
        let shown = path.display().to_string();
        let bytes = read(path)?;
        let base = std::path::absolute(path).map_err(|error| unreadable(path, error.to_string()))?;
        let mut config = Self::parse(&shown, base.parent().unwrap_or(Path::new("/")), &bytes)?;
        if let Some(path) = &config.pull_request.body_template {
            config.pull_request.template = Some(pull_request::template(path, &read(path)?)?);
        }
        config.settings.policy.read_keys(|key| read(key.path()))?;
        Ok(config.with(environment))
    }

    /// Returns whether it was read from this text.
    pub fn is_of(&self, text: &str) -> bool {
        self.own.as_deref() == Some(text.strip_prefix('\u{feff}').unwrap_or(text))
    }

    /// Returns this configuration narrowed by a repository's file on disk: see [`Config::narrowed`].
    ///
    /// # Errors
    /// The file cannot be read, or is refused.
    pub fn narrowed_by_file(&self, path: &str) -> Result<Self, ConfigError> {
        let is_file = |path: &str| std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
        let read = |path: &str| read_within(Path::new(path), SIZE_MAX);
        self.narrowed(path, &read(path)?, |path| is_file(path).then(|| read(path).ok()).flatten())
    }

    /// Returns the configuration that `bytes` spell. `file` is how messages name them; relative paths start at `base`.
    ///
    /// # Errors
    /// Names everything that is wrong, with its place.
    pub fn parse(file: &str, base: &Path, bytes: &[u8]) -> Result<Self, ConfigError> {
        let text = utf8(file, bytes)?;
        let raw: Raw = mistakes::read(text, |text, error| Diagnostic::from_toml(file, text, error))
            .map_err(ConfigError::all)?;
        let (mut config, problems) = check::check(file, base, text, &raw);
        config.own = Some(text.into());
        ConfigError::unless_none(problems, config)
    }

    /// Returns the files that this configuration names and that are read only when registries are asked.
    pub(crate) fn registry_files(&mut self) -> Vec<&mut PathBuf> {
        let mut files: Vec<&mut PathBuf> = self.registries_conf.iter_mut().collect();
        for rule in &mut self.registries {
            files.extend(rule.tls.ca.iter_mut());
            files.extend(rule.tls.client.iter_mut().flat_map(|(certificate, key)| [certificate, key]));
        }
        files
    }

    /// Returns this configuration with what the environment says above it and below it.
    fn with(mut self, environment: &Variables) -> Self {
        self.cache_dir = environment.cache_dir(self.cache_dir.take());
        self
    }

    /// Returns where clones are kept.
    ///
    /// # Errors
    /// Neither configuration nor environment names a place.
    pub fn cache_dir(&self) -> Result<&Path, ConfigError> {
        self.cache_dir.as_deref().ok_or_else(|| {
            let problem = Diagnostic::whole("configuration", "there is no place for clones: HOME is not set");
            ConfigError::one(problem.hint("set TAGPIN_CACHE_DIR, or `cache-dir` in the configuration"))
        })
    }
}

impl Variables {
    /// Returns the defaults, with the repository that an Action runs in.
    ///
    /// The variables pass the same checks as a file: they become one.
    pub(super) fn without_file(&self) -> Result<Config, ConfigError> {
        let mut config = Config::default().with(self);
        let Some(CiRepository { url, base_url, variables }) = &self.ci_repository else { return Ok(config) };
        let raw = action(url, base_url.as_deref());
        let checked = Config::parse(variables, "/".as_ref(), raw.as_bytes())?;
        config.repositories = checked.repositories;
        config.forge = checked.forge;
        Ok(config)
    }
}
