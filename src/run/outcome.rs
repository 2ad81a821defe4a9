//! The outcome of a run in one repository.

use crate::forge::ForgeError;
use crate::plan::Pinned;
use crate::pull_request::{Operation, Settled};

/// The branch that tagpin pushes where all changes are one group.
pub const BRANCH: &str = "tagpin/pin-digests";

/// The outcome of a run in one repository.
///
/// Branch, commit and pull request are those of the first of `groups` that has something to say: the only one, unless
/// `[pull-request]` divides the changes.
#[derive(Clone, Debug, Default)]
pub struct RepositoryOutcome {
    /// What was found and decided.
    pub pinned: Pinned,
    /// The state of the branch.
    pub branch: BranchState,
    /// The commit that the branch is at, where tagpin made it.
    pub commit: Option<String>,
    /// The pull request.
    pub pull_request: Option<Settled>,
    /// Why there is none, or why it is not as it should be. What was pushed stays, and the next run goes on from there.
    pub pull_request_error: Option<ForgeError>,
    /// The outcome of each group of changes, by the names of their branches.
    pub groups: Vec<GroupOutcome>,
    /// Whether something that a person or the configuration asks for cannot be done.
    pub is_refused: bool,
    /// What was done to the ledger of tags; `None` where none is kept.
    pub ledger: Option<LedgerUpdate>,
    /// Remarks that are not failures.
    pub notes: Vec<String>,
}

/// The outcome of one group of changes.
#[derive(Clone, Debug, Default)]
pub struct GroupOutcome {
    /// What people call the group; `None` where it is everything.
    pub group: Option<String>,
    /// The name of its branch.
    pub branch_name: String,
    /// The state of the branch.
    pub branch: BranchState,
    /// The commit that the branch is at, where tagpin made it.
    pub commit: Option<String>,
    /// How many files change.
    pub files: usize,
    /// How many images the branch has at a digest that this run could not confirm.
    pub unconfirmed: usize,
    /// The pull request.
    pub pull_request: Option<Settled>,
    /// What went wrong. The other groups are done all the same.
    pub error: Option<String>,
}

/// What a run did to a branch, or why it did nothing.
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
    /// What it holds could not be compared, so it was left alone.
    Unconfirmed,
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
            Self::Unconfirmed => "unconfirmed",
            Self::Stopped => "stopped",
            Self::Deleted => "deleted",
        }
    }
}

/// What a run did to the ledger of tags, and to which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerUpdate {
    /// Its branch.
    pub branch: String,
    /// What was done.
    pub state: RecordState,
    /// How many lines were new.
    pub lines: usize,
    /// Why it could not be read or written, or what of it.
    pub problem: Option<String>,
}

/// What a run did to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordState {
    /// It says all that this run saw.
    UpToDate,
    /// Lines were pushed.
    Pushed,
    /// Lines would have been pushed, but for `--dry-run`.
    DryRun,
    /// The remote does not take the push.
    Refused,
    /// It cannot be read, so nothing is written.
    Unreadable,
}

impl RecordState {
    /// Returns the kebab-case word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UpToDate => "up-to-date",
            Self::Pushed => "pushed",
            Self::DryRun => "dry-run",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
        }
    }
}

impl LedgerUpdate {
    /// Returns whether everything could be read and written that images may wait for.
    pub fn is_complete(&self) -> bool {
        self.problem.is_none()
    }

    /// Returns the remark about what went wrong.
    pub fn remark(&self) -> Option<String> {
        let (branch, problem) = (&self.branch, self.problem.as_ref()?);
        Some(match self.state {
            RecordState::Refused => format!(
                "the ledger of tags was not written, so what is new now will be new again: {problem}; let tagpin push to \
                 `{branch}`"
            ),
            _ => format!("the ledger of tags cannot be read, so what may have to wait is held: {problem}"),
        })
    }
}

impl RepositoryOutcome {
    /// Returns this with what was done to the ledger.
    pub(crate) fn with(mut self, recorded: Option<LedgerUpdate>) -> Self {
        self.notes.extend(recorded.as_ref().and_then(LedgerUpdate::remark));
        self.ledger = recorded;
        self
    }

    /// Returns whether something was written: a branch or a pull request.
    pub fn changed(&self) -> bool {
        self.groups.iter().any(|group| {
            let settled = group.pull_request.as_ref();
            let written = settled.is_some_and(|settled| settled.operation != Operation::None);
            written || matches!(group.branch, BranchState::Pushed | BranchState::Deleted)
        })
    }

    /// Returns whether everything that should be proposed is.
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

    /// Returns this as a run ends that writes nothing.
    pub(crate) fn of_dry_run(mut self) -> Self {
        if !self.pinned.files.is_empty() {
            self.branch = BranchState::DryRun;
        }
        self
    }

    /// Returns this with what stands for all groups.
    pub(crate) fn summarised(mut self) -> Self {
        if let Some(first) = self.first().cloned() {
            self.branch = first.branch;
            self.commit = first.commit;
            self.pull_request = first.pull_request;
        }
        self
    }
}
