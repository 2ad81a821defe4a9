//! How the loopback registry behaves.

use std::time::Duration;

/// How the registry behaves. [`Default`] is well.
#[derive(Clone, Debug)]
pub(crate) struct Mood {
    /// What it wants to see.
    pub(crate) auth: Auth,
    /// Whether anonymous tokens may pull.
    pub(crate) public: bool,
    /// Where it sends for tokens, if not to its own `/token`.
    pub(crate) realm: Option<String>,
    /// What it says in Docker-Content-Digest.
    pub(crate) digest: DigestHeader,
    /// The status for HEAD, if HEAD is not served.
    pub(crate) head: Option<u16>,
    /// Statuses for the next manifest requests, last first, each with a Retry-After in seconds.
    pub(crate) failures: Vec<(u16, Option<u64>)>,
    /// The status for every manifest request.
    pub(crate) always: Option<u16>,
    /// The statuses of the token service, last first.
    pub(crate) token_failures: Vec<u16>,
    /// How a manifest's body is spoilt.
    pub(crate) body: BodyMood,
    /// Where manifests are redirected to: the beginning of an address.
    pub(crate) redirect: Option<String>,
    /// How long each answer takes.
    pub(crate) latency: Duration,
    /// More headers of manifests.
    pub(crate) headers: Vec<(String, String)>,
    /// How long tokens live, in seconds.
    pub(crate) token_lifetime: u64,
}

/// What a registry wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    None,
    Basic,
    Bearer,
}

/// What a registry says in Docker-Content-Digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DigestHeader {
    Right,
    Missing,
    /// A well-formed digest of something else.
    Lying,
    Malformed,
}

/// How a manifest's body is spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyMood {
    Right,
    /// It never ends.
    Endless,
    /// It ends before its announced length.
    Truncated,
    /// It is not what its digest says.
    Changed,
    /// No answer ever comes.
    Hang,
}

impl Default for Mood {
    fn default() -> Self {
        Self {
            auth: Auth::None,
            public: false,
            realm: None,
            digest: DigestHeader::Right,
            head: None,
            failures: Vec::new(),
            always: None,
            token_failures: Vec::new(),
            body: BodyMood::Right,
            redirect: None,
            latency: Duration::ZERO,
            headers: Vec::new(),
            token_lifetime: 300,
        }
    }
}
