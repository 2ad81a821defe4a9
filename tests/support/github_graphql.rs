//! The few queries of GitHub's GraphQL API that tagpin sends, word by word: anything else is refused.

use axum::response::Response;
use git2::{Oid, Repository};
use serde_json::{Value, json};

use super::forge::Shared;
use super::github_answers::json_answer;

/// Answers the query in `body`.
pub(super) fn answer(shared: &Shared, body: &Value) -> Response {
    let words = body["query"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let input = &body["variables"]["input"];
    let result = match words.as_str() {
        "query { viewer { login } }" => Ok(json!({ "viewer": { "login": shared.settings.login } })),
        "mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }" => {
            update_refs(shared, input).map(|()| json!({ "updateRefs": { "clientMutationId": null } }))
        }
        "mutation($input: EnablePullRequestAutoMergeInput!) { enablePullRequestAutoMerge(input: $input) { \
         clientMutationId } }" => auto_merge(shared, input).map(|()| json!({})),
        "mutation($input: DisablePullRequestAutoMergeInput!) { disablePullRequestAutoMerge(input: $input) { \
         clientMutationId } }" => no_auto_merge(shared, input).map(|()| json!({})),
        words
            if words
                .starts_with("query($id: ID!) { viewer { login } node(id: $id) { ... on PullRequest {") =>
        {
            withdrawn(shared, &body["variables"])
        }
        _ => Err("Parse error".to_owned()),
    };
    let body = match result {
        Ok(data) => json!({ "data": data }),
        Err(message) => json!({ "data": null, "errors": [{ "type": "UNPROCESSABLE", "message": message }] }),
    };
    json_answer(200, &body)
}

fn keys(value: &Value, known: &[&str]) -> Result<(), String> {
    let unknown =
        value.as_object().and_then(|object| object.keys().find(|key| !known.contains(&key.as_str())));
    unknown.map_or(Ok(()), |key| Err(format!("Field is not defined: {key}")))
}

fn update_refs(shared: &Shared, input: &Value) -> Result<(), String> {
    keys(input, &["repositoryId", "refUpdates"])?;
    if input["repositoryId"] != "R_1" {
        return Err("Could not resolve to a node".to_owned());
    }
    let git =
        shared.settings.git.as_ref().and_then(|path| Repository::open_bare(path).ok()).ok_or("no git")?;
    let oid =
        |value: &Value| Oid::from_str(value.as_str().unwrap_or_default()).map_err(|error| error.to_string());
    for update in input["refUpdates"].as_array().into_iter().flatten() {
        keys(update, &["name", "beforeOid", "afterOid", "force"])?;
        let name = update["name"].as_str().unwrap_or_default();
        let (before, after) = (oid(&update["beforeOid"])?, oid(&update["afterOid"])?);
        if git.refname_to_id(name).unwrap_or(Oid::ZERO_SHA1) != before {
            return Err(format!("Reference cannot be updated: {name} is not at {before}"));
        }
        git.find_commit(after).map_err(|error| error.message().to_owned())?;
        git.reference(name, after, true, "updateRefs").map_err(|error| error.message().to_owned())?;
    }
    Ok(())
}

fn auto_merge(shared: &Shared, input: &Value) -> Result<(), String> {
    keys(input, &["pullRequestId", "mergeMethod", "expectedHeadOid"])?;
    if !shared.settings.auto_merge {
        return Err("Auto merge is not allowed for this repository".to_owned());
    }
    let mut inner = shared.lock();
    let id = input["pullRequestId"].as_str().unwrap_or_default();
    let pull = inner.pulls.iter_mut().find(|pull| format!("PR_{}", pull.number) == id);
    let pull = pull.ok_or("Could not resolve to a node")?;
    let head = (shared.branches)(&pull.head);
    if input["expectedHeadOid"].as_str().is_some_and(|oid| head.as_deref() != Some(oid)) {
        return Err("Head sha didn't match expected head".to_owned());
    }
    pull.added.push(format!("auto-merge {}", input["mergeMethod"].as_str().unwrap_or_default()));
    let number = pull.number;
    inner.events.push((number, "AutoSquashEnabledEvent".to_owned(), shared.settings.login.clone()));
    Ok(())
}

fn no_auto_merge(shared: &Shared, input: &Value) -> Result<(), String> {
    keys(input, &["pullRequestId"])?;
    let mut inner = shared.lock();
    let id = input["pullRequestId"].as_str().unwrap_or_default();
    let pull = inner.pulls.iter_mut().find(|pull| format!("PR_{}", pull.number) == id);
    let pull = pull.ok_or("Could not resolve to a node")?;
    if !pull.merges_by_itself() {
        return Err("Can't disable auto-merge for this pull request.".to_owned());
    }
    pull.added.retain(|added| !added.starts_with("auto-merge "));
    let number = pull.number;
    inner.events.push((number, "AutoMergeDisabledEvent".to_owned(), shared.settings.login.clone()));
    Ok(())
}

fn withdrawn(shared: &Shared, variables: &Value) -> Result<Value, String> {
    let inner = shared.lock();
    let of = |merging: bool| {
        let events = inner.events.iter().filter(|(number, kind, _)| {
            variables["id"] == format!("PR_{number}") && kind.starts_with("Auto") == merging
        });
        let node = |(_, kind, actor): &(u64, String, String)| json!({ "__typename": kind, "actor": { "login": actor } });
        json!({ "nodes": events.map(node).collect::<Vec<_>>() })
    };
    let login = &shared.settings.login;
    Ok(json!({ "viewer": { "login": login }, "node": { "taken": of(false), "merging": of(true) } }))
}
