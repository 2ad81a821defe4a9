//! Why a credential cannot be read. No variant holds a secret.

use std::io::ErrorKind;
use std::time::Duration;

/// Why a helper gave no credential. What it printed is not passed on: it may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelperError {
    /// The name could lead to another program.
    #[error("`{0}` is not a name of a credential helper")]
    Name(String),
    /// The program cannot be started.
    #[error("`{0}` cannot be run; is it installed?")]
    NotRun(String),
    /// The program failed.
    #[error("`{0}` failed; run it by hand")]
    Failed(String),
    /// What it printed cannot be read.
    #[error("`{0}` answered no credential")]
    Malformed(String),
    /// It took too long.
    #[error("`{0}` did not answer within {1:?} and was ended; run it by hand")]
    TimedOut(String, Duration),
}

/// Why a credential that somebody has set up cannot be used. Sources are named as messages name them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The variable of a rule is not set.
    #[error("the environment variable `{0}`, which `token-env` names, is not set")]
    VariableUnset(String),
    /// The entry under `key` cannot be read.
    #[error("the entry `{key}` in {source_name} is damaged; log in again")]
    Damaged {
        /// The key of the entry.
        key: String,
        /// The source.
        source_name: &'static str,
    },
    /// A helper gave none.
    #[error("the credential helper that {source_name} names: {error}")]
    Helper {
        /// The source that names the helper.
        source_name: &'static str,
        /// Why.
        error: HelperError,
    },
    /// A file cannot be read.
    #[error("{source_name} cannot be read: {kind}")]
    Unreadable {
        /// The source.
        source_name: &'static str,
        /// Why.
        kind: ErrorKind,
    },
    /// A file is something else.
    #[error("{0} is not the JSON that `docker login` writes")]
    NotJson(&'static str),
}
