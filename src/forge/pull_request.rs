//! Pull requests as data, the same for every forge.

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
    pub metadata: Metadata,
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

/// What somebody took off a pull request again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Withdrawn {
    /// A label, a reviewer, an assignee or the milestone.
    pub metadata: bool,
    /// Auto-merge, and nobody turned it on again. What the token's own account took off does not count.
    pub auto_merge: bool,
}

impl Metadata {
    /// Returns whether there is nothing to add after it was opened.
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

/// What of a pull request has to change; `None` stays as it is, and is not sent.
///
/// A base that is right already must not be sent again: a forge may refuse any base for a stacked pull request.
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
    /// Returns whether nothing has to change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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
    /// The title, without what a forge puts before it to say that it is a draft.
    pub title: String,
    /// The body.
    pub body: String,
    /// The branch it should be merged into.
    pub base: String,
    /// The commit that its branch is at, as hex, all of it: an adapter whose forge answers with a prefix looks it up.
    pub commit: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// Whether it is open.
    pub state: PullRequestState,
    /// Its labels.
    pub labels: Vec<String>,
    /// Whether the forge merges it as soon as everything that is required has passed.
    pub auto_merge: bool,
    /// Who opened it.
    pub author: Account,
    /// What the adapter needs to find it again or to change it, in its own words.
    pub handle: String,
}

/// An account of a forge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// What tells it from every other one. An adapter that knows no better takes the name.
    pub id: String,
    /// The name that people use, which may change.
    pub name: String,
}

impl PullRequest {
    /// Returns whether it has this label; case does not matter.
    pub fn has_label(&self, name: &str) -> bool {
        self.labels.iter().any(|label| label.eq_ignore_ascii_case(name))
    }
}
