//! From what was pinned to branches and pull requests: one after the other, so that one that fails costs no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::branches::{Candidate, candidates};
use super::clone::{BranchHead, FetchedClone};
use super::commit::{Build, Shared, build, changes_hash, without_workflows, worded_title};
use super::credentials::Access;
use crate::config::Config;
use crate::forge::{Draft, Forge as _, ForgeError, PullRequest, PullRequestChanges};
use crate::plan::{Pinned, pin};
use crate::pull_request::decision::{Action, Facts, decide};
use crate::pull_request::from_plan::proposal;
use crate::pull_request::group::Group;
use crate::pull_request::{
    Declined, Occasion, Operation, Settled, TemplateContext, body, checkbox, fetch_details, marker, settle,
};
use crate::registry::Registry;
use crate::run::{BranchState, GroupOutcome, RepositoryOutcome, RunContext, RunError, blocking};
use crate::source::tree::CommitTree;

/// How many branches are asked for at once.
const AT_ONCE: usize = 4;

/// What is said of a group whose pull request has the label that halts.
const STOPPED: &str = "the pull request has the label that halts tagpin";

/// What the steps of one repository have in common.
struct Work<'w, R> {
    context: &'w RunContext<'w, R>,
    access: &'w Access,
    config: &'w Config,
    cloned: Shared,
    heads: BTreeMap<String, BranchHead>,
    base: String,
    tree: &'w CommitTree,
}

/// Proposes what `done.pinned` changes, and ends what is over. What became of it stands in `done`. With `only`, everything
/// is one group, and the others are left as they are.
///
/// # Errors
/// git's, where no group could be done.
pub(crate) async fn propose<R: Registry>(
    context: &RunContext<'_, R>,
    access: &Access,
    config: &Config,
    (cloned, tree): (FetchedClone, &CommitTree),
    only: Option<&(Group, Occasion)>,
    done: &mut RepositoryOutcome,
) -> Result<(), RunError> {
    let found = done.pinned.verdicts.clone();
    let mut candidates =
        candidates(&done.pinned, config, &cloned.branches, &cloned.heads, only, done.is_refused);
    if candidates.is_empty() {
        return Ok(());
    }
    let (heads, base) = (cloned.heads.clone(), cloned.base_branch.clone());
    let cloned = Arc::new(Mutex::new(cloned));
    let work = Work { context, access, config, cloned, heads, base, tree };
    // Before anything is pushed: what was declined must not be proposed again.
    match work.ask(&mut candidates).await {
        // A person who asks again has changed their mind.
        Ok(_) if only.is_some() => {}
        Ok(declined) => {
            for (name, candidate) in &candidates {
                let declined = declined.get(name).cloned().unwrap_or_default();
                candidate.hold_declined(&mut done.pinned, &declined, &config.proposals.rebuild_label);
            }
        }
        Err(error) => {
            done.pull_request_error = Some(error);
            return Ok(());
        }
    }
    for candidate in candidates.values().filter(|_| only.is_none()) {
        candidate.hold_halves(&mut done.pinned, config);
    }
    work.limit(&mut candidates, &mut done.pinned);
    if done.pinned.verdicts != found {
        done.pinned = work.edited(done.pinned.clone());
    }
    // What is over comes last, so that it can say what has taken its place.
    let (wanted, over): (Vec<_>, Vec<_>) = candidates
        .iter()
        .partition(|(_, candidate)| candidate.changes(&done.pinned.verdicts).next().is_some());
    let whole = wanted.len() == 1;
    let mut failure = None;
    for (name, candidate) in wanted.into_iter().chain(over) {
        let mut part = work.part(candidate, &done.pinned);
        let is_wanted = !part.files.is_empty();
        let result = match &done.pull_request_error {
            // Whoever asks for fewer requests gets no more: the next run goes on here.
            Some(error @ ForgeError::RateLimited(_)) => Err(RunError::Forge(error.clone())),
            _ => work.one(name, candidate, &mut part, done).await,
        };
        let opened = |settled: &Settled| settled.operation == Operation::Created;
        if candidate.takes_opening
            && !result.as_ref().is_ok_and(|done| {
                done.as_ref().and_then(|done| done.pull_request.as_ref()).is_some_and(opened)
            })
        {
            context.session.return_opening();
        }
        candidate.take_verdicts(&mut done.pinned.verdicts, &part.verdicts);
        let proposed = GroupOutcome {
            group: candidate.group.clone(),
            branch_name: name.clone(),
            files: part.files.len(),
            ..GroupOutcome::default()
        };
        match result {
            Ok(Some(proposed)) => done.groups.push(proposed),
            Ok(None) => {}
            Err(RunError::Forge(error)) => {
                done.groups.push(GroupOutcome { error: Some(error.to_string()), ..proposed });
                done.pull_request_error.get_or_insert(error);
            }
            Err(error) => {
                done.groups.push(GroupOutcome { error: Some(error.to_string()), ..proposed });
                failure.get_or_insert(error);
            }
        }
        if whole && is_wanted {
            done.pinned.files = part.files;
        }
    }
    if let Some(error) = failure
        && done.groups.iter().all(|group| group.error.is_some())
    {
        return Err(error);
    }
    if !whole {
        done.pinned = work.edited(done.pinned.clone());
    }
    Ok(())
}

impl<R: Registry> Work<'_, R> {
    /// Asks for the pull requests of every candidate, and returns what was declined in those of each branch.
    async fn ask(
        &self,
        candidates: &mut BTreeMap<String, Candidate>,
    ) -> Result<BTreeMap<String, Declined>, ForgeError> {
        let Some(forge) = &self.access.forge else { return Ok(BTreeMap::new()) };
        let asked = candidates.keys().map(async |name| {
            let history = forge.history(name).await?;
            Ok::<_, ForgeError>((name.clone(), history))
        });
        let histories: Vec<_> = futures_util::stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
        let all: Vec<PullRequest> = histories
            .iter()
            .flat_map(|(_, history)| history)
            .filter(|pull| pull.base == self.base)
            .cloned()
            .collect();
        let own = forge.own(&all).await?;
        let own: BTreeSet<u64> = own.into_iter().map(|pull| pull.number).collect();
        let mut declined = BTreeMap::new();
        for (name, history) in histories {
            let own = history.iter().filter(|pull| pull.base == self.base && own.contains(&pull.number));
            declined.insert(name.clone(), Declined::of(own, &self.config.proposals.rebuild_label));
            if let Some(candidate) = candidates.get_mut(&name) {
                candidate.history = history;
            }
        }
        Ok(declined)
    }

    /// Holds what would be one pull request too many, in the repository or in the run.
    fn limit(&self, candidates: &mut BTreeMap<String, Candidate>, pinned: &mut Pinned) {
        if self.access.forge.is_none() {
            return;
        }
        let max = self.config.proposals.max_open;
        let is_open =
            |name: &str, candidate: &Candidate| candidate.open(&self.base, self.heads.get(name)).is_some();
        let mut open = candidates.iter().filter(|(name, candidate)| is_open(name, candidate)).count();
        for (name, candidate) in candidates {
            if is_open(name, candidate) || candidate.changes(&pinned.verdicts).next().is_none() {
                continue;
            }
            if max > 0 && open >= max {
                let detail = format!("{open} pull requests are open, and `max-open` is {max}");
                candidate.limit(&mut pinned.verdicts, &detail);
            } else if !self.context.session.take_opening() {
                let max = self.config.proposals.max_new;
                let detail = format!(
                    "this run has opened {max} pull requests, which is `max-new`: a later run goes on"
                );
                candidate.limit(&mut pinned.verdicts, &detail);
            } else {
                candidate.takes_opening = true;
                open += 1;
            }
        }
    }

    /// Returns what of `pinned` belongs to one candidate, with the files of that alone.
    fn part(&self, candidate: &Candidate, pinned: &Pinned) -> Pinned {
        let part = candidate.part(pinned);
        if part.verdicts == pinned.verdicts { part } else { self.edited(part) }
    }

    /// Returns `pinned` with the files that its verdicts change.
    fn edited(&self, pinned: Pinned) -> Pinned {
        let (notes, beside) = (pinned.notes, pinned.beside);
        Pinned {
            notes,
            beside,
            ..pin::edit_again(self.tree, &self.config.settings, pinned.inventory, pinned.verdicts)
        }
    }

    /// Does one branch and its pull request. `None` where there was nothing to do.
    async fn one(
        &self,
        name: &str,
        candidate: &Candidate,
        part: &mut Pinned,
        done: &mut RepositoryOutcome,
    ) -> Result<Option<GroupOutcome>, RunError> {
        let head = self.heads.get(name);
        let proposals = &self.config.proposals;
        let labels = (proposals.rebuild_label.as_str(), proposals.stop_label.as_str());
        let without = without_workflows(part);
        let mut hashes: Vec<String> = vec![changes_hash(part)];
        hashes.extend(without.as_ref().filter(|rest| !rest.files.is_empty()).map(changes_hash));
        let changes = (!part.files.is_empty()).then_some(hashes.as_slice());
        let facts = candidate.facts(&self.base, head, changes, part, labels);
        let step = decide(facts);
        tracing::debug!(branch = name, ?facts, ?step, "decided");
        let open = candidate.open(&self.base, head);
        let mut proposed = GroupOutcome {
            group: candidate.group.clone(),
            branch_name: name.to_owned(),
            files: part.files.len(),
            pull_request: open.map(|pull| Settled { pull_request: pull.clone(), operation: Operation::None }),
            ..GroupOutcome::default()
        };
        match (step, head) {
            (Action::Nothing, _) => return Ok(None),
            (Action::Stopped, _) => {
                candidate.hold(&mut part.verdicts, "stopped", STOPPED);
                part.files.clear();
                proposed.branch = BranchState::Stopped;
            }
            (Action::LeaveAlone, _) => {
                proposed.branch = BranchState::LeftAlone;
                proposed.pull_request = self.say_once(open).await?;
            }
            (Action::Retire, Some(head)) => {
                proposed.pull_request = self.retire(open, done).await?;
                self.delete(name, head).await?;
                proposed.branch = BranchState::Deleted;
            }
            (Action::Delete, Some(head)) => {
                self.delete(name, head).await?;
                proposed.branch = BranchState::Deleted;
            }
            // Only a branch that is there is retired, deleted or kept.
            (Action::Retire | Action::Delete | Action::Keep, None) => return Ok(None),
            (Action::Keep, Some(BranchHead { own, .. })) => {
                if let (Some(own), Some(rest)) = (own, without)
                    && own.changes.as_ref() != hashes.first()
                {
                    *part = rest;
                }
                proposed.branch = BranchState::UpToDate;
                proposed.commit = own.as_ref().map(|own| own.id.to_string());
            }
            (Action::Build, _) => {
                let place = TemplateContext { group: candidate.group.as_deref(), base: &self.base };
                let occasion = &candidate.occasion;
                let branch = Build { branch: name, expected: head.map(|head| head.id), place, occasion };
                let commit =
                    build(self.context, self.access, self.config, &self.cloned, &branch, part).await?;
                proposed.branch =
                    if commit.is_some() { BranchState::Pushed } else { BranchState::NothingToDo };
                proposed.commit = commit;
            }
        }
        proposed.files = part.files.len();
        if matches!(step, Action::Keep | Action::Build) {
            self.settle(candidate, part, &facts, &mut proposed, done).await;
        }
        Ok(Some(proposed))
    }

    /// Opens the pull request or brings it up to date. What goes wrong does not undo what was pushed.
    async fn settle(
        &self,
        candidate: &Candidate,
        part: &Pinned,
        facts: &Facts,
        proposed: &mut GroupOutcome,
        done: &mut RepositoryOutcome,
    ) {
        let (Some(forge), Some(commit)) = (&self.access.forge, proposed.commit.clone()) else { return };
        let current = proposed.pull_request.take().map(|settled| settled.pull_request);
        let (draft, remark) = self.drafted(candidate, part, proposed, commit, current.as_ref()).await;
        done.notes.extend(remark);
        let result = settle(forge, &draft, current.as_ref()).await;
        let label = &self.config.proposals.rebuild_label;
        let result = match (result, &current) {
            (Ok(settled), Some(pull)) if facts.rebuild && pull.has_label(label) => {
                forge.remove_label(pull.number, label).await.map(|()| settled)
            }
            (result, _) => result,
        };
        match result {
            Ok((settled, remarks)) => {
                proposed.pull_request = Some(settled);
                done.notes.extend(remarks);
            }
            Err(error) => {
                proposed.error = Some(error.to_string());
                done.pull_request_error.get_or_insert(error);
            }
        }
    }

    /// Returns what the pull request should say, and a remark on its title. The registries are asked for details unless the
    /// `current` one has them all.
    async fn drafted(
        &self,
        candidate: &Candidate,
        part: &Pinned,
        proposed: &GroupOutcome,
        commit: String,
        current: Option<&PullRequest>,
    ) -> (Draft, Option<String>) {
        let (registry, settings) = (self.context.registry, &self.config.pull_request);
        let mut proposal = proposal(part, candidate.occasion.clone(), commit.clone());
        fetch_details::want(registry, &mut proposal, settings);
        let place = TemplateContext { group: candidate.group.as_deref(), base: &self.base };
        let (title, remark) = worded_title(self.config, &proposal, place);
        let brief = Draft {
            head: proposed.branch_name.clone(),
            base: self.base.clone(),
            title,
            body: body(&proposal, settings.template.as_ref()),
            commit,
            dress: self.config.proposals.dress.clone(),
        };
        let wanted = proposal.images.iter().any(|image| image.details.is_some());
        if !wanted || current.is_some_and(|current| fetch_details::are_told(&brief, current)) {
            return (brief, remark);
        }
        fetch_details::ask(
            registry,
            &mut proposal,
            settings,
            &self.config.settings.policy.defaults.platforms,
        )
        .await;
        (Draft { body: body(&proposal, settings.template.as_ref()), ..brief }, remark)
    }

    /// Writes into the open pull request that somebody else's commit is on its branch, unless it says so already.
    async fn say_once(&self, open: Option<&PullRequest>) -> Result<Option<Settled>, ForgeError> {
        let (Some(forge), Some(pull)) = (&self.access.forge, open) else { return Ok(None) };
        let body = checkbox::with_note(&pull.body);
        if crate::forge::same_text(&body, &pull.body) {
            return Ok(Some(Settled { pull_request: pull.clone(), operation: Operation::None }));
        }
        let changes = PullRequestChanges { body: Some(&body), ..PullRequestChanges::default() };
        let pull_request = forge.update(pull.number, &changes).await?;
        Ok(Some(Settled { pull_request, operation: Operation::Updated }))
    }

    /// Closes a pull request with nothing left to propose. The marker says that nobody said no.
    async fn retire(
        &self,
        open: Option<&PullRequest>,
        done: &RepositoryOutcome,
    ) -> Result<Option<Settled>, ForgeError> {
        let (Some(forge), Some(pull)) = (&self.access.forge, open) else { return Ok(None) };
        let pairs =
            |pull: &PullRequest| marker::read(&pull.body).map(|marker| marker.pairs()).unwrap_or_default();
        let own = pairs(pull);
        let pulls = done
            .groups
            .iter()
            .filter_map(|group| group.pull_request.as_ref())
            .map(|settled| &settled.pull_request);
        let successors = pulls.filter(|other| !pairs(other).is_disjoint(&own));
        let successors: Vec<String> = successors.map(|other| format!("#{}", other.number)).collect();
        let reason = if successors.is_empty() {
            "nothing is left to propose, the base has these digests already or they are held.".to_owned()
        } else {
            format!("its changes are now in {}.", successors.join(", "))
        };
        let body = marker::with(&checkbox::with_reason(&pull.body, &reason), |marker| marker.retired = true);
        let changes = PullRequestChanges { body: Some(&body), close: true, ..PullRequestChanges::default() };
        let pull_request = forge.update(pull.number, &changes).await?;
        Ok(Some(Settled { pull_request, operation: Operation::Closed }))
    }

    async fn delete(&self, name: &str, head: &BranchHead) -> Result<(), RunError> {
        let (cloned, name, id) = (Arc::clone(&self.cloned), name.to_owned(), head.id);
        blocking(move || {
            let cloned = cloned.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(cloned.repository.delete(&name, id)?)
        })
        .await
    }
}
