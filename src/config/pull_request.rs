//! What a pull request tells, and the template of its body.

use std::path::{Path, PathBuf};

use super::diagnostic::Problem;
use super::{ConfigError, read, utf8};
use crate::pull_request::Template;

/// How much a pull request tells of the images beyond their digests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DetailsOf {
    /// Nothing: nobody is asked.
    None,
    /// Of images whose tag moved, what differs from the digest before.
    #[default]
    Moved,
    /// Of first pins too.
    All,
}

/// What a pull request tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Of which images more than the digests is told.
    pub details: DetailsOf,
    /// How many requests one registry may get for that in a run.
    pub details_requests: u64,
    /// The file with the template of the body.
    pub body_template: Option<PathBuf>,
    /// That template, once the file was read: [`Config::load`](super::Config::load).
    pub template: Option<Template>,
}

impl Default for PullRequest {
    fn default() -> Self {
        Self { details: DetailsOf::default(), details_requests: 300, body_template: None, template: None }
    }
}

impl PullRequest {
    /// Reads the template, where the configuration names one.
    ///
    /// # Errors
    /// The file cannot be read, or is no template that can be used: with the line.
    pub(super) fn read_template(&mut self) -> Result<(), ConfigError> {
        let Some(path) = &self.body_template else { return Ok(()) };
        self.template = Some(template(path)?);
        Ok(())
    }
}

fn template(path: &Path) -> Result<Template, ConfigError> {
    const HINT: &str = "`body-template` of [pull-request] names a template in the language of Jinja: docs/pull-request-body.md";
    let shown = path.display().to_string();
    let bytes = read(path)?;
    let text = utf8(&shown, &bytes)?;
    Template::parse(text).map_err(|error| {
        let start = error
            .line
            .map(|line| text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum());
        let problem = match start {
            Some(start) => Problem::at(&shown, text, start..start, error.message),
            None => Problem::whole(&shown, error.message),
        };
        ConfigError::one(problem.hint(HINT))
    })
}
