//! From the file as it is written to checked values. Every problem is collected; nothing stops at the first.

mod environment;
mod forge;
mod hold;
mod ledger;
mod network;
mod policy;
mod proposals;
mod provenance;
mod pull_request;
mod registry;
mod rules;
mod run;

use std::ops::Range;
use std::path::{Path, PathBuf};

pub(super) use environment::PROMOTED_BY;
pub(super) use forge::COMMITS;
pub(super) use ledger::UNKNOWN_AGES;
pub(super) use policy::{LEVELS, SPLIT_FIELDS, STYLES};
pub(super) use proposals::{GROUPS, MERGES};
pub(super) use pull_request::DETAILS;
pub(super) use registry::PULLS;
use toml::Spanned;

use super::Config;
use super::diagnostic::{Diagnostic, suggest};
use super::raw::{Raw, RawAnnotations, SpannedText};
use crate::forge::Capabilities;
use crate::manifest::formats::catalogue::Location;
use crate::policy::Settings;
use crate::policy::hold::Holds;
use crate::policy::{AnnotationSettings, Globs};

/// The longest name part of a Kubernetes annotation key (apimachinery, `IsQualifiedName`).
const ANNOTATION_NAME_MAX: usize = 63;

/// The longest DNS subdomain (RFC 1123).
const DNS_NAME_MAX: usize = 253;

/// Returns the checked configuration; where there are problems, it holds defaults in the place of what is wrong.
///
/// `file` is how messages name the file, `base` is where its relative paths start.
pub(super) fn check(file: &str, base: &Path, text: &str, raw: &Raw) -> (Config, Vec<Diagnostic>) {
    let mut checker = Checker::new(file, base, text);
    let settings = Settings {
        policy: checker.policy(&raw.policy),
        environments: checker.environments(&raw.environment),
        holds: Holds::new(checker.holds(&raw.hold)),
        annotations: checker.annotations(&raw.annotations),
        locations: checker.locations(&raw.location),
    };
    let config = Config {
        schedule: raw.schedule.as_ref().and_then(|schedule| checker.schedule(schedule)),
        serve: checker.serve(&raw.serve),
        concurrency: checker.run_concurrency(&raw.run),
        ledger: checker.ledger(&raw.ledger, &settings.policy),
        settings,
        check: checker.gate(&raw.check),
        forge: checker.forge(&raw.forge),
        proposals: checker.proposals(&raw.pull_request),
        pull_request: checker.pull_request(&raw.pull_request),
        repositories: checker.repositories(&raw.repository),
        discover: checker.discover(&raw.discover),
        registries: checker.registries(&raw.registry),
        registries_conf: raw.registries_conf.as_ref().and_then(|file| checker.path("registries-conf", file)),
        network: checker.network(&raw.network),
        cache_dir: raw.cache_dir.as_ref().and_then(|directory| checker.path("cache-dir", directory)),
        own: None,
    };
    (config, checker.problems)
}

/// The file that is checked, and what was found so far.
pub(super) struct Checker<'a> {
    file: &'a str,
    base: &'a Path,
    text: &'a str,
    /// What the forge takes, once it is known which one it is.
    capabilities: Capabilities,
    pub(super) problems: Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    /// Returns a checker that has found nothing yet. Relative paths start at `base`.
    pub(super) fn new(file: &'a str, base: &'a Path, text: &'a str) -> Self {
        Self { file, base, text, capabilities: Capabilities::NONE, problems: Vec::new() }
    }
}

impl Checker<'_> {
    fn problem(&self, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(self.file, self.text, span, message)
    }

    fn fail(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.problems.push(self.problem(span, message));
    }

    fn fail_hint(&mut self, span: Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(self.problem(span, message).hint(hint));
    }

    /// Returns the value of `word` among `words`.
    fn word<T: Copy>(&mut self, key: &str, word: &SpannedText, words: &[(&str, T)]) -> Option<T> {
        let found = words.iter().find(|(name, _)| name == word.get_ref()).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            let hint = suggest(word.get_ref(), &known);
            self.fail_hint(word.span(), format!("`{key}` cannot be `{}`", word.get_ref()), hint);
        }
        found
    }

    /// Returns a text with something in it, and nothing that breaks a line.
    fn filled(&mut self, key: &str, text: &SpannedText) -> Option<String> {
        let value = text.get_ref().trim();
        if value.is_empty() || value.contains(char::is_control) {
            self.fail_hint(
                text.span(),
                format!("`{key}` needs one line of text"),
                "leave the key out for the default",
            );
            return None;
        }
        Some(value.to_owned())
    }

    fn globs(&mut self, key: &str, patterns: &Spanned<Vec<String>>, may_be_empty: bool) -> Option<Globs> {
        if patterns.get_ref().is_empty() && !may_be_empty {
            self.fail_hint(
                patterns.span(),
                format!("`{key} = []` matches nothing"),
                "leave the key out where everything is meant",
            );
            return None;
        }
        match Globs::new(patterns.get_ref().iter().cloned()) {
            Ok(globs) => Some(globs),
            Err(error) => {
                self.fail(patterns.span(), format!("`{key}`: {error}"));
                None
            }
        }
    }

    fn locations(&mut self, raw: &[Spanned<Location>]) -> Vec<Location> {
        for location in raw {
            if let Some(problem) = location.get_ref().problem() {
                let hint =
                    "src/manifest/formats/catalogue.toml and docs/formats.md show how entries are written";
                self.fail_hint(location.span(), format!("this `[[location]]` {problem}"), hint);
            }
        }
        raw.iter().map(|location| location.get_ref().clone()).collect()
    }

    fn annotations(&mut self, raw: &RawAnnotations) -> AnnotationSettings {
        let mut annotations = AnnotationSettings::default();
        if let Some(enabled) = raw.enabled {
            annotations.enabled = enabled;
        }
        for (key, into) in [(&raw.key, &mut annotations.key), (&raw.index_key, &mut annotations.index_key)] {
            let Some(key) = key else { continue };
            if is_annotation_key(key.get_ref()) {
                into.clone_from(key.get_ref());
            } else {
                self.fail_hint(
                    key.span(),
                    format!("`{}` is no annotation key", key.get_ref()),
                    "Kubernetes takes `name` or `dns.prefix/name`: the name has at most 63 letters, digits, `-`, `_` or `.`",
                );
            }
        }
        let AnnotationSettings { key, index_key, .. } = &annotations;
        if let Some(written) = raw.index_key.as_ref().or(raw.key.as_ref())
            && (is_key_of(key, index_key) || is_key_of(index_key, key))
        {
            self.fail_hint(
                written.span(),
                format!("`key` (`{key}`) and `index-key` (`{index_key}`) cannot be told apart"),
                "`.NAME` of a container is put behind each: neither may be, or begin with, the other and a dot",
            );
        }
        annotations
    }

    /// A relative path is meant from where the file lies.
    fn path(&mut self, key: &str, path: &SpannedText) -> Option<PathBuf> {
        let value = self.filled(key, path)?;
        if value.starts_with('~') {
            let hint = match key {
                "cache-dir" => "write the whole path, or set TAGPIN_CACHE_DIR",
                _ => "write the whole path",
            };
            self.fail_hint(path.span(), "`~` is not expanded", hint);
            return None;
        }
        Some(self.base.join(value))
    }
}

/// Tells whether `key` is `base`, or `base` with the name of a container.
fn is_key_of(base: &str, key: &str) -> bool {
    key.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Tells whether `key` is a qualified name (apimachinery, `IsQualifiedName`).
fn is_annotation_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let ends = |part: &str, end: fn(u8) -> bool| {
        part.bytes().next().is_some_and(end) && part.bytes().next_back().is_some_and(end)
    };
    let is_name = name.len() <= ANNOTATION_NAME_MAX
        && ends(name, |b| b.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_label = |label: &str| {
        ends(label, |b| b.is_ascii_lowercase() || b.is_ascii_digit())
            && label.bytes().all(|b| lower(b) || b == b'-')
    };
    is_name && prefix.is_none_or(|prefix| prefix.len() <= DNS_NAME_MAX && prefix.split('.').all(is_label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotation_keys_are_those_of_kubernetes() {
        for key in ["deployed-image-digest", "example.com/a", "a", "A_b.c", "x1.example/d9", &"a".repeat(63)]
        {
            assert!(is_annotation_key(key), "{key}");
        }
        for key in
            ["", "/a", "a/", "-a", "a-", "a b", "A.example/a", "a..b/c", "a/b/c", "-x/a", &"a".repeat(64)]
        {
            assert!(!is_annotation_key(key), "{key}");
        }
    }
}
