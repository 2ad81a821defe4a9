//! What a scanned repository may say: less, never more (DESIGN.md, invariant 10).

use super::check::Checker;
use super::problem::Problem;
use super::raw::{Raw, RawNarrowing};
use super::{Config, ConfigError, utf8, within_limit};
use crate::check::Level;

const ONLY: &str = "a repository's own file can only add `policy.exclude`, `check.allow`, `environment` and `hold`, raise \
                    levels of `check`, and set `annotations.enabled = false`";

impl Config {
    /// Returns this configuration with what the repository's file at `path` takes away from it. Pure.
    ///
    /// A file with the text of the one that this configuration was loaded from adds nothing and is no error: a
    /// repository may well carry the file that its own bot is started with.
    ///
    /// # Errors
    /// The file is wrong, or says something that only the trusted file may say.
    pub fn narrowed(&self, path: &str, bytes: &[u8]) -> Result<Self, ConfigError> {
        within_limit(path, bytes)?;
        let text = utf8(path, bytes)?;
        if self.own.as_deref() == Some(text) {
            return Ok(self.clone());
        }
        let raw: RawNarrowing =
            toml::from_str(text).map_err(|error| ConfigError::one(refused(path, text, &error)))?;

        let mut config = self.clone();
        let mut problems = Vec::new();
        if let Some(exclude) = raw.policy.exclude {
            match self.policy.exclude.and(exclude.get_ref()) {
                Ok(globs) => config.policy.exclude = globs,
                Err(error) => {
                    problems.push(Problem::at(path, text, exclude.span(), format!("`exclude`: {error}")));
                }
            }
        }
        let mut checker = Checker::new(path, text);
        let own = checker.gate(&raw.check);
        let environments = checker.environments(&raw.environment);
        let holds = checker.holds(&raw.hold);
        for (rule, raw) in own.rules.iter().zip(&raw.check.rule) {
            if rule.level == Level::Off {
                let span = raw.get_ref().level.span();
                let problem = Problem::at(path, text, span, "rules cannot be switched off here");
                problems.push(problem.hint(ONLY));
            }
        }
        for environment in &environments {
            if config.environments.iter().any(|other| other.name == environment.name) {
                let message = format!("the environment `{}` is the bot's own", environment.name);
                problems.push(Problem::whole(path, message).hint("give it another name"));
            }
        }
        for (environment, raw) in environments.iter().zip(&raw.environment) {
            if let (Some(_), Some(promote)) = (environment.promoted_from(), &raw.get_ref().promote) {
                let message = "a repository's own file cannot have tagpin open pull requests";
                problems.push(Problem::at(path, text, promote.span(), message).hint(ONLY));
            }
        }
        problems.extend(checker.problems);
        config.check.raised.extend(own.rules);
        config.check.allows.extend(own.allows);
        config.check.strict |= own.strict;
        config.environments.extend(environments);
        config.holds.all.extend(holds);
        match raw.annotations.enabled {
            Some(enabled) if *enabled.get_ref() => {
                problems.push(
                    Problem::at(path, text, enabled.span(), "annotations cannot be switched on here")
                        .hint(ONLY),
                );
            }
            Some(_) => config.annotations.enabled = false,
            None => {}
        }
        ConfigError::unless_none(problems, config)
    }
}

/// Tells a key that exists but is not for repositories from one that does not exist.
fn refused(path: &str, text: &str, error: &toml::de::Error) -> Problem {
    let word = error.message().strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
    let (Some((word, _)), Some(span)) = (word, error.span()) else {
        return Problem::from_toml(path, text, error);
    };
    match toml::from_str::<Raw>(text) {
        Err(other) if other.span() == error.span() => Problem::from_toml(path, text, error),
        _ => Problem::at(
            path,
            text,
            span,
            format!("`{word}` belongs into the file that is given with `--config`"),
        )
        .hint(ONLY),
    }
}
