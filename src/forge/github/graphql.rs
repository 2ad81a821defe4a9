//! The few things that only GitHub's GraphQL API does: compare before a branch is moved, say who the token is, merge by
//! itself.

use reqwest::Method;
use serde_json::{Value, json};

use super::GitHub;
use super::client::{Api, Call};
use super::error::GitHubRefusal;
use super::pull::account;
use crate::forge::{Account, Attempt, ForgeError, MergeMethod, NewCommit, Problem};

/// What stands for "no such ref" (GraphQL API, `RefUpdate`).
const NOWHERE: &str = "0000000000000000000000000000000000000000";

const VIEWER: &str = "query { viewer { login } }";

const UPDATE_REFS: &str =
    "mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }";

const AUTO_MERGE: &str = "mutation($input: EnablePullRequestAutoMergeInput!) { \
     enablePullRequestAutoMerge(input: $input) { clientMutationId } }";

pub(super) struct GraphQlError {
    pub(super) said: String,
}

impl GitHub {
    async fn graphql(
        &self,
        query: &str,
        variables: Value,
        attempt: &Attempt,
    ) -> Result<Result<Value, GraphQlError>, ForgeError> {
        // A query reads, although it is posted.
        let repeats = query.starts_with("query");
        let body = Some(json!({ "query": query, "variables": variables }));
        let call = Call { api: Api::GraphQl, repeats, ..Call::new(Method::POST, String::new(), body) };
        let answer: Value = self.read(&self.client.send(&call).await?, attempt)?;
        let errors: &[Value] = answer["errors"].as_array().map_or(&[], Vec::as_slice);
        let said: Vec<&str> = errors.iter().filter_map(|error| error["message"].as_str()).collect();
        let said = said.join("; ");
        // GraphQL says so with status 200.
        if errors.iter().any(|error| error["type"] == "RATE_LIMITED") {
            let failure = self.client.failure(Problem::TooManyRequests).quote(self.client.quote(&said));
            return Err(ForgeError::RateLimited(failure.advise("try again in an hour")));
        }
        Ok(if errors.is_empty() { Ok(answer["data"].clone()) } else { Err(GraphQlError { said }) })
    }

    pub(super) async fn viewer(&self) -> Result<Account, ForgeError> {
        let answer = self.graphql(VIEWER, json!({}), &Attempt::Identify).await?;
        let said = match &answer {
            Ok(data) => match data["viewer"]["login"].as_str() {
                Some(login) if !login.is_empty() => return Ok(account(login)),
                _ => "",
            },
            Err(error) => &error.said,
        };
        let failure = self.client.failure(Problem::UnknownIdentity).quote(self.client.quote(said));
        Err(ForgeError::InvalidAnswer(failure.advise("so what was declined is not known")))
    }

    /// Moves the commit's branch to `oid`, if it is where it was; GitHub compares (`beforeOid`), which REST does not.
    pub(super) async fn move_branch(&self, commit: &NewCommit, oid: &str) -> Result<(), ForgeError> {
        let update = json!({
            "name": format!("refs/heads/{}", commit.branch),
            "beforeOid": commit.expected.as_deref().unwrap_or(NOWHERE),
            "afterOid": oid,
            "force": true,
        });
        let repository: Value = self.get(self.repository_path(""), &Attempt::Commit).await?;
        let input = json!({ "repositoryId": repository["node_id"], "refUpdates": [update] });
        let attempt = Attempt::Commit;
        let error = match self.graphql(UPDATE_REFS, json!({ "input": input }), &attempt).await {
            Ok(Ok(data)) if data["updateRefs"].is_object() => return Ok(()),
            Ok(Ok(_)) => GraphQlError { said: "no answer to what was asked".to_owned() },
            // It may have been done although its answer got lost.
            Err(error @ (ForgeError::Unavailable(_) | ForgeError::InvalidAnswer(_))) => {
                let there = self.branch_at(commit).await.ok().flatten();
                return if there.as_deref() == Some(oid) { Ok(()) } else { Err(error) };
            }
            Err(error) => return Err(error),
            Ok(Err(error)) => error,
        };
        let found = self.branch_at(commit).await?;
        if found != commit.expected {
            let problem = Problem::BranchMoved {
                branch: commit.branch.clone(),
                expected: commit.expected.clone(),
                found: found.map(|oid| self.client.quote(&oid)),
            };
            let failure = self.client.failure(problem).of_repository(self.full_name());
            return Err(ForgeError::RefMoved(failure.advise("nothing was changed")));
        }
        let refusal = GitHubRefusal::of_message(reqwest::StatusCode::UNPROCESSABLE_ENTITY, error.said);
        Err(refusal.explain(&attempt, &self.full_name(), &self.client))
    }

    async fn branch_at(&self, commit: &NewCommit) -> Result<Option<String>, ForgeError> {
        let path = self.repository_path(&format!("/git/matching-refs/heads/{}", commit.branch));
        let refs: Vec<Value> = self.get(path, &Attempt::Commit).await?;
        let name = format!("refs/heads/{}", commit.branch);
        let found = refs.iter().find(|found| found["ref"] == name.as_str());
        Ok(found.and_then(|found| found["object"]["sha"].as_str()).map(str::to_owned))
    }

    /// Has GitHub merge the pull request `node_id` as soon as it may be merged; returns why it will not.
    pub(super) async fn enable_auto_merge(
        &self,
        node_id: &str,
        method: MergeMethod,
    ) -> Result<Option<String>, ForgeError> {
        let method = match method {
            MergeMethod::Merge => "MERGE",
            MergeMethod::Squash => "SQUASH",
            MergeMethod::Rebase => "REBASE",
        };
        let input = json!({ "pullRequestId": node_id, "mergeMethod": method });
        let answer = self.graphql(AUTO_MERGE, json!({ "input": input }), &Attempt::AddMetadata).await?;
        Ok(answer.err().map(|error| error.said))
    }
}
