//! A registry that is down, too slow, or cannot be reached.

use std::fmt;
use std::time::Duration;

use super::asked::Asked;
use crate::registry::tag_ref::TagRef;

/// Why a registry did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outage {
    /// It answered that it cannot answer now.
    Status {
        /// Who was asked, and for what.
        asked: Asked,
        /// The HTTP status.
        status: u16,
        /// The pause that it asks for.
        retry_after: Option<Duration>,
    },
    /// The connection could not be made, or broke off.
    Unreachable {
        /// Who was asked, and for what.
        asked: Asked,
        /// Why.
        cause: ConnectionFault,
    },
    /// It failed so often in a row that it is left alone for a while.
    LeftAlone {
        /// The registry.
        registry: String,
        /// How often it failed.
        failures: u32,
        /// How long it is left alone.
        pause: Duration,
    },
    /// A question took longer than one may.
    TimedOut {
        /// What was asked.
        question: TagRef,
        /// How long it may take.
        limit: Duration,
    },
    /// A mirror did not answer in time.
    Silent {
        /// The mirror's host.
        host: String,
    },
    /// No host is there to ask.
    NoEndpoint(TagRef),
    /// The registry cannot be asked for what is attached to a digest.
    NoEvidence {
        /// The registry.
        registry: String,
    },
    /// It was not asked yet.
    NotAskedYet,
    /// The time was used up before it could be asked.
    OutOfTime,
}

/// Why a connection could not be made, or broke off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionFault {
    /// It took too long.
    #[error("it did not answer in time")]
    TimedOut,
    /// Something else, in the words of the innermost error.
    #[error("{0}")]
    Other(String),
}

/// Returns ` and asks to wait 5 s`, or nothing where no pause is asked for.
pub(super) fn wait(retry_after: Option<Duration>) -> String {
    retry_after.map(|pause| format!(" and asks to wait {} s", pause.as_secs())).unwrap_or_default()
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { asked, status, retry_after } => write!(
                f,
                "{} answered {status} for `{}`{}; run again later",
                asked.answering(),
                asked.wanted,
                wait(*retry_after)
            ),
            Self::Unreachable { asked, cause } => {
                write!(f, "cannot reach {asked}: {cause}; check the name, the network and the certificate")
            }
            Self::LeftAlone { registry, failures, pause } => write!(
                f,
                "registry unavailable: `{registry}` failed {failures} times in a row and is not asked again for {} s; \
                 run again later",
                pause.as_secs()
            ),
            Self::TimedOut { question, limit } => write!(
                f,
                "`{}` gave no answer for `{}:{}` within {limit:?}; run again later",
                question.registry, question.repository, question.tag
            ),
            Self::Silent { host } => write!(f, "`{host}` gave no answer"),
            Self::NoEndpoint(question) => write!(f, "there is no place to ask for `{}`", question.image()),
            Self::NoEvidence { registry } => write!(f, "`{registry}` cannot be asked for signatures"),
            Self::NotAskedYet => f.write_str("nobody was asked yet"),
            Self::OutOfTime => f.write_str("there was no more time"),
        }
    }
}
