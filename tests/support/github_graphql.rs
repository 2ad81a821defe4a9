//! The few queries of GitHub's GraphQL API that tagpin sends, word by word: anything else is refused.

use axum::response::Response;
use git2::{Oid, Repository};
use serde_json::{Value, json};

use super::forge::{Pull, Shared};
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
        words if words.starts_with("query($owner: String!, $name: String!, $b0: String!, $a0: String") => {
            histories(shared, words, &body["variables"])
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

/// Answers a query for the pull requests of many branches, which must be spelled as tagpin spells it.
fn histories(shared: &Shared, words: &str, variables: &Value) -> Result<Value, String> {
    let (head, rest) =
        words.split_once(") { repository(owner: $owner, name: $name) { ").ok_or("Parse error")?;
    let (questions, fragment) = rest.split_once("} } fragment ").ok_or("Parse error")?;
    let fields = "found on PullRequestConnection { totalCount pageInfo { hasNextPage endCursor } nodes { id number url \
                  title body state isDraft isCrossRepository headRefOid baseRefName author { login } labels(first: 100) \
                  { nodes { name } } autoMergeRequest { enabledAt } } }";
    if fragment != fields {
        return Err(format!("Fields are not defined: {fragment}"));
    }
    let name =
        format!("{}/{}", variables["owner"].as_str().unwrap_or(""), variables["name"].as_str().unwrap_or(""));
    if !name.eq_ignore_ascii_case(&shared.full_name()) {
        return Err(format!("Could not resolve to a Repository with the name '{name}'."));
    }
    let (mut answers, mut nodes) = (serde_json::Map::new(), 0);
    for (i, question) in
        questions.split("{ ...found }").map(str::trim).filter(|it| !it.is_empty()).enumerate()
    {
        let start = format!("q{i}: pullRequests(headRefName: $b{i}, states: [");
        let (states, rest) = question
            .strip_prefix(&start)
            .and_then(|rest| rest.split_once("], first: "))
            .ok_or("Parse error")?;
        let end = format!(", after: $a{i}, orderBy: {{field: CREATED_AT, direction: DESC}})");
        let first = rest.strip_suffix(&end).and_then(|first| first.parse().ok()).ok_or("Parse error")?;
        if !head.contains(&format!(", $b{i}: String!, $a{i}: String")) || first > 100 {
            return Err("Parse error".to_owned());
        }
        // What GitHub counts: every pull request, and every label of every one.
        nodes += first * 101;
        let states: Vec<&str> = states.split(", ").collect();
        let (branch, after) = (&variables[format!("b{i}")], &variables[format!("a{i}")]);
        let after = after.as_str().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        answers.insert(format!("q{i}"), connection(shared, branch, &states, first, after));
    }
    if nodes > 500_000 {
        return Err(format!(
            "This query requests up to {nodes} possible nodes which exceeds the maximum limit"
        ));
    }
    Ok(json!({ "repository": answers }))
}

fn connection(shared: &Shared, branch: &Value, states: &[&str], first: usize, after: usize) -> Value {
    let state = |pull: &Pull| match (pull.state.as_str(), pull.merged) {
        ("open", _) => "OPEN",
        (_, true) => "MERGED",
        (_, false) => "CLOSED",
    };
    let inner = shared.lock();
    let found: Vec<&Pull> = inner
        .pulls
        .iter()
        .rev()
        .filter(|pull| *branch == *pull.head && states.contains(&state(pull)))
        .collect();
    let nodes = found.iter().skip(after).take(first).map(|pull| {
        let rest = shared.shown(pull);
        let labels: Vec<Value> = pull.labels.iter().map(|name| json!({ "name": name })).collect();
        json!({
            "id": rest["node_id"], "number": pull.number, "url": rest["html_url"], "title": pull.title,
            "body": pull.body.clone().unwrap_or_default(), "state": state(pull), "isDraft": pull.draft,
            "isCrossRepository": pull.head_repository.as_ref() != Some(&shared.full_name()),
            "headRefOid": rest["head"]["sha"], "baseRefName": pull.base, "author": { "login": pull.user },
            "labels": { "nodes": labels },
            "autoMergeRequest": pull.merges_by_itself().then(|| json!({ "enabledAt": "2026-01-01T00:00:00Z" })),
        })
    });
    let nodes: Vec<Value> = nodes.collect();
    let end = after + nodes.len();
    json!({
        "totalCount": found.len(), "nodes": nodes,
        "pageInfo": { "hasNextPage": end < found.len(), "endCursor": end.to_string() },
    })
}
