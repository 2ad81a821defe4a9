//! Renovate over the same registry and the same repository, with a forge that speaks as much of Gitea's API as it asks for.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::support::bare_repository::BareRepository;
use super::{TOKEN, timed};

/// The one repository that it has.
pub(crate) const REPOSITORY: &str = "acme/clusters";

/// A forge with one repository.
#[derive(Clone)]
pub(crate) struct Gitea {
    repository: PathBuf,
    clone_url: Arc<Mutex<String>>,
    pulls: Arc<Mutex<Vec<Value>>>,
}

impl Gitea {
    /// Serves the pull requests of the repository at a path, on a free port; returns the port too.
    pub(crate) async fn start(repository: PathBuf) -> Result<(Self, u16)> {
        let gitea = Self { repository, clone_url: Arc::default(), pulls: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let state = gitea.clone();
        let answer = move |method: Method, uri: Uri, body: Bytes| {
            let state = state.clone();
            async move { state.answer(&method, uri.path(), &body) }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Ok((gitea, port))
    }

    /// Says where the repository is cloned from.
    pub(crate) fn serves(&self, url: &str) {
        url.clone_into(&mut self.clone_url.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Returns the branches of the open pull requests.
    pub(crate) fn branches(&self) -> Vec<String> {
        let pulls = self.pulls.lock().unwrap_or_else(PoisonError::into_inner);
        let open = pulls.iter().filter(|pull| pull["state"] == "open");
        open.filter_map(|pull| pull["head"]["label"].as_str().map(str::to_owned)).collect()
    }

    fn answer(&self, method: &Method, path: &str, body: &[u8]) -> Response {
        let segments: Vec<&str> = path.split('/').skip_while(|segment| *segment != "v1").skip(1).collect();
        let given: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut pulls = self.pulls.lock().unwrap_or_else(PoisonError::into_inner);
        for pull in pulls.iter_mut() {
            let branch = pull["head"]["label"].as_str().unwrap_or_default();
            let head = BareRepository::open(&self.repository).head(branch);
            pull["head"]["sha"] = head.map(|oid| oid.to_string()).into();
        }
        let answer = match (method.as_str(), segments.as_slice()) {
            ("GET", ["user"]) => {
                json!({ "id": 1, "login": "bot", "full_name": "bot", "email": "bot@acme.example" })
            }
            ("GET", ["version"]) => json!({ "version": "1.24.0" }),
            ("GET", ["repos", "acme", "clusters"]) => self.repository(),
            ("GET", ["repos", _, _, "pulls"]) => Value::Array(pulls.clone()),
            ("POST", ["repos", _, _, "pulls"]) => {
                let number = pulls.len() + 1;
                let branch = given["head"].as_str().unwrap_or_default();
                let head = BareRepository::open(&self.repository).head(branch).map(|oid| oid.to_string());
                pulls.push(json!({
                    "number": number, "state": "open", "title": given["title"], "body": given["body"], "mergeable": true,
                    "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "base": { "ref": given["base"] },
                    "head": { "label": branch, "sha": head, "repo": { "full_name": REPOSITORY } }, "user": { "id": 1, "login": "bot" },
                }));
                pulls[number - 1].clone()
            }
            ("GET" | "PATCH", ["repos", _, _, "pulls", number]) => {
                let index = number.parse::<usize>().unwrap_or_default().wrapping_sub(1);
                let Some(pull) = pulls.get_mut(index) else { return StatusCode::NOT_FOUND.into_response() };
                for key in ["title", "body", "state"].into_iter().filter(|key| given[*key].is_string()) {
                    pull[key] = given[key].clone();
                }
                pull.clone()
            }
            ("POST", ["repos", _, _, "statuses", _]) => {
                json!({ "id": 1, "status": "success", "context": "x" })
            }
            ("GET", ["orgs", ..]) => return StatusCode::NOT_FOUND.into_response(),
            // No labels, issues, comments or statuses.
            ("GET", _) => json!([]),
            _ => return StatusCode::NOT_FOUND.into_response(),
        };
        ([("content-type", "application/json")], answer.to_string()).into_response()
    }

    fn repository(&self) -> Value {
        json!({
            "id": 1, "full_name": REPOSITORY, "default_branch": "main", "allow_merge_commits": true, "has_pull_requests": true,
            "clone_url": *self.clone_url.lock().unwrap_or_else(PoisonError::into_inner),
            "owner": { "id": 2, "login": "acme" }, "permissions": { "admin": false, "pull": true, "push": true },
        })
    }
}

/// Runs Renovate once, which keeps its caches in `home`; `host` serves the repository and, below `/gitea/`, the forge.
pub(crate) fn run(program: &Path, home: &Path, host: &str, registry: u16) -> Result<(Duration, String)> {
    let settings = json!({
        "platform": "gitea", "endpoint": format!("http://{host}/gitea/"), "token": TOKEN, "repositories": [REPOSITORY],
        "onboarding": false, "requireConfig": "ignored", "dependencyDashboard": false, "gitAuthor": "bot <bot@acme.example>",
        "enabledManagers": ["kubernetes"], "kubernetes": { "managerFilePatterns": ["/\\.yaml$/"] }, "pinDigests": true,
        "prHourlyLimit": 0, "prConcurrentLimit": 0, "branchConcurrentLimit": 0, "commitHourlyLimit": 0,
        "packageRules": [
            { "matchUpdateTypes": ["major", "minor", "patch"], "enabled": false },
            { "matchUpdateTypes": ["pin", "pinDigest", "digest"], "groupName": "digests" },
        ],
        "hostRules": [{ "matchHost": format!("https://127.0.0.1:{registry}"), "insecureRegistry": true }],
        "baseDir": home.join("base"),
        // As tagpin does, it asks again in every run.
        "cacheTtlOverride": { "datasource-docker*": 0 },
    });
    let file = home.join("renovate.json");
    fs_err::write(&file, settings.to_string())?;
    let beside = program.parent().context("a directory")?.display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).env("PATH", format!("{beside}:{path}"));
    command.env("RENOVATE_CONFIG_FILE", &file).env("LOG_LEVEL", "warn");
    let (took, output) = timed(command)?;
    ensure!(!output.contains("ERROR"), "{output}");
    Ok((took, output))
}
