//! From what was pinned to branches and pull requests: one after the other, so that one that fails costs no other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::branches::{Candidate, candidates};
use super::clone::BranchHead;
use super::commit::{NewBranchCommit, commit};
use super::context::RepositoryContext;
use super::pull_requests::{Histories, Settling};
use crate::forge::{ForgeError, PullRequest};
use crate::plan::{Pinned, Reason, pin};
use crate::pull_request::decision::{Action, decide};
use crate::pull_request::group::Group;
use crate::pull_request::{Occasion, Operation, Settled, TemplateContext, checkbox};
use crate::registry::Registry;
use crate::run::{BranchState, GroupOutcome, RepositoryOutcome, RunError};

/// What is said of a group whose pull request has the label that halts.
const STOPPED: &str = "the pull request has the label that halts tagpin";

/// What is said of a group on whose branch somebody else has committed.
const LEFT_ALONE: &str = "somebody else has committed to the branch, so nothing is proposed there";

/// What is said of a group whose branch could not be written. Why stands beside the group.
const NOT_PROPOSED: &str = "nothing was proposed: the branch or the pull request failed";

type Candidates = BTreeMap<String, Candidate>;

/// One branch, done.
#[derive(Default)]
struct BranchOutcome {
    /// `None` where there was nothing to do.
    group: Option<GroupOutcome>,
    /// What it proposes in the end.
    part: Pinned,
    notes: Vec<String>,
    pull_request_error: Option<ForgeError>,
}

/// Returns `pinned` with what was declined on hold, and what the forge was asked for that; it is asked where something would
/// be proposed, and answers once for all groups.
pub(crate) async fn without_declined<R: Registry>(
    repository: &RepositoryContext<'_, R>,
    mut pinned: Pinned,
) -> (Pinned, Option<Result<Histories, ForgeError>>) {
    let (cloned, config) = (repository.cloned, repository.config);
    if repository.run.dry_run || repository.access.forge.is_none() {
        return (pinned, None);
    }
    let mut candidates = candidates(&pinned, config, &cloned.branches, &cloned.heads, None, false);
    let histories = repository.histories(candidates.keys()).await;
    if let Ok(histories) = &histories {
        for (name, candidate) in &mut candidates {
            candidate.history = histories.get(name).cloned().unwrap_or_default();
            candidate.hold_declined(&mut pinned, &config.proposals.rebuild_label);
        }
    }
    (pinned, Some(histories))
}

/// Proposes what `outcome.pinned` changes, ends what is over, and returns the outcome with that. With `only`, everything is
/// one group, and the others are left as they are. What the forge was asked already is `known`.
///
/// # Errors
/// git's, where no group could be done.
pub(crate) async fn propose<R: Registry>(
    repository: &RepositoryContext<'_, R>,
    only: Option<&(Group, Occasion)>,
    known: Option<Result<Histories, ForgeError>>,
    mut outcome: RepositoryOutcome,
) -> Result<RepositoryOutcome, RunError> {
    let cloned = repository.cloned;
    let mut candidates = candidates(
        &outcome.pinned,
        repository.config,
        &cloned.branches,
        &cloned.heads,
        only,
        outcome.is_refused,
    );
    if candidates.is_empty() {
        return Ok(outcome);
    }
    // Before anything is pushed: what was declined must not be proposed again.
    let histories = match known.unwrap_or_else(|| Ok(Histories::new())) {
        Ok(known) => repository.all_histories(candidates.keys(), known).await,
        Err(error) => Err(error),
    };
    match histories {
        Ok(mut histories) => {
            for (name, candidate) in &mut candidates {
                candidate.history = histories.remove(name).unwrap_or_default();
            }
        }
        Err(error) => {
            for candidate in candidates.values() {
                candidate.fail(&mut outcome.pinned.verdicts, NOT_PROPOSED);
            }
            return Ok(RepositoryOutcome { pull_request_error: Some(error), ..outcome });
        }
    }
    outcome.pinned = repository.held(&mut candidates, only.is_some(), outcome.pinned);
    repository.branches(&candidates, outcome).await.map(RepositoryOutcome::summarised)
}

impl<R: Registry> RepositoryContext<'_, R> {
    /// Returns `pinned` with what must not be proposed now on hold. Nothing that a person asks for was declined: who asks
    /// again has changed their mind.
    fn held(&self, candidates: &mut Candidates, is_asked_for: bool, mut pinned: Pinned) -> Pinned {
        let before = pinned.verdicts.clone();
        if !is_asked_for {
            for candidate in candidates.values() {
                candidate.hold_declined(&mut pinned, &self.config.proposals.rebuild_label);
            }
            for candidate in candidates.values() {
                candidate.hold_halves(&mut pinned, self.config);
            }
        }
        if self.access.forge.is_some() {
            self.limit(candidates, &mut pinned);
        }
        if pinned.verdicts == before { pinned } else { self.edited(pinned) }
    }

    /// Holds what would be one pull request too many, in the repository or in the run.
    fn limit(&self, candidates: &mut Candidates, pinned: &mut Pinned) {
        let max = self.config.proposals.max_open;
        let open: Vec<bool> =
            candidates.iter().map(|(name, it)| self.open_pull_request(name, it).is_some()).collect();
        let mut open_count = open.iter().filter(|is_open| **is_open).count();
        for (candidate, is_open) in candidates.values_mut().zip(open) {
            if is_open || candidate.changes(&pinned.verdicts).next().is_none() {
                continue;
            }
            if max > 0 && open_count >= max {
                let detail = format!("{open_count} pull requests are open, and `max-open` is {max}");
                candidate.limit(&mut pinned.verdicts, &detail);
            } else if !self.run.session.take_opening() {
                let max = self.config.proposals.max_new;
                let detail = format!(
                    "this run has opened {max} pull requests, which is `max-new`: a later run goes on"
                );
                candidate.limit(&mut pinned.verdicts, &detail);
            } else {
                candidate.takes_opening = true;
                open_count += 1;
            }
        }
    }

    /// Does every branch. What is over comes last, so that it can say what has taken its place.
    async fn branches(
        &self,
        candidates: &Candidates,
        mut outcome: RepositoryOutcome,
    ) -> Result<RepositoryOutcome, RunError> {
        let (wanted, over): (Vec<_>, Vec<_>) = candidates
            .iter()
            .partition(|(_, candidate)| candidate.changes(&outcome.pinned.verdicts).next().is_some());
        // Where there is no branch and nothing to propose, there is nothing to do: of hundreds of groups, that is most.
        let is_there = |name: &str, candidate| {
            self.cloned.heads.contains_key(name) || self.open_pull_request(name, candidate).is_some()
        };
        let over = over.into_iter().filter(|(name, candidate)| is_there(name, candidate));
        let is_single = wanted.len() == 1;
        let mut failure = None;
        for (name, candidate) in wanted.into_iter().chain(over) {
            let part = self.part(candidate, &outcome.pinned);
            let files = part.files.len();
            let result = match &outcome.pull_request_error {
                // Whoever asks for fewer requests gets no more: the next run goes on here.
                Some(error @ ForgeError::RateLimited(_)) => Err(RunError::Forge(error.clone())),
                _ => self.branch(name, candidate, part, &outcome.groups).await,
            };
            let is_opened = result.as_ref().is_ok_and(BranchOutcome::opened);
            if candidate.takes_opening && !is_opened {
                self.run.session.return_opening();
            }
            match result {
                Ok(done) => {
                    candidate.take_verdicts(&mut outcome.pinned.verdicts, &done.part.verdicts);
                    if is_single && files > 0 {
                        outcome.pinned.files = done.part.files;
                    }
                    outcome.notes.extend(done.notes);
                    outcome.groups.extend(done.group);
                    outcome.pull_request_error = outcome.pull_request_error.or(done.pull_request_error);
                }
                Err(error) => {
                    candidate.fail(&mut outcome.pinned.verdicts, NOT_PROPOSED);
                    let error_text = Some(error.to_string());
                    outcome.groups.push(GroupOutcome { error: error_text, ..candidate.outcome(name, files) });
                    match error {
                        RunError::Forge(error) => _ = outcome.pull_request_error.get_or_insert(error),
                        error => _ = failure.get_or_insert(error),
                    }
                }
            }
        }
        if let Some(error) = failure
            && outcome.groups.iter().all(|group| group.error.is_some())
        {
            return Err(error);
        }
        if !is_single {
            outcome.pinned = self.edited(outcome.pinned);
        }
        Ok(outcome)
    }

    /// Does one branch and its pull request. `done` are the groups before it.
    async fn branch(
        &self,
        name: &str,
        candidate: &Candidate,
        mut part: Pinned,
        done: &[GroupOutcome],
    ) -> Result<BranchOutcome, RunError> {
        let head = self.cloned.heads.get(name);
        let proposals = &self.config.proposals;
        let labels = (proposals.rebuild_label.as_str(), proposals.stop_label.as_str());
        let open = self.open_pull_request(name, candidate);
        // What is not confirmed may stay where it was proposed, and is proposed nowhere anew.
        let keeps_unconfirmed = open.is_some() || self.access.forge.is_none();
        let place = TemplateContext { group: candidate.group.as_deref(), base: &self.cloned.base_branch };
        let expected = head.map(|head| head.id);
        let new = NewBranchCommit { branch: name, expected, place, occasion: &candidate.occasion };
        let held = match head.and_then(|head| head.claim.as_ref()) {
            Some(claim) => self.compared(claim, &new, &part, keeps_unconfirmed).await?,
            None => None,
        };
        let facts = candidate.facts(&self.cloned.base_branch, head, held.is_some(), &part, labels);
        let action = decide(facts);
        tracing::debug!(branch = name, ?facts, ?action, "decided");
        let untouched =
            |pull: &PullRequest| Settled { pull_request: pull.clone(), operation: Operation::None };
        let mut group = candidate.outcome(name, part.files.len());
        group.pull_request = open.map(untouched);
        let (mut unconfirmed, mut confirmed) = (BTreeMap::new(), None);
        match (action, head) {
            // Only a branch that is there is retired, deleted or kept.
            (Action::Nothing, _) | (Action::Retire | Action::Delete | Action::Keep | Action::Doubt, None) => {
                return Ok(BranchOutcome { part, ..BranchOutcome::default() });
            }
            (Action::Stopped, _) => {
                candidate.hold(&mut part.verdicts, Reason::Stopped, STOPPED);
                part.files.clear();
                group.branch = BranchState::Stopped;
            }
            (Action::LeaveAlone, _) => {
                candidate.hold(&mut part.verdicts, Reason::LeftAlone, LEFT_ALONE);
                group.branch = BranchState::LeftAlone;
                group.pull_request = self.warn(open, checkbox::with_note).await?;
            }
            (Action::Doubt, Some(_)) => {
                group.branch = BranchState::Unconfirmed;
                group.pull_request = self.warn(open, checkbox::with_doubt).await?;
            }
            (Action::Retire, Some(head)) => {
                let settled = done.iter().filter_map(|group| group.pull_request.as_ref());
                group.pull_request = self.retire(open, settled.map(|it| &it.pull_request)).await?;
                self.delete(name, head).await?;
                group.branch = BranchState::Deleted;
            }
            (Action::Delete, Some(head)) => {
                self.delete(name, head).await?;
                group.branch = BranchState::Deleted;
            }
            (Action::Keep, Some(head)) => {
                if let Some(held) = held {
                    (part, unconfirmed) = (held.part, held.unconfirmed);
                }
                let id = head.id.to_string();
                // Somebody may have been quicker than the answers of git host and forge.
                let is_there = open.is_none_or(|pull| pull.commit == id);
                confirmed = (unconfirmed.is_empty() && is_there).then_some(id);
                group.branch = BranchState::UpToDate;
                group.commit = head.claim.as_ref().map(|own| own.commit.to_string());
            }
            (Action::Build, _) => {
                (part, group.commit) = commit(self, &new, part).await?;
                confirmed.clone_from(&group.commit);
                group.branch =
                    if group.commit.is_some() { BranchState::Pushed } else { BranchState::NothingToDo };
            }
        }
        (group.files, group.unconfirmed) = (part.files.len(), unconfirmed.len());
        if action == Action::LeaveAlone {
            part.files.clear();
        }
        let mut outcome = BranchOutcome::default();
        if let (Action::Keep | Action::Build, Some(commit)) = (action, group.commit.clone()) {
            let rebuild = facts.rebuild;
            let (part, unconfirmed) = (&part, &unconfirmed);
            let settling = Settling { part, unconfirmed, commit, confirmed, current: open, rebuild };
            if let Some(settled) = self.settle(name, candidate, settling).await {
                group.error = settled.error.as_ref().map(ToString::to_string);
                group.pull_request = settled.settled;
                (outcome.notes, outcome.pull_request_error) = (settled.notes, settled.error);
            }
        }
        if !unconfirmed.is_empty() {
            for (index, verdict) in unconfirmed {
                part.verdicts[index] = verdict;
            }
            part = self.edited(part);
        }
        Ok(BranchOutcome { group: Some(group), part, ..outcome })
    }

    fn open_pull_request<'c>(&self, name: &str, candidate: &'c Candidate) -> Option<&'c PullRequest> {
        candidate.open(&self.cloned.base_branch, self.cloned.heads.get(name))
    }

    /// Returns what of `pinned` belongs to one candidate, with the files of that alone.
    fn part(&self, candidate: &Candidate, pinned: &Pinned) -> Pinned {
        let verdicts = candidate.own_verdicts(&pinned.verdicts);
        if verdicts == pinned.verdicts {
            return pinned.clone();
        }
        let Pinned { inventory, beside, notes, sightings, .. } = pinned;
        let (inventory, beside) = (Arc::clone(inventory), beside.clone());
        let (notes, sightings, mended) = (notes.clone(), sightings.clone(), candidate.own_mended(pinned));
        self.edited(Pinned { inventory, verdicts, files: Vec::new(), beside, mended, notes, sightings })
    }

    /// Returns `pinned` with the files that its verdicts change.
    fn edited(&self, mut pinned: Pinned) -> Pinned {
        let Pinned { inventory, verdicts, files, mended, .. } = &mut pinned;
        *files = pin::edit(self.tree, &self.config.settings, inventory, verdicts, mended).0;
        pinned
    }

    async fn delete(&self, name: &str, head: &BranchHead) -> Result<(), RunError> {
        let (name, id) = (name.to_owned(), head.id);
        self.cloned.git.with(move |git| Ok(git.delete(&name, id)?)).await
    }
}

impl BranchOutcome {
    /// Returns whether a pull request was opened.
    fn opened(&self) -> bool {
        let settled = self.group.as_ref().and_then(|group| group.pull_request.as_ref());
        settled.is_some_and(|settled| settled.operation == Operation::Created)
    }
}
