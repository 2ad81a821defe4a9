//! The life of a pull request: found, opened, or changed where it differs.

use crate::forge::{Draft, Forge, ForgeError, PullRequest};

/// What a run did to its pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It was opened.
    Created,
    /// Its title, body or base was changed.
    Updated,
    /// It says what it should: nothing was written.
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

/// The pull request as it is after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The pull request.
    pub pull_request: PullRequest,
    /// What was done to it.
    pub operation: Operation,
}

/// Makes the forge have one open pull request that says what `draft` says, writing only what differs.
///
/// # Errors
/// The forge's, unchanged. The same call again goes on where this one stopped.
pub async fn settle<F: Forge>(forge: &F, draft: &Draft) -> Result<Settled, ForgeError> {
    let (current, operation) = match forge.find(&draft.head).await? {
        Some(current) => (current, Operation::None),
        None => (forge.create(draft).await?, Operation::Created),
    };
    // Also after a creation: it may have met a pull request that another run opened a moment before.
    let changes = draft.changes(&current);
    if changes.is_empty() {
        return Ok(Settled { pull_request: current, operation });
    }
    let pull_request = forge.update(current.number, &changes).await?;
    Ok(Settled { pull_request, operation: Operation::Updated })
}
