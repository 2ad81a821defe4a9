//! A registry wants other credentials.

use std::fmt;

use super::asked::{Asked, Wanted};
use super::credential::CredentialError;
use crate::reference::DOCKER_HUB;

/// An answer of 401 or 403.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// Who was asked, and for what.
    pub asked: Asked,
    /// The HTTP status.
    pub status: u16,
    /// What it is due to.
    pub advice: LoginAdvice,
}

/// What a refusal is due to, and so what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginAdvice {
    /// The registry does not say how to log in.
    NotAsked,
    /// It asks for a way to log in that tagpin does not know.
    UnknownScheme,
    /// There is no credential for it.
    NoCredential,
    /// The credential from this source may not read it.
    Insufficient(String),
    /// This source has an identity token, and the registry asks for a password.
    PasswordWanted(String),
    /// The credential was kept from the host that hands out tokens.
    Withheld {
        /// Where the credential comes from.
        credential: String,
        /// The host that hands out tokens, `host[:port]`.
        realm: String,
    },
    /// A credential could not be read.
    Unreadable(CredentialError),
    /// Another host answered in the end, and credentials do not go there.
    Redirected,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, status, advice } = self;
        match &asked.wanted {
            Wanted::Content(wanted) => write!(f, "{} answered {status} for `{wanted}`: ", asked.answering())?,
            Wanted::Token { repository, .. } => write!(f, "{asked}, answered {status} for `{repository}`: ")?,
        }
        let login = match asked.registry() {
            DOCKER_HUB => "run `docker login`".to_owned(),
            host => format!("run `docker login {host}`"),
        };
        match advice {
            LoginAdvice::NotAsked => {
                write!(f, "it does not say how to log in; check the name, or {login}")
            }
            LoginAdvice::UnknownScheme => {
                f.write_str("it asks for a way to log in that tagpin does not know")
            }
            LoginAdvice::NoCredential => write!(f, "no credentials found in docker's config.json; {login}"),
            LoginAdvice::Insufficient(credential) => write!(
                f,
                "the credentials from {credential} are not enough for it; {login} with an account that may read it"
            ),
            LoginAdvice::PasswordWanted(credential) => {
                write!(f, "{credential} has an identity token for it, and it asks for a password")
            }
            LoginAdvice::Withheld { credential, realm } => write!(
                f,
                "the credentials from {credential} were not sent, because it hands out tokens on another host, \
                 `{realm}`; name that in `token-hosts` if it is right"
            ),
            LoginAdvice::Unreadable(error) => error.fmt(f),
            LoginAdvice::Redirected => f.write_str("credentials do not follow a redirect"),
        }
    }
}
