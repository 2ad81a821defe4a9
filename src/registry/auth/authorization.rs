//! What a request carries, and why: the explanation of a 401.

use reqwest::header::HeaderValue;

use super::credential::CredentialOrigin;
use crate::reference::DOCKER_HUB;
use crate::registry::endpoint::Endpoint;

/// What a request carries, and why.
#[derive(Clone, Debug)]
pub(crate) struct Authorization {
    /// The header, marked as sensitive; `None` for an anonymous request.
    pub(crate) header: Option<HeaderValue>,
    /// Whether asking again would give the same.
    pub(crate) fresh: bool,
    /// Whether it stands in for a token for several repositories, which was refused.
    pub(super) instead_of_shared: bool,
    pub(super) standing: AuthStatus,
}

/// How tagpin stands with a registry: the explanation of a 401.
#[derive(Clone, Debug)]
pub(super) enum AuthStatus {
    /// The registry has not asked for anything.
    NotAsked,
    /// There is no credential for it.
    Nothing,
    /// The credential from here was used.
    Used(CredentialOrigin),
    /// There is one from here, but it was not sent to the foreign realm.
    Withheld(CredentialOrigin, String),
    /// A credential could not be read or used.
    Problem(String),
}

impl Authorization {
    pub(super) fn new(header: Option<HeaderValue>, standing: AuthStatus) -> Self {
        Self { header, fresh: false, instead_of_shared: false, standing }
    }

    /// Returns why a 401 or 403 came back, and what to do about it.
    pub(crate) fn advice(&self, endpoint: &Endpoint) -> String {
        self.standing.advice(endpoint)
    }
}

impl AuthStatus {
    pub(super) fn advice(&self, endpoint: &Endpoint) -> String {
        let login = match endpoint.shown() {
            DOCKER_HUB => "run `docker login`".to_owned(),
            host => format!("run `docker login {host}`"),
        };
        match self {
            Self::NotAsked => format!("it does not say how to log in; check the name, or {login}"),
            Self::Nothing => format!("no credentials found in docker's config.json; {login}"),
            Self::Used(CredentialOrigin { source, .. }) => {
                format!(
                    "the credentials from {source} are not enough for it; {login} with an account that may read it"
                )
            }
            Self::Withheld(CredentialOrigin { source, .. }, realm) => format!(
                "the credentials from {source} were not sent, because it hands out tokens on another host, `{realm}`; \
                 name that in `token-hosts` if it is right"
            ),
            Self::Problem(text) => text.clone(),
        }
    }
}

pub(super) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}
