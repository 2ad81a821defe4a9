//! Where the repository lives and pull requests open.

use std::future::Future;

/// A pull request's text, as tagpin wants it to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The branch with the commit, in the same repository.
    pub head: String,
    /// The branch it should be merged into.
    pub base: String,
    /// The title.
    pub title: String,
    /// The body in Markdown, hidden marker included.
    pub body: String,
}

/// An open pull request, as the forge has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// The number that people use.
    pub number: u64,
    /// The page that people open.
    pub url: String,
    /// The title.
    pub title: String,
    /// The body.
    pub body: String,
    /// The branch it should be merged into.
    pub base: String,
}

/// Why a forge did not do what was asked. Texts never hold a credential.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
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
    /// The answer is not what the API promises.
    #[error("{0}")]
    InvalidAnswer(String),
}

/// A forge, for one repository.
pub trait Forge: Send + Sync {
    /// Returns the open pull request whose head is the branch `head` of this very repository, not of a fork.
    fn find(&self, head: &str) -> impl Future<Output = Result<Option<PullRequest>, ForgeError>> + Send;

    /// Opens a pull request.
    fn create(&self, draft: &Draft) -> impl Future<Output = Result<PullRequest, ForgeError>> + Send;

    /// Gives the open pull request `number` the draft's title, body and base.
    fn update(
        &self,
        number: u64,
        draft: &Draft,
    ) -> impl Future<Output = Result<PullRequest, ForgeError>> + Send;
}
