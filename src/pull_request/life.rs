//! The life of a pull request: found, opened, changed where it differs, or left closed.

use super::marker;
use crate::forge::{Draft, Forge, ForgeError, PullRequest, PullRequestState};

/// What a run did to its pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It was opened.
    Created,
    /// Its title, body or base was changed.
    Updated,
    /// Nothing was written: it says what it should, or somebody closed it.
    None,
}

impl Operation {
    /// Returns `created`, `updated` or `none`, as reports and the Action's output say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::None => "none",
        }
    }
}

/// What this run did to the branch before it came to the pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// It was not there and was made: whoever deleted it asks for a new pull request.
    New,
    /// It was there and was moved.
    Moved,
    /// It held these changes already.
    Kept,
}

/// The pull request as it is after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The pull request; a closed one where these changes were declined.
    pub pull_request: PullRequest,
    /// What was done to it.
    pub operation: Operation,
}

/// Makes the forge have one open pull request that says what `draft` says, writing only what differs.
///
/// Where none is open and the branch is not new, the last one decides. It was closed and named the same changes:
/// somebody said no, and it stays closed. It was merged and the branch is still what was merged: `None`, because the
/// branch may have no commit that the base lacks, and has to be built anew on the base as it is now.
///
/// # Errors
/// The forge's, unchanged. The same call again goes on where this one stopped.
pub async fn settle<F: Forge>(
    forge: &F,
    draft: &Draft,
    branch: Branch,
) -> Result<Option<Settled>, ForgeError> {
    let (current, operation) = match forge.find(draft).await? {
        Some(current) => (current, Operation::None),
        None => {
            let last = if branch == Branch::New { None } else { forge.find_closed(draft).await? };
            match last {
                Some(last) if last.state == PullRequestState::Merged && branch == Branch::Kept => {
                    return Ok(None);
                }
                Some(last) if last.state == PullRequestState::Closed && is_same(&last, draft) => {
                    return Ok(Some(Settled { pull_request: last, operation: Operation::None }));
                }
                _ => {}
            }
            (forge.create(draft).await?, Operation::Created)
        }
    };
    // Also after a creation: it may have met a pull request that another run opened a moment before.
    let changes = draft.changes(&current);
    if changes.is_empty() {
        return Ok(Some(Settled { pull_request: current, operation }));
    }
    let pull_request = forge.update(current.number, &changes).await?;
    Ok(Some(Settled { pull_request, operation: Operation::Updated }))
}

/// Tells whether both name the same set of changes.
fn is_same(last: &PullRequest, draft: &Draft) -> bool {
    let changes = marker::read(&last.body).zip(marker::read(&draft.body));
    changes.is_some_and(|(last, wanted)| last.same_changes(&wanted))
}
