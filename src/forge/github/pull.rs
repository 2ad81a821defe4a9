//! What of GitHub's pull requests is read; fields that old GitHub Enterprise leaves out may be missing.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::forge::{Account, PullRequest, PullRequestState};

#[derive(Deserialize)]
pub(super) struct Pull {
    number: u64,
    #[serde(default)]
    node_id: String,
    #[serde(default)]
    draft: bool,
    html_url: String,
    title: String,
    body: Option<String>,
    state: String,
    merged_at: Option<String>,
    head: Side,
    base: Side,
    /// `None` for an account that was deleted.
    user: Option<User>,
    #[serde(default)]
    labels: Vec<Label>,
    auto_merge: Option<IgnoredAny>,
}

/// A pull request as GraphQL has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    id: String,
    pub(super) number: u64,
    url: String,
    title: String,
    body: String,
    state: NodeState,
    is_draft: bool,
    pub(super) is_cross_repository: bool,
    head_ref_oid: String,
    pub(super) base_ref_name: String,
    author: Option<User>,
    labels: Option<Labels>,
    auto_merge_request: Option<IgnoredAny>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum NodeState {
    Open,
    Closed,
    Merged,
}

#[derive(Deserialize)]
struct Labels {
    nodes: Vec<Label>,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    branch: String,
    sha: String,
    /// `None` for a fork that was deleted.
    repo: Option<HeadRepository>,
}

#[derive(Deserialize)]
struct HeadRepository {
    full_name: String,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

impl Pull {
    /// Returns whether the branch `head` of the repository itself is proposed: a fork may have one of the same name.
    pub(super) fn is_ours(&self, full_name: &str, head: &str) -> bool {
        let repository = self.head.repo.as_ref().map(|repository| repository.full_name.as_str());
        self.head.branch == head && repository.is_some_and(|name| name.eq_ignore_ascii_case(full_name))
    }
}

impl From<Pull> for PullRequest {
    fn from(pull: Pull) -> Self {
        let state = match (pull.state.as_str(), pull.merged_at) {
            ("open", _) => PullRequestState::Open,
            (_, None) => PullRequestState::Closed,
            (_, Some(_)) => PullRequestState::Merged,
        };
        Self {
            number: pull.number,
            url: pull.html_url,
            title: pull.title,
            body: pull.body.unwrap_or_default(),
            base: pull.base.branch,
            commit: pull.head.sha,
            state,
            labels: pull.labels.into_iter().map(|label| label.name).collect(),
            author: pull.user.map(|user| account(&user.login)).unwrap_or_default(),
            draft: pull.draft,
            auto_merge: pull.auto_merge.is_some(),
            handle: pull.node_id,
        }
    }
}

impl From<&Node> for PullRequest {
    fn from(node: &Node) -> Self {
        let labels = node.labels.iter().flat_map(|labels| &labels.nodes);
        Self {
            number: node.number,
            url: node.url.clone(),
            title: node.title.clone(),
            body: node.body.clone(),
            base: node.base_ref_name.clone(),
            commit: node.head_ref_oid.clone(),
            state: match node.state {
                NodeState::Open => PullRequestState::Open,
                NodeState::Closed => PullRequestState::Closed,
                NodeState::Merged => PullRequestState::Merged,
            },
            labels: labels.map(|label| label.name.clone()).collect(),
            author: node.author.as_ref().map(|user| account(&user.login)).unwrap_or_default(),
            draft: node.is_draft,
            auto_merge: node.auto_merge_request.is_some(),
            handle: node.id.clone(),
        }
    }
}

/// Returns the account with this login. GraphQL and REST agree on the login alone, and one of them says `name[bot]`.
pub(super) fn account(login: &str) -> Account {
    let name = login.strip_suffix("[bot]").unwrap_or(login);
    Account { id: name.to_ascii_lowercase(), name: name.to_owned() }
}
