//! One credential, and where it came from.

use secrecy::SecretString;

#[derive(Clone, Debug)]
pub(crate) enum Credential {
    /// For Basic, and for a token by GET.
    Password { user: String, password: SecretString },
    /// An OAuth2 refresh token, for a token by POST.
    Identity(SecretString),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CredentialOrigin {
    pub(crate) source: String,
    /// The key in it: repositories with the same origin have the same credential.
    pub(crate) key: String,
}

impl CredentialOrigin {
    pub(super) fn id(&self) -> String {
        format!("{} {}", self.source, self.key)
    }
}
