//! The way to a forge: where it is, and as whom it is asked.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use super::{AnyForge, ForgeError, ForgeKind, Listing, Owner, WriteLimit};

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
    /// What is spoken there.
    pub kind: ForgeKind,
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
pub struct OpenForge<F = AnyForge> {
    /// The repository on the forge.
    pub forge: F,
    /// The token for git.
    pub token: Option<SecretString>,
    /// Whether the forge signs what is committed over its API with this token.
    pub signs_commits: bool,
}

impl<F> OpenForge<F> {
    /// Returns the same with another type of forge.
    pub(super) fn map<G>(self, into: impl FnOnce(F) -> G) -> OpenForge<G> {
        OpenForge { forge: into(self.forge), token: self.token, signs_commits: self.signs_commits }
    }
}

impl Connection<'_> {
    /// Opens the way to the repository that `url` clones; `None` where there is no forge. With an App, a token for this
    /// repository alone is fetched. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The repository is not one of this forge's, or address or token cannot be used, or the forge refuses the App.
    pub async fn open(&self, url: &str) -> Result<Option<OpenForge>, ForgeError> {
        self.kind.open(self, url).await
    }

    /// Lists the repositories of `owner`, with every page. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// Address, token or key cannot be used, or the forge refuses or does not answer.
    pub async fn discover(&self, owner: &Owner) -> Result<Listing, ForgeError> {
        self.kind.discover(self, owner).await
    }
}
