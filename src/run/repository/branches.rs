//! The branches that a run looks at: one for each group of changes, and those that are there from earlier runs. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::clone::BranchHead;
use crate::config::Config;
use crate::forge::{PullRequest, PullRequestState};
use crate::manifest::inventory::FileScan;
use crate::manifest::{Located, UnreadReason};
use crate::plan::describe::OTHERS_REFUSED;
use crate::plan::{Outcome, Pinned, Reason, Verdict};
use crate::policy::environment::of_path;
use crate::pull_request::decision::{BranchOwner, Desired, Facts, LatestPullRequest};
use crate::pull_request::from_plan::proposal;
use crate::pull_request::group::{Branches, Group};
use crate::pull_request::{Declined, Occasion, checkbox, marker};
use crate::reference::LATEST;
use crate::run::GroupOutcome;

/// One branch, with what this run knows of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidate {
    /// What people call the group; `None` where it is everything, or where it is known no more.
    pub(crate) group: Option<String>,
    /// What its change is for.
    pub(crate) occasion: Occasion,
    /// The sites that belong to it, by their index in [`crate::manifest::inventory::Inventory::sites`].
    sites: BTreeSet<usize>,
    /// The pull requests from it.
    pub(crate) history: BranchHistory,
    /// Whether a limit keeps it from being proposed.
    limited: bool,
    /// Whether it was counted as a pull request that this run opens.
    pub(crate) takes_opening: bool,
}

/// The pull requests that a branch has had.
#[derive(Clone, Debug, Default)]
pub(crate) struct BranchHistory {
    /// The newest first.
    pub(crate) pulls: Vec<PullRequest>,
    /// What was declined in them.
    pub(crate) declined: Declined,
    /// The numbers of those that tagpin's own identity opened and that are not open any more, where one of them was closed.
    pub(crate) own: BTreeSet<u64>,
}

/// Returns a candidate for each group that has a change or a branch.
///
/// With `only`, every site belongs to it, and no other branch is looked at.
pub(crate) fn candidates(
    pinned: &Pinned,
    config: &Config,
    branches: &Branches,
    heads: &BTreeMap<String, BranchHead>,
    only: Option<&(Group, Occasion)>,
    is_refused: bool,
) -> BTreeMap<String, Candidate> {
    let mut candidates: BTreeMap<String, Candidate> = BTreeMap::new();
    for (index, (file, located)) in pinned.inventory.sites().enumerate() {
        let (group, occasion) = only.cloned().unwrap_or_else(|| divided(file, located, config));
        let candidate = candidates.entry(branches.of(&group)).or_default();
        candidate.group = group.name().map(str::to_owned);
        candidate.occasion = occasion;
        // What could not be done this time is no reason to take back what is proposed.
        candidate.limited = only.is_some() && is_refused;
        candidate.sites.insert(index);
    }
    for name in heads.keys().filter(|_| only.is_none()) {
        let candidate = candidates.entry(name.clone()).or_default();
        candidate.limited = branches.is_by_hand(name);
    }
    candidates.retain(|name, candidate| candidate.has_change(&pinned.verdicts) || heads.contains_key(name));
    candidates
}

/// Returns where the change of a site belongs, and what it is for.
fn divided(file: &FileScan, located: &Located, config: &Config) -> (Group, Occasion) {
    let path = &file.root_path;
    let environment =
        of_path(&config.settings.environments, path).filter(|_| located.site.digest().is_some());
    if let Some((to, from)) = environment.and_then(|to| Some((to, to.promoted_from()?))) {
        let occasion = Occasion::Promotion { from: from.to_owned(), to: to.name.clone() };
        return (Group::promotion(&to.name), occasion);
    }
    let group = located.site.reference.as_ref().map_or_else(Group::all, |reference| {
        config.proposals.grouping.of(path, reference, &config.settings.environments)
    });
    (group, Occasion::Tags)
}

impl Candidate {
    fn has_change(&self, verdicts: &[Verdict]) -> bool {
        self.changes(verdicts).next().is_some()
    }

    /// Returns the indices of the sites that change.
    pub(crate) fn changes<'a>(&'a self, verdicts: &'a [Verdict]) -> impl Iterator<Item = usize> + 'a {
        let changes = |index: &usize| verdicts.get(*index).is_some_and(|verdict| verdict.change.is_some());
        self.sites.iter().copied().filter(changes)
    }

    /// Holds every change for `reason`.
    pub(crate) fn hold(&self, verdicts: &mut [Verdict], reason: Reason, detail: &str) {
        let changes: Vec<usize> = self.changes(verdicts).collect();
        for index in changes {
            verdicts[index] = Verdict::held(reason, detail);
        }
    }

    /// Fails every change: nothing of it was proposed.
    pub(crate) fn fail(&self, verdicts: &mut [Verdict], detail: &str) {
        let changes: Vec<usize> = self.changes(verdicts).collect();
        for index in changes {
            verdicts[index] = Verdict::because(Outcome::Failed, Reason::NotProposed, Some(detail.to_owned()));
        }
    }

    /// Holds every change, because no more pull requests may be opened.
    pub(crate) fn limit(&mut self, verdicts: &mut [Verdict], detail: &str) {
        self.limited = true;
        self.hold(verdicts, Reason::PullRequestLimit, detail);
    }

    /// Holds what was declined.
    pub(crate) fn hold_declined(&self, pinned: &mut Pinned, label: &str) {
        let declined = &self.history.declined;
        let detail = |number| {
            let detail = format!(
                "pull request {number} with this digest was closed without a merge: open it again, or give it the label \
                 `{label}`, to be asked again"
            );
            Verdict::held(Reason::Declined, detail)
        };
        let sites = pinned.inventory.sites().zip(&mut pinned.verdicts).enumerate();
        if *declined == Declined::default() {
            return;
        }
        for (_, ((_, located), verdict)) in sites.filter(|(index, _)| self.sites.contains(index)) {
            if let (Some(change), Some(reference)) = (&verdict.change, &located.site.reference) {
                // The tag that is written: a promotion may bring another one.
                let tag = change.tag.as_deref().or(reference.tag()).unwrap_or(LATEST);
                if let Some(number) = declined.image(reference.name(), tag, &change.digest) {
                    *verdict = detail(number);
                }
            }
        }
        if !declined.has_wholes() {
            return;
        }
        if let Some(number) = declined.whole(&proposal(
            &self.part(pinned),
            &BTreeMap::new(),
            self.occasion.clone(),
            String::new(),
        )) {
            let changes: Vec<usize> = self.changes(&pinned.verdicts).collect();
            for index in changes {
                pinned.verdicts[index] = detail(number);
            }
        }
    }

    /// Holds every change of a promotion that goes on as a whole where one of its images may not move.
    pub(crate) fn hold_halves(&self, pinned: &mut Pinned, config: &Config) {
        let Occasion::Promotion { to, .. } = &self.occasion else { return };
        let to = config.settings.environments.iter().find(|environment| environment.name == *to);
        if to.is_none_or(|to| to.promotion.partial) {
            return;
        }
        let is_held = |index: &usize| {
            let verdict = pinned.verdicts.get(*index);
            verdict.is_some_and(|it| it.outcome == Outcome::Held && it.reason != Some(Reason::OnHold))
        };
        if self.sites.iter().any(is_held) {
            self.hold(&mut pinned.verdicts, Reason::OthersRefused, OTHERS_REFUSED);
        }
    }

    /// Returns what of `pinned` belongs to this branch: the rest counts as unchanged, and the files are those of all.
    pub(crate) fn part(&self, pinned: &Pinned) -> Pinned {
        let (verdicts, mended) = (self.own_verdicts(&pinned.verdicts), self.own_mended(pinned));
        Pinned { verdicts, mended, ..pinned.clone() }
    }

    /// Returns the files whose annotations are mended with the images of this branch: those of these images, and those
    /// without any.
    pub(crate) fn own_mended(&self, pinned: &Pinned) -> BTreeSet<String> {
        let sites = || pinned.inventory.sites().enumerate();
        let own = sites().filter(|(index, _)| self.sites.contains(index));
        let own: BTreeSet<&str> = own.map(|(_, (file, _))| file.path.as_str()).collect();
        let all: BTreeSet<&str> = sites().map(|(_, (file, _))| file.path.as_str()).collect();
        let is_own = |path: &&String| own.contains(path.as_str()) || !all.contains(path.as_str());
        pinned.mended.iter().filter(is_own).cloned().collect()
    }

    /// Returns the verdicts on the sites of this branch, where the others are unchanged.
    pub(crate) fn own_verdicts(&self, verdicts: &[Verdict]) -> Vec<Verdict> {
        let own = |(index, verdict): (usize, &Verdict)| match self.sites.contains(&index) {
            true => verdict.clone(),
            false => Verdict::unchanged(),
        };
        verdicts.iter().enumerate().map(own).collect()
    }

    /// Copies the verdicts on this branch's sites.
    pub(crate) fn take_verdicts(&self, into: &mut [Verdict], from: &[Verdict]) {
        for index in &self.sites {
            if let (Some(into), Some(from)) = (into.get_mut(*index), from.get(*index)) {
                into.clone_from(from);
            }
        }
    }

    /// Returns the pull request that is open and tagpin's: it has the marker, or proposes what says it is tagpin's commit to
    /// this base.
    pub(crate) fn open(&self, base: &str, head: Option<&BranchHead>) -> Option<&PullRequest> {
        let own = head.and_then(|head| head.claim.as_ref()).map(|own| own.commit.to_string());
        let is_ours = |pull: &&PullRequest| {
            let adopted = own.as_ref() == Some(&pull.commit) && pull.base == base;
            pull.state == PullRequestState::Open && (adopted || marker::read(&pull.body).is_some())
        };
        let pulls = &self.history.pulls;
        pulls.iter().filter(is_ours).min_by_key(|pull| (marker::read(&pull.body).is_none(), pull.number))
    }

    /// Returns the newest one that is not open, with tagpin's marker, for this base.
    fn newest_closed(&self, base: &str) -> Option<&PullRequest> {
        let is_ours = |pull: &&PullRequest| {
            pull.state != PullRequestState::Open && pull.base == base && marker::read(&pull.body).is_some()
        };
        self.history.pulls.iter().filter(is_ours).max_by_key(|pull| pull.number)
    }

    /// Returns the outcome of a branch that nothing was done with, where `files` change.
    pub(crate) fn outcome(&self, name: &str, files: usize) -> GroupOutcome {
        let (group, branch_name) = (self.group.clone(), name.to_owned());
        GroupOutcome { group, branch_name, files, ..GroupOutcome::default() }
    }

    /// Returns what is known, for the decision. `is_held` says whether the branch holds the changes in `pinned`.
    pub(crate) fn facts(
        &self,
        base: &str,
        head: Option<&BranchHead>,
        is_held: bool,
        pinned: &Pinned,
        labels: (&str, &str),
    ) -> Facts {
        let open = self.open(base, head);
        let (rebuild, stop) = labels;
        let rebuild = open.is_some_and(|pull| pull.has_label(rebuild) || checkbox::asks_rebuild(&pull.body));
        // What is not confirmed is kept, and never built.
        let wanted = if is_held && !(rebuild && pinned.files.is_empty()) {
            Desired::Held
        } else if !pinned.files.is_empty() {
            Desired::Other
        } else if head.is_some_and(|head| head.is_base) && self.is_uncertain(pinned)
            || self.limited && open.is_none_or(|pull| is_recorded(pull, head))
        {
            Desired::Elsewhere
        } else if self.limited || self.is_uncertain(pinned) {
            Desired::Unknown
        } else {
            Desired::Nothing
        };
        let branch = head.map_or(BranchOwner::None, BranchHead::owner);
        let newest = match (open, self.newest_closed(base)) {
            (Some(_), _) => LatestPullRequest::Open,
            (None, None) => LatestPullRequest::None,
            (None, Some(pull)) if pull.state == PullRequestState::Merged => {
                let is_branch = head.is_some_and(|head| head.id.to_string() == pull.commit);
                if is_branch { LatestPullRequest::Merged } else { LatestPullRequest::Closed }
            }
            (None, Some(pull))
                if self.history.own.contains(&pull.number)
                    && marker::read(&pull.body).is_some_and(|marker| marker.retired) =>
            {
                LatestPullRequest::Retired
            }
            (None, Some(_)) => LatestPullRequest::Closed,
        };
        Facts { wanted, branch, newest, stop: open.is_some_and(|pull| pull.has_label(stop)), rebuild }
    }

    /// Returns whether something that the branch may be about could not be checked: then nothing is over. A branch whose group
    /// is known no more may be about anything.
    fn is_uncertain(&self, pinned: &Pinned) -> bool {
        // What waits until it is known for long enough leaves an older proposal as it is.
        let failed = |(index, verdict): (usize, &Verdict)| {
            (verdict.outcome == Outcome::Failed || verdict.waits())
                && (self.sites.is_empty() || self.sites.contains(&index))
        };
        let unread =
            |reason: &UnreadReason| !matches!(reason, UnreadReason::Template | UnreadReason::Symlink);
        pinned.verdicts.iter().enumerate().any(failed)
            || pinned.inventory.unread().any(|(_, what)| unread(&what.reason))
    }
}

/// Returns whether the branch is at the commit that its pull request was written for.
fn is_recorded(pull: &PullRequest, head: Option<&BranchHead>) -> bool {
    let own = head.and_then(|head| head.claim.as_ref());
    let recorded = marker::read(&pull.body);
    match (own, recorded) {
        (None, _) => true,
        // Nobody's word for it is none.
        (Some(own), recorded) => recorded.is_some_and(|recorded| own.commit.to_string() == recorded.head),
    }
}
