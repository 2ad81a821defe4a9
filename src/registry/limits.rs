//! How much and how long a registry is asked.

use std::time::Duration;

/// How much and how long a registry is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many requests one registry gets at the same time.
    pub at_once: usize,
    /// How long making a connection may take, the look-up of the name included.
    pub connect: Duration,
    /// How long a server may say nothing.
    pub read: Duration,
    /// How long one request may take, its body included.
    pub request: Duration,
    /// How long one question may take, repeated requests included; waiting for its turn does not count.
    pub question: Duration,
    /// How often a request is repeated that failed for a moment.
    pub retries: usize,
    /// The pause before the first repeated request.
    pub retry_delay: Duration,
    /// The longest pause that a registry may ask for and get (`Retry-After`, `ratelimit-reset`).
    pub longest_pause: Duration,
    /// The longest manifest that is read, in bytes.
    pub manifest: usize,
    /// The longest image config that is read for details, in bytes.
    pub config: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            at_once: 8,
            connect: crate::http::CONNECT_TIMEOUT,
            read: Duration::from_secs(15),
            request: Duration::from_secs(20),
            question: Duration::from_secs(60),
            retries: 2,
            retry_delay: Duration::from_millis(200),
            longest_pause: Duration::from_secs(10),
            manifest: 8 << 20,
            config: 1 << 20,
        }
    }
}
