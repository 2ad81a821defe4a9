//! Pull requests as GitHub lists, opens and changes them.

use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::forge::{Pull, Shared};
use super::github_answers::{custom, invalid, json_answer, refused};

pub(super) fn list(shared: &Shared, query: &[(String, String)]) -> Response {
    let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let state = value("state").unwrap_or("open");
    let label = |pull: &Pull| {
        let owner =
            pull.head_repository.as_deref().and_then(|name| name.split('/').next()).unwrap_or("unknown");
        format!("{}:{}", owner.to_ascii_lowercase(), pull.head)
    };
    // A head without an owner filters nothing, as on GitHub.
    let head = value("head").and_then(|head| head.split_once(':'));
    let head = head.map(|(owner, branch)| format!("{}:{branch}", owner.to_ascii_lowercase()));
    let matches = |pull: &&Pull| {
        (state == "all" || pull.state == state)
            && head.as_ref().is_none_or(|head| *head == label(pull))
            && value("base").is_none_or(|base| pull.base == base)
    };
    let inner = shared.lock();
    let mut pulls = inner.pulls.iter().filter(matches).collect::<Vec<_>>();
    if value("direction") != Some("asc") {
        pulls.reverse();
    }
    let number =
        |name: &str, default: usize| value(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (per_page, page) = (number("per_page", 30).clamp(1, 100), number("page", 1).max(1));
    let shown = pulls.iter().skip((page - 1) * per_page).take(per_page).map(|pull| shared.shown(pull));
    let answer = json_answer(200, &shown.collect());
    if page * per_page >= pulls.len() {
        return answer;
    }
    let next = format!(
        "<https://api.github.com/repositories/1/pulls?per_page={per_page}&page={}>; rel=\"next\"",
        page + 1
    );
    ([("link", next)], answer).into_response()
}

pub(super) fn create(shared: &Shared, body: &Value) -> Response {
    for field in ["head", "base"] {
        if !body[field].is_string() {
            return refused(422, &format!("Invalid request.\n\n\"{field}\" wasn't supplied."), json!(null));
        }
    }
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let (head, base, title) = (text("head"), text("base"), text("title").trim().to_owned());
    if title.is_empty() {
        let error = json!([{"resource": "PullRequest", "code": "missing_field", "field": "title"}]);
        return refused(422, "Validation Failed", error);
    }
    if let Some(refusal) = too_long(body) {
        return refusal;
    }
    let draft = body["draft"] == true;
    let head = head.strip_prefix(&format!("{}:", shared.settings.owner)).unwrap_or(&head).to_owned();
    let Some(head_oid) = (shared.branches)(&head) else { return invalid("head") };
    let Some(base_oid) = (shared.branches)(&base) else { return invalid("base") };
    if head_oid == base_oid {
        return custom(&format!("No commits between {base} and {head}"));
    }
    let mut inner = shared.lock();
    let own = Some(shared.full_name());
    let same = |pull: &Pull| {
        pull.state == "open" && pull.head == head && pull.base == base && pull.head_repository == own
    };
    if inner.pulls.iter().any(same) {
        return custom(&format!("A pull request already exists for {}:{head}.", shared.settings.owner));
    }
    let number = inner.open(Pull {
        number: 0,
        title,
        body: body["body"].as_str().map(stored),
        state: "open".to_owned(),
        base,
        head,
        head_repository: own,
        head_oid,
        user: shared.settings.login.clone(),
        merged: false,
        labels: Vec::new(),
        draft,
        added: Vec::new(),
    });
    let pull = inner.pulls.iter().find(|pull| pull.number == number);
    pull.map_or_else(
        || refused(500, "Server Error", json!(null)),
        |pull| json_answer(201, &shared.shown(pull)),
    )
}

pub(super) fn update(shared: &Shared, pull: &mut Pull, body: &Value) -> Option<Response> {
    if let Some(refusal) = too_long(body) {
        return Some(refusal);
    }
    if let Some(base) = body["base"].as_str() {
        if (shared.branches)(base).is_none() {
            return Some(invalid("base"));
        }
        pull.base = base.to_owned();
    }
    if let Some(title) = body["title"].as_str() {
        pull.title = title.trim().to_owned();
    }
    if let Some(body) = body["body"].as_str() {
        pull.body = Some(stored(body));
    }
    if let Some(oid) = (shared.branches)(&pull.head).filter(|_| body["state"] == "closed") {
        pull.head_oid = oid;
    }
    if let Some(state) = body["state"].as_str() {
        pull.state = state.to_owned();
    }
    None
}

/// Returns the body as GitHub gives it back, so that a client that compares byte for byte is found out.
fn stored(body: &str) -> String {
    body.trim().replace("\r\n", "\n").replace('\n', "\r\n")
}

fn too_long(body: &Value) -> Option<Response> {
    let long =
        |field: &str, most: usize| body[field].as_str().is_some_and(|text| text.chars().count() > most);
    for (field, most) in [("body", 65_536), ("title", 256)] {
        if long(field, most) {
            let message = format!("{field} is too long (maximum is {most} characters)");
            let error =
                json!([{"resource": "PullRequest", "code": "custom", "field": field, "message": message}]);
            return Some(refused(422, "Validation Failed", error));
        }
    }
    None
}
