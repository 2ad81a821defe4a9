//! What a scanned repository may say: less, never more.

use std::collections::HashSet;
use std::path::Path;

use toml::Spanned;

use super::check::Checker;
use super::diagnostic::Diagnostic;
use super::file::{SIZE_MAX, utf8, within_limit};
use super::raw::{Raw, RawPolicy, RawRule, SpannedText};
use super::raw_narrowing::{RawNarrowing, RawNarrowingPolicy, RawNarrowingRule};
use super::{Config, ConfigError, mistakes};
use crate::check::Severity;
use crate::policy::RepositoryDemands;

const ONLY: &str = "a repository's own file can only add `policy.exclude`, `check.allow`, `environment` and `hold`, demand \
                    signatures with `policy.require`, raise levels of `check`, and set `annotations.enabled = false`";

impl Config {
    /// Returns this configuration with what the repository's file at `path` takes away from it. Pure; `files` returns the bytes
    /// of another file of the repository, by its path as it is seen from where `path` is, or `None` where there is none.
    ///
    /// A file with the text of the one that this configuration was loaded from adds nothing and is not an error: a
    /// repository may well carry the file that its own bot is started with.
    ///
    /// # Errors
    /// The file is wrong, or says something that only the trusted file may say.
    pub fn narrowed(
        &self,
        path: &str,
        bytes: &[u8],
        files: impl Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<Self, ConfigError> {
        within_limit(path, bytes, SIZE_MAX)?;
        let text = utf8(path, bytes)?;
        if self.own.as_deref() == Some(text) {
            return Ok(self.clone());
        }
        let raw: RawNarrowing =
            mistakes::read(text, |text, error| refused(path, text, error)).map_err(ConfigError::all)?;

        let mut config = self.clone();
        let mut problems = Vec::new();
        if let Some(exclude) = &raw.policy.exclude {
            match self.settings.policy.exclude.and(exclude.get_ref()) {
                Ok(globs) => config.settings.policy.exclude = globs,
                Err(error) => {
                    problems.push(Diagnostic::at(path, text, exclude.span(), format!("`exclude`: {error}")));
                }
            }
        }
        let directory = Path::new(path).parent().unwrap_or(Path::new(""));
        let mut checker = Checker::new(path, directory, text);
        let (own_demand, keys) = demanded(raw.policy);
        let mut own_policy = checker.policy(&own_demand);
        let own = checker.gate(&raw.check);
        let environments = checker.environments(&raw.environment);
        let holds = checker.holds(&raw.hold);
        for (rule, raw) in own.rules.iter().zip(&raw.check.rule) {
            if rule.level == Severity::Off {
                let span = raw.get_ref().level.span();
                let problem = Diagnostic::at(path, text, span, "rules cannot be switched off here");
                problems.push(problem.hint(ONLY));
            }
        }
        let known: HashSet<&str> =
            self.settings.environments.iter().map(|environment| environment.name.as_str()).collect();
        for environment in &environments {
            if known.contains(environment.name.as_str()) {
                let message = format!("the environment `{}` is the bot's own", environment.name);
                problems.push(Diagnostic::whole(path, message).hint("give it another name"));
            }
        }
        for (environment, raw) in environments.iter().zip(&raw.environment) {
            if let (Some(_), Some(promote)) = (environment.promoted_from(), &raw.get_ref().promote) {
                let message = "a repository's own file cannot have tagpin open pull requests";
                problems.push(Diagnostic::at(path, text, promote.span(), message).hint(ONLY));
            }
        }
        problems.extend(checker.problems);
        for key in keys.iter().filter(|key| !is_beside(key.get_ref())) {
            let message = format!("`{}` is not a file beside this one or below", key.get_ref());
            problems.push(Diagnostic::at(path, text, key.span(), message).hint(KEYS));
        }
        if problems.is_empty() {
            own_policy.read_keys(|key| {
                let there = files(&key.path().to_string_lossy()).ok_or("it is not there, or cannot be read");
                let shown = key.path().display().to_string();
                there.map_err(|why| ConfigError::one(Diagnostic::whole(&shown, why).hint(KEYS)))
            })?;
        }
        let own_policy = RepositoryDemands { demand: own_policy.defaults.demand, rules: own_policy.rules };
        config.settings.policy.own = Some(own_policy).filter(|own| *own != RepositoryDemands::default());
        config.check.raised.extend(own.rules);
        config.check.allows.extend(own.allows);
        config.check.strict |= own.strict;
        config.settings.environments.extend(environments);
        config.settings.holds.all.extend(holds);
        match raw.annotations.enabled {
            Some(enabled) if *enabled.get_ref() => {
                problems.push(
                    Diagnostic::at(path, text, enabled.span(), "annotations cannot be switched on here")
                        .hint(ONLY),
                );
            }
            Some(_) => config.settings.annotations.enabled = false,
            None => {}
        }
        ConfigError::unless_none(problems, config)
    }
}

const KEYS: &str = "`keys` of a repository's own file names PEM files of the repository, in the directory of that file or below it";

/// Returns what a repository demands as it stands in a trusted file, and the names of its keys.
fn demanded(raw: RawNarrowingPolicy) -> (RawPolicy, Vec<SpannedText>) {
    let RawNarrowingPolicy { exclude: _, require, keys, predicate_types, rule } = raw;
    let rule = rule.into_iter().map(|rule| {
        let span = rule.span();
        let RawNarrowingRule { paths, images, require, keys, predicate_types } = rule.into_inner();
        Spanned::new(span, RawRule { paths, images, require, keys, predicate_types, ..RawRule::default() })
    });
    let rule: Vec<Spanned<RawRule>> = rule.collect();
    let of_rules = rule.iter().filter_map(|rule| rule.get_ref().keys.as_ref());
    let names = keys.iter().chain(of_rules).flat_map(|list| list.get_ref().clone()).collect();
    (RawPolicy { require, keys, predicate_types, rule, ..RawPolicy::default() }, names)
}

/// Returns whether a path leads nowhere but to the directory that it is seen from, and below.
fn is_beside(path: &str) -> bool {
    path.split('/').all(|segment| !matches!(segment, "" | "." | ".." | ".git")) && !path.contains('\\')
}

/// Tells a key that exists but is not for repositories from one that does not exist.
fn refused(path: &str, text: &str, error: &toml::de::Error) -> Diagnostic {
    let word = error.message().strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
    let (Some((word, _)), Some(span)) = (word, error.span()) else {
        return Diagnostic::from_toml(path, text, error);
    };
    match toml::from_str::<Raw>(text) {
        Err(other) if other.span() == error.span() => Diagnostic::from_toml(path, text, error),
        _ => Diagnostic::at(
            path,
            text,
            span,
            format!("`{word}` belongs into the file that is given with `--config`"),
        )
        .hint(ONLY),
    }
}
