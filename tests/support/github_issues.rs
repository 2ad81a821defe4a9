//! What GitHub adds to a pull request: labels, people, a milestone.

use axum::http::Method;
use axum::response::Response;
use serde_json::{Value, json};

use super::forge::Pull;
use super::github_answers::{json_answer, refused};
use super::github_json::label;

/// Who does not belong to the repository.
pub(crate) const STRANGER: &str = "stranger";

/// Answers what is asked below `/issues/N` and `/pulls/N`.
pub(super) fn answer(pull: &mut Pull, method: &Method, rest: &[&str], body: &Value) -> Response {
    let names = |key: &str| -> Vec<String> {
        let names = body[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        names.map(str::to_owned).collect()
    };
    match (method, rest) {
        (&Method::POST, ["labels"]) => {
            for name in names("labels") {
                if !pull.labels.contains(&name) {
                    pull.labels.push(name);
                }
            }
            json_answer(200, &pull.labels.iter().map(|name| label(name)).collect())
        }
        (&Method::DELETE, ["labels", name]) => {
            let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned();
            let before = pull.labels.len();
            pull.labels.retain(|label| !label.eq_ignore_ascii_case(&name));
            if pull.labels.len() == before {
                return refused(404, "Label does not exist", json!(null));
            }
            json_answer(200, &pull.labels.iter().map(|name| label(name)).collect())
        }
        (&Method::POST, ["assignees"]) => added(pull, "assignee", &names("assignees")),
        (&Method::POST, ["requested_reviewers"]) => {
            let reviewers = names("reviewers");
            if reviewers.iter().any(|name| name == STRANGER) {
                let message = "Reviews may only be requested from collaborators. One or more of the users or teams you \
                               specified is not a collaborator of the acme/clusters repository.";
                return refused(422, message, json!(null));
            }
            added(pull, "reviewer", &reviewers);
            added(pull, "team", &names("team_reviewers"))
        }
        (&Method::PATCH, []) => {
            let number = body["milestone"].as_u64().unwrap_or_default();
            added(pull, "milestone", &[number.to_string()])
        }
        _ => refused(404, "Not Found", json!(null)),
    }
}

fn added(pull: &mut Pull, what: &str, names: &[String]) -> Response {
    for name in names {
        let added = format!("{what} {name}");
        if !pull.added.contains(&added) {
            pull.added.push(added);
        }
    }
    json_answer(201, &json!({}))
}
