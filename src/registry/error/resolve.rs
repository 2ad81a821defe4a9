//! Why a tag has no answer.

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
