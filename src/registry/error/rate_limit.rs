//! A registry that asks for fewer requests.

use std::fmt;
use std::time::Duration;

use super::asked::Asked;
use super::outage::wait;

/// Why there are no more requests to a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// It answered 429.
    Status {
        /// Who was asked, and for what.
        asked: Asked,
        /// The pause that it asks for.
        retry_after: Option<Duration>,
    },
    /// It answered so often in a row with 429 that it is left alone for a while.
    LeftAlone {
        /// The registry.
        registry: String,
        /// How often it refused.
        failures: u32,
        /// How long it is left alone.
        pause: Duration,
    },
    /// It has answered 429 in this run: what is only good to know is not asked for.
    Refused {
        /// The registry.
        host: String,
    },
    /// The pulls that are left are kept for pinning.
    Kept {
        /// The registry.
        host: String,
        /// How many pulls are left.
        left: u64,
    },
    /// Details have cost as many requests as they may.
    Spent {
        /// The registry.
        host: String,
        /// How many requests details may cost.
        most: u64,
    },
}

impl RateLimit {
    /// Returns how many requests details may cost, where they have cost as many.
    pub fn spent(&self) -> Option<u64> {
        if let Self::Spent { most, .. } = self { Some(*most) } else { None }
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { asked, retry_after } => write!(
                f,
                "{} answered 429 (too many requests) for `{}`{}; run again later, or log in for a higher limit",
                asked.answering(),
                asked.wanted,
                wait(*retry_after)
            ),
            Self::LeftAlone { registry, failures, pause } => write!(
                f,
                "`{registry}` asked for fewer requests {failures} times in a row and is not asked again for {} s; run \
                 again later, or log in for a higher limit",
                pause.as_secs()
            ),
            Self::Refused { host } => write!(f, "`{host}` asked for fewer requests"),
            Self::Kept { host, left } => {
                write!(f, "`{host}` has {left} pulls left, which are kept for pinning")
            }
            Self::Spent { host, most } => write!(f, "`{host}` got the {most} requests that details may cost"),
        }
    }
}
