//! The HTTP client's settings that registry, forge and git share.

use std::time::Duration;

/// What tagpin calls itself.
pub const USER_AGENT: &str = concat!("tagpin/", env!("CARGO_PKG_VERSION"));

/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may say nothing.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns a builder for the asynchronous client: one TLS stack, time limits, proxies from the environment.
pub fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
}
