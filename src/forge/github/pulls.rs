//! What tagpin asks of a forge, asked of GitHub.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _};
use reqwest::Method;
use serde_json::{Map, json};

use super::GitHub;
use super::client::{self, Call, PAGES};
use super::profile::PROFILE;
use super::pull::Pull;
use crate::forge::{
    Account, Attempt, Capabilities, Draft, Forge, ForgeError, Metadata, NewCommit, Problem, PullRequest,
    PullRequestChanges, Withdrawn,
};

const AT_ONCE: usize = 4;

impl GitHub {
    /// Returns the pull requests from one branch, the newest first.
    async fn history(&self, branch: &str) -> Result<Vec<PullRequest>, ForgeError> {
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("head", &format!("{}:{branch}", self.owner))
                .extend_pairs([("state", "all"), ("sort", "created"), ("direction", "desc")])
                .extend_pairs([("per_page", "100"), ("page", page.to_string().as_str())])
                .finish();
            let call = Call::new(Method::GET, self.repository_path(&format!("/pulls?{query}")), None);
            let answer = self.client.send(&call).await?;
            let pulls = self.read::<Vec<Pull>>(&answer, &Attempt::Find)?;
            let ours = pulls.into_iter().filter(|pull| pull.is_ours(&self.full_name(), branch));
            found.extend(ours.map(PullRequest::from));
            if !client::has_next_page(&answer.headers) {
                return Ok(found);
            }
        }
        Err(self.endless(branch, 100))
    }

    /// Returns that a branch has more pull requests than the pages that are read, with so many on each.
    pub(super) fn endless(&self, branch: &str, page: usize) -> ForgeError {
        let problem = format!("`{branch}` has more than {} pull requests", PAGES as usize * page);
        let failure = self.client.failure(Problem::Other(problem)).of_repository(self.full_name());
        ForgeError::InvalidAnswer(
            failure
                .while_trying(&Attempt::Find)
                .advise("delete the branch on the forge, or set other groups"),
        )
    }
}

impl Forge for GitHub {
    fn capabilities(&self) -> Capabilities {
        PROFILE.capabilities
    }

    async fn histories(
        &self,
        branches: &[String],
        base: &str,
    ) -> Result<BTreeMap<String, Vec<PullRequest>>, ForgeError> {
        // Without a token nobody may ask GraphQL, and of one branch it tells no more.
        if branches.len() > 1 && self.client.has_token() {
            return self.all_histories(branches, base).await;
        }
        let asked = branches.iter().cloned().map(|branch| async move {
            let history = self.history(&branch).await?;
            Ok((branch, history))
        });
        futures_util::stream::iter(asked).buffered(AT_ONCE).try_collect().await
    }

    async fn identity(&self) -> Result<Account, ForgeError> {
        self.viewer().await
    }

    async fn create(&self, draft: &Draft) -> Result<PullRequest, ForgeError> {
        let Draft { head, base, title, body, commit: _, metadata } = draft;
        let mut body = json!({ "head": head, "base": base, "title": title, "body": body });
        if metadata.draft {
            body["draft"] = true.into();
        }
        let call = Call::new(Method::POST, self.repository_path("/pulls"), Some(body));
        let attempt = Attempt::Create { head: head.clone(), base: base.clone() };
        self.send::<Pull>(call, &attempt).await.map(PullRequest::from)
    }

    async fn update(
        &self,
        pull: &PullRequest,
        changes: &PullRequestChanges<'_>,
    ) -> Result<PullRequest, ForgeError> {
        let state = changes.close.then_some("closed");
        let fields =
            [("title", changes.title), ("body", changes.body), ("base", changes.base), ("state", state)];
        let body = fields
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?.into())))
            .collect::<Map<_, _>>();
        let path = self.repository_path(&format!("/pulls/{}", pull.number));
        let call = Call::new(Method::PATCH, path, Some(body.into()));
        self.send::<Pull>(call, &Attempt::Update(pull.number)).await.map(PullRequest::from)
    }

    async fn add_metadata(&self, pull: &PullRequest, metadata: &Metadata) -> Result<Vec<String>, ForgeError> {
        self.add_all(pull, metadata).await
    }

    async fn disable_auto_merge(&self, pull: &PullRequest) -> Result<(), ForgeError> {
        self.turn_auto_merge_off(pull).await
    }

    async fn withdrawn(&self, pull: &PullRequest) -> Result<Withdrawn, ForgeError> {
        self.withdrawals(pull).await
    }

    async fn remove_label(&self, pull: &PullRequest, label: &str) -> Result<(), ForgeError> {
        let (number, label) =
            (pull.number, percent_encoding::utf8_percent_encode(label, percent_encoding::NON_ALPHANUMERIC));
        let path = self.repository_path(&format!("/issues/{number}/labels/{label}"));
        let call = Call { repeats: true, ..Call::new(Method::DELETE, path, None) };
        match self.send::<serde_json::Value>(call, &Attempt::Update(number)).await {
            Ok(_) | Err(ForgeError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn commit(&self, commit: &NewCommit) -> Result<String, ForgeError> {
        self.make_commit(commit).await
    }
}
