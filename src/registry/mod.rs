//! What the registry says a tag is now.

mod ask;
mod auth;
mod breaker;
mod budget;
mod client;
mod credentials;
mod failure;
mod image;
mod keyed;
mod location;
mod memo;
mod resolve;
mod retry;
mod token;
mod transport;
mod wanted;

use std::future::Future;
use std::time::Duration;

use crate::platform::Platform;
use crate::reference::{Digest, LATEST, Reference};

pub use ask::{Answers, Asked, ask};
pub use budget::Budget;
pub use credentials::{Credentials, Environment};
pub use image::{Content, Entry};
pub use memo::Memo;
pub use resolve::HttpRegistry;
pub use wanted::{Answer, Behind, Judged, Recorded, Wanted};

/// Which digest of a tag is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// What the tag itself names: an image index, or a manifest where the image has no index.
    Index,
    /// The manifest of one platform in the index.
    Platform(Platform),
}

/// One question for a registry: what a tag is now. Equal questions are asked once in a run, whatever the sites that ask
/// want of the answer (DESIGN.md, invariant 7).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question {
    /// The normalised registry host, `docker.io` for Docker Hub.
    pub registry: String,
    /// The normalised repository path.
    pub repository: String,
    /// The tag.
    pub tag: String,
}

impl Question {
    /// Returns the question that `reference` asks; its digest, if any, plays no part.
    pub fn new(reference: &Reference) -> Self {
        Self {
            registry: reference.registry().to_owned(),
            repository: reference.repository(),
            tag: reference.tag().unwrap_or(LATEST).to_owned(),
        }
    }
}

/// What a registry answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The digest of what the tag names: an index, or a manifest where the image has none.
    pub digest: Digest,
    /// The media type of what `digest` names.
    pub media_type: String,
    /// What its body lists, where it was read: then its hash has confirmed the digest too.
    pub content: Option<Content>,
}

/// What is looked at by its digest, to confirm it or to know more.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Look {
    /// Whether there is such a manifest, and of which type: one HEAD.
    Head(Digest),
    /// What an index or a manifest lists: one GET, hashed.
    Body(Digest),
    /// The platform in an image's config: one GET of a blob, hashed.
    Config(Digest),
}

/// What was seen under a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The media type, empty where the registry does not say it: [`Look::Head`].
    MediaType(String),
    /// What is listed: [`Look::Body`].
    Content(Content),
    /// The platform, if the config says one: [`Look::Config`].
    Platform(Option<Platform>),
}

/// Why a question has no answer. The reasons that a report shows are [`ResolveError::reason`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The registry has no such repository or tag, or hides it.
    #[error("{0}")]
    NotFound(String),
    /// The registry wants other credentials.
    #[error("{0}")]
    Unauthorized(String),
    /// The registry asks for fewer requests.
    #[error("{0}")]
    RateLimited(String),
    /// The registry is down, too slow, or cannot be reached.
    #[error("{0}")]
    Unavailable(String),
    /// The registry answered something that is not to be believed.
    #[error("{0}")]
    InvalidAnswer(String),
    /// The index has no manifest for the platform that policy asks for.
    #[error("{0}")]
    NoSuchPlatform(String),
    /// What the tag names cannot be pinned: schema 1, or no image at all.
    #[error("{0}")]
    UnsupportedMediaType(String),
}

impl ResolveError {
    /// Returns the kebab-case reason for reports.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not-found",
            Self::Unauthorized(_) => "unauthorized",
            Self::RateLimited(_) => "rate-limited",
            Self::Unavailable(_) => "unavailable",
            Self::InvalidAnswer(_) => "invalid-answer",
            Self::NoSuchPlatform(_) => "no-such-platform",
            Self::UnsupportedMediaType(_) => "unsupported-media-type",
        }
    }
}

/// A registry client: the network edge between sites and plan.
pub trait Registry: Send + Sync {
    /// Returns what the tag is now: one HEAD, or one GET where the body is to be `read` or HEAD does not say it.
    fn resolve(
        &self,
        question: &Question,
        read: bool,
    ) -> impl Future<Output = Result<Resolution, ResolveError>> + Send;

    /// Asks for the very digest in the repository of `question`, so that a header that lied is found out. Returns what
    /// belongs to the kind of `look`; [`ResolveError::NotFound`] where there is nothing under the digest.
    fn look(
        &self,
        question: &Question,
        look: &Look,
    ) -> impl Future<Output = Result<Seen, ResolveError>> + Send;
}

/// Where a registry is really asked: the field names of containers-registries.conf(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The names that this rule is for: `host[:port]` or `host[:port]/path`, matched at segment ends; the longest wins.
    pub prefix: String,
    /// What `prefix` is replaced by for the look-up; equal to `prefix` where the config names none.
    pub location: String,
    /// Whether plain HTTP is spoken and certificates are not checked.
    pub insecure: bool,
    /// Other places that serve the same images, in order of preference.
    pub mirrors: Vec<Mirror>,
}

/// A mirror of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// `host[:port][/path]`
    pub location: String,
    /// Whether plain HTTP is spoken and certificates are not checked.
    pub insecure: bool,
    /// What may be asked there.
    pub pull: PullFromMirror,
}

/// What a mirror may be asked for. A mirror may be stale, so tags are asked at the origin unless this says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullFromMirror {
    /// Tags and digests.
    All,
    /// Digests only: the default.
    DigestOnly,
    /// Tags only.
    TagOnly,
}

/// What a [`HttpRegistry`] is made with.
#[derive(Debug, Default)]
pub struct Settings {
    /// Where registries are really asked.
    pub rules: Vec<Rule>,
    /// Where credentials are; none by default.
    pub credentials: Credentials,
    /// More root certificates beside the system's, each a PEM file's content.
    pub roots: Vec<Vec<u8>>,
    /// How much and how long is asked.
    pub limits: Limits,
}

/// How much and how long a registry is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many questions one registry gets at the same time.
    pub at_once: usize,
    /// How long one question may take, repeated requests included; waiting for its turn does not count.
    pub question: Duration,
    /// The pause before the first repeated request.
    pub retry_delay: Duration,
    /// The longest manifest that is read, in bytes.
    pub manifest: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            at_once: 8,
            question: Duration::from_secs(60),
            retry_delay: Duration::from_millis(500),
            manifest: 8 << 20,
        }
    }
}

/// Why a [`HttpRegistry`] cannot be made: something in its settings is wrong.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A rule's prefix or location is no `host[:port][/path]`.
    #[error("`{0}` is not a registry location; write `host[:port][/path]`, without `https://`")]
    Location(String),
    /// A root certificate is damaged.
    #[error("a root certificate cannot be read; PEM is expected")]
    Certificate(#[source] reqwest::Error),
    /// A file that should have root certificates has none.
    #[error("a file of root certificates has none in it; PEM is expected")]
    NoCertificate,
    /// The TLS stack does not start.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}
