//! How many requests each registry got.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use crate::registry::error::RateLimit;

/// How many pulls stay for pinning: what is only good to know is not asked for where fewer are left.
const KEPT: u64 = 50;

/// The requests that one registry got, retries included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Budget {
    /// HEAD requests, which Docker Hub does not count as pulls.
    pub head: u64,
    /// GET requests.
    pub get: u64,
    /// Requests for a token.
    pub token: u64,
    /// How many pulls are left in the registry's window, as it said last in `ratelimit-remaining`.
    pub remaining: Option<u64>,
    /// How many of the GET requests were for what is only good to know.
    pub details: u64,
    /// How many of the GET requests were for signatures and attestations.
    #[serde(skip_serializing_if = "is_zero")]
    pub provenance: u64,
    /// Whether it has answered 429: too many requests.
    pub refused: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} HEAD, {} GET, {} token", self.head, self.get, self.token)?;
        self.remaining.map_or(Ok(()), |remaining| write!(f, ", {remaining} pulls left"))
    }
}

/// One kind of answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answered {
    /// The registry's host, `docker.io` for Docker Hub.
    pub host: String,
    /// The HTTP status; 0 where there was no answer.
    pub status: u16,
}

#[derive(Debug, Default)]
pub(crate) struct Budgets(Mutex<BTreeMap<String, Budget>>, Mutex<BTreeMap<Answered, u64>>);

impl Budgets {
    pub(crate) fn request(&self, host: &str, method: &Method) {
        self.change(host, |budget| if method == Method::HEAD { budget.head += 1 } else { budget.get += 1 });
    }

    pub(crate) fn token(&self, host: &str) {
        self.change(host, |budget| budget.token += 1);
    }

    /// Counts what came of one request; `None`: no answer.
    pub(crate) fn answered(&self, host: &str, status: Option<StatusCode>) {
        let status = status.map_or(0, |status| status.as_u16());
        let mut answered = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        *answered.entry(Answered { host: host.to_owned(), status }).or_default() += 1;
    }

    pub(crate) fn provenance(&self, host: &str) {
        self.change(host, |budget| budget.provenance += 1);
    }

    pub(crate) fn answers(&self) -> BTreeMap<Answered, u64> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers what the registry says is left: `76;w=21600`.
    pub(crate) fn remaining(&self, host: &str, headers: &HeaderMap) {
        let header = headers.get("ratelimit-remaining").and_then(|value| value.to_str().ok());
        let number = header.and_then(|text| text.split(';').next()?.trim().parse().ok());
        if number.is_some() {
            self.change(host, |budget| budget.remaining = number);
        }
    }

    /// Returns whether the registry has said how many pulls are left.
    pub(crate) fn counts_pulls(&self, host: &str) -> bool {
        let budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        budgets.get(host).is_some_and(|budget| budget.remaining.is_some())
    }

    pub(crate) fn refused(&self, host: &str) {
        self.change(host, |budget| budget.refused = true);
    }

    /// Takes one GET, out of `most` in all, for what is only good to know.
    ///
    /// # Errors
    /// There is none to spare.
    pub(crate) fn spend(&self, host: &str, most: u64) -> Result<(), RateLimit> {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = budgets.entry(host.to_owned()).or_default();
        let host = host.to_owned();
        match budget.remaining {
            _ if budget.refused => Err(RateLimit::Refused { host }),
            Some(left) if left < KEPT => Err(RateLimit::Kept { host, left }),
            _ if budget.details >= most => Err(RateLimit::Spent { host, most }),
            _ => {
                budget.details += 1;
                Ok(())
            }
        }
    }

    /// Returns all budgets by host, `docker.io` for Docker Hub.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, Budget> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, host: &str, change: impl FnOnce(&mut Budget)) {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(budgets.entry(host.to_owned()).or_default());
    }
}
