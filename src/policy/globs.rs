//! The globs of policy, and what is refused because it could never match.

use std::fmt;
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::reference::{Reference, with_folded_host, without_https_port};

/// The most patterns that one list may hold.
const PATTERNS_MAX: usize = 1000;

/// The longest pattern, in bytes.
const PATTERN_MAX: usize = 1024;

/// A list of globs; any of them may match.
///
/// `paths`, `include` and `exclude` are matched against whole paths below the repository's root, `images` against whole
/// image names. `?` and `*` stop at `/`; `**` as a whole segment spans any number of segments; `[ab]`, `[!ab]` and
/// `{a,b}` are classes and alternatives; `\` escapes. Names with a leading dot are matched like any other. Order
/// plays no part and there is no negation: a file is read if `include` has it and `exclude` has not.
#[derive(Clone, Default)]
pub struct Globs {
    patterns: Arc<[String]>,
    set: Arc<GlobSet>,
}

/// Why a list of globs cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// There is nothing to match.
    #[error("a pattern is empty")]
    Empty,
    /// A habit from .gitignore that means something else here.
    #[error(
        "`{pattern}` never matches: paths are whole and relative to the repository's root; write `{instead}`"
    )]
    Dialect {
        /// The pattern.
        pattern: String,
        /// What was probably meant.
        instead: String,
    },
    /// A pattern that starts with `!`.
    #[error(
        "`{0}` looks like a negation, which does not exist here; use `exclude`, or `\\!` for a name that starts so"
    )]
    Negation(String),
    /// The pattern breaks the grammar.
    #[error("`{pattern}` is not a glob: {message}")]
    Malformed {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        message: String,
    },
    /// A name of an image with capitals, which no repository has.
    #[error("`{0}` never matches: the names of repositories are lower case")]
    UpperCase(String),
    /// There is too much to match.
    #[error(
        "the patterns are too large: at most {PATTERNS_MAX}, of at most {PATTERN_MAX} bytes, and not all of them long"
    )]
    TooLarge,
}

/// Returns whether a pattern for names of images never matches, as it has a tag or a digest.
pub fn has_version(image: &str) -> bool {
    image.contains('@') || image.rsplit('/').next().unwrap_or_default().contains(':')
}

impl Globs {
    /// Compiles `patterns`.
    ///
    /// # Errors
    /// Names the first pattern that is not a glob or that can never match a path.
    pub fn new<P: Into<String>>(patterns: impl IntoIterator<Item = P>) -> Result<Self, GlobError> {
        let patterns: Vec<String> = patterns.into_iter().map(Into::into).collect();
        if patterns.len() > PATTERNS_MAX || patterns.iter().any(|pattern| pattern.len() > PATTERN_MAX) {
            return Err(GlobError::TooLarge);
        }
        patterns.iter().try_for_each(|pattern| check_dialect(pattern))?;
        let set = Self::compile(&patterns)?;
        Ok(Self { patterns: patterns.into(), set: set.into() })
    }

    /// Compiles `patterns` for names of images, in which hosts are compared without case and the port that HTTPS has anyway.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_images<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> Result<Self, GlobError> {
        let folded = patterns.into_iter().map(|pattern| match pattern.as_ref() {
            // Without a slash there is no host, and a tag may have capitals.
            name if !name.contains('/') => name.to_owned(),
            name => {
                let folded = with_folded_host(name);
                without_https_port(&folded).unwrap_or_else(|| folded.into_owned())
            }
        });
        let patterns: Vec<String> = folded.collect();
        match patterns.iter().find(|pattern| has_capitals(pattern)) {
            Some(pattern) => Err(GlobError::UpperCase(pattern.clone())),
            None => Self::new(patterns),
        }
    }

    /// Compiles patterns into one set, which knows them by their positions.
    ///
    /// # Errors
    /// Names the first pattern that is not a glob, or they are too large together.
    pub(super) fn compile<'p>(patterns: impl IntoIterator<Item = &'p String>) -> Result<GlobSet, GlobError> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            let glob = GlobBuilder::new(pattern)
                .literal_separator(true)
                .backslash_escape(true)
                .build()
                .map_err(|error| malformed(pattern, &error))?;
            set.add(glob);
        }
        // Each of them is a glob; what fails now is the size of all.
        set.build().map_err(|error| match error.glob() {
            Some(pattern) => malformed(pattern, &error),
            None => GlobError::TooLarge,
        })
    }

    pub(super) fn compiled(&self) -> Arc<GlobSet> {
        Arc::clone(&self.set)
    }

    /// Returns the positions of the patterns that match.
    pub(super) fn positions(&self, text: &str) -> Vec<usize> {
        self.set.matches(text)
    }

    /// Returns the patterns as they were written.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// Returns these globs and those of `more`.
    ///
    /// # Errors
    /// Both together are too large.
    pub(crate) fn and(&self, more: &[String]) -> Result<Self, GlobError> {
        Self::new(self.patterns.iter().chain(more).cloned())
    }

    pub(super) fn everything() -> Self {
        // `**` is a glob; were it not, nothing would be read, and the tests would say so.
        Self::new(["**"]).unwrap_or_default()
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        self.set.is_match(text)
    }

    /// Returns whether the name of `reference` matches, as it is spelled or normalised: `nginx` is also
    /// `docker.io/library/nginx`.
    pub(crate) fn matches_image(&self, reference: &Reference) -> bool {
        reference.names().iter().any(|name| self.matches(name))
    }
}

/// Returns whether the path in a pattern for names of images has capitals, and no choice.
fn has_capitals(pattern: &str) -> bool {
    let path = pattern.split_once('/').map_or("", |(_, path)| path);
    let name = path.rsplit('/').next().unwrap_or_default();
    let path = &path[..path.len() - name.len() + name.find(':').unwrap_or(name.len())];
    !pattern.contains(['[', '{', '\\']) && path.bytes().any(|b| b.is_ascii_uppercase())
}

/// Returns the pattern that matches `text` and nothing else.
pub fn escaped(text: &str) -> String {
    let special = |c: char| matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\' | '!');
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if special(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

impl PartialEq for Globs {
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}

impl Eq for Globs {}

impl fmt::Debug for Globs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.patterns.fmt(f)
    }
}

fn malformed(pattern: &str, error: &globset::Error) -> GlobError {
    GlobError::Malformed { pattern: pattern.to_owned(), message: error.kind().to_string() }
}

/// Refuses what people write out of habit and what would silently match nothing.
fn check_dialect(pattern: &str) -> Result<(), GlobError> {
    if pattern.is_empty() {
        return Err(GlobError::Empty);
    }
    if pattern.starts_with('!') {
        return Err(GlobError::Negation(pattern.to_owned()));
    }
    let inner = pattern.trim_start_matches("./").trim_start_matches('/');
    let instead = match inner.strip_suffix('/') {
        Some(directory) => format!("{directory}/**"),
        None if inner.is_empty() => "**".to_owned(),
        None => inner.to_owned(),
    };
    if instead == pattern { Ok(()) } else { Err(GlobError::Dialect { pattern: pattern.to_owned(), instead }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stop_at_slashes_and_double_stars_do_not() {
        for (pattern, text, matches) in [
            ("ghcr.io/acme/*", "ghcr.io/acme/api", true),
            ("ghcr.io/acme/*", "ghcr.io/acme/team/api", false),
            ("ghcr.io/acme/**", "ghcr.io/acme/team/api", true),
            ("{a,b}/*.yaml", "b/x.yaml", true),
            ("[!a]/x", "a/x", false),
            ("a?c", "a/c", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
        ] {
            assert_eq!(Globs::new([pattern]).unwrap().matches(text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn a_host_is_the_same_in_all_its_spellings_and_a_name_with_capitals_is_refused() {
        for host in ["ghcr.io", "GHCR.io", "ghcr.io:443", "Ghcr.Io:443"] {
            for pattern in ["ghcr.io/acme/*", "GHCR.IO/acme/*", "ghcr.io:443/acme/*"] {
                let image = Reference::parse(&format!("{host}/acme/api:1")).unwrap();
                assert!(Globs::of_images([pattern]).unwrap().matches_image(&image), "{pattern} {host}");
            }
        }
        for pattern in ["ghcr.io/Acme/api", "ghcr.io/**/API:1"] {
            let refused = Globs::of_images([pattern]);
            assert_eq!(refused, Err(GlobError::UpperCase(pattern.to_owned())));
        }
        for pattern in ["ghcr.io/acme/api:RC1", "ghcr.io/[A-z]*", "nginx:RC1"] {
            assert!(Globs::of_images([pattern]).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn an_escaped_text_matches_itself_alone() {
        for text in ["a/b.yaml", "![a]/{b,c}*?.yaml", r"a\b"] {
            let globs = Globs::new([escaped(text)]).unwrap();
            assert!(
                globs.matches(text) && !globs.matches("a/bc.yaml") && !globs.matches("a/b/b.yaml"),
                "{text}"
            );
        }
    }

    #[test]
    fn patterns_that_could_never_match_are_refused_with_what_to_write() {
        for (pattern, part) in [
            ("examples/", "write `examples/**`"),
            ("/clusters/**", "write `clusters/**`"),
            ("./a.yaml", "write `a.yaml`"),
            ("/", "write `**`"),
            ("!a", "use `exclude`"),
            ("", "empty"),
            ("a[", "not a glob"),
        ] {
            let message = Globs::new([pattern]).unwrap_err().to_string();
            assert!(message.contains(part), "{pattern}: {message}");
        }
        assert_eq!(Globs::new(vec!["a"; PATTERNS_MAX + 1]), Err(GlobError::TooLarge));
        assert_eq!(Globs::new(vec!["?".repeat(PATTERN_MAX - 1); 400]), Err(GlobError::TooLarge));
    }
}
