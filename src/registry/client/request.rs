//! What one request asks for, and what came back.

use url::Url;

use crate::registry::endpoint::Endpoint;
use crate::registry::error::{Asked, InvalidAnswer};
use crate::registry::http::transport::Connection;
use crate::registry::http::waiting_time::WaitingTime;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) kind: RequestKind,
    /// A tag or a digest.
    pub(crate) reference: &'a str,
    /// Where a list goes on.
    pub(crate) query: Option<&'a str>,
    /// The longest body that is read, in bytes.
    pub(crate) limit: usize,
    pub(crate) retries: bool,
    /// Whether a failure counts against the host.
    pub(crate) counts: bool,
    /// How often the question was asked before.
    pub(crate) pass: u32,
    pub(crate) connection: Connection,
    /// How many requests the host gets at once, where it was not asked yet.
    pub(crate) at_once: usize,
    /// How long the question has waited for its turns.
    pub(crate) waiting: &'a WaitingTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    Manifest,
    Blob,
    Referrers,
}

#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) content_type: Option<String>,
    /// Docker-Content-Digest as sent, not parsed yet; several values are joined, and so will not parse.
    pub(crate) digest: Option<String>,
    pub(crate) link: Option<String>,
    /// Empty for a HEAD.
    pub(crate) body: Vec<u8>,
}

impl Request<'_> {
    /// Returns `repository:tag` or `repository@digest`, for messages.
    fn wanted(&self) -> String {
        let separator = if self.reference.contains(':') { '@' } else { ':' };
        let what = if self.kind == RequestKind::Referrers { "referrers of " } else { "" };
        format!("{what}{}{separator}{}", self.endpoint.repository, self.reference)
    }

    pub(super) fn asked(&self) -> Asked {
        Asked::content(self.endpoint.shown(), self.wanted())
    }

    pub(super) fn url(&self, scheme: &str) -> Result<Url, InvalidAnswer> {
        let kind = match self.kind {
            RequestKind::Manifest => "manifests",
            RequestKind::Blob => "blobs",
            RequestKind::Referrers => "referrers",
        };
        let Endpoint { host, repository, .. } = self.endpoint;
        let url = Url::parse(&format!("{scheme}://{host}/v2/{repository}/{kind}/{}", self.reference));
        let mut url = url.map_err(|error| {
            let asked = Asked { host: host.clone(), ..self.asked() };
            InvalidAnswer::Address { asked, error }
        })?;
        url.set_query(self.query);
        Ok(url)
    }
}
