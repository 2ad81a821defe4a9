//! Why a forge did not do what it was asked for: data, which becomes a sentence where it is shown.

use std::fmt;

use super::Owner;

/// Why a forge did not do what was asked. The variant says what a caller can do about it, the rest is for people. Nothing of
/// it ever holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// What the forge is configured with cannot be used: nothing was sent.
    #[error("{0}")]
    Settings(Box<Failure>),
    /// No token, or a wrong or expired one.
    #[error("{0}")]
    Unauthorized(Box<Failure>),
    /// The token lacks a permission.
    #[error("{0}")]
    Forbidden(Box<Failure>),
    /// No such repository, or the token may not see it.
    #[error("{0}")]
    NotFound(Box<Failure>),
    /// The forge understood and refuses.
    #[error("{0}")]
    Rejected(Box<Failure>),
    /// There is an open pull request from this branch to this base already.
    #[error("{0}")]
    AlreadyExists(Box<Failure>),
    /// Somebody else changed the same thing at the same time: the same request may succeed on what is there now.
    #[error("{0}")]
    Conflict(Box<Failure>),
    /// The forge asks for fewer requests.
    #[error("{0}")]
    RateLimited(Box<Failure>),
    /// No answer, or one that says that the forge has trouble of its own.
    #[error("{0}")]
    Unavailable(Box<Failure>),
    /// The branch is not where it was expected to be.
    #[error("{0}")]
    RefMoved(Box<Failure>),
    /// The answer is not what the API promises.
    #[error("{0}")]
    InvalidAnswer(Box<Failure>),
}

/// What happened, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The base of the forge's API.
    pub host: String,
    /// The repository, as the forge names it.
    pub repository: Option<String>,
    /// What was tried.
    pub attempt: Option<Attempt>,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// What went wrong.
    pub problem: Problem,
    /// The forge's own words: one short line, empty where it said nothing.
    pub said: String,
    /// What to do next, empty where there is nothing to say.
    pub advice: String,
}

/// What was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// To look for pull requests.
    Find,
    /// To open a pull request.
    Create {
        /// The branch with the commit.
        head: String,
        /// The branch it should be merged into.
        base: String,
    },
    /// To change the pull request of this number.
    Update(u64),
    /// To add labels, reviewers and the like.
    AddMetadata,
    /// To make a commit.
    Commit,
    /// To ask who the token belongs to.
    Identify,
    /// To get a token for what is named here.
    Authenticate(&'static str),
    /// To list somebody's repositories.
    List(Owner),
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no token.
    NoToken,
    /// The token is wrong, expired or meant for another forge.
    TokenRefused,
    /// The key is wrong that a token is bought with.
    KeyRefused,
    /// The token may not do it.
    NoPermission,
    /// The repository is read-only for good.
    Archived,
    /// There is no such repository, or it is hidden from who asks.
    UnknownRepository {
        /// Whether a token was sent.
        with_token: bool,
    },
    /// There is no such branch.
    UnknownBranch(String),
    /// The repository moved.
    Relocated {
        /// The place that the forge names.
        to: String,
    },
    /// The branch has nothing that the base lacks.
    NothingToPropose {
        /// The branch.
        head: String,
        /// The base.
        base: String,
    },
    /// There is a pull request already, which is not tagpin's.
    AlreadyOpen {
        /// The branch.
        head: String,
        /// The base.
        base: String,
    },
    /// Somebody else moved the branch.
    BranchMoved {
        /// The branch.
        branch: String,
        /// Where it should have been; `None`: nowhere.
        expected: Option<String>,
        /// Where it is; `None`: nowhere.
        found: Option<String>,
    },
    /// Somebody else is changing the same thing.
    Conflict,
    /// The forge refuses it for a reason that only its words tell.
    Refused,
    /// The forge asks for fewer requests.
    TooManyRequests,
    /// It was written to as often as it allows.
    TooManyWrites,
    /// No answer came.
    NoAnswer,
    /// An answer of this status, which nothing more is known of.
    Status(u16),
    /// An answer of more than this many megabytes.
    TooLarge(usize),
    /// An answer that is none of the API's, which is named here.
    OtherApi(&'static str),
    /// The forge does not say whose token this is.
    UnknownIdentity,
    /// The address or the token cannot be used.
    Unusable(String),
    /// What only this forge knows, in its adapter's words.
    Other(String),
}

impl Failure {
    /// Returns the failure at the API at `host` of which no more is known than the problem.
    pub fn new(host: &str, problem: Problem) -> Box<Self> {
        Box::new(Self {
            host: host.to_owned(),
            repository: None,
            attempt: None,
            status: None,
            problem,
            said: String::new(),
            advice: String::new(),
        })
    }

    /// Adds what to do next.
    #[must_use]
    pub fn advise(mut self: Box<Self>, advice: impl Into<String>) -> Box<Self> {
        self.advice = advice.into();
        self
    }

    /// Adds the forge's own words.
    #[must_use]
    pub fn quote(mut self: Box<Self>, said: String) -> Box<Self> {
        self.said = said;
        self
    }

    /// Adds the answer's status.
    #[must_use]
    pub fn with_status(mut self: Box<Self>, status: u16) -> Box<Self> {
        self.status = Some(status);
        self
    }

    /// Adds the repository.
    #[must_use]
    pub fn of_repository(mut self: Box<Self>, repository: String) -> Box<Self> {
        self.repository = Some(repository);
        self
    }

    /// Adds what was tried.
    #[must_use]
    pub fn while_trying(mut self: Box<Self>, attempt: &Attempt) -> Box<Self> {
        self.attempt = Some(attempt.clone());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.attempt, &self.repository) {
            (Some(attempt), Some(repository)) => write!(f, "cannot {attempt} in `{repository}`: ")?,
            (Some(attempt), None) => write!(f, "cannot {attempt}: ")?,
            (None, _) => {}
        }
        self.problem.write(f, self)?;
        f.write_str(&parenthesised(&self.said))?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, ": {}", self.advice) }
    }
}

impl Problem {
    fn write(&self, f: &mut fmt::Formatter<'_>, failure: &Failure) -> fmt::Result {
        let host = &failure.host;
        let repository = failure.repository.as_deref().unwrap_or("the repository");
        match self {
            Self::NoToken => write!(f, "the forge at `{host}` asks for a token"),
            Self::TokenRefused => write!(f, "the forge at `{host}` does not accept the token"),
            Self::KeyRefused => write!(f, "the forge at `{host}` does not accept its key"),
            Self::NoPermission => f.write_str("the token lacks a permission"),
            Self::Archived => f.write_str("the repository is archived and so read-only"),
            Self::UnknownRepository { with_token } => {
                let from = if *with_token { "from this token" } else { "without a token" };
                write!(f, "the forge at `{host}` knows no such repository, or hides it {from}")
            }
            Self::UnknownBranch(branch) => write!(f, "the forge knows no branch `{branch}`"),
            Self::Relocated { to } => {
                write!(f, "`{repository}` is no longer at `{host}`, which points to `{to}`")
            }
            Self::NothingToPropose { head, base } => {
                write!(f, "`{head}` has no commit that `{base}` lacks")
            }
            Self::AlreadyOpen { head, base } => {
                write!(f, "somebody else has one open from `{head}` to `{base}`, which is not rewritten")
            }
            Self::BranchMoved { branch, expected, found } => write!(
                f,
                "the branch `{branch}` of `{repository}` was moved by somebody else (expected {}, found {})",
                short(expected.as_deref()),
                short(found.as_deref())
            ),
            Self::Conflict => f.write_str("somebody else is changing the same thing"),
            Self::Refused => f.write_str("the forge refuses it"),
            Self::TooManyRequests => write!(f, "the forge at `{host}` asks for fewer requests"),
            Self::TooManyWrites => write!(f, "the forge at `{host}` was written to as often as it allows"),
            Self::NoAnswer => write!(f, "no answer from the forge at `{host}`"),
            Self::Status(status) => write!(f, "the forge at `{host}` answered {status}"),
            Self::TooLarge(megabytes) => write!(f, "the forge at `{host}` answered more than {megabytes} MB"),
            Self::OtherApi(name) => {
                write!(f, "the forge at `{host}` answered something else than {name} does")?;
                match &failure.repository {
                    Some(repository) if failure.attempt.is_none() => write!(f, " for `{repository}`"),
                    _ => Ok(()),
                }
            }
            Self::UnknownIdentity => write!(f, "the forge at `{host}` does not say whose token this is"),
            Self::Unusable(why) => write!(f, "cannot use the forge at `{host}`: {why}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Find => f.write_str("look for pull requests"),
            Self::Create { .. } => f.write_str("open a pull request"),
            Self::Update(number) => write!(f, "update pull request {number}"),
            Self::AddMetadata => f.write_str("add labels, reviewers and the like"),
            Self::Commit => f.write_str("make a commit"),
            Self::Identify => f.write_str("ask whose token this is"),
            Self::Authenticate(what) => write!(f, "get a token for {what}"),
            Self::List(owner) => write!(f, "list the repositories of {owner}"),
        }
    }
}

/// Returns what was said in parentheses, with a space before them, or nothing.
pub(super) fn parenthesised(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(" ({said})") }
}

fn short(oid: Option<&str>) -> &str {
    oid.map_or("no such branch", |oid| oid.get(..12).unwrap_or(oid))
}
