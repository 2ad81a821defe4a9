//! Why a repository could not be done.

use super::request::RequestError;
use crate::config::ConfigError;
use crate::forge::ForgeError;
use crate::source::git::{GitError, LogError};
use crate::source::tree::TreeError;

/// Why a repository could not be done. The others go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Cloning, fetching or pushing.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The forge's settings: nothing was sent.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// The commit's files.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The history that tells what somebody took back.
    #[error(transparent)]
    History(#[from] LogError),
    /// The repository's own configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is nothing to clone.
    #[error("`{url}` has no branch to read: {what}")]
    NoBranch {
        /// The repository.
        url: String,
        /// What was looked for.
        what: String,
    },
    /// The address is not one of the forge's.
    #[error(
        "`{url}` is not a repository of the GitHub at `{base_url}`: write `https://HOST/OWNER/NAME`, set `base-url` in \
         [forge] to the API of your GitHub Enterprise, or set `kind = \"none\"` there to push a branch without a pull \
         request"
    )]
    NotOnForge {
        /// The repository.
        url: String,
        /// The forge's API.
        base_url: String,
    },
    /// What a person asked for cannot be done.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A thread of ours died.
    #[error("the work on the repository broke off: {0}")]
    Broken(String),
}
