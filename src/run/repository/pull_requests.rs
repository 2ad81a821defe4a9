//! The pull requests of a repository's branches: found, opened, brought up to date, closed.

use std::collections::{BTreeMap, BTreeSet};

use super::branches::{BranchHistory, Candidate};
use super::commit::worded_title;
use super::context::RepositoryContext;
use super::details_cache;
use crate::forge::{Capabilities, Draft, Forge as _, ForgeError, PullRequest, PullRequestChanges};
use crate::plan::{Pinned, Verdict};
use crate::policy::environment::of_path;
use crate::pull_request::from_plan::proposal;
use crate::pull_request::{
    Declined, Operation, Settled, TemplateContext, body, checkbox, fetch_details, marker, own, same_text,
    settle_at,
};
use crate::registry::Registry;

/// The pull requests of branches, by their names.
pub(crate) type Histories = BTreeMap<String, BranchHistory>;

/// A pull request that says what it should, and remarks on how that went.
#[derive(Default)]
pub(crate) struct SettledPullRequest {
    pub(crate) settled: Option<Settled>,
    pub(crate) notes: Vec<String>,
    /// What went wrong.
    pub(crate) error: Option<ForgeError>,
}

/// What a branch holds, and the pull request that is to say so.
pub(crate) struct Settling<'s> {
    /// What changes.
    pub(crate) part: &'s Pinned,
    /// What this run could not confirm of it.
    pub(crate) unconfirmed: &'s BTreeMap<usize, Verdict>,
    /// tagpin's commit, as hex.
    pub(crate) commit: String,
    /// The head of the branch, where all that it holds was built or compared in this run.
    pub(crate) confirmed: Option<String>,
    /// The open one, as it was found.
    pub(crate) current: Option<&'s PullRequest>,
    /// Whether somebody asked for the branch to be built anew.
    pub(crate) rebuild: bool,
}

impl<R: Registry> RepositoryContext<'_, R> {
    /// Returns the pull requests of the branches `names`, and what was declined in them. None where there is no forge.
    pub(crate) async fn histories(
        &self,
        names: impl Iterator<Item = &String>,
    ) -> Result<Histories, ForgeError> {
        let Some(forge) = &self.access.forge else { return Ok(Histories::new()) };
        let base = &self.cloned.base_branch;
        let branches: Vec<String> = names.cloned().collect();
        if branches.is_empty() {
            return Ok(Histories::new());
        }
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
            let own = pulls.iter().map(|pull| pull.number).filter(|number| own.contains(number)).collect();
            (name, BranchHistory { declined: declined(&pulls), pulls, own })
        };
        Ok(histories.into_iter().map(history).collect())
    }

    /// Does what [`RepositoryContext::histories`] does, and asks for those only that are not `known`.
    pub(crate) async fn all_histories(
        &self,
        names: impl Iterator<Item = &String>,
        mut known: Histories,
    ) -> Result<Histories, ForgeError> {
        let missing: Vec<&String> = names.filter(|name| !known.contains_key(*name)).collect();
        known.extend(self.histories(missing.into_iter()).await?);
        Ok(known)
    }

    /// Opens the pull request for `settling`, or brings the open one up to date. What goes wrong does not undo what was pushed.
    /// Nothing happens where there is no forge.
    pub(crate) async fn settle(
        &self,
        name: &str,
        candidate: &Candidate,
        settling: Settling<'_>,
    ) -> Option<SettledPullRequest> {
        let forge = self.access.forge.as_ref()?;
        let Settling { current, rebuild, confirmed, .. } = &settling;
        let (draft, remark) = self.draft(name, candidate, &settling).await;
        let mut result = settle_at(forge, &draft, *current, confirmed.as_deref()).await;
        let label = &self.config.proposals.rebuild_label;
        if let Some(pull) = current.filter(|pull| result.is_ok() && *rebuild && pull.has_label(label))
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
        settling: &Settling<'_>,
    ) -> (Draft, Option<String>) {
        let Settling { part, unconfirmed, commit, current, .. } = settling;
        let (registry, settings) = (self.run.registry, &self.config.pull_request);
        let capabilities =
            self.access.forge.as_ref().map_or(Capabilities::NONE, |forge| forge.capabilities());
        let mut proposal = proposal(part, unconfirmed, candidate.occasion.clone(), commit.clone());
        let environments = &self.config.settings.environments;
        proposal.environments = part
            .files
            .iter()
            .filter_map(|file| {
                let path = file.path.clone();
                let environment = of_path(environments, &path)?.name.clone();
                Some((path, environment))
            })
            .collect();
        fetch_details::want(registry, &mut proposal, settings, &capabilities);
        let base = &self.cloned.base_branch;
        let place = TemplateContext { group: candidate.group.as_deref(), base };
        let (title, remark) = worded_title(self.config, &proposal, place);
        let brief = Draft {
            head: name.to_owned(),
            base: base.clone(),
            title,
            body: body(&proposal, settings.template.as_ref(), &capabilities),
            commit: commit.clone(),
            metadata: self.config.proposals.dress.clone(),
        };
        if proposal.images.iter().all(|image| image.details.is_none()) {
            return (brief, remark);
        }
        // Of each group by itself: what one needs, another may not.
        let file = self.cloned.details_file(name);
        let mut known = details_cache::load(&file);
        if current.is_some_and(|current| fetch_details::are_told(&brief, current, settings, &known)) {
            return (brief, remark);
        }
        let platforms = &self.config.settings.policy.defaults.platforms;
        let before = known.clone();
        fetch_details::ask(registry, &mut proposal, settings, platforms, &mut known).await;
        if known != before {
            details_cache::keep(&file, &known);
        }
        (Draft { body: body(&proposal, settings.template.as_ref(), &capabilities), ..brief }, remark)
    }

    /// Writes a note into the open pull request whose branch is not what this run has built or compared, unless it is there
    /// already, and keeps the forge from merging it by itself.
    pub(crate) async fn warn(
        &self,
        open: Option<&PullRequest>,
        with_note: fn(&str) -> String,
    ) -> Result<Option<Settled>, ForgeError> {
        let (Some(forge), Some(pull)) = (&self.access.forge, open) else { return Ok(None) };
        if pull.auto_merge {
            forge.disable_auto_merge(pull).await?;
        }
        let merges = self.config.proposals.dress.auto_merge.is_some();
        let body = marker::with(&with_note(&pull.body), |marker| {
            marker.paused |= merges && pull.auto_merge;
        });
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
