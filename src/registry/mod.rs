//! What the registry says a tag is now.

mod auth;
mod cache;
mod client;
mod confirm;
mod endpoint;
mod http;
pub mod image;
mod judge;
pub mod registries_conf;
mod resolve_all;
mod settings;
mod trace;
pub mod verify;

use std::collections::BTreeMap;
use std::future::Future;

use crate::platform::Platform;
use crate::reference::{Digest, LATEST, Reference};
use crate::registry::verify::{Demand, Evidence};

pub use auth::credentials::{Credentials, Environment, HELPER_TIMEOUT};
pub use cache::Memo;
pub use client::HttpRegistry;
pub use confirm::{Claim, Refused, confirm};
pub use http::budget::{Answered, Budget};
pub use http::ssrf::Trust;
pub use image::config::ImageConfig;
pub use image::describe::{Description, describe};
pub use image::manifest::{Content, Entry};
pub use judge::{Answer, Behind, Judged, Recorded, Wanted};
pub use resolve_all::{Answers, Asked, ask};
pub use settings::{Limits, Mirror, PullFromMirror, Rule, Settings, SettingsError, TlsFiles, TokenEnv};
pub use trace::explained;

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
    /// What else an image's config says: one GET of a blob, hashed.
    Details(Digest),
}

impl Look {
    /// Returns the digest of what is looked at.
    pub fn digest(&self) -> &Digest {
        match self {
            Self::Head(digest) | Self::Body(digest) | Self::Config(digest) | Self::Details(digest) => digest,
        }
    }
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
    /// What the config says: [`Look::Details`].
    Config(Box<ImageConfig>),
}

/// What a tag is at each place that has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// What the registry itself says, where a mirror is asked first for tags; `None` where [`Registry::resolve`] asks the
    /// registry.
    pub origin: Option<Result<Digest, ResolveError>>,
    /// What each mirror says, by its name, `host[:port]/repository`.
    pub mirrors: Vec<(String, Result<Digest, ResolveError>)>,
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
    /// tagpin does not ask there: the registry is blocked, or its name leads where names in files may not lead.
    #[error("{0}")]
    NotAllowed(String),
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
            Self::NotAllowed(_) => "not-allowed",
            Self::UnsupportedMediaType(_) => "unsupported-media-type",
        }
    }
}

/// A registry client: the network edge between sites and plan.
pub trait Registry: Send + Sync {
    /// Takes note of questions that will be asked, so that what they have in common is asked for once. Asks nothing.
    fn announce(&self, _questions: &[&Question]) {}

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

    /// Does what [`Registry::look`] does for what is only good to know: [`ResolveError::RateLimited`], without a request,
    /// where the registry has refused one, has few pulls left, or got `most` such requests in this run. Asks once.
    fn peek(
        &self,
        question: &Question,
        look: &Look,
        _most: u64,
    ) -> impl Future<Output = Result<Seen, ResolveError>> + Send {
        self.look(question, look)
    }

    /// Returns what is attached to `digest` in the repository of `question`: what meets `demand`, and what of it is missing.
    /// Some GET requests: docs/provenance.md counts them. By default nobody can tell.
    ///
    /// An error is neither "it is signed" nor "it is not".
    fn evidence(
        &self,
        question: &Question,
        _digest: &Digest,
        _demand: &Demand,
    ) -> impl Future<Output = Result<Evidence, ResolveError>> + Send {
        let text = format!("`{}` cannot be asked for signatures", question.registry);
        std::future::ready(Err(ResolveError::Unavailable(text)))
    }

    /// Returns the requests so far, by registry host; nothing where there are none to count.
    fn budgets(&self) -> BTreeMap<String, Budget> {
        BTreeMap::new()
    }

    /// Returns what each place says that may be asked for the tag, mirrors that serve digests only included.
    fn compare(&self, _question: &Question) -> impl Future<Output = Compared> + Send {
        std::future::ready(Compared::default())
    }
}
