//! Why git did not do what was asked.

use std::path::PathBuf;

use git2::ErrorClass;

use super::Oid;
use crate::repository_budget::OverBudget;

/// Why git did not do what was asked. No text ever holds a credential.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The commit has more in it than may be read.
    #[error(transparent)]
    OverBudget(#[from] OverBudget),
    /// The address of the repository cannot be used. The text does not repeat it.
    #[error("the repository's address cannot be used: {0}")]
    Address(String),
    /// Another process has the clone open.
    #[error("another tagpin is using the clone `{}`: wait for it to end", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The cache directory cannot be read or written.
    #[error("cannot use the cache directory")]
    Cache(#[source] std::io::Error),
    /// The clone in the cache is damaged. It was marked, so that the next run makes it anew.
    #[error("the clone of `{url}` in the cache is damaged and is made anew in the next run: {message}")]
    Damaged {
        /// The remote, without credentials.
        url: String,
        /// What libgit2 said.
        message: String,
    },
    /// 401: no credentials, or wrong or expired ones.
    #[error("`{url}` wants other credentials: {message}")]
    Unauthorized {
        /// The remote, without credentials.
        url: String,
        /// What was sent, and what the remote said.
        message: String,
    },
    /// 403: the credentials lack a permission.
    #[error("`{url}` refuses these credentials, which may lack a permission: {message}")]
    Forbidden {
        /// The remote, without credentials.
        url: String,
        /// What the remote said.
        message: String,
    },
    /// 404: no such repository, or the credentials may not see it.
    #[error("there is no repository at `{url}`, or these credentials may not see it")]
    NotFound {
        /// The remote, without credentials.
        url: String,
    },
    /// No answer in time, no connection, 429 or 5xx: another run may succeed.
    #[error("`{url}` cannot be reached: {message}")]
    Unavailable {
        /// The remote, without credentials.
        url: String,
        /// What happened.
        message: String,
    },
    /// The answer is not git's smart HTTP protocol, is too large, or leads to another host.
    #[error("`{url}` answered what tagpin does not accept: {message}")]
    InvalidAnswer {
        /// The remote, without credentials.
        url: String,
        /// What was wrong.
        message: String,
    },
    /// The remote has no such branch.
    #[error("`{url}` has no branch `{branch}`")]
    NoBranch {
        /// The remote, without credentials.
        url: String,
        /// The branch.
        branch: String,
    },
    /// The branch is not where it was expected to be. Nothing was pushed.
    #[error(
        "the branch `{branch}` of `{url}` was moved by somebody else (expected {}, found {}): nothing was pushed",
        at(*expected),
        at(*found)
    )]
    RefMoved {
        /// The remote, without credentials.
        url: String,
        /// The branch.
        branch: String,
        /// Where it should have been; `None`: nowhere.
        expected: Option<Oid>,
        /// Where it is; `None`: nowhere.
        found: Option<Oid>,
    },
    /// The remote took the objects and refused to move the branch.
    #[error("`{url}` refused the push to `{branch}`: {message}")]
    Rejected {
        /// The remote, without credentials.
        url: String,
        /// The branch.
        branch: String,
        /// What the remote said.
        message: String,
    },
    /// The remote could not move the branch because somebody else was just moving it. Nothing was pushed.
    #[error("`{url}` refused the push to `{branch}`: {message}")]
    Busy {
        /// The remote, without credentials.
        url: String,
        /// The branch.
        branch: String,
        /// What the remote said.
        message: String,
    },
    /// A commit may only change files that exist.
    #[error("`{path}` is not a regular file of the commit that it should be changed in")]
    NotAFile {
        /// The path in the repository.
        path: String,
    },
    /// A commit would change nothing.
    #[error("there is nothing to commit: every file is already as it should be")]
    NothingToCommit,
    /// What a repository has cannot be read: it is not there, or not what it was.
    #[error("git failed: {0}")]
    Unreadable(String),
    /// libgit2 fails for a reason of its own.
    #[error("git failed: {0}")]
    Local(String),
}

impl From<git2::Error> for GitError {
    fn from(error: git2::Error) -> Self {
        let message = error.message().to_owned();
        if is_unreadable(&error) { Self::Unreadable(message) } else { Self::Local(message) }
    }
}

/// Returns whether something that a repository should have is not there, or is not what it was.
pub(super) fn is_unreadable(error: &git2::Error) -> bool {
    matches!(error.class(), ErrorClass::Odb | ErrorClass::Zlib | ErrorClass::Object)
}

fn at(oid: Option<Oid>) -> String {
    oid.map_or_else(|| "no such branch".to_owned(), |oid| format!("{oid:.12}"))
}
