//! What a request carries, and why: the explanation of a 401.

use reqwest::header::HeaderValue;

use super::credential::CredentialOrigin;
use crate::registry::error::{CredentialError, LoginAdvice};

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
    NotAsked,
    UnknownScheme,
    Nothing,
    Used(CredentialOrigin),
    /// There is an identity token from here, and it asks for a password.
    NotAPassword(CredentialOrigin),
    /// There is one from here, but it was not sent to the foreign realm.
    Withheld(CredentialOrigin, String),
    Problem(CredentialError),
}

impl Authorization {
    pub(super) fn new(header: Option<HeaderValue>, standing: AuthStatus) -> Self {
        Self { header, fresh: false, instead_of_shared: false, standing }
    }

    pub(crate) fn advice(&self) -> LoginAdvice {
        self.standing.advice()
    }
}

impl AuthStatus {
    pub(super) fn advice(&self) -> LoginAdvice {
        match self {
            Self::NotAsked => LoginAdvice::NotAsked,
            Self::UnknownScheme => LoginAdvice::UnknownScheme,
            Self::Nothing => LoginAdvice::NoCredential,
            Self::Used(origin) => LoginAdvice::Insufficient(origin.source.clone()),
            Self::NotAPassword(origin) => LoginAdvice::PasswordWanted(origin.source.clone()),
            Self::Withheld(origin, realm) => {
                LoginAdvice::Withheld { credential: origin.source.clone(), realm: realm.clone() }
            }
            Self::Problem(error) => LoginAdvice::Unreadable(error.clone()),
        }
    }
}

pub(super) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}
