//! Why a forge did not do what it was asked for.

/// Why a forge did not do what was asked. Texts never hold a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// What the forge is configured with cannot be used: nothing was sent.
    #[error("{0}")]
    Settings(String),
    /// 401: no token, or a wrong or expired one.
    #[error("{0}")]
    Unauthorized(String),
    /// 403 without a rate limit: the token lacks a permission.
    #[error("{0}")]
    Forbidden(String),
    /// 404: no such repository, or the token may not see it.
    #[error("{0}")]
    NotFound(String),
    /// 422: the forge understood and refuses.
    #[error("{0}")]
    Rejected(String),
    /// 429, or 403 with a rate limit, primary or secondary.
    #[error("{0}")]
    RateLimited(String),
    /// No answer, or one of 5xx.
    #[error("{0}")]
    Unavailable(String),
    /// The branch is not where it was expected to be.
    #[error("{0}")]
    RefMoved(String),
    /// The answer is not what the API promises.
    #[error("{0}")]
    InvalidAnswer(String),
}
