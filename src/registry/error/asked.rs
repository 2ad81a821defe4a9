//! Who was asked, and for what.

use std::fmt;

/// Who was asked, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The host, as people and `docker login` name it.
    pub host: String,
    /// The host that it redirected to, where that one answered.
    pub redirected_to: Option<String>,
    /// What was wanted of it.
    pub wanted: Wanted,
}

/// What was wanted of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A manifest, a blob or a list: `repository:tag`, `repository@digest` or `referrers of …`.
    Content(String),
    /// A token to pull from a repository of a registry.
    Token {
        /// The registry, as people name it.
        registry: String,
        /// The repository there.
        repository: String,
    },
}

impl Asked {
    /// Returns that `host` was asked for `wanted`, which is `repository:tag` or `repository@digest`.
    pub fn content(host: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self { host: host.into(), redirected_to: None, wanted: Wanted::Content(wanted.into()) }
    }

    pub(super) fn answering(&self) -> String {
        match &self.redirected_to {
            Some(target) => format!("`{}` → `{target}`", self.host),
            None => format!("`{}`", self.host),
        }
    }

    pub(super) fn registry(&self) -> &str {
        match &self.wanted {
            Wanted::Content(_) => &self.host,
            Wanted::Token { registry, .. } => registry,
        }
    }
}

impl Wanted {
    /// Returns whether a tag was asked for: a digest is rarely spelled wrong.
    pub(super) fn has_tag(&self) -> bool {
        matches!(self, Self::Content(wanted) if !wanted.contains('@'))
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.wanted {
            Wanted::Content(wanted) => write!(f, "{} for `{wanted}`", self.answering()),
            Wanted::Token { registry, .. } => {
                write!(f, "{}, which gives tokens for `{registry}`", self.answering())
            }
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(wanted) => f.write_str(wanted),
            Self::Token { repository, .. } => write!(f, "a token for {repository}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::ResolveError;

    #[test]
    fn a_tag_is_to_be_checked_where_one_was_asked_for() {
        let not_found =
            |wanted: &str| ResolveError::NotFound(Box::new(Asked::content("r.example", wanted))).to_string();
        assert!(not_found("acme/api:1").contains("check the name and the tag, or"));
        assert!(not_found("acme/api@sha256:aa").contains("(404); check the name, or"));
    }
}
