//! What tagpin asks of a forge: the door that every adapter stands behind.

use std::collections::BTreeMap;
use std::future::Future;

use super::{
    Account, Capabilities, Draft, ForgeError, Metadata, NewCommit, PullRequest, PullRequestChanges, Withdrawn,
};

/// A forge, for one repository.
pub trait Forge: Send + Sync {
    /// Returns what the forge can do.
    fn capabilities(&self) -> Capabilities;

    /// Returns the pull requests from each of `branches` of this very repository, not of a fork, the newest first: open,
    /// closed and merged ones, whoever opened them. Those for `base` have their whole text, whatever it costs to read it.
    /// Merged ones may be missing that are older than the newest merged one for `base` and than every one that was closed.
    ///
    /// There may be hundreds of branches, and few that have any: an adapter asks for all of them together, as far as its forge lets it.
    ///
    /// # Errors
    /// Also where a list is not complete: what is missing may have been declined.
    fn histories(
        &self,
        branches: &[String],
        base: &str,
    ) -> impl Future<Output = Result<BTreeMap<String, Vec<PullRequest>>, ForgeError>> + Send;

    /// Returns who the token belongs to.
    fn identity(&self) -> impl Future<Output = Result<Account, ForgeError>> + Send;

    /// Opens a pull request.
    ///
    /// # Errors
    /// [`ForgeError::AlreadyExists`] where one is open from this branch to this base. After [`ForgeError::Unavailable`] and
    /// [`ForgeError::InvalidAnswer`] it may have been opened all the same.
    fn create(&self, draft: &Draft) -> impl Future<Output = Result<PullRequest, ForgeError>> + Send;

    /// Changes an open pull request; fields without a change are not sent.
    fn update(
        &self,
        pull: &PullRequest,
        changes: &PullRequestChanges<'_>,
    ) -> impl Future<Output = Result<PullRequest, ForgeError>> + Send;

    /// Adds labels, reviewers and the like to an open pull request, and returns what could not be added and why. Auto-merge
    /// is turned on only where the pull request is at its `commit`.
    ///
    /// # Errors
    /// What another run may do better: no answer, or a rate limit.
    fn add_metadata(
        &self,
        pull: &PullRequest,
        metadata: &Metadata,
    ) -> impl Future<Output = Result<Vec<String>, ForgeError>> + Send;

    /// Has the forge no longer merge a pull request by itself.
    ///
    /// # Errors
    /// Also where it refuses: it may merge something else then.
    fn disable_auto_merge(&self, pull: &PullRequest) -> impl Future<Output = Result<(), ForgeError>> + Send;

    /// Returns what somebody took off an open pull request again.
    fn withdrawn(&self, pull: &PullRequest) -> impl Future<Output = Result<Withdrawn, ForgeError>> + Send;

    /// Takes a label off a pull request; one that it does not have is fine.
    fn remove_label(
        &self,
        pull: &PullRequest,
        label: &str,
    ) -> impl Future<Output = Result<(), ForgeError>> + Send;

    /// Makes a commit on the forge, which signs it, moves the branch to it, if the branch is where it has to be, and
    /// returns the commit, as hex.
    ///
    /// # Errors
    /// [`ForgeError::RefMoved`] where the branch is elsewhere; then nothing has changed.
    fn commit(&self, commit: &NewCommit) -> impl Future<Output = Result<String, ForgeError>> + Send;
}
