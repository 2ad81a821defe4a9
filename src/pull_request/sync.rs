//! The life of a pull request: opened, dressed, changed where it differs.

use super::marker;
use crate::forge::{Draft, Forge, ForgeError, PullRequest};

/// What a run did to its pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It was opened.
    Created,
    /// Its title, body or base was changed.
    Updated,
    /// It was closed: there was nothing left to propose.
    Closed,
    /// Nothing was written: it says what it should.
    None,
}

impl Operation {
    /// Returns `created`, `updated`, `closed` or `none`, as reports and the Action's output say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Closed => "closed",
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

/// Makes the forge have one open pull request that says what `draft` says, writing only what differs. `current` is the
/// open one, as it was found.
///
/// Labels, reviewers and the like are added once, and what could not be added is told: a remark, not a failure. Until that is
/// done the marker says so, and after a crash the next run goes on there.
///
/// # Errors
/// The forge's, unchanged. The same call again goes on where this one stopped.
pub async fn settle<F: Forge>(
    forge: &F,
    draft: &Draft,
    current: Option<&PullRequest>,
) -> Result<(Settled, Vec<String>), ForgeError> {
    let undressed = |body: &str| marker::with(body, |marker| marker.undressed = true);
    let (current, mut operation) = match current {
        Some(current) => (current.clone(), Operation::None),
        None if draft.dress.is_empty() => (forge.create(draft).await?, Operation::Created),
        None => {
            let draft = Draft { body: undressed(&draft.body), ..draft.clone() };
            (forge.create(&draft).await?, Operation::Created)
        }
    };
    let mut remarks = Vec::new();
    if marker::read(&current.body).is_some_and(|marker| marker.undressed) {
        remarks = forge.dress(&current, &draft.dress).await?;
    }
    // Also after a creation: it may have met a pull request that another run opened a moment before.
    let changes = draft.changes(&current);
    if changes.is_empty() {
        return Ok((Settled { pull_request: current, operation }, remarks));
    }
    let pull_request = forge.update(current.number, &changes).await?;
    if operation == Operation::None {
        operation = Operation::Updated;
    }
    Ok((Settled { pull_request, operation }, remarks))
}
