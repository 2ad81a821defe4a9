//! Which repository on which GitHub, and how long a run waits for it.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::forge::address::is_loopback;
use crate::forge::{Failure, ForgeError, Problem, WriteLimit};

pub(super) const API: &str = "GitHub";

/// Which repository, on which GitHub, as whom.
#[derive(Clone, Debug)]
pub struct GitHubSettings {
    /// The API: `https://api.github.com`, or `https://HOST/api/v3` for GitHub Enterprise Server.
    pub base_url: String,
    /// The user or organization that owns the repository.
    pub owner: String,
    /// The repository's name, without `.git`.
    pub repository: String,
    /// A personal, an installation's or the Action's token. Without one only public repositories can be read.
    pub token: Option<SecretString>,
    /// How fast it may be written to, over all repositories.
    pub writes: Arc<WriteLimit>,
}

/// How long a run waits for GitHub.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// A rate limit that asks for more than this is an error instead.
    pub longest_wait: Duration,
    /// The pause before a reading request is repeated; twice as long before the second time.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { longest_wait: Duration::from_secs(60), pause: Duration::from_secs(1) }
    }
}

/// Returns the API's URL without a slash at its end, where a request can be sent to it safely.
pub(super) fn checked_base(base_url: &str, with_token: bool) -> Result<String, ForgeError> {
    // The URL is not shown: it may hold a password.
    let refused = |why: &str| {
        let problem = format!("cannot use the `base-url` of the forge: {why}");
        Err(ForgeError::Settings(Failure::new("", Problem::Other(problem))))
    };
    let Ok(url) = Url::parse(base_url) else {
        return refused("it is not a URL, `https://api.github.com` is one");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return refused("it holds a user name or password, set TAGPIN_GITHUB_TOKEN instead");
    }
    if !matches!(url.scheme(), "https" | "http") || url.query().is_some() || url.fragment().is_some() {
        return refused("it must start with `https://` and have neither `?` nor `#`");
    }
    match url.host_str() {
        Some("github.com" | "www.github.com") => refused("GitHub's API is at `https://api.github.com`"),
        Some(_) if url.scheme() == "http" && with_token && !is_loopback(&url) => {
            refused("with `http://` the token would be sent unencrypted, use `https://`")
        }
        _ => Ok(url.as_str().trim_end_matches('/').to_owned()),
    }
}
