//! What a pull request tells, and the template of its body.

use std::path::Path;

use super::ConfigError;
use super::diagnostic::Diagnostic;
use super::file::utf8;
use crate::pull_request::Template;

pub(super) fn template(path: &Path, bytes: &[u8]) -> Result<Template, ConfigError> {
    const HINT: &str = "`body-template` of [pull-request] names a template in the language of Jinja: docs/pull-request-body.md";
    let shown = path.display().to_string();
    let text = utf8(&shown, bytes)?;
    Template::parse(text).map_err(|error| {
        let start = error
            .line
            .map(|line| text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum());
        let problem = match start {
            Some(start) => Diagnostic::at(&shown, text, start..start, error.message),
            None => Diagnostic::whole(&shown, error.message),
        };
        ConfigError::one(problem.hint(HINT))
    })
}
