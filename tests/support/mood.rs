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
    /// The status for GET of a manifest, if that is not served.
    pub(crate) get: Option<u16>,
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
    /// What the token service makes of a request for several repositories.
    pub(crate) scopes: Scopes,
    /// The user's password now, if it is no longer the one that it was.
    pub(crate) password: Option<String>,
    /// Whether the token service never answers.
    pub(crate) token_hangs: bool,
    /// What goes wrong by chance.
    pub(crate) faults: Option<Faults>,
    /// How it lists referrers.
    pub(crate) referrers: Referrers,
}

/// How a registry lists what is attached to a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Referrers {
    /// It does not know the API: 404.
    Missing,
    /// As the specification has it, with this many in a page.
    Api(usize),
    /// Each page is the first, and has another one behind it.
    Endless,
    /// The next page is at this address.
    Link(String),
    /// This list, whatever is there.
    List(String),
    /// This status.
    Status(u16),
}

/// What a token service makes of a request for several repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scopes {
    /// The token is for all of them.
    All,
    /// The token is for the first, and nothing is said.
    First,
    /// It refuses.
    Refused,
}

/// The share of requests that goes wrong in each way, between 0 and 1. The draws follow from `seed`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) seed: u64,
    /// 429 with Retry-After: 0.
    pub(crate) too_many: f64,
    /// 500.
    pub(crate) internal: f64,
    /// 200 without a digest and, for a GET, a connection that breaks off before the body.
    pub(crate) dropped: f64,
    /// Half of the body.
    pub(crate) truncated: f64,
    /// A well-formed digest of something else in the header.
    pub(crate) wrong: f64,
    /// No answer ever comes.
    pub(crate) hang: f64,
}

/// One way in which a request goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    TooMany,
    Internal,
    Dropped,
    Truncated,
    Wrong,
    Hang,
}

impl Faults {
    /// Returns what goes wrong with the next request.
    pub(crate) fn draw(&mut self) -> Option<Fault> {
        // SplitMix64: good enough to spread, and the same everywhere.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mut left = (z ^ (z >> 31)) as f64 / u64::MAX as f64;
        let shares = [
            (Fault::TooMany, self.too_many),
            (Fault::Internal, self.internal),
            (Fault::Dropped, self.dropped),
            (Fault::Truncated, self.truncated),
            (Fault::Wrong, self.wrong),
            (Fault::Hang, self.hang),
        ];
        for (fault, share) in shares {
            if left < share {
                return Some(fault);
            }
            left -= share;
        }
        None
    }
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
            get: None,
            failures: Vec::new(),
            always: None,
            token_failures: Vec::new(),
            body: BodyMood::Right,
            redirect: None,
            latency: Duration::ZERO,
            headers: Vec::new(),
            token_lifetime: 300,
            scopes: Scopes::All,
            password: None,
            token_hangs: false,
            faults: None,
            referrers: Referrers::Missing,
        }
    }
}
