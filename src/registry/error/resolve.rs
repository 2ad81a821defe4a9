//! Why a tag has no answer.

use std::time::Duration;

use super::asked::Asked;
use super::content::ContentError;
use super::denied::Denied;
use super::invalid_answer::InvalidAnswer;
use super::not_allowed::NotAllowed;
use super::outage::Outage;
use super::platform::NoSuchPlatform;
use super::rate_limit::RateLimit;

/// How long a pause may be that is over when everything else was asked.
const SOON: Duration = Duration::from_secs(10);

/// Why a question has no answer. The reasons that a report shows are [`ResolveError::reason`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The registry has no such repository or tag, or hides it.
    #[error(
        "{} has no `{}` (404); check the name{}, or `docker login` if it is private",
        .0.answering(), .0.wanted, if .0.wanted.has_tag() { " and the tag" } else { "" }
    )]
    NotFound(Box<Asked>),
    /// The registry wants other credentials.
    #[error("{0}")]
    Unauthorized(Box<Denied>),
    /// The registry asks for fewer requests.
    #[error("{0}")]
    RateLimited(Box<RateLimit>),
    /// The registry is down, too slow, or cannot be reached.
    #[error("{0}")]
    Unavailable(Box<Outage>),
    /// The registry answered something that is not to be believed.
    #[error("{0}")]
    InvalidAnswer(Box<InvalidAnswer>),
    /// The index has no manifest for the platform that policy asks for.
    #[error("{0}")]
    NoSuchPlatform(Box<NoSuchPlatform>),
    /// tagpin does not ask there: the registry is blocked, or its name leads where names in files may not lead.
    #[error("{0}")]
    NotAllowed(Box<NotAllowed>),
    /// What the tag names cannot be pinned: schema 1, or not an image at all.
    #[error("`{}` has for `{}` {}", .0.host, .0.wanted, .1)]
    UnsupportedMediaType(Box<Asked>, ContentError),
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
            Self::UnsupportedMediaType(..) => "unsupported-media-type",
        }
    }

    /// Returns whether the same question may well have another answer in a moment. A registry that asks for a longer pause
    /// gets it.
    pub(crate) fn may_pass(&self) -> bool {
        let is_soon = |pause: &Option<Duration>| pause.is_none_or(|pause| pause <= SOON);
        match self {
            Self::RateLimited(limit) => match &**limit {
                RateLimit::Status { retry_after, .. } => is_soon(retry_after),
                _ => true,
            },
            Self::Unavailable(outage) => match &**outage {
                Outage::Status { retry_after, .. } => is_soon(retry_after),
                _ => true,
            },
            Self::InvalidAnswer(_) => true,
            _ => false,
        }
    }

    pub(crate) fn content(asked: Asked, error: ContentError) -> Self {
        match error {
            ContentError::Schema1 | ContentError::NotAnImage => {
                Self::UnsupportedMediaType(Box::new(asked), error)
            }
            ContentError::Json { .. } | ContentError::Ambiguous | ContentError::Contradiction => {
                InvalidAnswer::Content { asked, error }.into()
            }
        }
    }
}

impl From<Denied> for ResolveError {
    fn from(denied: Denied) -> Self {
        Self::Unauthorized(Box::new(denied))
    }
}

impl From<RateLimit> for ResolveError {
    fn from(limit: RateLimit) -> Self {
        Self::RateLimited(Box::new(limit))
    }
}

impl From<Outage> for ResolveError {
    fn from(outage: Outage) -> Self {
        Self::Unavailable(Box::new(outage))
    }
}

impl From<InvalidAnswer> for ResolveError {
    fn from(answer: InvalidAnswer) -> Self {
        Self::InvalidAnswer(Box::new(answer))
    }
}

impl From<NoSuchPlatform> for ResolveError {
    fn from(lacking: NoSuchPlatform) -> Self {
        Self::NoSuchPlatform(Box::new(lacking))
    }
}

impl From<Box<NotAllowed>> for ResolveError {
    fn from(refused: Box<NotAllowed>) -> Self {
        Self::NotAllowed(refused)
    }
}

impl From<NotAllowed> for ResolveError {
    fn from(refused: NotAllowed) -> Self {
        Self::NotAllowed(Box::new(refused))
    }
}
