//! Commits that are named by a revision, in whatever repository is around a directory.

use std::path::Path;

use super::{Oid, initialise};

/// Why the files of a revision cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevisionError {
    /// The directory is in no git repository.
    #[error("there is no git repository here")]
    NoRepository,
    /// The repository has no such commit.
    #[error("the git repository has no commit `{0}`")]
    NoCommit(String),
    /// The repository cannot be read.
    #[error("the git repository cannot be read: {0}")]
    Git(String),
}

impl From<git2::Error> for RevisionError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error.message().to_owned())
    }
}

pub(crate) fn open_revision(
    directory: &Path,
    revision: &str,
) -> Result<(git2::Repository, Oid), RevisionError> {
    initialise();
    let none: [&Path; 0] = [];
    let git =
        git2::Repository::open_ext(directory, git2::RepositoryOpenFlags::empty(), none).map_err(|error| {
            match error.code() {
                git2::ErrorCode::NotFound => RevisionError::NoRepository,
                _ => error.into(),
            }
        })?;
    let commit = git
        .revparse_single(revision)
        .and_then(|object| object.peel_to_commit())
        .map(|commit| commit.id())
        .map_err(|error| match error.code() {
            git2::ErrorCode::NotFound
            | git2::ErrorCode::InvalidSpec
            | git2::ErrorCode::Ambiguous
            | git2::ErrorCode::Peel => RevisionError::NoCommit(revision.to_owned()),
            _ => error.into(),
        })?;
    Ok((git, commit))
}
