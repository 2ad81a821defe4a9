//! The way to a forge: where it is, and as whom it is asked.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use super::WriteLimit;

/// Returns the secret in an environment variable.
pub type SecretLookup<'a> = &'a (dyn Fn(&str) -> Option<SecretString> + Sync);

/// An App that tagpin runs as, where a forge has such: its key buys a token for each repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppConfig {
    /// Its client id, or its number.
    pub id: String,
    /// The file with its private key; `None` takes it from the environment.
    pub key_file: Option<PathBuf>,
}

/// How a forge is reached.
#[derive(Clone)]
pub struct Connection<'a> {
    /// Where its API is.
    pub base_url: &'a str,
    /// The token, unless an App gets one.
    pub token: Option<SecretString>,
    /// The App that tagpin runs as.
    pub app: Option<&'a AppConfig>,
    /// Where secrets come from.
    pub lookup: SecretLookup<'a>,
    /// How fast it may be written to, over all repositories.
    pub writes: Arc<WriteLimit>,
}

/// A repository on a forge, and what git needs to reach it.
pub struct OpenForge<F> {
    /// The repository on the forge.
    pub forge: F,
    /// The token for git.
    pub token: Option<SecretString>,
    /// Whether the forge signs what is committed over its API with this token.
    pub signs_commits: bool,
}

impl<F> OpenForge<F> {
    pub(super) fn map<G>(self, into: impl FnOnce(F) -> G) -> OpenForge<G> {
        OpenForge { forge: into(self.forge), token: self.token, signs_commits: self.signs_commits }
    }
}
