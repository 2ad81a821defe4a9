//! The pull requests of a repository's branches: found, opened, brought up to date, closed.

use std::collections::{BTreeMap, BTreeSet};

use super::branches::{BranchHistory, Candidate};
use super::commit::worded_title;
use super::context::RepositoryContext;
use crate::forge::{Capabilities, Draft, Forge as _, ForgeError, PullRequest, PullRequestChanges};
use crate::plan::Pinned;
use crate::pull_request::from_plan::proposal;
use crate::pull_request::{
    Declined, Operation, Settled, TemplateContext, body, checkbox, fetch_details, marker, own, same_text,
    settle,
};
use crate::registry::Registry;

/// A pull request that says what it should, and remarks on how that went.
#[derive(Default)]
pub(crate) struct SettledPullRequest {
    pub(crate) settled: Option<Settled>,
    pub(crate) notes: Vec<String>,
    /// What went wrong.
    pub(crate) error: Option<ForgeError>,
}

impl<R: Registry> RepositoryContext<'_, R> {
    /// Returns the pull requests of the branches `names`, and what was declined in them. None where there is no forge.
    pub(crate) async fn histories(
        &self,
        names: impl Iterator<Item = &String>,
    ) -> Result<BTreeMap<String, BranchHistory>, ForgeError> {
        let Some(forge) = &self.access.forge else { return Ok(BTreeMap::new()) };
        let base = &self.cloned.base_branch;
        let branches: Vec<String> = names.cloned().collect();
        let histories = forge.histories(&branches, base).await?;
        let all = histories.values().flatten();
        let all: Vec<PullRequest> = all.filter(|pull| pull.base == *base).cloned().collect();
        let own = own(forge, &all).await?;
        let own: BTreeSet<u64> = own.into_iter().map(|pull| pull.number).collect();
        let label = &self.config.proposals.rebuild_label;
        let declined = |history: &[PullRequest]| {
            let own = history.iter().filter(|pull| pull.base == *base && own.contains(&pull.number));
            Declined::of(own, label)
        };
        let history = |(name, pulls): (String, Vec<PullRequest>)| {
            (name, BranchHistory { declined: declined(&pulls), pulls })
        };
        Ok(histories.into_iter().map(history).collect())
    }

    /// Opens the pull request for `commit` on the branch `name`, or brings the `current` one up to date, which is rebuilt
    /// where `rebuild` says so. What goes wrong does not undo what was pushed. Nothing happens where there is no forge.
    pub(crate) async fn settle(
        &self,
        name: &str,
        candidate: &Candidate,
        part: &Pinned,
        commit: String,
        (current, rebuild): (Option<&PullRequest>, bool),
    ) -> Option<SettledPullRequest> {
        let forge = self.access.forge.as_ref()?;
        let (draft, remark) = self.draft(name, candidate, part, commit, current).await;
        let mut result = settle(forge, &draft, current).await;
        let label = &self.config.proposals.rebuild_label;
        if let Some(pull) = current.filter(|pull| result.is_ok() && rebuild && pull.has_label(label))
            && let Err(error) = forge.remove_label(pull, label).await
        {
            result = Err(error);
        }
        let mut notes: Vec<String> = remark.into_iter().collect();
        Some(match result {
            Ok((settled, remarks)) => {
                notes.extend(remarks);
                SettledPullRequest { settled: Some(settled), notes, error: None }
            }
            Err(error) => SettledPullRequest { settled: None, notes, error: Some(error) },
        })
    }

    /// Returns what the pull request should say, and a remark on its title. The registries are asked for details unless the
    /// `current` one has them all.
    async fn draft(
        &self,
        name: &str,
        candidate: &Candidate,
        part: &Pinned,
        commit: String,
        current: Option<&PullRequest>,
    ) -> (Draft, Option<String>) {
        let (registry, settings) = (self.run.registry, &self.config.pull_request);
        let capabilities =
            self.access.forge.as_ref().map_or(Capabilities::NONE, |forge| forge.capabilities());
        let mut proposal = proposal(part, candidate.occasion.clone(), commit.clone());
        fetch_details::want(registry, &mut proposal, settings);
        let base = &self.cloned.base_branch;
        let place = TemplateContext { group: candidate.group.as_deref(), base };
        let (title, remark) = worded_title(self.config, &proposal, place);
        let brief = Draft {
            head: name.to_owned(),
            base: base.clone(),
            title,
            body: body(&proposal, settings.template.as_ref(), &capabilities),
            commit,
            metadata: self.config.proposals.dress.clone(),
        };
        let wanted = proposal.images.iter().any(|image| image.details.is_some());
        if !wanted || current.is_some_and(|current| fetch_details::are_told(&brief, current)) {
            return (brief, remark);
        }
        let platforms = &self.config.settings.policy.defaults.platforms;
        fetch_details::ask(registry, &mut proposal, settings, platforms).await;
        (Draft { body: body(&proposal, settings.template.as_ref(), &capabilities), ..brief }, remark)
    }

    /// Writes into the open pull request that somebody else's commit is on its branch, unless it says so already.
    pub(crate) async fn note_foreign_commit(
        &self,
        open: Option<&PullRequest>,
    ) -> Result<Option<Settled>, ForgeError> {
        let (Some(forge), Some(pull)) = (&self.access.forge, open) else { return Ok(None) };
        let body = checkbox::with_note(&pull.body);
        if same_text(&body, &pull.body) {
            return Ok(Some(Settled { pull_request: pull.clone(), operation: Operation::None }));
        }
        let changes = PullRequestChanges { body: Some(&body), ..PullRequestChanges::default() };
        let pull_request = forge.update(pull, &changes).await?;
        Ok(Some(Settled { pull_request, operation: Operation::Updated }))
    }

    /// Closes a pull request with nothing left to propose, and names those of this run that have taken its place. The marker
    /// says that nobody said no.
    pub(crate) async fn retire<'p>(
        &self,
        open: Option<&PullRequest>,
        settled: impl Iterator<Item = &'p PullRequest>,
    ) -> Result<Option<Settled>, ForgeError> {
        let (Some(forge), Some(pull)) = (&self.access.forge, open) else { return Ok(None) };
        let pairs =
            |pull: &PullRequest| marker::read(&pull.body).map(|marker| marker.pairs()).unwrap_or_default();
        let own = pairs(pull);
        let reference = forge.capabilities().reference;
        let successors = settled.filter(|other| !pairs(other).is_disjoint(&own));
        let successors: Vec<String> =
            successors.map(|other| format!("{reference}{}", other.number)).collect();
        let reason = if successors.is_empty() {
            "nothing is left to propose, the base has these digests already or they are held.".to_owned()
        } else {
            format!("its changes are now in {}.", successors.join(", "))
        };
        let body = marker::with(&checkbox::with_reason(&pull.body, &reason), |marker| marker.retired = true);
        let changes = PullRequestChanges { body: Some(&body), close: true, ..PullRequestChanges::default() };
        let pull_request = forge.update(pull, &changes).await?;
        Ok(Some(Settled { pull_request, operation: Operation::Closed }))
    }
}
