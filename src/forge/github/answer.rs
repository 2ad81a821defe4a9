//! What GitHub answered: status, headers and a bounded body.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

/// An answer that is neither a server's failure nor a rate limit.
pub(crate) struct GitHubAnswer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}
