//! What a forge can do and how much it takes: asked before work, so that nobody needs to know which forge it is.

use super::MergeMethod;

/// What one forge can do, told by its adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The forge's name, for messages.
    pub name: &'static str,
    /// How long a body may be, in UTF-16 units with two for each line end: no forge counts more.
    pub body_max: usize,
    /// How long a title may be, in characters.
    pub title_max: usize,
    /// Whether lists answer with cut bodies, so that each has to be read by itself.
    pub lists_cut_bodies: bool,
    /// What Markdown its bodies show.
    pub markdown: MarkdownDialect,
    /// How labels are given.
    pub labels: Labels,
    /// How long a label may be, in characters.
    pub label_max: usize,
    /// How many labels or people one pull request takes at most.
    pub names_max: usize,
    /// Whether people are asked for a review.
    pub reviewers: bool,
    /// Whether whole teams are.
    pub teams: bool,
    /// Whether pull requests are assigned to people.
    pub assignees: bool,
    /// Whether they belong to milestones.
    pub milestones: bool,
    /// How a draft is told.
    pub drafts: Drafts,
    /// Whether a closed pull request can be opened again.
    pub reopen: bool,
    /// In which ways it merges by itself, once everything has passed that is required.
    pub auto_merge: &'static [MergeMethod],
    /// Whether it makes commits over its API, and moves a branch only from a known value.
    pub api_commits: bool,
    /// What stands before a number where a text names a pull request.
    pub reference: &'static str,
}

/// What Markdown a forge shows beyond CommonMark and tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkdownDialect {
    /// Whether `<!-- … -->` is hidden.
    pub comments: bool,
    /// Whether `<details>` folds.
    pub folds: bool,
    /// Whether a quote that starts with `[!WARNING]` is an alert.
    pub alerts: bool,
    /// Whether people can tick the boxes of a list.
    pub tasks: bool,
}

/// How a forge wants to be told of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// It has none.
    None,
    /// By their names; it makes those that it does not have.
    Names,
    /// By numbers of labels that are there.
    Ids,
}

/// How a forge tells that a pull request is a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drafts {
    /// By a field.
    Field,
    /// By this prefix of the title, which the adapter adds and takes off again.
    TitlePrefix(&'static str),
}

impl Capabilities {
    /// What a place without a forge of its own is taken for: nothing is asked of it.
    pub const NONE: Self = Self {
        name: "the forge",
        body_max: 65_536,
        title_max: 256,
        lists_cut_bodies: false,
        markdown: MarkdownDialect { comments: true, folds: true, alerts: true, tasks: true },
        labels: Labels::None,
        label_max: 50,
        names_max: 100,
        reviewers: false,
        teams: false,
        assignees: false,
        milestones: false,
        drafts: Drafts::Field,
        reopen: false,
        auto_merge: &[],
        api_commits: false,
        reference: "#",
    };
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::NONE
    }
}
