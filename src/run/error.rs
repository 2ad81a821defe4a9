//! Why a repository could not be done.

use super::request::RequestError;
use crate::config::ConfigError;
use crate::forge::ForgeError;
use crate::repository_budget::OverBudget;
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
    /// What a person asked for cannot be done.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// It takes longer than a repository may.
    #[error(transparent)]
    OverBudget(#[from] OverBudget),
    /// A thread of ours died.
    #[error("the work on the repository broke off: {0}")]
    Broken(String),
}
