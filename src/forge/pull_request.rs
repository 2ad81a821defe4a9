//! Pull requests as data, the same for every forge.

use crate::pull_request::{marker, same_body};

/// A pull request's text, as tagpin wants it to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The branch with the commit, in the same repository.
    pub head: String,
    /// The branch it should be merged into.
    pub base: String,
    /// The title.
    pub title: String,
    /// The body in Markdown, hidden marker included.
    pub body: String,
    /// The commit that the branch is at, made by tagpin, as hex.
    pub commit: String,
    /// What is added to it once, when it is opened.
    pub dress: Metadata,
}

/// What a pull request gets when it is opened, beside its text. It is added once and never taken away: people may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Whether it is opened as a draft.
    pub draft: bool,
    /// Labels; the forge makes those that it does not have.
    pub labels: Vec<String>,
    /// Who is asked for a review.
    pub reviewers: Vec<String>,
    /// Which teams of the organization are asked for a review, by their slugs.
    pub team_reviewers: Vec<String>,
    /// Who it is assigned to.
    pub assignees: Vec<String>,
    /// The title of an open milestone.
    pub milestone: Option<String>,
    /// How it is merged by the forge as soon as everything that is required has passed; `None` leaves that to people.
    pub auto_merge: Option<MergeMethod>,
}

impl Metadata {
    /// Tells whether there is nothing to add after it was opened.
    pub fn is_empty(&self) -> bool {
        *self == Self { draft: self.draft, ..Self::default() }
    }
}

/// How a pull request becomes a part of its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeMethod {
    /// A merge commit.
    Merge,
    /// One commit.
    Squash,
    /// Its commits on top of the base.
    Rebase,
}

impl Draft {
    /// Tells whether an open pull request from the branch is tagpin's to write to: it has tagpin's marker, or it proposes
    /// this very commit to this very base, as after a crash between push and pull request, when somebody opened it by
    /// hand. Any other one is a person's own.
    pub fn may_write(&self, current: &PullRequest) -> bool {
        let adopted = current.commit == self.commit && current.base == self.base;
        adopted || marker::read(&current.body).is_some()
    }

    /// Returns the one of `history` that is open and tagpin's to write to; the one with the marker before the others, then the
    /// oldest. A branch can have one for each base.
    pub fn current<'p>(&self, history: &'p [PullRequest]) -> Option<&'p PullRequest> {
        let open = history.iter().filter(|pull| pull.state == PullRequestState::Open && self.may_write(pull));
        open.min_by_key(|pull| (marker::read(&pull.body).is_none(), pull.number))
    }

    /// Returns what of `current` has to change so that it says what this draft says.
    pub fn changes<'a>(&'a self, current: &PullRequest) -> PullRequestChanges<'a> {
        let wanted = |ours: &'a str, theirs: &str| (!same_text(ours, theirs)).then_some(ours);
        PullRequestChanges {
            title: wanted(&self.title, &current.title),
            body: (!same_body(&self.body, &current.body)).then_some(&*self.body),
            base: (self.base != current.base).then_some(self.base.as_str()),
            close: false,
        }
    }
}

/// What of a pull request has to change; `None` stays as it is, and is not sent.
///
/// A base that is right already must not be sent again: GitHub refuses any base for a stacked pull request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PullRequestChanges<'a> {
    /// The new title.
    pub title: Option<&'a str>,
    /// The new body.
    pub body: Option<&'a str>,
    /// The new base branch.
    pub base: Option<&'a str>,
    /// Whether it is closed.
    pub close: bool,
}

impl PullRequestChanges<'_> {
    /// Tells whether nothing has to change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Tells whether a forge that was given `ours` may answer `theirs` for it.
///
/// GitHub stores bodies with `\r\n` and without white space at the ends.
pub fn same_text(ours: &str, theirs: &str) -> bool {
    ours.trim().lines().eq(theirs.trim().lines())
}

/// Where a pull request is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullRequestState {
    /// It waits for a decision.
    #[default]
    Open,
    /// Somebody closed it without merging it.
    Closed,
    /// It was merged.
    Merged,
}

impl PullRequestState {
    /// Returns `open`, `closed` or `merged`, as reports say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Merged => "merged",
        }
    }
}

/// A pull request, as the forge has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequest {
    /// The number that people use.
    pub number: u64,
    /// The page that people open.
    pub url: String,
    /// The title.
    pub title: String,
    /// The body.
    pub body: String,
    /// The branch it should be merged into.
    pub base: String,
    /// The commit that its branch is at, as hex.
    pub commit: String,
    /// Whether it is open.
    pub state: PullRequestState,
    /// Its labels.
    pub labels: Vec<String>,
    /// Who opened it.
    pub author: String,
    /// What GraphQL calls it.
    pub node_id: String,
}

impl PullRequest {
    /// Tells whether it has this label; case does not matter, as on GitHub.
    pub fn has_label(&self, name: &str) -> bool {
        self.labels.iter().any(|label| label.eq_ignore_ascii_case(name))
    }
}
