//! What every part of the check has in common: the file, the problems so far, and values that many keys have.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

use crate::config::diagnostic::{Diagnostic, suggest};
use crate::config::raw::SpannedText;
use crate::forge::Capabilities;
use crate::manifest::syntax::lines::LineIndex;
use crate::policy::{Globs, has_version};

/// The file that is checked, and what was found so far.
pub(in crate::config) struct Checker<'a> {
    pub(super) file: &'a str,
    pub(super) base: &'a Path,
    pub(super) text: &'a str,
    pub(super) lines: LineIndex,
    /// What the forge takes, once it is known which one it is.
    pub(super) capabilities: Capabilities,
    pub(in crate::config) problems: Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    /// Returns a checker that has found nothing yet. Relative paths start at `base`.
    pub(in crate::config) fn new(file: &'a str, base: &'a Path, text: &'a str) -> Self {
        let (lines, capabilities) = (LineIndex::new(text), Capabilities::NONE);
        Self { file, base, text, lines, capabilities, problems: Vec::new() }
    }
}

impl Checker<'_> {
    pub(super) fn problem(&self, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(self.file, self.text, span, message)
    }

    pub(super) fn fail(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.problems.push(self.problem(span, message));
    }

    pub(super) fn fail_hint(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.problems.push(self.problem(span, message).hint(hint));
    }

    /// Returns the value of `word` among `words`.
    pub(super) fn word<T: Copy>(&mut self, key: &str, word: &SpannedText, words: &[(&str, T)]) -> Option<T> {
        let found = words.iter().find(|(name, _)| name == word.get_ref()).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            let hint = suggest(word.get_ref(), &known);
            self.fail_hint(word.span(), format!("`{key}` cannot be `{}`", word.get_ref()), hint);
        }
        found
    }

    /// Returns a text with something in it, and nothing that breaks a line.
    pub(super) fn filled(&mut self, key: &str, text: &SpannedText) -> Option<String> {
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

    pub(super) fn globs(
        &mut self,
        key: &str,
        patterns: &Spanned<Vec<String>>,
        may_be_empty: bool,
    ) -> Option<Globs> {
        if patterns.get_ref().is_empty() && !may_be_empty {
            self.fail_hint(
                patterns.span(),
                format!("`{key} = []` matches nothing"),
                "leave the key out where everything is meant, or write `[\"**\"]`",
            );
            return None;
        }
        // Names of images have neither tag nor digest.
        let whole = patterns.get_ref().iter().find(|image| has_version(image));
        if let Some(image) = whole.filter(|_| key == "images") {
            self.fail_hint(
                patterns.span(),
                format!("`{image}` never matches: the name of an image has neither tag nor digest"),
                "name the image without them",
            );
            return None;
        }
        let globs = match key {
            "images" | "registries" | "immutable" => Globs::of_images(patterns.get_ref()),
            _ => Globs::new(patterns.get_ref().iter().cloned()),
        };
        match globs {
            Ok(globs) => Some(globs),
            Err(error) => {
                self.fail(patterns.span(), format!("`{key}`: {error}"));
                None
            }
        }
    }

    /// A relative path is meant from where the file lies.
    pub(super) fn path(&mut self, key: &str, path: &SpannedText) -> Option<PathBuf> {
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
