//! What GitHub answered: status, headers and a bounded body.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer that is neither a server's failure nor a rate limit.
pub(crate) struct GitHubAnswer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl GitHubAnswer {
    /// Returns GitHub's own message; empty where the body is not its JSON.
    pub(super) fn message(&self) -> String {
        let body = serde_json::from_slice::<Value>(&self.body).unwrap_or_default();
        body["message"].as_str().unwrap_or_default().to_owned()
    }
}
