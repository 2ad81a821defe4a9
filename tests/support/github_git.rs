//! GitHub's Git Data API on a bare repository: blobs, trees, commits.

use std::path::Path;

use axum::http::Method;
use axum::response::Response;
use base64::Engine as _;
use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature, Time};
use serde_json::{Value, json};

use super::forge::Shared;
use super::github_answers::{json_answer, refused};

/// Answers what is asked below `/git`.
pub(super) fn answer(shared: &Shared, method: &Method, rest: &[&str], body: &[u8]) -> Response {
    let Some(git) = shared.settings.git.as_ref().and_then(|path| Repository::open_bare(path).ok()) else {
        return refused(404, "Not Found", json!(null));
    };
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    match (method, rest) {
        (&Method::POST, ["blobs"]) => made(blob(&git, &body)),
        (&Method::POST, ["trees"]) if shared.settings.refuse_workflows && touches_workflows(&body) => {
            refused(403, "Resource not accessible by integration", json!(null))
        }
        (&Method::POST, ["trees"]) => made(tree(&git, &body)),
        (&Method::POST, ["commits"]) => made(commit(&git, &body)),
        (&Method::GET, ["matching-refs", "heads", branch @ ..]) => {
            let wanted = format!("refs/heads/{}", branch.join("/"));
            let refs = git.references_glob("refs/heads/*").unwrap().map(Result::unwrap);
            let refs = refs.filter(|found| found.name().unwrap().starts_with(&wanted)).map(|found| {
                json!({ "ref": found.name().unwrap(), "node_id": "REF_1", "url": "https://api.github.com/git/refs",
                    "object": { "sha": found.target().unwrap().to_string(), "type": "commit", "url": "https://api.github.com" } })
            });
            json_answer(200, &refs.collect())
        }
        _ => refused(404, "Not Found", json!(null)),
    }
}

fn made(object: Result<Oid, git2::Error>) -> Response {
    match object {
        Ok(oid) => json_answer(201, &json!({ "sha": oid.to_string(), "url": "https://api.github.com/git" })),
        Err(error) => refused(422, error.message(), json!(null)),
    }
}

fn touches_workflows(body: &Value) -> bool {
    let path =
        |entry: &Value| entry["path"].as_str().is_some_and(|path| path.starts_with(".github/workflows/"));
    body["tree"].as_array().is_some_and(|entries| entries.iter().any(path))
}

fn blob(git: &Repository, body: &Value) -> Result<Oid, git2::Error> {
    let content = body["content"].as_str().unwrap_or_default();
    match body["encoding"].as_str() {
        Some("base64") => git.blob(&base64::engine::general_purpose::STANDARD.decode(content).unwrap()),
        _ => git.blob(content.as_bytes()),
    }
}

fn tree(git: &Repository, body: &Value) -> Result<Oid, git2::Error> {
    let base = git.find_tree(Oid::from_str(body["base_tree"].as_str().unwrap_or_default())?)?;
    let mut update = TreeUpdateBuilder::new();
    for entry in body["tree"].as_array().into_iter().flatten() {
        let path = entry["path"].as_str().unwrap_or_default();
        assert!(base.get_path(Path::new(path)).is_ok(), "{path} is new");
        let id = match entry["content"].as_str() {
            Some(content) => git.blob(content.as_bytes())?,
            None => Oid::from_str(entry["sha"].as_str().unwrap_or_default())?,
        };
        let mode = if entry["mode"] == "100755" { FileMode::BlobExecutable } else { FileMode::Blob };
        update.upsert(path, id, mode);
    }
    update.create_updated(git, &base)
}

/// GitHub is the committer, and so signs it, where none is named.
fn commit(git: &Repository, body: &Value) -> Result<Oid, git2::Error> {
    let by = if body["committer"].is_null() && body["author"].is_null() {
        "noreply@github.com"
    } else {
        "unsigned"
    };
    let signature = Signature::new("GitHub", by, &Time::new(1_800_000_000, 0))?;
    let tree = git.find_tree(Oid::from_str(body["tree"].as_str().unwrap_or_default())?)?;
    let parents = body["parents"].as_array().into_iter().flatten();
    let parents = parents.map(|parent| git.find_commit(Oid::from_str(parent.as_str().unwrap_or_default())?));
    let parents = parents.collect::<Result<Vec<_>, _>>()?;
    let message = body["message"].as_str().unwrap_or_default();
    git.commit(None, &signature, &signature, message, &tree, &parents.iter().collect::<Vec<_>>())
}
