//! The life of a pull request: opened, given its labels and reviewers, changed where it differs.

use super::{draft, marker};
use crate::forge::{Draft, Forge, ForgeError, Metadata, PullRequest, PullRequestState};

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

/// Makes the forge have one open pull request that says what `wanted` says, writing only what differs. `current` is the
/// open one, as it was found.
///
/// Labels, reviewers and the like are added once, and what could not be added is told: a remark, not a failure. Until that is
/// done the marker says so, and after a crash the next run goes on there.
///
/// # Errors
/// The forge's, unchanged. The same call again goes on where this one stopped.
pub async fn settle<F: Forge>(
    forge: &F,
    wanted: &Draft,
    current: Option<&PullRequest>,
) -> Result<(Settled, Vec<String>), ForgeError> {
    settle_at(forge, wanted, current, Some(&wanted.commit)).await
}

/// Does what [`settle`] does where not all that the branch holds may be confirmed: the forge may merge it by itself at the
/// head `confirmed` alone, and auto-merge is off where there is none.
///
/// # Errors
/// Those of [`settle`].
pub async fn settle_at<F: Forge>(
    forge: &F,
    wanted: &Draft,
    current: Option<&PullRequest>,
    confirmed: Option<&str>,
) -> Result<(Settled, Vec<String>), ForgeError> {
    let undressed = |body: &str| marker::with(body, |marker| marker.undressed = true);
    let is_new = current.is_none();
    let (current, mut operation) = match current {
        Some(current) => (current.clone(), Operation::None),
        None if wanted.metadata.is_empty() => (open(forge, wanted).await?, Operation::Created),
        None => {
            let first = Draft { body: undressed(&wanted.body), ..wanted.clone() };
            (open(forge, &first).await?, Operation::Created)
        }
    };
    let marked = marker::read(&current.body);
    let (is_undressed, was_paused) = marked.map_or((false, false), |it| (it.undressed, it.paused));
    let mut missing = if is_undressed { wanted.metadata.clone() } else { Metadata::default() };
    let merges = wanted.metadata.auto_merge;
    missing.auto_merge = merges.filter(|_| (is_undressed || was_paused) && !current.auto_merge);
    let is_paused = confirmed.is_none() && (current.auto_merge || missing.auto_merge.is_some());
    if confirmed.is_none() {
        missing.auto_merge = None;
        if merges.is_some() && current.auto_merge {
            forge.disable_auto_merge(&current).await?;
        }
    }
    if !missing.is_empty() && !is_new {
        // The marker is a hint: what somebody took away stays away, whoever edits it.
        let withdrawn = forge.withdrawn(&current).await?;
        if withdrawn.metadata {
            missing = Metadata { auto_merge: missing.auto_merge, ..Metadata::default() };
        }
        missing.auto_merge = missing.auto_merge.filter(|_| !withdrawn.auto_merge);
    }
    let mut remarks = Vec::new();
    if !missing.is_empty() {
        let commit = confirmed.unwrap_or(&current.commit).to_owned();
        remarks = forge.add_metadata(&PullRequest { commit, ..current.clone() }, &missing).await?;
    }
    let body = marker::with(&wanted.body, |marker| marker.paused = merges.is_some() && is_paused);
    let wanted = Draft { body, ..wanted.clone() };
    // Also after a creation: it may have met a pull request that another run opened a moment before.
    let changes = draft::changes(&wanted, &current);
    if changes.is_empty() {
        return Ok((Settled { pull_request: current, operation }, remarks));
    }
    let pull_request = forge.update(&current, &changes).await?;
    if operation == Operation::None {
        operation = Operation::Updated;
    }
    Ok((Settled { pull_request, operation }, remarks))
}

/// Opens a pull request, or returns the one that is open for this draft already.
async fn open<F: Forge>(forge: &F, wanted: &Draft) -> Result<PullRequest, ForgeError> {
    let error = match forge.create(wanted).await {
        Err(
            error
            @ (ForgeError::AlreadyExists(_) | ForgeError::Unavailable(_) | ForgeError::InvalidAnswer(_)),
        ) => error,
        result => return result,
    };
    // The request may have arrived although its answer did not: looking is safe, repeating is not.
    let histories = forge.histories(std::slice::from_ref(&wanted.head), &wanted.base).await;
    match histories {
        Ok(found) => found.values().find_map(|history| draft::current(wanted, history)).cloned().ok_or(error),
        Err(other) if matches!(error, ForgeError::AlreadyExists(_)) => Err(other),
        Err(_) => Err(error),
    }
}

/// Returns those of `pulls` that have tagpin's marker, are not open any more and were opened by tagpin's own identity. Only
/// a no has consequences: without one nobody is asked who that is, and none is returned.
///
/// # Errors
/// The forge's, unchanged.
pub async fn own<'p, F: Forge>(
    forge: &F,
    pulls: &'p [PullRequest],
) -> Result<Vec<&'p PullRequest>, ForgeError> {
    let says_something =
        |pull: &&PullRequest| pull.state != PullRequestState::Open && marker::read(&pull.body).is_some();
    let pulls: Vec<_> = pulls.iter().filter(says_something).collect();
    if pulls.iter().all(|pull| pull.state != PullRequestState::Closed) {
        return Ok(Vec::new());
    }
    let us = forge.identity().await?;
    Ok(pulls.into_iter().filter(|pull| pull.author.id == us.id).collect())
}
