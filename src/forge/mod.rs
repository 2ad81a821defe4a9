//! Where the repository lives and pull requests open.

use std::future::Future;

pub use commit::{NewCommit, NewFile};
pub use error::ForgeError;
pub use pull_request::{
    Draft, MergeMethod, Metadata, PullRequest, PullRequestChanges, PullRequestState, same_text,
};
pub(crate) use repository::same;
pub use repository::{ForgeRepository, Owner};

mod commit;
mod error;
pub mod github;
mod pull_request;
mod repository;

/// Returns whether a remote, whichever forge is behind it, refused a push because the token may not change the workflows in
/// it.
pub fn refuses_workflows(message: &str) -> bool {
    github::refuses_workflows(message)
}

/// A forge, for one repository.
pub trait Forge: Send + Sync {
    /// Returns the pull requests from `branch` of this very repository, not of a fork, the newest first: open, closed and
    /// merged ones, whoever opened them.
    fn history(&self, branch: &str) -> impl Future<Output = Result<Vec<PullRequest>, ForgeError>> + Send;

    /// Returns those of `pulls` that tagpin's own identity, the token's, opened.
    fn own<'p>(
        &self,
        pulls: &'p [PullRequest],
    ) -> impl Future<Output = Result<Vec<&'p PullRequest>, ForgeError>> + Send;

    /// Opens a pull request, or returns the one that tagpin has open for this branch already.
    fn create(&self, draft: &Draft) -> impl Future<Output = Result<PullRequest, ForgeError>> + Send;

    /// Changes the open pull request `number`; fields without a change are not sent.
    fn update(
        &self,
        number: u64,
        changes: &PullRequestChanges<'_>,
    ) -> impl Future<Output = Result<PullRequest, ForgeError>> + Send;

    /// Adds labels, reviewers and the like to an open pull request, and returns what could not be added and why.
    ///
    /// # Errors
    /// What another run may do better: no answer, or a rate limit.
    fn dress(
        &self,
        pull: &PullRequest,
        dress: &Metadata,
    ) -> impl Future<Output = Result<Vec<String>, ForgeError>> + Send;

    /// Takes a label off the pull request `number`; one that it does not have is fine.
    fn remove_label(&self, number: u64, label: &str) -> impl Future<Output = Result<(), ForgeError>> + Send;

    /// Makes a commit on the forge, which signs it, moves the branch to it, if the branch is where it has to be, and
    /// returns the commit, as hex.
    ///
    /// # Errors
    /// [`ForgeError::RefMoved`] where the branch is elsewhere; then nothing has changed.
    fn commit(&self, commit: &NewCommit) -> impl Future<Output = Result<String, ForgeError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_outer_white_space_are_no_change() {
        assert!(same_text("a\n\nb\n", "a\r\n\r\nb"));
        for other in ["a\nb", "a\n\nb c", "a\n\n b"] {
            assert!(!same_text("a\n\nb", other), "{other:?}");
        }
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let draft = Draft {
            head: "tagpin/pin-digests".to_owned(),
            base: "main".to_owned(),
            title: "new".to_owned(),
            body: "one\ntwo\n".to_owned(),
            commit: "a".repeat(40),
            dress: Metadata::default(),
        };
        let mut current = PullRequest {
            number: 1,
            title: "new".to_owned(),
            body: "one\r\ntwo".to_owned(),
            base: "main".to_owned(),
            commit: "a".repeat(40),
            ..PullRequest::default()
        };
        assert!(draft.changes(&current).is_empty());
        current.base = "release".to_owned();
        assert_eq!(
            draft.changes(&current),
            PullRequestChanges { base: Some("main"), ..PullRequestChanges::default() }
        );
    }
}
