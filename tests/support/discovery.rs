//! The lists of repositories that GitHub answers, page by page.

use axum::http::Method;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::forge::Settings;
use super::github_answers::{json_answer, refused};
use super::github_json;

/// Returns a repository as the forge lists it; `change` has the fields that matter.
pub(crate) fn listed(settings: &Settings, full_name: &str, clone_url: &str, change: &Value) -> Value {
    let mut repository = github_json::repository(full_name, settings);
    repository["clone_url"] = clone_url.into();
    for (key, value) in change.as_object().into_iter().flatten() {
        repository[key] = value.clone();
    }
    repository
}

/// Answers a request for a list of repositories; `None` for any other.
pub(crate) fn route(
    settings: &Settings,
    method: &Method,
    segments: &[&str],
    query: &[(String, String)],
    token: Option<&str>,
) -> Option<Response> {
    let wrapped = match segments {
        ["orgs" | "users", owner, "repos"] if *owner == settings.owner => false,
        ["installation", "repositories"] => true,
        _ => return None,
    };
    if method != Method::GET {
        return None;
    }
    if token != Some(settings.token.as_str()) {
        return Some(refused(401, "Bad credentials", json!(null)));
    }
    let number = |name: &str, default: usize| {
        query.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.parse().ok()).unwrap_or(default)
    };
    let (per_page, page) = (number("per_page", 30).clamp(1, 100), number("page", 1).max(1));
    let all = settings.listed.lock().expect("nobody panicked");
    let shown: Vec<Value> = all.iter().skip((page - 1) * per_page).take(per_page).cloned().collect();
    let body =
        if wrapped { json!({ "total_count": all.len(), "repositories": shown }) } else { json!(shown) };
    let answer = json_answer(200, &body);
    if page * per_page >= all.len() {
        return Some(answer);
    }
    let next = format!("<https://api.github.com/next?page={}>; rel=\"next\"", page + 1);
    Some(([("link", next)], answer).into_response())
}
