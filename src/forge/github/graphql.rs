//! The few things that only GitHub's GraphQL API does: compare before a branch is moved, say who the token is, merge by
//! itself, say who took what away.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::GitHub;
use super::client::{Api, Call};
use super::error::GitHubRefusal;
use super::pull::account;
use crate::forge::{Account, Attempt, ForgeError, MergeMethod, NewCommit, Problem, PullRequest, Withdrawn};

/// What stands for "no such ref" (GraphQL API, `RefUpdate`).
const NOWHERE: &str = "0000000000000000000000000000000000000000";

const VIEWER: &str = "query { viewer { login } }";

const UPDATE_REFS: &str =
    "mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }";

const AUTO_MERGE: &str = "mutation($input: EnablePullRequestAutoMergeInput!) { \
     enablePullRequestAutoMerge(input: $input) { clientMutationId } }";

const NO_AUTO_MERGE: &str = "mutation($input: DisablePullRequestAutoMergeInput!) { \
     disablePullRequestAutoMerge(input: $input) { clientMutationId } }";

/// The last events that took something off a pull request, and the last that turned auto-merge on or off.
const WITHDRAWN: &str = "query($id: ID!) { viewer { login } node(id: $id) { ... on PullRequest { \
     taken: timelineItems(last: 100, itemTypes: [UNLABELED_EVENT, UNASSIGNED_EVENT, REVIEW_REQUEST_REMOVED_EVENT, \
     DEMILESTONED_EVENT]) { nodes { __typename \
     ... on UnlabeledEvent { actor { login } } ... on UnassignedEvent { actor { login } } \
     ... on ReviewRequestRemovedEvent { actor { login } } ... on DemilestonedEvent { actor { login } } } } \
     merging: timelineItems(last: 1, itemTypes: [AUTO_MERGE_DISABLED_EVENT, AUTO_MERGE_ENABLED_EVENT, \
     AUTO_REBASE_ENABLED_EVENT, AUTO_SQUASH_ENABLED_EVENT]) { nodes { __typename \
     ... on AutoMergeDisabledEvent { actor { login } } } } } } }";

pub(super) struct GraphQlError {
    /// Why, in GitHub's word: `NOT_FOUND`, `FORBIDDEN` or another one.
    kind: String,
    pub(super) said: String,
}

impl GitHub {
    pub(super) async fn graphql(
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
        // GraphQL says so with status 200, in one of two words.
        let is_limit = |error: &Value| matches!(error["type"].as_str(), Some("RATE_LIMIT" | "RATE_LIMITED"));
        if errors.iter().any(is_limit) {
            let failure = self.client.failure(Problem::TooManyRequests).quote(self.client.quote(&said));
            return Err(ForgeError::RateLimited(failure.advise("try again in an hour")));
        }
        let Some(first) = errors.first() else { return Ok(Ok(answer["data"].clone())) };
        let kind = first["type"].as_str().unwrap_or_default().to_owned();
        Ok(Err(GraphQlError { kind, said }))
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
            Ok(Ok(_)) => GraphQlError { kind: String::new(), said: "no answer to what was asked".to_owned() },
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
        Err(self.refused(&attempt, error))
    }

    async fn branch_at(&self, commit: &NewCommit) -> Result<Option<String>, ForgeError> {
        let path = self.repository_path(&format!("/git/matching-refs/heads/{}", commit.branch));
        let refs: Vec<Value> = self.get(path, &Attempt::Commit).await?;
        let name = format!("refs/heads/{}", commit.branch);
        let found = refs.iter().find(|found| found["ref"] == name.as_str());
        Ok(found.and_then(|found| found["object"]["sha"].as_str()).map(str::to_owned))
    }

    /// Has GitHub merge the pull request as soon as it may be merged, if it is at its `commit`; returns why it will not.
    pub(super) async fn enable_auto_merge(
        &self,
        pull: &PullRequest,
        method: MergeMethod,
    ) -> Result<Option<String>, ForgeError> {
        let method = match method {
            MergeMethod::Merge => "MERGE",
            MergeMethod::Squash => "SQUASH",
            MergeMethod::Rebase => "REBASE",
        };
        let input =
            json!({ "pullRequestId": pull.handle, "mergeMethod": method, "expectedHeadOid": pull.commit });
        let answer = self.graphql(AUTO_MERGE, json!({ "input": input }), &Attempt::AddMetadata).await?;
        Ok(answer.err().map(|error| error.said))
    }

    /// Does what [`crate::forge::Forge::disable_auto_merge`] says.
    pub(super) async fn turn_auto_merge_off(&self, pull: &PullRequest) -> Result<(), ForgeError> {
        let input = json!({ "pullRequestId": pull.handle });
        let attempt = Attempt::Update(pull.number);
        match self.graphql(NO_AUTO_MERGE, json!({ "input": input }), &attempt).await? {
            Ok(_) => Ok(()),
            Err(error) => Err(self.refused(&attempt, error)),
        }
    }

    /// Does what [`crate::forge::Forge::withdrawn`] says.
    pub(super) async fn withdrawals(&self, pull: &PullRequest) -> Result<Withdrawn, ForgeError> {
        let attempt = Attempt::Update(pull.number);
        let answer = self.graphql(WITHDRAWN, json!({ "id": pull.handle }), &attempt).await?;
        let data = answer.map_err(|error| self.refused(&attempt, error))?;
        let login = |actor: &Value| actor["login"].as_str().map(account);
        let us = login(&data["viewer"]);
        let nodes = |list: &str| data["node"][list]["nodes"].as_array().cloned().unwrap_or_default();
        let is_somebody_s = |event: &Value| us.is_none() || login(&event["actor"]) != us;
        let auto_merge = nodes("merging");
        let last = auto_merge.last().filter(|event| event["__typename"] == "AutoMergeDisabledEvent");
        Ok(Withdrawn {
            metadata: nodes("taken").iter().any(is_somebody_s),
            auto_merge: last.is_some_and(is_somebody_s),
        })
    }

    pub(super) fn refused(&self, attempt: &Attempt, error: GraphQlError) -> ForgeError {
        let status = match error.kind.as_str() {
            "NOT_FOUND" => StatusCode::NOT_FOUND,
            "FORBIDDEN" => StatusCode::FORBIDDEN,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let refusal = GitHubRefusal::of_message(status, error.said);
        refusal.explain(attempt, &self.full_name(), &self.client)
    }
}
