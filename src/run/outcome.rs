//! What became of a repository in a run.

use super::BRANCH;
use super::repository::ledger::LedgerUpdate;
use crate::forge::ForgeError;
use crate::plan::Pinned;
use crate::pull_request::{Operation, Settled};

/// What became of one repository.
///
/// Branch, commit and pull request are those of the first of `groups` that has something to say: the only one, unless
/// `[pull-request]` divides the changes.
#[derive(Clone, Debug, Default)]
pub struct RepositoryOutcome {
    /// What was found and decided.
    pub pinned: Pinned,
    /// What became of the branch.
    pub branch: BranchState,
    /// The commit that the branch is at, where tagpin made it.
    pub commit: Option<String>,
    /// The pull request.
    pub pull_request: Option<Settled>,
    /// Why there is none, or why it is not as it should be. What was pushed stays, and the next run goes on from there.
    pub pull_request_error: Option<ForgeError>,
    /// What became of each group of changes, by the names of their branches.
    pub groups: Vec<GroupOutcome>,
    /// Whether something that a person or the configuration asks for cannot be done.
    pub is_refused: bool,
    /// What became of the ledger of tags; `None` where none is kept.
    pub ledger: Option<LedgerUpdate>,
    /// Remarks that are no failures.
    pub notes: Vec<String>,
}

/// What became of one group of changes.
#[derive(Clone, Debug, Default)]
pub struct GroupOutcome {
    /// What people call the group; `None` where it is everything.
    pub group: Option<String>,
    /// The name of its branch.
    pub branch_name: String,
    /// What became of the branch.
    pub branch: BranchState,
    /// The commit that the branch is at, where tagpin made it.
    pub commit: Option<String>,
    /// How many files change.
    pub files: usize,
    /// The pull request.
    pub pull_request: Option<Settled>,
    /// What went wrong. The other groups are done all the same.
    pub error: Option<String>,
}

/// What became of the branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BranchState {
    /// There is nothing to change, so nothing was pushed.
    #[default]
    NothingToDo,
    /// It would have been pushed, but for `--dry-run`.
    DryRun,
    /// It holds these changes already.
    UpToDate,
    /// It was pushed.
    Pushed,
    /// Somebody else committed to it, so it was left alone.
    LeftAlone,
    /// A label on the pull request halts tagpin.
    Stopped,
    /// It was merged, or there is nothing left to propose: it was deleted.
    Deleted,
}

impl BranchState {
    /// Returns the kebab-case word for reports.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NothingToDo => "nothing-to-do",
            Self::DryRun => "dry-run",
            Self::UpToDate => "up-to-date",
            Self::Pushed => "pushed",
            Self::LeftAlone => "left-alone",
            Self::Stopped => "stopped",
            Self::Deleted => "deleted",
        }
    }
}

impl RepositoryOutcome {
    /// Returns this with what became of the ledger.
    pub(crate) fn with(mut self, recorded: Option<LedgerUpdate>) -> Self {
        self.notes.extend(recorded.as_ref().and_then(LedgerUpdate::remark));
        self.ledger = recorded;
        self
    }

    /// Tells whether something was written: a branch or a pull request.
    pub fn changed(&self) -> bool {
        self.groups.iter().any(|group| {
            let settled = group.pull_request.as_ref();
            let written = settled.is_some_and(|settled| settled.operation != Operation::None);
            written || matches!(group.branch, BranchState::Pushed | BranchState::Deleted)
        })
    }

    /// Tells whether everything that should be proposed is.
    pub fn is_proposed(&self) -> bool {
        !self.is_refused
            && self.pull_request_error.is_none()
            && self.groups.iter().all(|group| group.error.is_none())
    }

    /// Returns the name of the branch that `branch` and `commit` are about.
    pub fn branch_name(&self) -> &str {
        self.first().map_or(BRANCH, |group| &group.branch_name)
    }

    /// Returns the group that stands for all: what was deleted is the end of an earlier story.
    fn first(&self) -> Option<&GroupOutcome> {
        let goes_on = |group: &&GroupOutcome| group.branch != BranchState::Deleted;
        self.groups.iter().find(goes_on).or(self.groups.first())
    }

    /// Fills in what stands for the groups.
    pub(crate) fn summarise(&mut self) {
        if let Some(first) = self.first().cloned() {
            self.branch = first.branch;
            self.commit = first.commit;
            self.pull_request = first.pull_request;
        }
    }
}
